package link

import (
	"bytes"
	"fmt"
	"slices"
)

// mesh is several nodes with machines for each other and their Detours, and a network whose paths are cut one way at a time.
type mesh struct {
	*sim
	nodes []*meshNode
	conns map[uint64]*meshConn
	cuts  map[[2]string]bool // nothing gets from the first to the second
	gone  map[string]bool    // killed: dials are refused
	delay map[[2]string]int64
	last  uint64
	say   func(n *meshNode, peer string, format string, args ...any)
}

type meshNode struct {
	w     *mesh
	name  string
	m     map[string]*Machine
	d     *Detours
	full  map[string]bool // the connection to this peer takes nothing more of others
	busy  map[string]bool
	wait  map[string][]Input
	wakes map[string]int64
	turn  bool
	sent  map[string]*[allLanes]uint64
	got   map[string]*[allLanes]uint64
	lost  int
	calls int // times that calls failed
	on    func(peer string, e *Effect)
}

// meshConn is a direct connection; end 0 dialed it.
type meshConn struct {
	id   uint64
	end  [2]*meshNode
	up   [2]bool
	dead [2]bool // towards that end: something was lost, and so is all that follows
	at   [2]int64
}

func newMesh(cfg func(self, peer string, c *Config), names ...string) *mesh {
	w := &mesh{sim: newSim(), conns: map[uint64]*meshConn{}, cuts: map[[2]string]bool{}, gone: map[string]bool{}, delay: map[[2]string]int64{}}
	w.say = func(*meshNode, string, string, ...any) {}
	for _, name := range names {
		n := &meshNode{w: w, name: name, m: map[string]*Machine{}, d: NewDetours(name, uint64(name[0])<<20), full: map[string]bool{},
			busy: map[string]bool{}, wait: map[string][]Input{}, wakes: map[string]int64{}, sent: map[string]*[allLanes]uint64{}, got: map[string]*[allLanes]uint64{}}
		for _, peer := range names {
			if peer == name {
				continue
			}
			c := testConfig(name, peer)
			c.Relay = true
			c.Nonce = seeded(uint64(name[0])<<8 | uint64(peer[0]))
			if cfg != nil {
				cfg(name, peer, &c)
			}
			n.m[peer] = New(c)
			n.sent[peer], n.got[peer] = new([allLanes]uint64), new([allLanes]uint64)
			n.d.Add(peer, n.m[peer], func(int) bool { return !n.full[peer] })
		}
		w.nodes = append(w.nodes, n)
	}
	return w
}

func (w *mesh) node(name string) *meshNode {
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	w.fail("no node %q", name)
	return nil
}

// meet makes everybody a member for everybody.
func (w *mesh) meet() {
	for _, n := range w.nodes {
		for _, peer := range n.peers() {
			n.feed(peer, Input{Kind: InMember, Alive: true})
		}
	}
}

