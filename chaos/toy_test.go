package chaos

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// toy is the dumbest router that keeps the promises: one table, one thread, messages that arrive a moment later. Each of its flaws breaks one
// of them. It holds the crowd and the ledger against something that is known to be right, or wrong.
type toy struct {
	now     int64
	rnd     *rand.Rand
	agenda  []toyEvent // in order
	flaw    string
	ends    []*toyEnd
	ids     map[pattern]uint64
	calls   []*toyCall
	publics uint64
	takers  map[uint64][]*toyEnd // of calls, by registration
	turn    map[[2]uint64]int
}

type toyEvent struct {
	at int64
	do func()
}

type toyEnd struct {
	t      *toy
	s      *session
	node   int
	id     uint64
	open   bool
	gone   bool
	subs   map[uint64]pattern
	order  []uint64 // of subs
	regs   map[uint64]*toyReg
	next   uint64 // invocation
	toEnd  int64  // arrival of the last message, either way
	toBack int64
	late   []func()
	parser codec.Parser
}

type toyReg struct {
	pattern
	invoke wamp.Invoke
	limit  uint64
}

type toyCall struct {
	from, to         *toyEnd
	request, running uint64
	reg              uint64
	over             bool
}

func newToy(seed uint64, flaw string) *toy {
	return &toy{now: int64(time.Second), rnd: rand.New(rand.NewPCG(seed, 1)), flaw: flaw, ids: map[pattern]uint64{}, takers: map[uint64][]*toyEnd{}, turn: map[[2]uint64]int{}}
}

func (t *toy) clock() int64    { return t.now }
func (t *toy) nodes() int      { return 3 }
func (t *toy) serves(int) bool { return true }

func (t *toy) later(d time.Duration, f func()) {
	e := toyEvent{t.now + int64(d), f}
	at, _ := slices.BinarySearchFunc(t.agenda, e, func(a, b toyEvent) int { return cmp.Or(cmp.Compare(a.at, b.at), -1) })
	t.agenda = slices.Insert(t.agenda, at, e)
}

func (t *toy) run(until int64) {
	for len(t.agenda) > 0 && t.agenda[0].at <= until {
		e := t.agenda[0]
		t.agenda = t.agenda[1:]
		t.now = e.at
		e.do()
	}
	t.now = until
}

func (t *toy) connect(node int, end clientSide) clientLink {
	e := &toyEnd{t: t, s: end.(*session), node: node, subs: map[uint64]pattern{}, regs: map[uint64]*toyReg{}}
	t.ends = append(t.ends, e)
	t.later(time.Millisecond, end.opened)
	return e
}

// send, close and stall implement clientLink.
func (e *toyEnd) send(msg []byte) {
	msg = append([]byte(nil), msg...)
	e.toBack = max(e.toBack, e.t.now) + int64(e.t.rnd.IntN(int(time.Millisecond)))
	e.t.later(time.Duration(e.toBack-e.t.now), func() {
		if !e.gone {
			e.take(msg)
		}
	})
}

func (e *toyEnd) close() {
	if !e.gone {
		e.leave()
	}
}

func (e *toyEnd) stall(bool) {}

// tell sends a message to the client. While that does not read, messages wait.
func (e *toyEnd) tell(msg []byte) {
	e.toEnd = max(e.toEnd, e.t.now) + int64(e.t.rnd.IntN(int(time.Millisecond)))
	e.t.later(time.Duration(e.toEnd-e.t.now), func() { e.arrive(msg) })
}

func (e *toyEnd) arrive(msg []byte) {
	if e.s.stalled == 0 && len(e.late) == 0 {
		e.s.received(msg)
		return
	}
	e.late = append(e.late, func() { e.s.received(msg) })
	if len(e.late) == 1 {
		e.t.later(10*time.Millisecond, e.drain)
	}
}

func (e *toyEnd) drain() {
	for len(e.late) > 0 {
		if e.s.stalled != 0 {
			e.t.later(10*time.Millisecond, e.drain)
			return
		}
		f := e.late[0]
		e.late = e.late[1:]
		f()
	}
}

