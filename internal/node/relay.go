package node

import (
	"bytes"
	"time"

	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

const (
	// neighboursEvery is how often the round trips that the neighbours are told are looked at; whom we reach they are told at once.
	neighboursEvery = int64(2 * time.Second)
	// carriedShare is the part of a connection's outbox above which it takes nothing more of others: at the same filling our own frames
	// begin to wait in their window.
	carriedShare = 2
)

// isVirtual says that a connection is carried by a neighbour.
func isVirtual(conn uint64) bool { return conn&link.VirtualConn != 0 }

// newDetours begins anew with no virtual connection at all.
func (o *home) newDetours() {
	o.detours = link.NewDetours(o.n.name, o.n.world.random()())
	o.near = nil
}

// room says whether the connection to the peer takes so many bytes of others.
func (p *peer) room(size int) bool {
	queued := p.o.h.loop.Queued(p.conn)
	return p.conn != 0 && (queued == 0 || queued+size <= p.o.n.cfg.Limits.OutboxBytes/carriedShare)
}

// carry does what relaying asks of the links. Frames of other links do not gather in the window of the one that carries them.
func (o *home) carry(feeds []link.Feed) {
	for i := range feeds {
		p := o.peers[feeds[i].Peer]
		if p == nil {
			continue
		}
		in := feeds[i].In
		if p.m.busy {
			in.Bytes = bytes.Clone(in.Bytes)
		}
		if in.Kind != link.InRelay {
			p.feed(in)
			continue
		}
		in.Now = o.h.loop.Now()
		p.m.feed(in)
	}
}

// write gives a frame of a virtual connection to the neighbour that carries it.
func (o *home) write(e *link.Effect) {
	var few [2]link.Feed
	o.carry(o.detours.Write(e.Conn, e.Bytes, few[:0]))
}

// pathUp notes by what the peer is linked now.
func (p *peer) pathUp(conn uint64) {
	o := p.o
	p.conn, p.via = 0, nil
	switch {
	case isVirtual(conn):
		p.kind, p.via = "relay", o.peers[o.detours.Via(conn)]
	default:
		p.conn = transport.ConnID(conn)
		if lc := o.conns[p.conn.Slot()]; lc != nil && lc.peer == p {
			p.kind = lc.kind
		}
		o.h.loop.SetLimit(p.conn, link.MaxFrame)
	}
	o.nearLook = true
	o.carry(o.detours.Up(p.name, conn, nil))
}

// pathLost ends what the peer has carried.
func (p *peer) pathLost() {
	p.o.nearLook = true
	if !p.l.Relayed() {
		p.via = nil
	}
	p.o.carry(p.o.detours.End(p.name, nil))
}

// clogged says that the connection, ours or that of the neighbour that carries it, is half full.
func (p *peer) clogged() bool {
	return p.blocked != 0 || p.via != nil && p.via.blocked != 0
}

// tellNeighbours tells the links whom we reach directly, when that has changed.
func (o *home) tellNeighbours(now int64) {
	if !o.nearLook && now < o.nearAt {
		return
	}
	o.nearLook, o.nearAt = false, now+neighboursEvery
	list := o.detours.List(nil)
	if bytes.Equal(list, o.near) {
		return
	}
	o.near = list
	for _, p := range o.places() {
		if p != nil {
			p.l.SetNeighbours(list)
		}
	}
}
