package chaos

import (
	"fmt"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// clientSide is a client's end of its connection: what the world tells it.
type clientSide interface {
	opened()
	received(msg []byte) // msg is the receiver's to read until it returns
	closed()
}

// clientLink is what a client can do with its connection.
type clientLink interface {
	send(msg []byte)
	close()        // at once, without a goodbye
	stall(on bool) // whether the client reads
}

// sessionState is where a session stands, as its client sees it.
type sessionState uint8

const (
	sessionOpening sessionState = iota
	sessionOpen
	sessionLeaving // GOODBYE was sent, by whichever side first
	sessionOver
)

// session is one connection of a simulated client with its one WAMP session: the client's own view, and for good a record of the ledger.
type session struct {
	c          *crowd
	serial     uint32
	node       int
	serializer wamp.Serializer
	features   wamp.Feature // as a callee
	link       clientLink
	probe      bool
	begin      func() // called when it is welcomed; may be nil

	state   sessionState
	id      uint64
	begun   int64
	joined  int64
	over    int64
	left    bool  // it said goodbye, and the router answered
	broke   bool  // the client broke the connection
	stalled int64 // since when it does not read, 0: it does
	lately  int64 // when it last began to read again

	request       uint64
	pending       map[uint64]*request
	subscriptions []*subscription // held or asked for
	registrations []*registration
	calls         []*call // pending
	invocations   map[uint64]*invocation
	everHeld      []*subscription // all that it ever asked for
	stalls        []span

	publishedNumber, calledNumber uint32
	heard                         map[uint32]uint32 // by publisher: the number of its last publication that came
	asked                         map[uint32]*call  // by caller: its last call that came

	sights    map[uint64]*sight // of a watcher: what it was told of each session
	sightList []*sight          // in order

	parser  codec.Parser
	message codec.Message
}

// span is a time, from its beginning to its end.
type span struct{ from, until int64 }

// stalledWithin says whether the client did not read at some time in between.
func (s *session) stalledWithin(from, until int64) bool {
	for _, x := range s.stalls {
		if x.from < until && x.until > from {
			return true
		}
	}
	return s.stalled != 0 && s.stalled < until
}

// String is how reports name the session.
func (s *session) String() string { return fmt.Sprintf("%d on node %d", s.serial, s.node) }

// request is one that waits for its answer.
type request struct {
	kind wamp.MessageType
	at   int64
	sub  *subscription
	reg  *registration
	pub  *publication
}

var _ clientSide = (*session)(nil)

// newSession opens a connection to a node.
func (c *crowd) newSession(node int) *session {
	l := c.ledger
	s := &session{
		c: c, serial: uint32(len(l.sessions) + 1), node: node, begun: l.clock(),
		serializer: wamp.JSON + wamp.Serializer(c.rnd.IntN(3)),
		features:   wamp.FeatureProgressiveCallResults | wamp.FeatureSharedRegistration | wamp.FeatureRegistrationRevocation,
		pending:    map[uint64]*request{}, invocations: map[uint64]*invocation{},
		heard: map[uint32]uint32{}, asked: map[uint32]*call{},
	}
	if c.rnd.IntN(4) > 0 {
		s.features |= wamp.FeatureCallCanceling
	}
	l.sessions = append(l.sessions, s)
	s.link = c.place.connect(node, s)
	return s
}

func (s *session) now() int64 { return s.c.ledger.clock() }

func (s *session) next() uint64 { s.request++; return s.request }

// opened implements clientSide.
func (s *session) opened() {
	if s.state == sessionOver {
		return
	}
	s.link.send(codec.AppendHello(nil, s.serializer, s.c.realm, &codec.HelloDetails{
		Agent: "chaos",
		Roles: wamp.Roles{
			Publisher: true, Subscriber: true, Caller: true, Callee: true,
			CallerFeatures: wamp.FeatureCallCanceling | wamp.FeatureProgressiveCallResults | wamp.FeatureCallTimeout,
			CalleeFeatures: s.features,
		},
	}))
}

// closed implements clientSide.
func (s *session) closed() {
	if s.state == sessionOver {
		return
	}
	s.c.ledger.checkClosed(s)
	s.end()
}

// breakOff closes the connection without a word.
func (s *session) breakOff() {
	s.broke = true
	s.link.close()
	s.end()
}

// end notes that the session is over, and with it all that it held.
func (s *session) end() {
	now := s.now()
	s.state, s.over = sessionOver, now
	for _, x := range s.subscriptions {
		x.over = now
	}
	for _, x := range s.registrations {
		x.over = now
	}
	s.subscriptions, s.registrations, s.calls = nil, nil, nil
}

func (s *session) ask(id uint64, q request) {
	q.at = s.now()
	s.pending[id] = &q
}

func (s *session) subscribe(p pattern) {
	sub := &subscription{pattern: p, s: s, asked: s.now(), got: map[tag]bool{}}
	id := s.next()
	s.ask(id, request{kind: wamp.Subscribe, sub: sub})
	s.subscriptions, s.everHeld = append(s.subscriptions, sub), append(s.everHeld, sub)
	s.link.send(codec.AppendSubscribe(nil, s.serializer, id, p.uri, p.match))
}

func (s *session) unsubscribe(sub *subscription) {
	sub.leaving = s.now()
	id := s.next()
	s.ask(id, request{kind: wamp.Unsubscribe, sub: sub})
	s.link.send(codec.AppendUnsubscribe(nil, s.serializer, id, sub.id))
}

func (s *session) register(p procedure) {
	reg := &registration{pattern: p.pattern, s: s, invoke: p.invoke, limit: p.limit, asked: s.now()}
	id := s.next()
	s.ask(id, request{kind: wamp.Register, reg: reg})
	s.registrations = append(s.registrations, reg)
	s.c.ledger.held[p.pattern] = append(s.c.ledger.held[p.pattern], reg)
	o := &codec.RegisterOptions{Match: p.match, Invoke: p.invoke, Concurrency: p.limit}
	s.link.send(codec.AppendRegister(nil, s.serializer, id, o, p.uri))
}

func (s *session) unregister(reg *registration) {
	reg.leaving = s.now()
	id := s.next()
	s.ask(id, request{kind: wamp.Unregister, reg: reg})
	s.link.send(codec.AppendUnregister(nil, s.serializer, id, reg.id))
}

// publish publishes the session's next number.
func (s *session) publish(topic string, pad int, p publication) {
	s.publishedNumber++
	x := &p
	x.tag, x.s, x.topic, x.at, x.probe = tag{s.serial, s.publishedNumber}, s, topic, s.now(), s.probe
	l := s.c.ledger
	l.publications, l.published[x.tag] = append(l.publications, x), x
	id := s.next()
	o := &codec.PublishOptions{Acknowledge: x.acknowledge, IncludeMe: x.includeMe}
	if x.exclude != nil {
		o.Exclude = []uint64{x.exclude.id}
	}
	if x.acknowledge {
		s.ask(id, request{kind: wamp.Publish, pub: x})
	}
	s.link.send(codec.AppendPublish(nil, s.serializer, id, o, topic, payloadOf(s.serializer, x.tag, pad)))
}

// call calls with the session's next number.
func (s *session) call(procedure string, timeout time.Duration) *call {
	s.calledNumber++
	x := &call{tag: tag{s.serial, s.calledNumber}, s: s, request: s.next(), procedure: procedure, at: s.now(), timeout: timeout, probe: s.probe}
	l := s.c.ledger
	l.calls, l.called[x.tag] = append(l.calls, x), x
	s.calls = append(s.calls, x)
	o := &codec.CallOptions{ReceiveProgress: s.c.rnd.IntN(2) == 0, Timeout: uint64(timeout / time.Millisecond)}
	s.link.send(codec.AppendCall(nil, s.serializer, x.request, o, procedure, payloadOf(s.serializer, x.tag, 0)))
	return x
}

func (s *session) cancel(x *call, mode wamp.CancelMode) {
	x.cancelled, x.mode = s.now(), mode
	s.c.ledger.count.Cancels++
	s.link.send(codec.AppendCancel(nil, s.serializer, x.request, mode))
}

// leave says goodbye.
func (s *session) leave() {
	s.state = sessionLeaving
	s.link.send(codec.AppendGoodbye(nil, s.serializer, wamp.CloseRealm, ""))
}

// stall stops reading for a while.
func (s *session) stall(d time.Duration) {
	s.stalled = s.now()
	s.link.stall(true)
	s.c.ledger.count.Stalls++
	s.c.place.later(d, func() {
		s.stalls = append(s.stalls, span{s.stalled, s.now()})
		s.stalled, s.lately = 0, s.now()
		if s.state != sessionOver {
			s.link.stall(false)
		}
	})
}

// answer is what a callee does with an invocation: it thinks, and then yields, fails, or yields twice. Some think for long.
func (s *session) answer(v *invocation) {
	rnd := s.c.rnd
	think := time.Duration(rnd.IntN(int(300 * time.Millisecond)))
	if !v.call.probe && rnd.IntN(20) == 0 {
		think = time.Duration(rnd.IntN(int(thinkMax)))
	}
	how := rnd.IntN(10)
	if v.call.probe {
		how = 9
	}
	s.c.place.later(think, func() {
		if s.state != sessionOpen || v.answered != 0 {
			return
		}
		if how == 0 {
			s.fail(v)
			return
		}
		if how <= 2 {
			v.progress = s.now()
			s.link.send(codec.AppendYield(nil, s.serializer, v.request, true, payloadOf(s.serializer, v.call.tag, 0)))
		}
		v.answered = s.now()
		s.link.send(codec.AppendYield(nil, s.serializer, v.request, false, payloadOf(s.serializer, v.call.tag, 0)))
	})
}

func (s *session) fail(v *invocation) {
	v.errURI = errAsked
	v.answered = s.now()
	s.link.send(codec.AppendError(nil, s.serializer, wamp.Invocation, v.request, []byte(errAsked), payloadOf(s.serializer, v.call.tag, 0)))
}

// without is the list without x, in the same order and memory.
func without[T comparable](list []T, x T) []T {
	for i := range list {
		if list[i] == x {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
