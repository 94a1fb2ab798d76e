package transport

// readable reads c once and hands on what came.
func (l *loop) readable(c *conn) {
	switch {
	case c.state == stateClosing || c.state == stateLingering:
		l.discard(c)
		return
	case c.has(flagPaused):
		c.flags |= flagParked
		l.interest(c)
		return
	case c.has(flagDeferred): // what is kept comes first
		return
	}
	if len(c.in) <= leftoverCopyMax {
		l.readShared(c)
	} else {
		l.readOwn(c)
	}
}

// readShared reads into the loop's buffer, behind a copy of the partial frame that c has kept.
func (l *loop) readShared(c *conn) {
	kept := copy(l.rbuf, c.in)
	n, again, err := readFD(int(c.fd), l.rbuf[kept:kept+l.limits.ReadBytesPerTurn])
	if n <= 0 {
		l.readEnded(c, again, err)
		return
	}
	l.heard(c, n)
	p := l.rbuf[:kept+n]
	used := l.consume(c, p)
	l.keep(c, p[used:])
}

// readOwn reads a large frame on where its first part is kept.
func (l *loop) readOwn(c *conn) {
	kept := len(c.in)
	c.in = l.buffers.grow(c.in, bufferBytesMin)
	room := c.in[kept:cap(c.in)]
	if len(room) > l.limits.ReadBytesPerTurn {
		room = room[:l.limits.ReadBytesPerTurn]
	}
	n, again, err := readFD(int(c.fd), room)
	if n <= 0 {
		l.readEnded(c, again, err)
		return
	}
	l.heard(c, n)
	c.in = c.in[:kept+n]
	l.consumeKept(c)
}

func (l *loop) readEnded(c *conn, again bool, err error) {
	switch {
	case again:
	case err != nil:
		l.finish(c, err)
	default:
		l.inputEnded(c)
	}
}

func (l *loop) heard(c *conn, n int) {
	c.seen = tickOf(l.now)
	c.flags &^= flagPinged
	l.counters.bytesIn += uint64(n)
}

// feed hands on bytes that lie in a buffer of the caller; they may be overwritten.
func (l *loop) feed(c *conn, p []byte) {
	if len(c.in) > 0 {
		c.in = append(l.buffers.grow(c.in, len(p)), p...)
		l.consumeKept(c)
		return
	}
	used := l.consume(c, p)
	l.keep(c, p[used:])
}

// keep copies the rest of what was read, from a buffer that is not c.in, to c.in.
func (l *loop) keep(c *conn, rest []byte) {
	if c.x != nil && c.x.replay != nil {
		l.keepReplay(c, rest)
		return
	}
	if len(rest) == 0 || !l.reads(c) {
		l.dropIn(c)
		return
	}
	if cap(c.in) < len(rest) || cap(c.in) > 4*len(rest)+bufferBytesMin {
		l.dropIn(c)
		c.in = l.buffers.get(len(rest))
	}
	c.in = append(c.in[:0], rest...)
}

// consumeKept hands on what c.in holds and keeps the rest there.
func (l *loop) consumeKept(c *conn) {
	used := l.consume(c, c.in)
	if c.x != nil && c.x.replay != nil {
		l.keepReplay(c, c.in[used:])
		return
	}
	rest := len(c.in) - used
	if rest == 0 || !l.reads(c) {
		l.dropIn(c)
		return
	}
	if used == 0 {
		return
	}
	if cap(c.in) > 4*rest+bufferBytesMin {
		small := append(l.buffers.get(rest), c.in[used:]...)
		l.dropIn(c)
		c.in = small
		return
	}
	c.in = c.in[:copy(c.in, c.in[used:])]
}

// reads reports whether input of c will still be looked at.
func (l *loop) reads(c *conn) bool { return c.state == stateOpen || c.state == stateGreeting }

func (l *loop) dropIn(c *conn) {
	if c.in != nil {
		l.buffers.put(c.in)
		c.in = nil
	}
}

// consume delivers the messages in p and returns how many bytes they took. It stops early when the connection is paused or
// closed, or when the turn's time is over: then the connection is deferred to the next turn.
func (l *loop) consume(c *conn, p []byte) int {
	used := 0
	for used < len(p) && c.takes() {
		var n int
		if c.state == stateGreeting {
			n = l.greet(c, p[used:])
		} else {
			switch c.framing {
			case WebSocket, WebSocketBatched:
				n = l.consumeWebSocket(c, p[used:])
			case RawSocket:
				n = l.consumeRaw(c, p[used:])
			case Link:
				n = l.consumeLink(c, p[used:])
			}
		}
		if n == 0 {
			break
		}
		used += n
	}
	return used
}

// received delivers one message and reports whether c takes another one in this turn.
func (l *loop) received(c *conn, msg []byte) bool {
	l.h.Received(c.id(), msg)
	if l.spent() && c.takes() {
		l.deferInput(c)
	}
	return c.takes()
}

// deferInput makes the loop go on with what c keeps at the beginning of the next turn.
func (l *loop) deferInput(c *conn) {
	if !c.has(flagDeferred) {
		c.flags |= flagDeferred
		l.deferred = append(l.deferred, c.slot)
	}
}

// resumeDeferred goes on with the connections that the last turn left over or that were resumed since.
func (l *loop) resumeDeferred() {
	n := len(l.deferred)
	for i := range n {
		c := l.at(l.deferred[i])
		if !c.has(flagDeferred) {
			continue
		}
		c.flags &^= flagDeferred
		if c.takes() && len(c.in) > 0 {
			l.consumeKept(c)
		}
		if st := c.stream(); st != nil && c.takes() {
			l.streamResume(c, st)
		}
		l.deliver()
	}
	l.deferred = l.deferred[:copy(l.deferred, l.deferred[n:])]
}

// Pause implements Loop.
func (l *loop) Pause(id ConnID) {
	if c := l.opened(id); c != nil {
		c.flags |= flagPaused
	}
}

// Resume implements Loop.
func (l *loop) Resume(id ConnID) {
	c := l.opened(id)
	if c == nil || !c.has(flagPaused) {
		return
	}
	c.flags &^= flagPaused
	c.seen = tickOf(l.now) // it was our silence
	if c.has(flagParked) {
		c.flags &^= flagParked
		l.interest(c)
	}
	if len(c.in) > 0 || c.fd < 0 {
		l.deferInput(c)
	}
}

// SetLimit implements Loop.
func (l *loop) SetLimit(id ConnID, bytes int) {
	if c := l.opened(id); c != nil {
		c.limit = min(max(bytes, 0), l.limits.MessageBytesMax)
		if c.framing == Link {
			c.limit = min(max(bytes, 0), l.limits.LinkFrameBytesMax)
		}
	}
}
