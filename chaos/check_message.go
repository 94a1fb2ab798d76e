package chaos

import (
	"fmt"
	"iter"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// patience is how long the ledger waits before it calls something a violation. The world knows what its network and its nodes take.
type patience struct {
	// visible is after how long a change counts as known on all nodes that no fault keeps apart. Links take milliseconds to say it; what is
	// lost is found by a comparison every second or so, whose request and answer may be late once more.
	visible int64
	// settled is after how long a message counts as delivered where no fault is in the way.
	settled int64
	// recovered is how long after a fault its consequences may show: redials back off to a second while an outage is young, to 5 s later.
	recovered int64
	// window is how long a link keeps frames without a path, and what it then takes to bring them.
	window int64
	// late is how much later than the caller's ERROR a call may begin to run between nodes that no fault touched: what was on its way.
	late int64
	// lateShaken is the same where the path was lost: a link finds that out within 10 s, fails the calls, and voids those on their way.
	lateShaken int64
	// gone is after how long the sessions of a node that has died are given up by all others: until it is called dead, hidden, and for leave_grace.
	gone int64
}

var defaultPatience = patience{
	visible:    int64(3 * time.Second),
	settled:    int64(5 * time.Second),
	recovered:  int64(10 * time.Second),
	window:     int64(40 * time.Second),
	late:       int64(2 * time.Second),
	lateShaken: int64(15 * time.Second),
	gone:       int64(90 * time.Second),
}

const (
	// thinkMax is how long a callee thinks at most.
	thinkMax = 20 * time.Second
	errAsked = "sim.error.asked" // what a callee answers where the error is its own idea
)

// onEvent holds an EVENT against what was published and who subscribed.
func (l *ledger) onEvent(s *session, m *codec.Message) {
	if sub := s.subscribed(m.Request); sub != nil && sub.meta() {
		l.onMeta(s, sub, m)
		return
	}
	t, ok := tagOf(s.serializer, m.Payload)
	p := l.published[t]
	if !ok || p == nil {
		l.broken("no answer before its cause", "session %d gets an event that nobody has published: %v", s.serial, t)
		return
	}
	sub := s.subscribed(m.Request)
	if sub == nil {
		l.broken("EVENT only to who is subscribed", "session %d on node %d gets publication %v (%s) for subscription %d, which it does not hold",
			s.serial, s.node, t, p.topic, m.Request)
		return
	}
	switch {
	case !sub.matches(p.topic):
		l.broken("EVENT only to who is subscribed", "session %d gets %v (%s) for %v", s.serial, t, p.topic, sub.pattern)
	case sub.match != wamp.Exact && string(m.Options.Topic) != p.topic:
		l.broken("events name their topic", "session %d gets %v of %s, which says %q", s.serial, t, p.topic, m.Options.Topic)
	case sub.got[t]:
		l.broken("EVENT never twice", "session %d on node %d gets %v (%s) of node %d twice for %v", s.serial, s.node, t, p.topic, p.s.node, sub.pattern)
	case p.s == s && !p.includeMe:
		l.broken("exclusion", "session %d gets its own event", s.serial)
	case p.exclude == s:
		l.broken("exclusion", "session %d gets %v, from which it is excluded", s.serial, t)
	}
	if last := s.heard[t.who]; t.number < last {
		l.broken("order per pair", "session %d on node %d gets %v of node %d after number %d", s.serial, s.node, t, p.s.node, last)
	}
	s.heard[t.who] = max(s.heard[t.who], t.number)
	sub.got[t] = true
	l.publicationID(p, m.ID)
	l.count.EventsSeen++
	countIf(&l.count.EventsRemote, s.node != p.s.node)
	countIf(&l.count.EventsByPattern, sub.match != wamp.Exact)
	countIf(&l.count.EventsLate, l.clock()-p.at > l.wait.settled)
}

// subscribed is the subscription that the session holds under the id: SUBSCRIBED has come, UNSUBSCRIBED has not.
func (s *session) subscribed(id uint64) *subscription {
	for _, x := range s.subscriptions {
		if x.id == id && x.since != 0 && x.over == 0 {
			return x
		}
	}
	return nil
}

func (s *session) registered(id uint64) *registration {
	for _, x := range s.registrations {
		if x.id == id && x.since != 0 && x.over == 0 {
			return x
		}
	}
	return nil
}

// publicationID: all receivers and the answer to the publisher tell the same id, and no other publication has it.
func (l *ledger) publicationID(p *publication, id uint64) {
	if other := l.byID[id]; other != nil && other != p || p.id != 0 && p.id != id {
		l.broken("ids are unique", "publication %v is %d, and %d", p.tag, p.id, id)
		return
	}
	p.id, l.byID[id] = id, p
}

// idOf: subscription and registration ids are equal on all nodes, as long as they do not collide.
func (l *ledger) idOf(ids map[pattern]uint64, p pattern, id uint64) {
	if was, known := ids[p]; known && was != id && !l.collide {
		l.broken("ids without agreement", "%v has the ids %d and %d", p, was, id)
	}
	ids[p] = id
}

// onInvocation holds an INVOCATION against the call that it stands for.
func (l *ledger) onInvocation(s *session, m *codec.Message) *invocation {
	t, ok := tagOf(s.serializer, m.Payload)
	c := l.called[t]
	if !ok || c == nil {
		l.broken("no answer before its cause", "session %d is invoked by a call that nobody made: %v", s.serial, t)
		return nil
	}
	now := l.clock()
	reg := s.registered(m.ID)
	v := &invocation{call: c, s: s, reg: reg, request: m.Request, at: now}
	switch {
	case reg == nil:
		l.broken("INVOCATION only to who is registered", "session %d on node %d is invoked by %v (%s) for registration %d, which it does not hold",
			s.serial, s.node, t, c.procedure, m.ID)
		return nil
	case !reg.matches(c.procedure) || reg.match != wamp.Exact && string(m.Options.Procedure) != c.procedure:
		l.broken("INVOCATION only to who is registered", "session %d gets a call of %s for %v, which says %q", s.serial, c.procedure, reg.pattern, m.Options.Procedure)
	case c.invoked != nil:
		l.broken("one INVOCATION per CALL", "call %v (%s) of node %d runs in session %d on node %d and in session %d on node %d",
			t, c.procedure, c.s.node, c.invoked.s.serial, c.invoked.s.node, s.serial, s.node)
	case m.Request != uint64(len(s.invocations)+1):
		l.broken("invocation ids in sequence", "session %d: %d after %d invocations", s.serial, m.Request, len(s.invocations))
	}
	l.checkLate(v)
	if last := s.asked[t.who]; last != nil && last.number > t.number && !l.mayReturn(c) {
		l.broken("order per pair", "session %v is invoked by %v (%s, at %v) of node %d after number %d (%s); there were %v",
			s, t, c.procedure, time.Duration(c.at), c.s.node, last.number, last.procedure, l.candidates(c))
	} else {
		s.asked[t.who] = c
	}
	c.invoked = v
	countIf(&l.count.TookOver, l.standby && l.tookOver(reg))
	return v
}

// mayReturn says that a call may have come back from another callee, and so later than those that followed: only a shared registration that
// limits its callees, or a callee that was about to go, gives calls back.
func (l *ledger) mayReturn(c *call) bool {
	for _, r := range l.candidates(c) {
		if r.limit > 0 || r.leaving != 0 || r.over != 0 || r.s.state != sessionOpen {
			return true
		}
	}
	return false
}

// checkLate: what the caller was told had failed does not begin to run later than what was on its way then.
func (l *ledger) checkLate(v *invocation) {
	c := v.call
	if c.answered == 0 || v.s.stalledWithin(c.at, v.at) {
		return
	}
	l.count.InvocationsAfterError++
	late := v.at - c.answered
	worst := l.trouble(c.s.node, v.s.node, c.at-l.wait.recovered, v.at)
	// When a link gives calls up it makes them void, and what is on its way goes down with the connection: only what had come already may run.
	given := worst == shaken && c.errURI == wamp.ErrCanceled && c.cancelled == 0 && c.s.node != v.s.node && l.trouble(v.s.node, v.s.node, c.at, v.at) == calm
	if (worst == calm || given) && late > l.wait.late || worst == shaken && late > l.wait.lateShaken {
		l.broken("nothing runs after its ERROR", "call %v (%s) of node %d begins on node %d %v after its caller was told %q",
			c.tag, c.procedure, c.s.node, v.s.node, time.Duration(late), c.errURI)
	}
}

// checkInterrupt: nobody is interrupted but for a reason.
func (l *ledger) checkInterrupt(v *invocation) {
	c := v.call
	switch {
	case c.cancelled != 0, c.answered != 0, c.s.state != sessionOpen, c.timeout > 0:
	case c.s.stalledWithin(c.at-l.wait.settled, l.clock()): // it may have been cut off, and will hear of it behind what it has not read
	case l.trouble(c.s.node, v.s.node, c.at-l.wait.recovered, l.clock()) != calm:
	default:
		l.broken("no answer before its cause", "session %v is interrupted in %v (%s) of session %v, called at %v and invoked at %v, whose caller waits",
			v.s, c.tag, c.procedure, c.s, time.Duration(c.at), time.Duration(v.at))
	}
}

// pendingCall takes the call that an answer is for.
func (s *session) pendingCall(m *codec.Message) *call {
	for _, c := range s.calls {
		if c.request == m.Request {
			return c
		}
	}
	s.c.ledger.broken("one final answer per CALL", "session %d gets %v %s for call %d, which waits for none", s.serial, m.Type, m.URI, m.Request)
	return nil
}

func (l *ledger) answer(c *call, errURI string) {
	c.answered, c.errURI = l.clock(), errURI
	c.s.calls = without(c.s.calls, c)
}

// onResult holds a RESULT against what the callee has yielded.
func (l *ledger) onResult(s *session, m *codec.Message) {
	c := s.pendingCall(m)
	if c == nil {
		return
	}
	t, ok := tagOf(s.serializer, m.Payload)
	v, progress := c.invoked, m.Options.Progress
	switch {
	case !ok || t != c.tag:
		l.broken("answers belong to their calls", "call %v gets the result of %v", c.tag, t)
	case v == nil, progress && v.progress == 0, !progress && (v.answered == 0 || v.errURI != ""):
		l.broken("no answer before its cause", "call %v (%s) gets a RESULT that nobody has yielded", c.tag, c.procedure)
	}
	if progress {
		l.count.Progress++
		c.progressed = l.clock()
		return
	}
	l.answer(c, "")
	l.count.Results++
	countIf(&l.count.ResultsRemote, v != nil && v.s.node != s.node)
}

// onCallError holds an ERROR against the reasons that there may be for it.
func (l *ledger) onCallError(s *session, m *codec.Message) {
	c := s.pendingCall(m)
	if c == nil {
		return
	}
	uri := string(m.URI)
	l.count.CallErrors++
	if why := l.blame(c, uri); why != "" {
		l.broken("no failed call without a fault", "call %v of session %d on node %d (%s) fails with %s: %s", c.tag, s.serial, s.node, c.procedure, uri, why)
	}
	l.answer(c, uri)
}

// blame looks for the reason of a call's failure; what it returns says that there is none.
func (l *ledger) blame(c *call, uri string) string {
	now := l.clock()
	switch uri {
	case errAsked:
		if c.invoked == nil || c.invoked.errURI != errAsked {
			return "its callee did not say so"
		}
	case wamp.ErrTimeout:
		l.count.Timeouts++
		if c.timeout == 0 || now-c.at < int64(c.timeout) {
			return "it was given more time"
		}
	case wamp.ErrUnavailable:
		l.count.Busy++
		if !l.anyCandidate(c, func(r *registration) bool { return r.limit > 0 }) && !l.troubled(c) {
			return "nobody is busy"
		}
	case wamp.ErrCanceled:
		if c.cancelled != 0 {
			return ""
		}
		if !l.troubled(c) {
			return "its callee is there, and no fault is near: " + fmt.Sprint(l.candidates(c))
		}
		if c.invoked == nil && now-c.at > l.wait.lateShaken && l.trouble(c.s.node, c.s.node, c.at, now) == calm {
			return fmt.Sprint("only after ", time.Duration(now-c.at))
		}
		l.count.CallsFailedByFault++
	case wamp.ErrNoSuchProcedure:
		if c.invoked != nil && !l.troubled(c) {
			return "it runs"
		}
		if r := l.steady(c); r != nil {
			return fmt.Sprint(r, " has registered it")
		}
	default:
		return "there is no such reason"
	}
	return ""
}

// candidates are the registrations that the caller's node may have known when the call came: those that were there or asked for, and those that
// went a moment ago, or while a fault kept the news from it.
func (l *ledger) candidates(c *call) (list []*registration) {
	for _, p := range l.procedures(c.procedure) {
		for _, r := range l.held[p] {
			if r.since == 0 && r.refused {
				continue
			}
			since := max(r.over, c.at-l.wait.visible-l.wait.recovered)
			if ongoing(r.over, c.at-l.wait.visible) || l.trouble(c.s.node, r.s.node, since, c.at) != calm {
				list = append(list, r)
			}
		}
	}
	return list
}

// procedures are the patterns of the world that match a URI.
func (l *ledger) procedures(uri string) (list []pattern) {
	for _, p := range procedures {
		if p.matches(uri) {
			list = append(list, p.pattern)
		}
	}
	return list
}

func (l *ledger) anyCandidate(c *call, is func(*registration) bool) bool {
	for _, r := range l.candidates(c) {
		if is(r) {
			return true
		}
	}
	return false
}

// troubled says whether a fault, or the callee itself, may have ended the call.
func (l *ledger) troubled(c *call) bool {
	now := l.clock()
	touched := func(r *registration) bool {
		return r.over != 0 || r.s.state != sessionOpen || l.unread(r.s) || l.trouble(c.s.node, r.s.node, c.at-l.wait.recovered, now) != calm
	}
	if v := c.invoked; v != nil {
		return v.s.state != sessionOpen || l.unread(v.s) || l.trouble(c.s.node, v.s.node, c.at-l.wait.recovered, now) != calm
	}
	return l.anyCandidate(c, touched)
}

// steady is a registration that the caller's node must know and reach, where none that matches has come or gone lately.
func (l *ledger) steady(c *call) (found *registration) {
	now := l.clock()
	for _, r := range l.candidates(c) {
		if !l.visible(r.s, r.since, c.s.node, c.at, now) || r.leaving != 0 || r.over != 0 || l.unread(r.s) {
			return nil
		}
		found = r
	}
	return found
}

// unread says that a session may have been cut off, or may have lost its registrations to rivals, without knowing so yet: the news lies
// behind what it does not read.
func (l *ledger) unread(s *session) bool {
	return s.stalledWithin(l.clock()-l.wait.settled, l.clock())
}

// visible says that what a session was told at since must be known to a node from at on, and that no fault has kept the two apart
// until a later time.
func (l *ledger) visible(s *session, since int64, node int, at, until int64) bool {
	if since == 0 || s.state != sessionOpen {
		return false
	}
	if s.node == node {
		return since <= at && l.trouble(node, node, since, until) == calm
	}
	if end := l.torn(s.node, node, at); end > 0 {
		since = max(since, end+l.wait.recovered)
	}
	return since+l.wait.visible <= at && l.trouble(s.node, node, max(since, at-l.wait.recovered), until) == calm
}

// onRevoked takes UNREGISTERED for what the session did not give back itself.
func (l *ledger) onRevoked(s *session, m *codec.Message) *registration {
	l.count.Revocations++
	for _, r := range s.registrations {
		if r.id != m.Options.Registration || r.since == 0 || r.over != 0 {
			continue
		}
		if l.standby {
			l.broken(ruleStandby, "%v loses %v", s, r.pattern)
		} else if l.rival(r, nil) == nil {
			l.broken("revocations have a reason", "session %d loses %v, which nobody else holds", s.serial, r.pattern)
		} else if !l.tornFromRival(r) {
			l.broken("claims decide before REGISTERED", "%v loses %v, asked for at %v, though no fault kept its rivals from hearing of it",
				s, r.pattern, time.Duration(r.asked))
		}
		r.revoked, r.over = l.clock(), l.clock()
		return r
	}
	l.broken("a revocation once, and by the owner", "session %d loses registration %d, which it does not hold", s.serial, m.Options.Registration)
	return nil
}

// tornFromRival says that a fault may have hidden one of its rivals from r: both could be granted, and one has to go. A claim waits for
// less than a second, which is less than what a node calls silence.
func (l *ledger) tornFromRival(r *registration) bool {
	for o := range l.others(r) {
		since := max(o.asked, r.asked) - l.wait.recovered - l.wait.visible
		if l.trouble(o.s.node, r.s.node, since, l.clock()) != calm || l.late(o.s.node, r.s.node, since, l.clock()) {
			return true
		}
	}
	return false
}

// others are the registrations of the same pattern that other sessions held when r was asked for, or a moment before, or since.
func (l *ledger) others(r *registration) iter.Seq[*registration] {
	return func(yield func(*registration) bool) {
		for _, o := range l.held[r.pattern] {
			if o != r && o.s != r.s && ongoing(o.over, r.asked-l.wait.window) && !yield(o) {
				return
			}
		}
	}
}

// rival is another session that holds, or held a moment ago, what cannot stand beside r; the earliest of them.
func (l *ledger) rival(r, but *registration) *registration {
	for o := range l.others(r) {
		if o != but && o.excludes(r) {
			return o
		}
	}
	return nil
}

// checkRegistered: nobody gets what another, whom its node must know, holds alone.
func (l *ledger) checkRegistered(r *registration) {
	for _, o := range l.held[r.pattern] {
		if o == r || !o.excludes(r) || o.over != 0 || o.leaving != 0 {
			continue
		}
		if l.visible(o.s, o.since, r.s.node, r.asked, l.clock()) && l.rival(o, r) == nil { // a rival's arrival may have decided it
			l.broken(ruleOneOwner, "%v (%v) and %v (%v), asked for at %v", o, o.invoke, r, r.invoke, time.Duration(r.asked))
		}
	}
}

// checkRegisterRefused: nobody is refused but for another's sake.
func (l *ledger) checkRegisterRefused(r *registration, uri string) {
	l.count.Conflicts++
	if uri != wamp.ErrProcedureAlreadyExists {
		l.broken("every request is served", "session %d cannot register %v: %s", r.s.serial, r.pattern, uri)
		return
	}
	for _, o := range l.held[r.pattern] {
		since := r.asked - l.wait.visible
		if l.trouble(o.s.node, r.s.node, since-l.wait.window, l.clock()) != calm {
			since -= 2 * l.wait.window
		}
		if o != r && ongoing(o.over, since) {
			return
		}
	}
	l.broken("every request is served", "session %d on node %d cannot register %v, which nobody holds", r.s.serial, r.s.node, r.pattern)
}

// checkClosed: a session ends because its client, or its node, wants it so.
func (l *ledger) checkClosed(s *session) {
	now := l.clock()
	if l.trouble(s.node, s.node, now-l.wait.recovered, now) != calm {
		return
	}
	if s.stalled != 0 || s.lately != 0 && now-s.lately < l.wait.settled {
		l.count.CutOff++ // it did not read, and has been cut off
		return
	}
	l.broken("well-behaved sessions stay", "session %d on node %d (state %d) is closed", s.serial, s.node, s.state)
}
