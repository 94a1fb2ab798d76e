package node

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
)

// testWorld is some nodes whose loops are played by the test, on one goroutine and one clock. A hub is run only when something came for it or
// when the time has come that it asked for: a wake-up that is lost here is lost for good.
type testWorld struct {
	t      testing.TB
	now    int64
	random func() uint64
	nodes  []*Node
	loops  []*fakeLoop
	ports  map[string]*fakeLoop     // by link address
	skew   map[string]time.Duration // of their wall clocks
	dead   map[string]bool          // nodes whose links carry nothing: what is sent is lost

	refuse map[string]bool // of them those whose host says that nobody is there
}

// fakeLoop is transport.Loop for one hub.
type fakeLoop struct {
	w     *testWorld
	h     *hub
	woken bool
	due   bool  // something came
	next  int64 // what the hub asked for
	conns []*fakeConn
	in    arrivals
	spare arrivals

	sent   int                                    // messages to clients
	got    func(to transport.ConnID, body []byte) // likewise; may be nil
	last   []byte                                 // of them
	paused map[transport.ConnID]bool
	dials  int
}

type fakeConn struct {
	id   transport.ConnID
	loop *fakeLoop
	far  *fakeConn // of links
	shut bool
}

// arrivals are what comes to a loop next, in order.
type arrivals struct {
	bytes []byte
	list  []arrival
}

type arrival struct {
	what     func()
	conn     *fakeConn
	from, to int
}

func newWorld(t testing.TB, workers int, names ...string) *testWorld {
	w := &testWorld{t: t, now: int64(time.Second), random: stream(1), ports: map[string]*fakeLoop{}, dead: map[string]bool{}, refuse: map[string]bool{}}
	for _, name := range names {
		w.start(name, workers)
	}
	for _, n := range w.nodes {
		for _, other := range w.nodes {
			if n != other {
				w.member(n, other, true)
			}
		}
	}
	w.run()
	return w
}

// worldRules let everybody do everything, and end what others have.
var worldRules = func() *auth.Rules {
	all := auth.Of(auth.Call, auth.Register, auth.Publish, auth.Subscribe)
	r, err := auth.NewRules([]auth.Rule{{Match: wamp.Prefix, Allow: all}, {URI: "wamp.", Match: wamp.Prefix, Allow: all}})
	if err != nil {
		panic(err)
	}
	return r
}()

func (w *testWorld) start(name string, workers int) *Node {
	var loops []transport.Loop
	for range workers {
		l := &fakeLoop{w: w, paused: map[transport.ConnID]bool{}, due: true}
		loops = append(loops, l)
		w.loops = append(w.loops, l)
	}
	s := NewSim(SimConfig{
		Name: name, Life: gossip.Life{Epoch: 1, Nonce: uint64(len(w.nodes) + 1)}, Loops: loops,
		Rules: worldRules, Rand: w.random, Wall: func() int64 { return (w.now + int64(w.skew[name])) / int64(time.Millisecond) },
	})
	n := s.n
	for i, l := range loops {
		l.(*fakeLoop).h = n.hubs[i]
	}
	n.ready.Store(&readiness{ready: true, reason: reasonReady})
	n.hubs[0].home.joined = true
	w.ports[name] = n.hubs[0].loop.(*fakeLoop)
	w.nodes = append(w.nodes, n)
	return n
}

// member tells a node what membership thinks of another.
func (w *testWorld) member(n, of *Node, alive bool) {
	n.hubs[0].deliver(letter{kind: letterDo, do: func() {
		n.hubs[0].home.swimEvent(swim.Event{Kind: swim.EvMember, Name: of.name, Life: swim.Life(*of.life.Load()), Alive: alive, LinkAddr: of.name})
	}})
}

// run plays until nothing is left to do at this time.
func (w *testWorld) run() {
	for turns := 0; ; turns++ {
		if turns > 100_000 {
			w.t.Fatal("the hubs never come to rest")
		}
		quiet := true
		for _, l := range w.loops {
			if l.due || l.woken || l.next != 0 && l.next <= w.now {
				quiet = false
				l.turn()
			}
		}
		if quiet {
			return
		}
	}
}

// advance moves the clock by d, and stops wherever a hub asked for it.
func (w *testWorld) advance(d time.Duration) {
	end := w.now + int64(d)
	for {
		next := end
		for _, l := range w.loops {
			if l.next != 0 && l.next < next {
				next = l.next
			}
		}
		w.now = max(w.now, next)
		w.run()
		if w.now >= end {
			return
		}
	}
}

func (l *fakeLoop) turn() {
	l.due = false
	if l.woken {
		l.woken = false
		l.h.Woken()
	}
	l.in, l.spare = l.spare, l.in
	for _, a := range l.spare.list {
		switch {
		case a.what != nil:
			a.what()
		case !a.conn.shut && !l.w.dead[l.h.n.name]:
			l.h.Received(a.conn.id, l.spare.bytes[a.from:a.to:a.to])
		}
	}
	clear(l.spare.list)
	l.spare.list, l.spare.bytes = l.spare.list[:0], l.spare.bytes[:0]
	next, again := l.h.Turn(l.w.now)
	l.next, l.due = next, l.due || again
}

