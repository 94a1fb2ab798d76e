package chaos

import (
	"time"

	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
)

// clientEnd is a client as its connection sees it. It is called on the world's goroutine.
type clientEnd interface {
	// opened: the node has accepted the connection.
	opened()
	// received hands over one message, which is valid until received returns.
	received(msg []byte)
	// closed is called once, also where no connection came of openClient. Nothing follows.
	closed()
}

// clientConn is the client's end of a connection to a node. Messages take a little time either way and are never lost, unless the
// node's process ends.
type clientConn struct {
	w    *World
	site *site
	p    *process // nil: refused
	far  *end
	out  *pipe
	end  clientEnd

	// serializer is drawn; it may be changed until opened is called.
	serializer wamp.Serializer
	stalled    bool
	over       bool // closed was called, or close
}

// openClient connects to a node, on one of its workers.
func (w *World) openClient(node int, e clientEnd) *clientConn {
	s := w.sites[node]
	c := &clientConn{w: w, site: s, end: e}
	c.serializer = [...]wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR}[w.rnd.IntN(3)]
	w.after(w.between(20*time.Microsecond, w.draw.clientLag), func() { c.connect() })
	return c
}

func (c *clientConn) connect() {
	if c.over {
		return
	}
	p := c.site.p
	if p == nil || !p.serving || p.dead || p.paused {
		c.finish()
		return
	}
	l := p.loops[c.w.rnd.IntN(len(p.loops))]
	far := l.connect()
	far.client = c
	far.out = &pipe{w: c.w, from: far, client: c}
	c.p, c.far, c.out = p, far, &pipe{w: c.w, to: far, client: c}
	c.w.count.Sessions++
	l.arrive(arrival{kind: arrivedOpened, end: far, info: &transport.Info{
		Framing: transport.RawSocket, Serializer: c.serializer, Binary: c.serializer != wamp.JSON, MaxMessage: 16 << 20, Peer: "client", Local: true,
	}})
	c.end.opened()
}

// send hands a message to the node. It is copied.
func (c *clientConn) send(msg []byte) {
	if c.far != nil && !c.over {
		c.out.send(msg)
	}
}

// close breaks the connection at once: nothing of what is on its way arrives. closed is not called.
func (c *clientConn) close() {
	if c.over {
		return
	}
	c.over = true
	if c.far != nil {
		c.out.finish(errReset)
		c.far.out.ended = true
	}
}

// stall makes the client read nothing, or go on.
func (c *clientConn) stall(on bool) {
	c.stalled = on
	if !on && c.far != nil {
		c.far.out.kick()
	}
}

// broken is called when the process at the other end is gone.
func (c *clientConn) broken() {
	c.w.after(c.w.between(20*time.Microsecond, c.w.draw.clientLag), c.finish)
}

func (c *clientConn) arrived(x *packet) {
	switch {
	case c.over:
	case x.end:
		c.finish()
	default:
		c.w.count.ClientMessages++
		c.end.received(x.bytes)
	}
	c.w.buffers.put(x.bytes)
}

func (c *clientConn) finish() {
	if !c.over {
		c.over = true
		if c.out != nil {
			c.out.ended = true
		}
		c.end.closed()
	}
}
