package chaos

import (
	"time"

	"kleeblatt/internal/wamp"
)

// What can only be judged at the end: what did not come.

// checkEnd is called when the world has been calm for a while and clients have stopped.
func (l *ledger) checkEnd() {
	matching := map[string][]*subscription{}
	for _, p := range l.publications {
		list, known := matching[p.topic]
		if !known {
			list = l.subscribedTo(p.topic)
			matching[p.topic] = list
		}
		for _, sub := range list {
			l.checkArrived(p, sub)
		}
	}
	for _, c := range l.calls {
		l.checkInterrupted(c)
		if c.answered == 0 && c.s.state == sessionOpen && l.overdue(c) {
			l.broken("one final answer per CALL", "call %v of session %d on node %d (%s), %v old, has none (it runs: %v)",
				c.tag, c.s.serial, c.s.node, c.procedure, time.Duration(l.clock()-c.at), c.invoked != nil && c.invoked.answered == 0)
		}
	}
	for _, s := range l.sessions {
		l.checkAnswered(s)
	}
	l.checkWatchers()
	l.checkConflicts()
}

// overdue says that a call should have had its answer long ago: the caller's patience was over, the callee has left or answered, or
// nobody thinks as long as that.
func (l *ledger) overdue(c *call) bool {
	now := l.clock()
	if l.trouble(c.s.node, c.s.node, c.at, now) != calm || c.s.stalled != 0 || now-c.s.lately < l.wait.settled {
		return false
	}
	since := c.at + int64(thinkMax) + l.wait.window
	switch v := c.invoked; {
	case c.cancelled != 0 && c.mode != wamp.Kill:
		since = c.cancelled
	case c.timeout > 0 && c.progressed == 0:
		since = c.at + int64(c.timeout)
	case v == nil || l.trouble(c.s.node, v.s.node, c.at-l.wait.recovered, now) != calm:
	case v.answered != 0:
		since = v.answered
	case v.s.over != 0:
		since = v.s.over
	}
	return now-since > l.wait.settled
}

// checkInterrupted: a callee that can be interrupted is, when nobody waits for it any more.
func (l *ledger) checkInterrupted(c *call) {
	v, now := c.invoked, l.clock()
	if v == nil || v.interrupted != 0 || v.s.features&wamp.FeatureCallCanceling == 0 || c.cancelled != 0 && c.mode == wamp.Skip {
		return
	}
	since := c.answered
	if since == 0 {
		since = c.s.over
	}
	since = max(since, v.at)
	until := since + l.wait.settled
	switch {
	case c.answered == 0 && c.s.over == 0, c.errURI == "" && c.answered != 0: // it is waited for, or was answered
	case v.answered != 0 && v.answered <= until, !ongoing(v.s.over, until), until > now, v.s.stalledWithin(since, until):
	case l.trouble(c.s.node, v.s.node, c.at-l.wait.recovered, until) != calm && !l.orphaned(c, since+orphanAfter):
	default:
		l.broken("INTERRUPT when nobody waits", "session %v works on %v of session %v, which ended at %v (%s), and is not interrupted",
			v.s, c.tag, c.s, time.Duration(since), c.errURI)
	}
}

// orphanAfter is when the death of a caller's process is known at the callee's node: a link calls a silent peer dead within 10 s, and its
// calls then wait a quarter of a second for another path.
const orphanAfter = int64(11 * time.Second)

// orphaned says that a callee that nothing troubled has worked until then for a caller whose process had died.
func (l *ledger) orphaned(c *call, until int64) bool {
	v := c.invoked
	return c.s.over != 0 && l.died(c.s.node, c.at, c.s.over) && until <= l.clock() &&
		ongoing(v.answered, until) && ongoing(v.s.over, until) && !v.s.stalledWithin(c.at, until) &&
		l.trouble(v.s.node, v.s.node, c.at-l.wait.recovered, until) == calm
}

