package chaos

import (
	"math/rand/v2"
	"slices"
	"time"

	"kleeblatt/internal/wamp"
)

// stage is what clients need of the world that they live in.
type stage interface {
	later(d time.Duration, f func())
	connect(node int, end clientSide) clientLink
	nodes() int
	serves(node int) bool // whether clients are welcome there
}

const (
	// actEvery is how long a client waits on average before it does something: twelve of them do 500 things in 100 s.
	actEvery = 1200 * time.Millisecond
	// stallMax is how long a client does not read at most.
	stallMax = int64(8 * time.Second)
	// largePad makes some events large enough for a client that does not read to be noticed.
	largePad = 200 << 10
)

// procedure is one that clients may register: its policy goes with its name, but for some clients that try another.
type procedure struct {
	pattern
	invoke wamp.Invoke
	limit  uint64
}

var (
	topics   = []string{"t.a.a", "t.a.b", "t.b.a", "t.b.b", "t.a", "t.b"}
	patterns = []pattern{
		{wamp.Exact, "t.a.a"}, {wamp.Exact, "t.a.b"}, {wamp.Exact, "t.b.a"}, {wamp.Exact, "t.a"}, {wamp.Exact, "t.b"},
		{wamp.Prefix, "t.a"}, {wamp.Prefix, "t.b."}, {wamp.Prefix, "t"},
		{wamp.Wildcard, "t..a"}, {wamp.Wildcard, "t.b."}, {wamp.Wildcard, ".a"},
	}
	procedures = []procedure{
		{pattern{wamp.Exact, "p.single.a"}, wamp.Single, 0},
		{pattern{wamp.Exact, "p.single.b"}, wamp.Single, 0},
		{pattern{wamp.Exact, "p.single.c"}, wamp.Single, 0},
		{pattern{wamp.Exact, "p.round.a"}, wamp.RoundRobin, 0},
		{pattern{wamp.Exact, "p.round.b"}, wamp.RoundRobin, 0},
		{pattern{wamp.Exact, "p.random.a"}, wamp.Random, 0},
		{pattern{wamp.Exact, "p.first.a"}, wamp.First, 0},
		{pattern{wamp.Exact, "p.last.a"}, wamp.Last, 0},
		{pattern{wamp.Exact, "p.few.a"}, wamp.RoundRobin, 1},
		{pattern{wamp.Prefix, "q.x"}, wamp.Single, 0},
		{pattern{wamp.Wildcard, "q..b"}, wamp.RoundRobin, 0},
	}
	callable = []string{
		"p.single.a", "p.single.b", "p.single.c", "p.round.a", "p.round.b", "p.random.a", "p.first.a", "p.last.a", "p.few.a",
		"q.x.a", "q.x.b", "q.y.b", "p.nobody",
	}
)

// crowd is all simulated clients of a run. Each has one session after the other, on whatever node, and does whatever comes to its mind.
type crowd struct {
	place   stage
	rnd     *rand.Rand
	ledger  *ledger
	realm   string
	padMax  int // of a large event
	clients []*client
	stopped bool
	probes  []*session
	healed  []int // the nodes that they are on
}

// client is one of them: at most one session at a time.
type client struct {
	c *crowd
	s *session
}

// add lets one more client loose.
func (c *crowd) add() {
	x := &client{c: c}
	c.clients = append(c.clients, x)
	x.later()
}

func (x *client) later() {
	d := time.Duration(x.c.rnd.ExpFloat64() * float64(actEvery))
	x.c.place.later(d, func() {
		if !x.c.stopped {
			x.act()
			x.later()
		}
	})
}

