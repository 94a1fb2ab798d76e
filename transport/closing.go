package transport

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/gobwas/ws"
)

// The end of a connection, in order:
//
//	stateOpen ─▶ stateClosing ─▶ stateLingering ─▶ stateDead ─▶ stateFree
//	        orderly close   all written,       end seen      notes
//	        frame queued    sending side shut  or time over  delivered
//
// The sending side is shut, and the rest of the input read and dropped, because closing a socket that holds unread input
// resets the connection, and a reset destroys what the other end has not read yet.

// Close implements Loop.
func (l *loop) Close(id ConnID, linger time.Duration) {
	if c := l.opened(id); c != nil {
		l.close(c, linger, nil)
	}
}

// Reset implements Loop.
func (l *loop) Reset(id ConnID) {
	if c := l.opened(id); c != nil {
		l.finish(c, ErrReset)
	}
}

// close begins the orderly end of an open connection; why chooses the close code.
func (l *loop) close(c *conn, linger time.Duration, why error) {
	if c.framing != RawSocket && c.framing != Link {
		var code [2]byte
		binary.BigEndian.PutUint16(code[:], uint16(closeCode(why)))
		l.control(c, ws.OpClose, code[:])
	}
	if c.state != stateOpen {
		return
	}
	if linger > 0 {
		l.beginClosing(c, linger)
		return
	}
	l.flushConn(c)
	l.finish(c, nil)
}

// fail ends a connection whose other end broke the protocol.
func (l *loop) fail(c *conn, err error) {
	l.tell(c, err)
	l.close(c, l.limits.Linger, err)
}

// beginClosing stops input and lets the flush write what is queued.
func (l *loop) beginClosing(c *conn, linger time.Duration) {
	if c.state == stateDead {
		return
	}
	c.state = stateClosing
	c.flags &^= flagPaused | flagParked
	l.schedule(c, l.now+int64(linger))
	l.interest(c)
	l.markDirty(c)
}

// drainedClose is called when a closing connection has written everything.
func (l *loop) drainedClose(c *conn) {
	l.tell(c, nil)
	if c.has(flagGone) {
		l.finish(c, nil)
		return
	}
	c.state = stateLingering
	if c.fd < 0 {
		c.x.stream.shut()
	} else if err := shutWrite(int(c.fd)); err != nil {
		l.finish(c, err)
	}
}

// inputEnded is called when the other end has shut its sending side.
func (l *loop) inputEnded(c *conn) {
	c.flags |= flagGone
	switch c.state {
	case stateOpen:
		var err error
		if len(c.in) > 0 || c.framing == WebSocket || c.framing == WebSocketBatched {
			err = io.ErrUnexpectedEOF
		}
		l.tell(c, err)
		l.beginClosing(c, l.limits.Linger)
	case stateClosing:
		l.interest(c) // without input: the end would be reported for ever
	default:
		l.finish(c, io.ErrUnexpectedEOF)
	}
}

// discard drops input of a connection that is ending.
func (l *loop) discard(c *conn) {
	n, again, err := readFD(int(c.fd), l.rbuf[:l.limits.ReadBytesPerTurn])
	if n <= 0 {
		l.readEnded(c, again, err)
	}
}

// tell notes the end of c for the handler, once.
func (l *loop) tell(c *conn, err error) {
	if c.has(flagTold) {
		return
	}
	c.flags |= flagTold
	if c.state == stateDialing {
		l.notes = append(l.notes, note{kind: noteDialFailed, tag: c.x.dial.tag, err: err})
		return
	}
	l.notes = append(l.notes, note{kind: noteClosed, id: c.id(), err: err})
}

// finish closes the descriptor at once and drops what is queued.
func (l *loop) finish(c *conn, err error) {
	if c.state == stateDead || c.state == stateFree {
		return
	}
	l.tell(c, err)
	l.unschedule(c)
	c.state = stateDead
	l.unsent -= int64(len(c.out) - c.outAt)
	c.queued = 0
	if st := c.stream(); st != nil {
		l.unsent -= int64(st.inFlight)
		st.inFlight = 0
		if !c.has(flagDetached) {
			st.abandon()
		}
	} else if c.fd >= 0 && !c.has(flagDetached) {
		closeFD(int(c.fd))
	}
	c.fd = -1
	l.notes = append(l.notes, note{kind: noteRelease, id: c.id()})
}

// awaitSilence sets the timer that leads to a ping. RawSocket connections are not pinged: common clients cannot read the
// router's PING; theirs is the kernel's keep-alive. Links have heartbeats of their own.
func (l *loop) awaitSilence(c *conn) {
	if l.limits.PingInterval > 0 {
		l.schedule(c, l.now+int64(l.limits.PingInterval))
	}
}

// expired is called when the timer of c fires.
func (l *loop) expired(c *conn) {
	switch c.state {
	case stateOpen:
		l.silent(c)
	case stateGreeting:
		l.server.refuse(RefusedTimeout)
		l.finish(c, ErrTimeout)
	default:
		l.finish(c, ErrTimeout)
	}
}

// silent pings a connection that was silent for the ping interval, and ends one that was silent after a ping.
func (l *loop) silent(c *conn) {
	quiet := int64(tickOf(l.now)-c.seen) << tickBits
	switch {
	case c.has(flagPaused) || c.has(flagDeferred): // the silence is ours
		c.flags &^= flagPinged
		l.awaitSilence(c)
	case c.has(flagPinged) && l.poll.pending(): // its answer may be among what this turn had no time for
		l.schedule(c, l.now)
	case c.has(flagPinged):
		l.finish(c, ErrNoPong)
	case quiet < int64(l.limits.PingInterval)-1<<tickBits:
		l.schedule(c, l.now+int64(l.limits.PingInterval)-quiet)
	default:
		c.flags |= flagPinged
		l.control(c, ws.OpPing, nil)
		if c.state == stateOpen {
			l.schedule(c, l.now+int64(l.limits.PongTimeout))
		}
	}
}

// stop ends all connections: orderly within linger, at once when it is 0.
func (l *loop) stop(linger time.Duration) {
	l.stopping = true
	l.unlisten()
	for _, p := range l.pages {
		for i := range p {
			switch c := &p[i]; {
			case c.state == stateOpen && linger > 0:
				l.close(c, linger, ErrStopped)
			case c.state == stateGreeting || c.state == stateDialing || linger <= 0:
				l.finish(c, ErrStopped)
			}
		}
	}
}
