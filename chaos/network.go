package chaos

import (
	"time"

	"kleeblatt/transport"
)

// network is what lies between the sites. Streams (TCP) and datagrams (UDP) have their own cuts; each direction has its own.
type network struct {
	w     *World
	links [][]wire // from, to
	ports map[string]*site
}

// wire is one direction between two sites.
type wire struct {
	base       time.Duration // of a packet
	jitter     time.Duration
	loss       float64
	dup        float64
	tcp, udp   int   // how many faults cut it
	cloggedTil int64 // nothing arrives before
	pipes      []*pipe
}

func (n *network) init(w *World) {
	n.w = w
	n.ports = map[string]*site{}
}

// add makes room for one more site.
func (n *network) add(s *site) {
	n.ports[s.addr] = s
	for i := range n.links {
		n.links[i] = append(n.links[i], n.drawWire())
	}
	row := make([]wire, 0, len(n.links)+1)
	for range len(n.links) + 1 {
		row = append(row, n.drawWire())
	}
	n.links = append(n.links, row)
}

func (n *network) drawWire() wire {
	w := n.w
	d := &w.draw
	return wire{
		base: w.between(d.delayMin, d.delayMax), jitter: w.between(0, d.jitter), loss: d.loss * w.rnd.Float64(), dup: d.duplicates,
	}
}

func (n *network) wire(from, to *site) *wire { return &n.links[from.index][to.index] }

func (n *network) tcpCut(from, to *site) bool { return n.wire(from, to).tcp > 0 }

func (n *network) udpCut(from, to *site) bool {
	return n.wire(from, to).udp > 0 || from.off || to.off
}

// cut adds a fault to one direction; with on false it takes it back.
func (n *network) cut(from, to *site, tcp, udp, on bool) {
	x := n.wire(from, to)
	d := 1
	if !on {
		d = -1
	}
	if tcp {
		x.tcp += d
		n.w.journal.cut(from, to, on)
	}
	if udp {
		x.udp += d
	}
	if tcp && !on && x.tcp == 0 {
		n.kick(from, to)
	}
}

// kick tries what is stuck between two sites again, either way: acknowledgements come through too.
func (n *network) kick(a, b *site) {
	for _, x := range []*wire{n.wire(a, b), n.wire(b, a)} {
		left := x.pipes[:0]
		for _, p := range x.pipes {
			p.kick()
			if !p.ended || len(p.queue) > 0 {
				left = append(left, p)
			}
		}
		clear(x.pipes[len(left):])
		x.pipes = left
	}
}

// clog lets nothing arrive before a time; then all comes at once.
func (n *network) clog(from, to *site, until int64) {
	x := n.wire(from, to)
	x.cloggedTil = max(x.cloggedTil, until)
	n.w.journal.slow(from, to, until)
}

// delay is what one packet takes that is not lost.
func (n *network) delay(x *wire) int64 {
	d := int64(x.base)
	if x.jitter > 0 {
		d += n.w.rnd.Int64N(int64(x.jitter) + 1)
	}
	return max(d, x.cloggedTil-n.w.now)
}

// tcpDelay is what n bytes in a stream take: what is lost is sent again.
func (n *network) tcpDelay(from, to *site, bytes int) int64 {
	x := n.wire(from, to)
	d := n.delay(x) + int64(bytes) // a gigabyte per second
	for wait := int64(n.w.draw.retransmit) / 8; n.w.chance(x.loss); wait *= 2 {
		d += wait
		if wait > int64(2*time.Second) {
			break
		}
	}
	n.w.journal.slow(from, to, n.w.now+d)
	return d
}

// datagram carries f to the other site: perhaps late, twice, or never.
func (n *network) datagram(from, to *site, f func()) {
	w := n.w
	x := n.wire(from, to)
	if n.udpCut(from, to) || w.chance(x.loss) {
		return
	}
	copies := 1
	if w.chance(x.dup) {
		copies = 2
	}
	for range copies {
		d := n.delay(x)
		if w.chance(w.draw.reorder) {
			d += int64(w.between(0, 2*time.Second))
		}
		w.at(w.now+d, func() {
			if !n.udpCut(from, to) {
				f()
			}
		})
	}
}

// dial plays connect(2): the first packet is sent again each second until the time is over.
func (n *network) dial(l *loop, address string, tag uint64, timeout time.Duration) {
	to := n.ports[address]
	w := n.w
	deadline := w.now + int64(timeout)
	fail := func(err error) {
		if !l.p.dead {
			l.arrive(arrival{kind: arrivedFailure, tag: tag, err: err})
		}
	}
	if to == nil {
		w.after(time.Millisecond, func() { fail(errRefused) })
		return
	}
	from := l.p.site
	var try func()
	try = func() {
		if l.p.dead {
			return
		}
		if w.now >= deadline {
			fail(errTimeout)
			return
		}
		a, b := n.wire(from, to), n.wire(to, from)
		if a.tcp > 0 || b.tcp > 0 || to.off || w.chance(a.loss+b.loss) {
			w.at(min(deadline, w.now+int64(time.Second)), try)
			return
		}
		there := w.now + n.delay(a)
		back := there + n.delay(b)
		if back > deadline {
			w.at(deadline, func() { fail(errTimeout) })
			return
		}
		w.at(there, func() {
			p := to.p
			if to.off {
				w.at(deadline, func() { fail(errTimeout) })
				return
			}
			if p == nil || p.dead {
				w.at(back, func() { fail(errRefused) })
				return
			}
			n.connect(l, p.loops[0], tag, back)
		})
	}
	w.at(w.now, try)
}

// connect makes a connection from l to the loop of the other end; l learns of it at that time.
func (n *network) connect(l, to *loop, tag uint64, back int64) {
	w := n.w
	ours, theirs := l.connect(), to.connect()
	ours.far, theirs.far = theirs, ours
	ours.out = &pipe{w: w, from: ours, to: theirs}
	theirs.out = &pipe{w: w, from: theirs, to: ours, last: back}
	a, b := n.wire(l.p.site, to.p.site), n.wire(to.p.site, l.p.site)
	a.pipes, b.pipes = append(a.pipes, ours.out), append(b.pipes, theirs.out)
	to.arrive(arrival{kind: arrivedOpened, end: theirs, info: &transport.Info{Framing: transport.Link, Peer: l.p.site.addr}})
	w.at(back, func() {
		if !l.p.dead && !ours.told {
			l.arrive(arrival{kind: arrivedOpened, end: ours, info: &transport.Info{Framing: transport.Link, Peer: to.p.site.addr, Tag: tag}})
		}
	})
}