func (e *toyEnd) take(b []byte) {
	var m codec.Message
	s := e.s.serializer
	if err := e.parser.Parse(s, b, &m); err != nil {
		panic(err)
	}
	t := e.t
	switch m.Type {
	case wamp.Hello:
		e.id, e.open = uint64(len(t.ends))+1000, true
		for i, o := range t.ends {
			if o == e {
				e.id = uint64(i) + 1000
			}
		}
		e.tell(codec.AppendWelcome(nil, s, e.id, &codec.WelcomeDetails{}))
		t.joined(e)
	case wamp.Goodbye:
		e.leave()
		e.tell(codec.AppendGoodbye(nil, s, wamp.CloseGoodbyeAndOut, ""))
	case wamp.Subscribe:
		match, _ := wamp.ParseMatch(m.Options.Match)
		p := pattern{match, string(m.URI)}
		id := t.id(p)
		if t.flaw == "ids differ" {
			id += uint64(e.node)
		}
		e.subs[id] = p
		e.order = append(without(e.order, id), id)
		e.tell(codec.AppendSubscribed(nil, s, m.Request, id))
	case wamp.Unsubscribe:
		if t.flaw != "unsubscribed in vain" {
			delete(e.subs, m.ID)
			e.order = without(e.order, m.ID)
		}
		e.tell(codec.AppendUnsubscribed(nil, s, m.Request))
	case wamp.Publish:
		e.publish(&m)
	case wamp.Register:
		e.register(&m)
	case wamp.Unregister:
		e.drop(m.ID)
		e.tell(codec.AppendUnregistered(nil, s, m.Request))
	case wamp.Call:
		e.call(&m)
	case wamp.Cancel:
		for _, c := range t.calls {
			if c.from == e && c.request == m.Request && !c.over {
				c.over = true
				e.tell(codec.AppendErrorText(nil, s, wamp.Call, c.request, wamp.ErrCanceled, ""))
				c.interrupt()
			}
		}
	case wamp.Yield, wamp.Error:
		e.answer(&m)
	}
}

func (t *toy) id(p pattern) uint64 {
	if t.ids[p] == 0 {
		t.ids[p] = uint64(len(t.ids) + 1)
	}
	return t.ids[p]
}

func (e *toyEnd) publish(m *codec.Message) {
	t := e.t
	t.publics++
	id := t.publics
	if t.flaw == "event lost" && t.rnd.IntN(50) == 0 {
		return
	}
	for _, o := range t.ends {
		if !o.open || o.gone || o == e && (t.flaw != "own events") && !(m.Options.Has&codec.OptExcludeMe != 0 && !m.Options.ExcludeMe) {
			continue
		}
		if t.flaw != "exclusion ignored" && len(m.Options.Exclude) > 0 && m.Options.Exclude[0] == o.id {
			continue
		}
		for _, sub := range o.order {
			p := o.subs[sub]
			if !p.matches(string(m.URI)) && (t.flaw != "prefix for all" || p.match != wamp.Prefix) {
				continue
			}
			d := &codec.EventDetails{}
			if p.match != wamp.Exact {
				d.Topic = m.URI
			}
			if t.flaw == "publication ids differ" {
				t.publics++
				id = t.publics
			}
			msg := codec.AppendEvent(nil, o.s.serializer, sub, id, d, t.carry(e, o, m.Payload))
			if t.flaw == "overtaken" && t.rnd.IntN(20) == 0 {
				t.later(300*time.Millisecond, func() {
					if !o.gone {
						o.tell(msg)
					}
				})
				continue
			}
			o.tell(msg)
			if t.flaw == "event twice" && t.rnd.IntN(50) == 0 {
				o.tell(msg)
			}
		}
	}
	if m.Options.Acknowledge && t.flaw != "no PUBLISHED" {
		e.tell(codec.AppendPublished(nil, e.s.serializer, m.Request, t.publics))
	}
}

func (t *toy) carry(from, to *toyEnd, p codec.Payload) codec.Payload {
	g, ok := tagOf(from.s.serializer, p)
	if !ok {
		panic("toy: no tag")
	}
	return payloadOf(to.s.serializer, g, 0)
}

func (e *toyEnd) register(m *codec.Message) {
	t := e.t
	match, _ := wamp.ParseMatch(m.Options.Match)
	invoke := wamp.Single
	if m.Options.Has&codec.OptInvoke != 0 {
		invoke, _ = wamp.ParseInvoke(m.Options.Invoke)
	}
	p := pattern{match, string(m.URI)}
	id := t.id(p) + 500
	for _, o := range t.ends {
		if r := o.regs[id]; r != nil && (r.invoke == wamp.Single || r.invoke != invoke) && t.flaw != "two owners" {
			e.tell(codec.AppendErrorText(nil, e.s.serializer, wamp.Register, m.Request, wamp.ErrProcedureAlreadyExists, ""))
			return
		}
	}
	t.takers[id] = append(t.takers[id], e)
	e.regs[id] = &toyReg{p, invoke, m.Options.Concurrency}
	e.tell(codec.AppendRegistered(nil, e.s.serializer, m.Request, id))
	if t.flaw == "revoked" && t.rnd.IntN(10) == 0 {
		e.drop(id)
		e.tell(codec.AppendUnregisteredRevoked(nil, e.s.serializer, id, "for fun"))
	}
}

func (e *toyEnd) drop(id uint64) {
	delete(e.regs, id)
	e.t.takers[id] = without(e.t.takers[id], e)
}