func (n *meshNode) peers() (names []string) {
	for name := range n.m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// feed steps one machine and does what follows; what arises for it meanwhile waits.
func (n *meshNode) feed(peer string, in Input) {
	if n.busy[peer] {
		in.Bytes = bytes.Clone(in.Bytes)
		n.wait[peer] = append(n.wait[peer], in)
		return
	}
	n.busy[peer] = true
	in.Now = n.w.now
	n.do(peer, n.m[peer].Step(&in, nil))
	n.busy[peer] = false
	for len(n.wait[peer]) > 0 {
		next := n.wait[peer][0]
		n.wait[peer] = n.wait[peer][1:]
		n.feed(peer, next)
	}
	n.endTurn()
}

func (n *meshNode) feeds(fs []Feed) {
	for _, f := range fs {
		n.feed(f.Peer, f.In)
	}
}

func (n *meshNode) endTurn() {
	if n.turn {
		return
	}
	n.turn = true
	n.w.at(n.w.now, func() {
		n.turn = false
		list := n.d.List(nil)
		for _, peer := range n.peers() {
			m := n.m[peer]
			if !bytes.Equal(m.near, list) {
				m.SetNeighbours(list)
			}
			n.do(peer, m.Flush(n.w.now, nil))
			if err := m.check(); err != nil {
				n.w.fail("%s>%s: %v", n.name, peer, err)
			}
		}
	})
}

func (n *meshNode) do(peer string, out []Effect) {
	for i := range out {
		e := &out[i]
		if n.on != nil {
			n.on(peer, e)
		}
		switch e.Kind {
		case FxWrite:
			if e.Conn&VirtualConn != 0 {
				n.feeds(n.d.Write(e.Conn, e.Bytes, nil))
			} else {
				n.w.send(n, e.Conn, bytes.Clone(e.Bytes))
			}
		case FxClose:
			if e.Conn&VirtualConn != 0 {
				n.feeds(n.d.Close(e.Conn, nil))
			} else {
				n.w.shut(n, e.Conn)
			}
		case FxDial:
			n.w.dialTo(n, n.w.node(peer))
		case FxDetour:
			n.feeds(n.d.Open(peer, e.Conn, nil))
		case FxRelay:
			n.feeds(n.d.Item(peer, e.Bytes, nil))
		case FxNear:
			n.d.Near(peer, e.Bytes)
		case FxUp:
			n.feeds(n.d.Up(peer, e.Conn, nil))
		case FxSuspect, FxDown:
			n.feeds(n.d.End(peer, nil))
		case FxLost:
			n.lost++
		case FxCallsFail:
			n.calls++
		case FxData:
			n.take(peer, e.Lane, e.Bytes)
		case FxWakeAt:
			at := e.At
			if at < n.w.now {
				n.w.fail("%s>%s: asks at %d to be woken at %d", n.name, peer, n.w.now, at)
			}
			n.wakes[peer] = at
			n.w.at(at, func() {
				if n.wakes[peer] == at {
					n.feed(peer, Input{Kind: InTick})
				}
			})
		}
	}
}

// publish sends one numbered frame to the peer.
func (n *meshNode) publish(peer string, hash uint64, size int) { n.number(peer, hash, size, false) }

func (n *meshNode) number(peer string, hash uint64, size int, call bool) {
	lane := n.m[peer].LaneOf(hash)
	s := n.sent[peer]
	s[lane]++
	n.feed(peer, Input{Kind: InData, Lane: hash, Call: call, Bytes: payload(uint64(lane)<<48|s[lane], size)})
}

// take checks that the frame is the next one of its lane.
func (n *meshNode) take(peer string, lane uint8, b []byte) {
	id, ok := readPayload(b)
	g := n.got[peer]
	if !ok || id>>48 != uint64(lane) || id&(1<<48-1) != g[lane]+1 {
		n.w.fail("%s: from %s on lane %d: %x after %d (intact %v)", n.name, peer, lane, id, g[lane], ok)
	}
	g[lane]++
}

func (w *mesh) cut(from, to string, on bool) { w.cuts[[2]string{from, to}] = on }

func (w *mesh) way(from, to *meshNode) int64 {
	if d := w.delay[[2]string{from.name, to.name}]; d != 0 {
		return d
	}
	return w.latency()
}

func (w *mesh) dialTo(n, to *meshNode) {
	w.at(w.now+w.way(n, to)+w.way(to, n), func() {
		if w.cuts[[2]string{n.name, to.name}] || w.cuts[[2]string{to.name, n.name}] {
			return
		}
		if w.gone[to.name] {
			n.feed(to.name, Input{Kind: InDown, Refused: true})
			return
		}
		w.last++
		c := &meshConn{id: w.last, end: [2]*meshNode{n, to}, up: [2]bool{true, false}}
		w.conns[c.id] = c
		n.feed(to.name, Input{Kind: InUp, Conn: c.id, Dialed: true})
	})
}

func (w *mesh) send(n *meshNode, id uint64, frame []byte) {
	c := w.conns[id]
	to := 0
	if c.end[0] == n {
		to = 1
	}
	if !c.up[1-to] {
		return
	}
	w.oneHop(n, c.end[to], frame)
	at := max(w.now+w.way(n, c.end[to]), c.at[to])
	c.at[to] = at
	w.at(at, func() {
		if w.cuts[[2]string{n.name, c.end[to].name}] {
			c.dead[to] = true
		}
		if c.dead[to] {
			return
		}
		if !c.up[to] {
			if to == 0 || c.dead[0] && c.dead[1] {
				return
			}
			if _, _, ok := ParseHello(frame); !ok {
				return
			}
			c.up[1] = true
			c.end[1].feed(n.name, Input{Kind: InUp, Conn: id})
		}
		c.end[to].feed(n.name, Input{Kind: InBytes, Conn: id, Bytes: frame})
	})
}

// kill ends a node: its port refuses, and who is among heard learns at once that its connection has ended.
func (w *mesh) kill(name string, heard ...string) {
	w.gone[name] = true
	for id := range w.last {
		c := w.conns[id+1]
		for i := range 2 {
			if c == nil || c.end[i].name != name {
				continue
			}
			far := c.end[1-i]
			c.dead, c.up[i] = [2]bool{true, true}, false
			if c.up[1-i] && slices.Contains(heard, far.name) {
				c.up[1-i] = false
				far.feed(name, Input{Kind: InDown, Conn: c.id})
			}
		}
	}
}

// oneHop fails where a relay item goes between two nodes of which neither is an end of its connection, or came a second time.
func (w *mesh) oneHop(from, to *meshNode, frame []byte) {
	if len(frame) < 4 || frame[1] != kindBatch || frame[2] != itemRelay {
		return
	}
	_, n := uvarint(frame[3:])
	h, _, ok := readRelay(frame[3+n:])
	if !ok || string(h.from) != from.name && string(h.to) != to.name || string(h.from) == to.name || string(h.to) == from.name {
		w.fail("from %s to %s: an item from %s to %s", from.name, to.name, h.from, h.to)
	}
}

func (w *mesh) shut(n *meshNode, id uint64) {
	c := w.conns[id]
	side := 0
	if c.end[1] == n {
		side = 1
	}
	c.up[side] = false
	far, name := c.end[1-side], n.name
	at := max(w.now+w.way(n, far), c.at[1-side])
	w.at(at, func() {
		if c.up[1-side] && !w.cuts[[2]string{name, far.name}] {
			c.up[1-side] = false
			far.feed(name, Input{Kind: InDown, Conn: id})
		}
	})
}

// links says how each pair is linked.
func (w *mesh) links() (s string) {
	for _, n := range w.nodes {
		for _, p := range n.peers() {
			kind := n.m[p].State().String()
			if n.m[p].Relayed() {
				kind += fmt.Sprintf("(over %s)", n.d.Via(n.m[p].cur.id))
			}
			s += fmt.Sprintf("%s>%s %s ", n.name, p, kind)
		}
	}
	return s
}
