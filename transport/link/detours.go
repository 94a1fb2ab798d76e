package link

import (
	"slices"
	"strings"
)

// Detours is a node's part in relaying: the virtual connections of its links, each carried by a common neighbour of the two ends, and
// what it carries for others. It is pure like the machines, belongs to the same goroutine, and speaks to them by feeds.
//
//	A's machine for B ─FxWrite─▶ Write ─InRelay─▶ A's machine for C ~~~ C's machine for A ─FxRelay─▶ Item ─InRelay─▶ C's machine for B ~~~ …
//
// A relayer keeps nothing of what it carries and does not read it. It takes items only from whom they say that they come, passes them
// only to a live direct neighbour that they say they are for, and so no item makes more than one hop. What it cannot pass on it answers
// with the connection's end. Whatever is lost on the way, the two ends resume what they have to each other.
type Detours struct {
	self  []byte
	peers map[string]*detourPeer
	order []*detourPeer // by name
	conns map[uint64]*virtual
	last  uint64 // number of the connection that we dialed last
	lastC uint64 // and the id given out last
	buf   []byte
	stats DetourStats
}

// DetourStats counts what was carried for others.
type DetourStats struct {
	Frames, Bytes uint64 // passed on
	Refused       uint64 // not passed on or taken: one of the ends was no live direct neighbour, or not known,
	Crowded       uint64 // or its connection was full
	Strange       uint64 // items that could not be read, or lied about where they come from
}

// VirtualConn marks the ids of virtual connections. No transport gives out such ids.
const VirtualConn = 1 << 63

// virtualMax bounds the virtual connections of one pair: what its machine keeps, and as many that are ending.
const virtualMax = 2 * pendingMax

type detourPeer struct {
	name  string
	wire  []byte // the same
	m     *Machine
	room  func(bytes int) bool // the connection to it takes as much now
	near  []neighbour          // its list
	conn  uint64               // its current connection
	tried []*detourPeer        // neighbours over which it could not be reached since it was last linked
	conns []*virtual           // to it
}

// virtual is one virtual connection.
type virtual struct {
	id     uint64 // what the machine knows it by
	dialed bool   // by us
	number uint64
	peer   *detourPeer
	via    *detourPeer
}

// Feed is an input for one peer's machine. In.Bytes are valid until the next call of the same Detours.
type Feed struct {
	Peer string
	In   Input
}

// NewDetours returns the part of the node of that name. random is any number that an earlier life of ours has hardly used.
func NewDetours(self string, random uint64) *Detours {
	return &Detours{self: []byte(self), peers: map[string]*detourPeer{}, conns: map[uint64]*virtual{}, last: random >> 8}
}

// Add makes a peer known, or its new machine. room says whether its connection takes so many more bytes at once.
func (d *Detours) Add(name string, m *Machine, room func(bytes int) bool) {
	p := d.peers[name]
	if p == nil {
		p = &detourPeer{name: name, wire: []byte(name)}
		d.peers[name] = p
		i, _ := slices.BinarySearchFunc(d.order, name, func(p *detourPeer, n string) int { return strings.Compare(p.name, n) })
		d.order = slices.Insert(d.order, i, p)
	}
	p.m, p.room = m, room
}

// Remove forgets a peer and ends what leads over it or to it.
func (d *Detours) Remove(name string, out []Feed) []Feed {
	p := d.peers[name]
	if p == nil {
		return out
	}
	out = d.End(name, out)
	for len(p.conns) > 0 {
		d.drop(p.conns[0])
	}
	delete(d.peers, name)
	d.order = slices.DeleteFunc(d.order, func(x *detourPeer) bool { return x == p })
	for _, x := range d.order {
		x.tried = slices.DeleteFunc(x.tried, func(y *detourPeer) bool { return y == p })
	}
	return out
}

// Up says that the peer's machine has a path: FxUp with its Conn. What leads over the peer on another connection has ended.
func (d *Detours) Up(name string, conn uint64, out []Feed) []Feed {
	p := d.peers[name]
	if p == nil {
		return out
	}
	p.tried = p.tried[:0]
	if p.conn != conn {
		p.conn, p.near = conn, p.near[:0]
		out = d.End(name, out)
	}
	return out
}

