package transport

import (
	"crypto/tls"
	"net"

	"github.com/gobwas/ws"

	"kleeblatt/internal/wamp"
)

// connState is how far a connection has come.
type connState uint8

const (
	stateFree      connState = iota // the slot waits for a connection
	stateDialing                    // a link connection on its way
	stateGreeting                   // accepted; the first octets are gathered
	stateOpen                       // Opened was called; messages flow
	stateClosing                    // no more input is delivered; the outbox is being flushed
	stateLingering                  // all is written and the sending side shut; waiting for the other end to see it
	stateDead                       // the descriptor is closed; the slot is freed when the notes are delivered
)

type connFlags uint16

const (
	flagDirty     connFlags = 1 << iota // listed in loop.dirty
	flagUnsent                          // out holds bytes; EPOLLOUT is armed, or the writer goroutine is busy
	flagPaused                          // Pause was called
	flagParked                          // EPOLLIN is off because input came while paused
	flagDeferred                        // listed in loop.deferred: in holds messages for the next turn
	flagHalf                            // HalfFull was reported and Drained was not
	flagPlain                           // what is queued now is not part of a batch
	flagPinged                          // a ping waits for a sign of life
	flagLocal                           // loopback or Unix socket
	flagTold                            // Closed or DialFailed is noted, or the handler never knew the connection
	flagOverLimit                       // admitted only to be refused politely
	flagDetached                        // the descriptor went to the HTTP server
	flagGone                            // the other end has sent all it will send
)

// conn is one connection. The first fields are all that Send and Fanout touch.
type conn struct {
	gen      uint32
	slot     uint32
	state    connState
	enc      encoding
	flags    connFlags
	fd       int32 // -1 for goroutine connections
	queued   int   // bytes in the outbox: ranges of the arena, then out
	peerMax  int   // largest message that the other end takes
	head     uint32
	tail     uint32 // ranges of the arena, indices into loop.ranges, 0 is none
	tailEnd  uint32 // end of the last range
	progress uint32 // bytes of the backlog that left since HalfFull or Draining was told
	huge     uint32 // the size of a message in the outbox that does not count for the bound, see admit

	seen       uint32 // tick of the last input
	due        uint32 // wheel
	next, prev uint32 // wheel
	timed      bool   // wheel
	framing    Framing
	serializer wamp.Serializer
	opcode     ws.OpCode // of data frames
	armed      uint8     // epoll interest
	limit      int       // largest message accepted
	outAt      int       // out[:outAt] is written
	address    uint64    // key of the per-address count, 0 is not counted
	in         []byte    // a partial frame, or messages kept while paused or deferred; nil when idle
	out        []byte    // what the kernel did not take; nil when idle
	listener   *listener
	x          *extra
}

// extra is what few connections need, or only for a while.
type extra struct {
	fragments []byte // payload of an unfinished fragmented message
	replay    []byte // the rest of a batch, to be read again
	dial      *dial
	stream    *stream
}

func (c *conn) id() ConnID { return ConnID(uint64(c.gen)<<32 | uint64(c.slot)) }

func (c *conn) has(f connFlags) bool { return c.flags&f != 0 }

func (c *conn) extra() *extra {
	if c.x == nil {
		c.x = &extra{}
	}
	return c.x
}

func (c *conn) stream() *stream {
	if c.x == nil {
		return nil
	}
	return c.x.stream
}

// serve gives c the goroutines of s.
func (l *loop) serve(c *conn, s *stream) {
	c.extra().stream = s
	s.id = c.id()
	l.streams++
}

// takes reports whether the next message may be delivered.
func (c *conn) takes() bool {
	return (c.state == stateOpen || c.state == stateGreeting) && c.flags&(flagPaused|flagDeferred) == 0
}

// The table: pages never move, so a *conn stays valid while the loop grows.
const (
	pageBits = 8
	pageMask = 1<<pageBits - 1
)

type page [1 << pageBits]conn

func (l *loop) at(slot uint32) *conn { return &l.pages[slot>>pageBits][slot&pageMask] }

// find returns the connection that id names, in whatever state, or nil.
func (l *loop) find(id ConnID) *conn {
	slot := id.Slot()
	if int(slot>>pageBits) >= len(l.pages) {
		return nil
	}
	c := l.at(slot)
	if c.gen != uint32(id>>32) || c.state == stateFree {
		return nil
	}
	return c
}