// checkAnswered: what a node is asked it answers, unless it is in trouble itself.
func (l *ledger) checkAnswered(s *session) {
	now := l.clock()
	late := func(at int64) bool {
		return now-at > l.wait.settled && l.trouble(s.node, s.node, at-l.wait.recovered, now) == calm
	}
	if s.state == sessionOpening && late(s.begun) {
		l.broken("every request is served", "session %v has never been welcomed", s)
	}
	if s.state != sessionOpen || s.stalled != 0 || now-s.lately < l.wait.settled {
		return
	}
	for id := uint64(1); id <= s.request; id++ {
		if q := s.pending[id]; q != nil && late(q.at) {
			l.broken("one answer per request", "session %v waits for the answer to %v", s, q.kind)
		}
	}
}

// subscribedTo are all subscriptions that anybody ever asked for and that match the topic.
func (l *ledger) subscribedTo(topic string) (list []*subscription) {
	for _, s := range l.sessions {
		for _, sub := range s.everHeld {
			if sub.matches(topic) {
				list = append(list, sub)
			}
		}
	}
	return list
}

// checkArrived: a publication reaches every subscription to its topic that its publisher's node must have known, unless a fault tore the two
// nodes apart.
func (l *ledger) checkArrived(p *publication, sub *subscription) {
	if sub.since == 0 || !ongoing(sub.over, p.at) {
		return // nothing that was published then can have come
	}
	if sub.got[p.tag] {
		l.count.EventsDue++
		return
	}
	if sub.since > p.at {
		return
	}
	if sub.s == p.s && !p.includeMe || sub.s == p.exclude {
		return
	}
	switch l.due(p, sub) {
	case calm:
		l.broken("no loss without a fault", "publication %v (%s) of session %d on node %d at %v has not come to session %d on node %d, subscribed to %v since %v",
			p.tag, p.topic, p.s.serial, p.s.node, time.Duration(p.at), sub.s.serial, sub.s.node, sub.pattern, time.Duration(sub.since))
	case shaken:
		l.count.EventsExcused++
	default:
		l.count.EventsNotDue++
	}
}

// due says whether the event had to come: calm if so, shaken where a fault excuses it, torn where it need not have come anyway: the subscriber
// left, or was not known yet.
func (l *ledger) due(p *publication, sub *subscription) trouble {
	a, b := p.s.node, sub.s.node
	if !l.reached(p) {
		return torn
	}
	hasUntil := func(at int64) bool {
		return ongoing(sub.over, at) && ongoing(sub.leaving, at) && at <= l.clock()
	}
	until := l.read(sub.s, p.at, p.at+l.wait.settled)
	since := sub.since
	if a != b {
		// After a torn time the tables of both need some seconds to be equal.
		if at := l.torn(a, b, p.at); at > 0 {
			since = max(since, at+l.wait.recovered)
		}
		if since+l.wait.visible > p.at {
			return torn
		}
	}
	if l.trouble(a, b, max(since, p.at-l.wait.recovered), until) == calm {
		if hasUntil(until) {
			return calm
		}
		return torn
	}
	// The path was late or broken for a while: what fits the window comes when it is mended, if the subscription was known before.
	before := p.at - l.wait.recovered - l.wait.visible
	knownAtOnce := l.trouble(a, b, since, since+l.wait.visible) == calm
	knownBefore := since <= before && l.trouble(a, b, before, before+l.wait.visible) == calm
	mended := l.mended(a, b, p.at)
	until = l.read(sub.s, p.at, mended)
	if !knownAtOnce && !knownBefore || l.trouble(a, b, p.at, until) == torn {
		return shaken
	}
	if hasUntil(until) {
		return calm
	}
	return torn
}

// mended is when what was sent at a time must have come: the path was good for long enough, or the links' patience is over.
func (l *ledger) mended(a, b int, at int64) int64 {
	const step = int64(500 * time.Millisecond)
	for from := at; from < at+l.wait.window-l.wait.visible; from += step {
		if until := from + l.wait.visible; l.trouble(a, b, from, until) == calm {
			return until
		}
	}
	return at + l.wait.window
}

// read is when a client has read what came to it by until, having been sent at from: it may not have read for a while.
func (l *ledger) read(s *session, from, until int64) int64 {
	if s.stalledWithin(from, until) {
		return until + stallMax
	}
	return until
}

// reached says that the router must have got the publication.
func (l *ledger) reached(p *publication) bool {
	s := p.s
	return p.acked != 0 || s.left || ongoing(s.over, p.at+l.wait.settled)
}