// End ends the virtual connections that lead over the peer, because its own path is lost (FxSuspect, FxDown) or is another one.
func (d *Detours) End(name string, out []Feed) []Feed {
	p := d.peers[name]
	if p == nil {
		return out
	}
	for _, x := range d.order {
		for i := len(x.conns) - 1; i >= 0; i-- {
			if v := x.conns[i]; v.via == p {
				out = d.fail(v, d.tellEnd(v, out))
			}
		}
	}
	return out
}

// Open looks for the best neighbour over which the peer has not been tried (FxDetour; avoid is its Conn).
func (d *Detours) Open(name string, avoid uint64, out []Feed) []Feed {
	p := d.peers[name]
	if p == nil {
		return out
	}
	if v := d.conns[avoid]; v != nil {
		p.failedOver(v.via)
	}
	via := d.best(p)
	if via == nil {
		p.tried = p.tried[:0]
		return append(out, Feed{name, Input{Kind: InDown, Relay: true}})
	}
	p.failedOver(via)
	d.last++
	v := d.add(p, via, d.last, true)
	return append(out, Feed{name, Input{Kind: InUp, Conn: v.id, Dialed: true, Relay: true}})
}

// failedOver notes that via is not the next to be tried.
func (p *detourPeer) failedOver(via *detourPeer) {
	if !slices.Contains(p.tried, via) {
		p.tried = append(p.tried, via)
	}
}

// best is the neighbour with the least sum of round trips, then the least name.
func (d *Detours) best(p *detourPeer) (via *detourPeer) {
	least := int64(0)
	for _, c := range d.order {
		if c == p || !c.m.Relays() || slices.Contains(p.tried, c) {
			continue
		}
		i := slices.IndexFunc(c.near, func(n neighbour) bool { return n.name == p.name })
		if i < 0 {
			continue
		}
		if sum := c.m.RTT()/1000 + c.near[i].rtt; via == nil || sum < least {
			via, least = c, sum
		}
	}
	return via
}

// Near takes the peer's list of its live direct neighbours (FxNear).
func (d *Detours) Near(name string, list []byte) {
	if p := d.peers[name]; p != nil {
		p.near, _ = readNeighbours(p.near, list)
	}
}

// List appends our own list, for Machine.SetNeighbours.
func (d *Detours) List(dst []byte) []byte {
	list := make([]neighbour, 0, neighboursMax)
	for _, p := range d.order {
		if p.m.Relays() && len(list) < neighboursMax {
			list = append(list, neighbour{p.name, coarse(p.m.RTT() / 1000)})
		}
	}
	return appendNeighbours(dst, list)
}

// Via is the name of the neighbour that carries a virtual connection, "" for another connection.
func (d *Detours) Via(conn uint64) string {
	if v := d.conns[conn]; v != nil {
		return v.via.name
	}
	return ""
}

// Stats returns a copy.
func (d *Detours) Stats() DetourStats { return d.stats }

// Write carries one frame of a virtual connection (FxWrite). Where the neighbour's connection is full, the virtual one ends: neither may
// it wait for its neighbour nor make it wait.
func (d *Detours) Write(conn uint64, frame []byte, out []Feed) []Feed {
	v := d.conns[conn]
	if v == nil {
		return out
	}
	h := d.head(v)
	d.buf = appendRelay(d.buf[:0], &h, frame)
	if !v.via.m.Relays() || !v.via.room(len(d.buf)) {
		return d.fail(v, d.tellEnd(v, out))
	}
	return append(out, Feed{v.via.name, Input{Kind: InRelay, Bytes: d.buf}})
}

// Close ends a virtual connection for both ends (FxClose).
func (d *Detours) Close(conn uint64, out []Feed) []Feed {
	v := d.conns[conn]
	if v == nil {
		return out
	}
	d.drop(v)
	return d.tellEnd(v, out)
}