// opened returns the connection that id names if the handler may still use it, or nil.
func (l *loop) opened(id ConnID) *conn {
	if c := l.find(id); c != nil && c.state == stateOpen {
		return c
	}
	return nil
}

// take gives a free slot to a new connection.
func (l *loop) take(state connState) *conn {
	if len(l.free) == 0 {
		first := uint32(len(l.pages)) << pageBits
		l.pages = append(l.pages, new(page))
		for i := uint32(1 << pageBits); i > 0; i-- {
			l.free = append(l.free, first+i-1)
		}
	}
	slot := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	c := l.at(slot)
	*c = conn{gen: c.gen + 1, slot: slot, state: state, fd: -1, seen: tickOf(l.now)}
	l.live++
	return c
}

// release frees the slot of a dead connection. A slot whose generations are used up is never taken again.
func (l *loop) release(c *conn) {
	l.unschedule(c)
	if !c.has(flagDetached) {
		l.server.left(c.address)
	}
	l.live--
	l.conns.Add(-1)
	l.dropIn(c)
	l.dropOut(c)
	if c.stream() != nil {
		l.streams--
	}
	if c.x != nil {
		l.buffers.put(c.x.fragments)
		l.buffers.put(c.x.replay)
	}
	*c = conn{gen: c.gen, slot: c.slot}
	if c.gen != ^uint32(0) {
		l.free = append(l.free, c.slot)
	}
}

// origin describes where an accepted or dialled socket comes from.
type origin struct {
	listener *listener // nil for dialled ones
	address  uint64    // key of the per-address count
	local    bool
	over     bool // above the connection limit: to be refused politely
}

// adopt makes a connection of an accepted socket (fd, or s when it is served by goroutines).
func (l *loop) adopt(fd int, s *stream, o origin) {
	if l.stopping {
		l.server.left(o.address)
		l.conns.Add(-1)
		if s != nil {
			s.abandon()
		} else {
			closeFD(fd)
		}
		return
	}
	c := l.take(stateGreeting)
	c.fd, c.address, c.listener = int32(fd), o.address, o.listener
	c.flags |= flagTold
	if o.local {
		c.flags |= flagLocal
	}
	if o.over {
		c.flags |= flagOverLimit
	}
	c.limit = l.limits.FirstMessageBytesMax
	if s != nil {
		c.fd = -1
		l.serve(c, s)
	} else if err := l.arm(c); err != nil {
		l.finish(c, err)
		return
	}
	if o.listener.link {
		l.open(c, Link, 0, &Info{})
	} else {
		l.schedule(c, l.now+int64(l.limits.HandshakeTimeout))
	}
	if s != nil {
		s.start()
	}
}

// open completes a handshake and tells the handler.
func (l *loop) open(c *conn, f Framing, s wamp.Serializer, info *Info) {
	l.unschedule(c)
	c.state, c.framing, c.serializer = stateOpen, f, s
	c.flags &^= flagTold
	c.enc, c.opcode = encodingOf(f, s), opcodeOf(s)
	info.Framing, info.Serializer, info.Binary = f, s, s != wamp.JSON
	info.Local = c.has(flagLocal)
	info.Peer = l.peerOf(c)
	if st := c.stream(); st != nil {
		if t, ok := st.nc.(*tls.Conn); ok {
			state := t.ConnectionState()
			info.TLS = &state
		}
	}
	switch f {
	case Link:
		c.limit, c.peerMax = l.limits.LinkFrameBytesMax, l.limits.LinkFrameBytesMax
	case WebSocket, WebSocketBatched:
		c.peerMax = boundMax // RFC 6455 has no way to tell
		l.awaitSilence(c)
	}
	info.MaxMessage = c.peerMax
	l.h.Opened(c.id(), info)
}

// peerOf is the other end's address as text; made once per connection, for logs.
func (l *loop) peerOf(c *conn) string {
	if st := c.stream(); st != nil {
		return addrText(st.nc.RemoteAddr())
	}
	return peerText(int(c.fd))
}

func addrText(a net.Addr) string {
	if a == nil || a.String() == "" || a.String() == "@" {
		return "unix"
	}
	return a.String()
}