func (l *fakeLoop) later(f func()) {
	l.in.list = append(l.in.list, arrival{what: f})
	l.due = true
}

func (l *fakeLoop) open(far *fakeConn) *fakeConn {
	c := &fakeConn{id: transport.ConnID(1<<32 | len(l.conns)), loop: l, far: far}
	l.conns = append(l.conns, c)
	return c
}

func (l *fakeLoop) conn(c transport.ConnID) *fakeConn {
	if x := l.conns[c.Slot()]; !x.shut {
		return x
	}
	return nil
}

func (l *fakeLoop) Now() int64 { return l.w.now }
func (l *fakeLoop) Wake()      { l.woken = true }

func (l *fakeLoop) Send(c transport.ConnID, body []byte, _ bool) bool {
	x := l.conn(c)
	if x == nil {
		return false
	}
	if x.far == nil {
		l.sent++
		if l.got != nil {
			l.got(c, body)
		}
		l.last = append(l.last[:0], body...)
		return true
	}
	if l.w.dead[l.h.n.name] {
		return true
	}
	to := x.far.loop
	at := len(to.in.bytes)
	to.in.bytes = append(to.in.bytes, body...)
	to.in.list = append(to.in.list, arrival{conn: x.far, from: at, to: len(to.in.bytes)})
	to.due = true
	return true
}

func (l *fakeLoop) Fanout(cs []transport.ConnID, body []byte) {
	for _, c := range cs {
		l.Send(c, body, false)
	}
}

func (l *fakeLoop) Pause(c transport.ConnID)                  { l.paused[c] = true }
func (l *fakeLoop) Resume(c transport.ConnID)                 { delete(l.paused, c) }
func (l *fakeLoop) SetLimit(transport.ConnID, int)            {}
func (l *fakeLoop) Queued(transport.ConnID) int               { return 0 }
func (l *fakeLoop) Close(c transport.ConnID, _ time.Duration) { l.Reset(c) }

func (l *fakeLoop) Reset(c transport.ConnID) {
	x := l.conn(c)
	if x == nil {
		return
	}
	x.shut = true
	l.later(func() { l.h.Closed(c, nil) })
	if far := x.far; far != nil && !far.shut {
		far.loop.later(func() {
			if !far.shut {
				far.shut = true
				far.loop.h.Closed(far.id, nil)
			}
		})
	}
}

func (l *fakeLoop) Dial(_, address string, tag uint64, _ time.Duration) {
	l.dials++
	to := l.w.ports[address]
	if to == nil || l.w.dead[address] || l.w.dead[l.h.n.name] {
		err := errNotReady
		if l.w.refuse[address] {
			err = syscall.ECONNREFUSED
		}
		l.later(func() { l.h.DialFailed(tag, err) })
		return
	}
	ours := l.open(nil)
	theirs := to.open(ours)
	ours.far = theirs
	l.later(func() { l.h.Opened(ours.id, &transport.Info{Framing: transport.Link, Tag: tag}) })
	to.later(func() { to.h.Opened(theirs.id, &transport.Info{Framing: transport.Link}) })
}

// fakeClient is a session on one of the hubs.
type fakeClient struct {
	w *testWorld
	l *fakeLoop
	c transport.ConnID
}

func (w *testWorld) join(n *Node, worker int) *fakeClient {
	l := n.hubs[worker].loop.(*fakeLoop)
	c := &fakeClient{w: w, l: l, c: l.open(nil).id}
	w.begin(c, allRoles)
	return c
}

func (w *testWorld) begin(c *fakeClient, roles wamp.Roles) {
	c.l.h.Opened(c.c, &transport.Info{Framing: transport.RawSocket, Serializer: ser, MaxMessage: 1 << 24})
	c.send(codec.AppendHello(nil, ser, "realm1", &codec.HelloDetails{Roles: roles}))
	c.expect(wamp.Welcome)
}

// receive hands a message in, and lets the world do what follows.
func (c *fakeClient) send(m []byte) {
	c.l.h.Received(c.c, m)
	c.l.due = true
	c.w.run()
}

// expect looks at the last message that any client of the loop got.
func (c *fakeClient) expect(typ wamp.MessageType) {
	c.w.t.Helper()
	if got := c.lastType(); got != typ {
		c.w.t.Fatalf("got %v, want %v", got, typ)
	}
}

func (c *fakeClient) lastType() wamp.MessageType { return c.lastMessage().Type }

// lastMessage is the last message that any client of the loop got.
func (c *fakeClient) lastMessage() (m codec.Message) {
	c.w.t.Helper()
	var p codec.Parser
	if err := p.Parse(ser, slices.Clone(c.l.last), &m); err != nil {
		c.w.t.Fatal(err)
	}
	return m
}
