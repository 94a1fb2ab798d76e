package link

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// sim is two machines and an adversarial network between them, in virtual time.
type sim struct {
	now    int64
	seq    int
	events eventHeap
	nodes  map[string]*simNode
	conns  map[uint64]*simConn
	lastID uint64

	latency func() int64
	refuse  bool // dials are refused
	hole    bool // dials and frames vanish
	say     func(format string, args ...any)
	fail    func(format string, args ...any)
}

type event struct {
	at  int64
	seq int
	do  func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// simConn is a connection; end 0 dialed it.
type simConn struct {
	id    uint64
	end   [2]*simNode
	up    [2]bool  // the end has been told InUp and not yet InDown
	ended [2]bool  // the end has been told InDown
	shut  bool     // nothing more may be written
	dead  bool     // what is under way vanishes
	last  [2]int64 // arrival of the last frame towards end i
	lives [2]int   // incarnations of the nodes
}

type simNode struct {
	s           *sim
	name        string
	peer        *simNode
	cfg         Config
	incarnation int
	m           *Machine
	wake        int64
	flushing    bool
	stalled     bool
	waiting     []func()
	out         []Effect

	sent       [allLanes][]sentFrame // in this incarnation, towards the current peer incarnation
	got        func(lane uint8, frame []byte)
	onEffect   func(e *Effect)
	lost, down int
	delivered  int
}

type sentFrame struct {
	id   uint64
	size int
}

func newSim() *sim {
	s := &sim{nodes: map[string]*simNode{}, conns: map[uint64]*simConn{}, now: int64(1e9)}
	s.latency = func() int64 { return 1e6 }
	s.say = func(string, ...any) {}
	s.fail = func(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
	return s
}

func (s *sim) addPair(a, b Config) (*simNode, *simNode) {
	x := &simNode{s: s, name: a.Self, cfg: a}
	y := &simNode{s: s, name: b.Self, cfg: b}
	x.peer, y.peer = y, x
	if x.name == y.name {
		y.name += "'"
	}
	s.nodes[x.name], s.nodes[y.name] = x, y
	x.m, y.m = New(a), New(b)
	return x, y
}

func seeded(seed uint64) func() uint64 { return rand.New(rand.NewPCG(seed, 1)).Uint64 }

func testConfig(self, peer string) Config {
	return Config{
		Self: self, Peer: peer, Cluster: "test", Key: []byte("key"), Dialer: true,
		Life: Life{Epoch: 1, Nonce: uint64(self[0])}, Nonce: seeded(uint64(self[0])),
	}
}

func (s *sim) at(t int64, do func()) {
	s.seq++
	heap.Push(&s.events, event{max(t, s.now), s.seq, do})
}

// run lets time pass for d nanoseconds.
func (s *sim) run(d int64) {
	end := s.now + d
	for len(s.events) > 0 && s.events[0].at <= end {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	s.now = end
}

// input gives the node one input, now or when it is not stalled any more.
func (n *simNode) input(in Input) {
	if n.stalled {
		n.waiting = append(n.waiting, func() { n.input(in) })
		return
	}
	in.Now = n.s.now
	n.out = n.m.Step(&in, n.out[:0])
	n.do(n.out)
	n.endTurn()
}

// endTurn flushes once after everything that happens now.
func (n *simNode) endTurn() {
	if n.flushing {
		return
	}
	n.flushing = true
	n.s.at(n.s.now, func() {
		n.flushing = false
		if n.stalled {
			return
		}
		n.out = n.m.Flush(n.s.now, n.out[:0])
		n.do(n.out)
		n.check()
	})
}

func (n *simNode) resume() {
	n.stalled = false
	w := n.waiting
	n.waiting = nil
	n.input(Input{Kind: InTick})
	for _, f := range w {
		f()
	}
}

func (n *simNode) do(out []Effect) {
	for i := range out {
		e := &out[i]
		switch e.Kind {
		case FxWrite:
			n.s.write(n, e.Conn, bytes.Clone(e.Bytes))
		case FxClose:
			n.s.say("%s: close %d: %s", n.name, e.Conn, e.Text)
			if c := n.s.conns[e.Conn]; e.On && !c.shut {
				n.s.cut(c, [2]bool{true, true})
			}
			n.s.closeConn(n, e.Conn)
		case FxDial:
			n.s.say("%s: dial", n.name)
			n.s.dial(n)
		case FxWakeAt:
			n.wakeAt(e.At)
		case FxData, FxControl:
			n.delivered++
			if n.got != nil {
				n.got(e.Lane, e.Bytes)
			}
		case FxLost:
			n.lost++
		case FxDown:
			n.down++
		}
		if n.onEffect != nil {
			n.onEffect(e)
		}
	}
}

func (n *simNode) wakeAt(t int64) {
	n.wake = t
	m := n.m
	n.s.at(t, func() {
		if n.m == m && n.wake == t {
			n.input(Input{Kind: InTick})
		}
	})
}

func (c *simConn) side(n *simNode) int {
	if c.end[0] == n {
		return 0
	}
	return 1
}

func (s *sim) dial(n *simNode) {
	inc := n.incarnation
	lat := s.latency()
	if s.hole {
		return
	}
	if s.refuse {
		s.at(s.now+lat, func() {
			if n.incarnation == inc {
				n.input(Input{Kind: InDown, Refused: true})
			}
		})
		return
	}
	s.at(s.now+lat, func() {
		if n.incarnation == inc {
			s.connect(n)
		}
	})
}

func (s *sim) connect(n *simNode) *simConn {
	s.lastID++
	c := &simConn{id: s.lastID, end: [2]*simNode{n, n.peer}, lives: [2]int{n.incarnation, n.peer.incarnation}}
	s.conns[c.id] = c
	c.up[0] = true
	n.input(Input{Kind: InUp, Conn: c.id, Dialed: true})
	return c
}

func (s *sim) write(n *simNode, id uint64, frame []byte) {
	c := s.conns[id]
	if c == nil || c.shut {
		return
	}
	if len(frame) > MaxFrame {
		s.fail("frame of %d bytes", len(frame))
	}
	to := 1 - c.side(n)
	s.arrive(c, to, func() {
		p := c.end[to]
		if !c.up[to] {
			if to == 0 || c.ended[to] {
				return
			}
			if name, _, ok := ParseHello(frame); !ok || name == "" {
				s.fail("first frame of a connection is no hello: %x", frame)
			}
			c.up[to] = true
			p.input(Input{Kind: InUp, Conn: id})
		}
		p.input(Input{Kind: InBytes, Conn: id, Bytes: frame})
	})
}

// arrive schedules something at an end, behind whatever is under way to it on this connection.
func (s *sim) arrive(c *simConn, to int, do func()) {
	t := max(s.now+s.latency(), c.last[to])
	c.last[to] = t
	s.at(t, func() {
		if !c.dead && c.end[to].incarnation == c.lives[to] && !(s.hole) {
			do()
		}
	})
}

// closeConn is an orderly close by one end.
func (s *sim) closeConn(n *simNode, id uint64) {
	c := s.conns[id]
	side := c.side(n)
	s.at(s.now, func() { s.tellDown(c, side) })
	if c.shut {
		return
	}
	c.shut = true
	s.arrive(c, 1-side, func() { s.tellDown(c, 1-side) })
}

func (s *sim) tellDown(c *simConn, side int) {
	n := c.end[side]
	if !c.up[side] || n.incarnation != c.lives[side] {
		return
	}
	c.up[side], c.ended[side] = false, true
	n.input(Input{Kind: InDown, Conn: c.id})
}

// cut breaks a connection: what is under way is lost. Each end hears of it, or not (half-open).
func (s *sim) cut(c *simConn, hear [2]bool) {
	c.dead, c.shut = true, true
	for side := range c.end {
		if hear[side] {
			s.at(s.now, func() { s.tellDown(c, side) })
		}
	}
}

// live lists the connections that are not closed, in the order in which they were dialed.
func (s *sim) live() (cs []*simConn) {
	for id := uint64(1); id <= s.lastID; id++ {
		if c := s.conns[id]; !c.shut {
			cs = append(cs, c)
		}
	}
	return cs
}

// halfOpen counts the ends of broken or closed connections that still keep them.
func (s *sim) halfOpen() (n int) {
	for _, c := range s.conns {
		if c.shut && (c.up[0] || c.up[1]) {
			n++
		}
	}
	return n
}

// restart is a crash and a new life: connections reset, everything forgotten.
func (n *simNode) restart(life Life) {
	n.incarnation++
	n.cfg.Life = life
	n.cfg.Nonce = seeded(life.Epoch<<8 | uint64(n.name[0]))
	n.m = New(n.cfg)
	n.waiting, n.stalled, n.wake = nil, false, 0
	n.sent = [allLanes][]sentFrame{}
	for _, c := range n.s.live() {
		n.s.cut(c, [2]bool{true, true})
	}
}

// payload of a frame: its id, its size, and bytes that follow from both.
func payload(id uint64, size int) []byte {
	b := make([]byte, max(size, 16))
	binary.BigEndian.PutUint64(b, id)
	binary.BigEndian.PutUint64(b[8:], uint64(len(b)))
	for i := 16; i < len(b); i += 1 + i/64 { // denser at the front; every record of a large frame has some
		b[i] = byte(id) + byte(i*7) + byte(i>>8)
	}
	return b
}

func readPayload(b []byte) (id uint64, ok bool) {
	if len(b) < 16 {
		return 0, false
	}
	id = binary.BigEndian.Uint64(b)
	return id, bytes.Equal(b, payload(id, len(b)))
}

// check panics when the machine's own bookkeeping does not add up.
func (n *simNode) check() {
	if err := n.m.check(); err != nil {
		n.s.fail("%s: %v", n.name, err)
	}
}

func (m *Machine) check() error {
	for i := range m.send {
		l := &m.send[i]
		if l.acked > l.sent || l.sent > l.next {
			return fmt.Errorf("lane %d: acked %d, sent %d, next %d", i, l.acked, l.sent, l.next)
		}
		bytes, number := 0, l.acked
		for k, c := range l.q[l.head:] {
			if k == 0 && (c.first > l.acked || c.end() <= l.acked) || k > 0 && c.first != number {
				return fmt.Errorf("lane %d: chunk %d holds %d to %d, acked %d", i, k, c.first, c.end(), l.acked)
			}
			number = c.end()
			bytes += len(c.b)
		}
		if bytes != l.bytes || number != l.next {
			return fmt.Errorf("lane %d: %d bytes of %d, to %d of %d", i, bytes, l.bytes, number, l.next)
		}
		if l.inflight < 0 || l.inflight > l.bytes {
			return fmt.Errorf("lane %d: %d in flight of %d", i, l.inflight, l.bytes)
		}
	}
	return nil
}