// act does one thing.
func (x *client) act() {
	c, s := x.c, x.s
	c.ledger.count.Operations++
	if s == nil || s.state == sessionOver {
		node := c.rnd.IntN(c.place.nodes())
		if c.place.serves(node) {
			x.s = c.newSession(node)
			x.s.begin = x.settleDown
		}
		return
	}
	if s.state != sessionOpen || s.stalled != 0 {
		return
	}
	switch n := c.rnd.IntN(100); {
	case n < 38:
		for range 1 + c.rnd.IntN(4) {
			x.publish()
		}
	case n < 62:
		for range 1 + c.rnd.IntN(3) {
			x.call()
		}
	case n < 74:
		x.subscribe()
	case n < 78:
		x.unsubscribe()
	case n < 81:
		x.race()
	case n < 87:
		x.register()
	case n < 90:
		x.unregister()
	case n < 94:
		x.cancel()
	case n < 95:
		s.stall(time.Duration(c.rnd.Int64N(stallMax)))
	case n < 98:
		s.leave()
	default:
		s.breakOff()
	}
}

func (x *client) publish() {
	rnd := x.c.rnd
	p := publication{acknowledge: rnd.IntN(3) == 0, includeMe: rnd.IntN(8) == 0}
	if rnd.IntN(10) == 0 {
		if o := x.c.clients[rnd.IntN(len(x.c.clients))].s; o != nil && o.state == sessionOpen {
			p.exclude = o
		}
	}
	pad := 0
	if rnd.IntN(40) == 0 {
		pad = rnd.IntN(x.c.padMax)
	}
	x.s.publish(pick(rnd, topics), pad, p)
}

func (x *client) call() {
	rnd := x.c.rnd
	timeout := time.Duration(0)
	if rnd.IntN(8) == 0 {
		timeout = time.Duration(1+rnd.IntN(500)) * time.Millisecond
	}
	x.s.call(pick(rnd, callable), timeout)
}

func (x *client) subscribe() {
	p := pick(x.c.rnd, patterns)
	for _, have := range x.s.subscriptions {
		if have.pattern == p && have.leaving == 0 {
			return
		}
	}
	x.s.subscribe(p)
}

func (x *client) unsubscribe() {
	if len(x.s.subscriptions) == 0 {
		return
	}
	if sub := pick(x.c.rnd, x.s.subscriptions); sub.since != 0 && sub.leaving == 0 {
		x.s.unsubscribe(sub)
	}
}

// race registers what nobody holds, and one owner only may: it and some others ask for it in the same moment, mostly on different nodes.
func (x *client) race() {
	c := x.c
	p := pick(c.rnd, procedures)
	if p.invoke != wamp.Single || slices.ContainsFunc(c.ledger.held[p.pattern], func(r *registration) bool { return r.over == 0 }) {
		x.register()
		return
	}
	x.s.register(p)
	for range 1 + c.rnd.IntN(2) {
		if s := pick(c.rnd, c.clients).s; s != nil && s != x.s && s.state == sessionOpen && s.stalled == 0 {
			s.register(p)
		}
	}
}

func (x *client) register() {
	p := pick(x.c.rnd, procedures)
	for _, have := range x.s.registrations {
		if have.pattern == p.pattern && have.leaving == 0 {
			return
		}
	}
	if x.c.rnd.IntN(25) == 0 {
		p.invoke = wamp.Invoke(x.c.rnd.IntN(int(wamp.Last) + 1))
	}
	x.s.register(p)
}

func (x *client) unregister() {
	if len(x.s.registrations) == 0 {
		return
	}
	if reg := pick(x.c.rnd, x.s.registrations); reg.since != 0 && reg.leaving == 0 {
		x.s.unregister(reg)
	}
}

// cancel calls, and thinks better of it soon after.
func (x *client) cancel() {
	s, rnd := x.s, x.c.rnd
	c := s.call(pick(rnd, callable), 0)
	mode := wamp.CancelMode(rnd.IntN(3))
	x.c.place.later(time.Duration(rnd.IntN(int(200*time.Millisecond))), func() {
		if s.state == sessionOpen && c.answered == 0 {
			s.cancel(c, mode)
		}
	})
}

// settleDown is what a client does first in a new session.
func (x *client) settleDown() {
	for range 2 {
		x.subscribe()
		x.register()
	}
}

func pick[T any](rnd *rand.Rand, list []T) T { return list[rnd.IntN(len(list))] }

// stop makes all clients rest; their sessions stay.
func (c *crowd) stop() { c.stopped = true }