// Item takes a relay item from the peer (FxRelay): for us, or to be passed on.
func (d *Detours) Item(from string, body []byte, out []Feed) []Feed {
	p := d.peers[from]
	h, frame, ok := readRelay(body)
	switch {
	case p == nil || !ok:
		d.stats.Strange++
		return out
	case string(h.to) == string(d.self):
		return d.arrived(p, &h, frame, out)
	case string(h.from) != from || string(h.to) == from:
		d.stats.Strange++
		return out
	}
	to := d.peers[string(h.to)]
	if to == nil || to == p || !to.m.Relays() {
		d.stats.Refused++
		return d.answerEnd(p, &h, out)
	}
	if !to.room(len(body)) {
		d.stats.Crowded++
		out = d.answerEnd(p, &h, out)
		h.end, frame = true, nil
		return append(out, Feed{to.name, Input{Kind: InRelay, Bytes: appendRelay(nil, &h, frame)}})
	}
	d.stats.Frames++
	d.stats.Bytes += uint64(len(body))
	return append(out, Feed{to.name, Input{Kind: InRelay, Bytes: body}})
}

// arrived takes an item whose way ends here.
func (d *Detours) arrived(via *detourPeer, h *relayHead, frame []byte, out []Feed) []Feed {
	p := d.peers[string(h.from)]
	if p == via || string(h.from) == string(d.self) {
		d.stats.Strange++
		return out
	}
	if p == nil || !via.m.Relays() { // membership may tell us of it later
		d.stats.Refused++
		return d.answerEnd(via, h, out)
	}
	var v *virtual
	for _, x := range p.conns {
		if x.via == via && x.dialed != h.dialer && x.number == h.number {
			v = x
		}
	}
	switch {
	case v != nil && h.end:
		return d.fail(v, out)
	case v != nil:
		return append(out, Feed{p.name, Input{Kind: InBytes, Conn: v.id, Bytes: frame}})
	case h.end:
		return out
	}
	if _, _, hello := ParseHello(frame); !h.dialer || !hello || len(p.conns) >= virtualMax {
		return d.answerEnd(via, h, out)
	}
	v = d.add(p, via, h.number, false)
	out = append(out, Feed{p.name, Input{Kind: InUp, Conn: v.id, Relay: true}})
	return append(out, Feed{p.name, Input{Kind: InBytes, Conn: v.id, Bytes: frame}})
}

func (d *Detours) add(p, via *detourPeer, number uint64, dialed bool) *virtual {
	d.lastC++
	v := &virtual{id: VirtualConn | d.lastC, dialed: dialed, number: number, peer: p, via: via}
	d.conns[v.id] = v
	p.conns = append(p.conns, v)
	return v
}

func (d *Detours) drop(v *virtual) {
	delete(d.conns, v.id)
	v.peer.conns = slices.DeleteFunc(v.peer.conns, func(x *virtual) bool { return x == v })
}

// fail ends a virtual connection that should have lasted. Its neighbour is not the next to be tried.
func (d *Detours) fail(v *virtual, out []Feed) []Feed {
	d.drop(v)
	v.peer.failedOver(v.via)
	return append(out, Feed{v.peer.name, Input{Kind: InDown, Conn: v.id}})
}

func (d *Detours) head(v *virtual) relayHead {
	return relayHead{dialer: v.dialed, number: v.number, from: d.self, to: v.peer.wire}
}

// tellEnd tells the other end of v that it has ended. It is small and rare: it need not wait for room.
func (d *Detours) tellEnd(v *virtual, out []Feed) []Feed {
	h := d.head(v)
	h.end = true
	return append(out, Feed{v.via.name, Input{Kind: InRelay, Bytes: appendRelay(nil, &h, nil)}})
}

// answerEnd answers an item on behalf of whom it was for. An end is not answered.
func (d *Detours) answerEnd(p *detourPeer, h *relayHead, out []Feed) []Feed {
	if h.end {
		return out
	}
	back := relayHead{dialer: !h.dialer, end: true, number: h.number, from: h.to, to: h.from}
	return append(out, Feed{p.name, Input{Kind: InRelay, Bytes: appendRelay(nil, &back, nil)}})
}