func (e *toyEnd) call(m *codec.Message) {
	t := e.t
	to, id, busy := t.pick(uint64(e.node), string(m.URI))
	if t.flaw == "call fails" && t.rnd.IntN(50) == 0 {
		e.tell(codec.AppendErrorText(nil, e.s.serializer, wamp.Call, m.Request, wamp.ErrCanceled, ""))
		return
	}
	if to == nil || t.flaw == "procedure unknown" && t.rnd.IntN(50) == 0 {
		uri := wamp.ErrNoSuchProcedure
		if busy {
			uri = wamp.ErrUnavailable
		}
		e.tell(codec.AppendErrorText(nil, e.s.serializer, wamp.Call, m.Request, uri, ""))
		return
	}
	to.next++
	c := &toyCall{from: e, to: to, request: m.Request, running: to.next, reg: id}
	t.calls = append(t.calls, c)
	d := &codec.InvocationDetails{}
	if to.regs[id].match != wamp.Exact {
		d.Procedure = m.URI
	}
	to.tell(codec.AppendInvocation(nil, to.s.serializer, c.running, id, d, t.carry(e, to, m.Payload)))
	if t.flaw == "invoked twice" && t.rnd.IntN(20) == 0 {
		to.next++
		t.calls = append(t.calls, &toyCall{from: e, to: to, request: 0, running: to.next, reg: id, over: true})
		to.tell(codec.AppendInvocation(nil, to.s.serializer, to.next, id, d, t.carry(e, to, m.Payload)))
	}
	if m.Options.Timeout > 0 {
		t.later(time.Duration(m.Options.Timeout)*time.Millisecond, func() {
			if !c.over {
				c.over = true
				e.tell(codec.AppendErrorText(nil, e.s.serializer, wamp.Call, c.request, wamp.ErrTimeout, ""))
				c.interrupt()
			}
		})
	}
}

// pick is whose turn it is: of the best pattern that anybody has registered, by its policy.
func (t *toy) pick(node uint64, uri string) (to *toyEnd, id uint64, busy bool) {
	for match := wamp.Exact; match <= wamp.Wildcard; match++ {
		var able []*toyEnd
		for _, p := range procedures {
			if p.match != match || !p.matches(uri) {
				continue
			}
			id = t.id(p.pattern) + 500
			for _, o := range t.takers[id] {
				if r := o.regs[id]; r.limit > 0 && o.busy(id) {
					busy = true
				} else {
					able = append(able, o)
				}
			}
			if len(able) == 0 {
				continue
			}
			switch able[0].regs[id].invoke {
			case wamp.RoundRobin:
				turn := [2]uint64{node, id}
				t.turn[turn]++
				return able[t.turn[turn]%len(able)], id, false
			case wamp.Random:
				return able[t.rnd.IntN(len(able))], id, false
			case wamp.Last:
				return able[len(able)-1], id, false
			}
			return able[0], id, false
		}
	}
	return nil, 0, busy
}

func (e *toyEnd) busy(reg uint64) bool {
	for _, c := range e.t.calls {
		if c.to == e && c.reg == reg && !c.over {
			return true
		}
	}
	return false
}

func (c *toyCall) interrupt() {
	if c.to.s.features&wamp.FeatureCallCanceling != 0 && !c.to.gone && c.to.t.flaw != "no INTERRUPT" {
		c.to.tell(codec.AppendInterrupt(nil, c.to.s.serializer, c.running, wamp.KillNoWait))
	}
}

func (e *toyEnd) answer(m *codec.Message) {
	t := e.t
	for _, c := range t.calls {
		if c.to != e || c.running != m.Request || c.over || c.from.gone {
			continue
		}
		s := c.from.s.serializer
		if m.Type == wamp.Error {
			c.over = true
			c.from.tell(codec.AppendError(nil, s, wamp.Call, c.request, m.URI, codec.Payload{}))
			return
		}
		c.over = !m.Options.Progress
		if t.flaw == "no RESULT" && t.rnd.IntN(50) == 0 {
			return
		}
		c.from.tell(codec.AppendResult(nil, s, c.request, m.Options.Progress, t.carry(e, c.from, m.Payload)))
		if t.flaw == "two RESULTs" && c.over && t.rnd.IntN(50) == 0 {
			c.from.tell(codec.AppendResult(nil, s, c.request, false, t.carry(e, c.from, m.Payload)))
		}
	}
}

func (e *toyEnd) leave() {
	t := e.t
	for _, p := range procedures {
		e.drop(t.id(p.pattern) + 500)
	}
	e.gone, e.subs, e.order = true, nil, nil
	if e.open {
		t.left(e)
	}
	for _, c := range t.calls {
		switch {
		case c.over:
		case c.to == e:
			c.over = true
			if !c.from.gone && t.flaw != "callee gone in silence" {
				c.from.tell(codec.AppendErrorText(nil, c.from.s.serializer, wamp.Call, c.request, wamp.ErrCanceled, ""))
			}
		case c.from == e:
			c.over = true
			c.interrupt()
		}
	}
}
