package transport

const (
	arenaStart      = 1        // offset 0 is no range
	arenaBytesMin   = 64 << 10 // kept by an idle loop
	arenaBytesFlush = 2 << 20  // flush early above this: more would only leave the processor's cache
	arenaBytesKeep  = 4 << 20  // a larger arena (one huge message) is given back after its turn
)

// progressBytes of a backlog have to be taken by the kernel after HalfFull for Draining to be told. Before HalfFull they would prove little:
// the far end's kernel takes some megabytes for a client that never reads.
const progressBytes = 32 << 10

// inHandBytes may be queued for a goroutine connection and its outbox still counts as empty: they are most likely what its
// writer has in hand, which does not mean that the socket is full.
const inHandBytes = 128 << 10

// arenaRange is a stretch of the arena that a connection still has to write. The end of a connection's last range is in
// its tailEnd, so that a fan-out extends it without touching this slice.
type arenaRange struct {
	start, end uint32
	next       uint32 // 0 is none
}

// Send implements Loop.
func (l *loop) Send(id ConnID, body []byte, urgent bool) bool {
	c := l.opened(id)
	if c == nil {
		return false
	}
	l.makeRoom(len(body))
	n := encodedLen(c.enc, len(body))
	if c.queued+n > l.outMax || len(body) > c.peerMax {
		if !l.admit(c, n, len(body), urgent) {
			return false
		}
	}
	start := uint32(len(l.arena))
	l.arena = appendFrame(l.arena, c.enc, body)
	l.push(c, start, uint32(len(l.arena)))
	return true
}

// Fanout implements Loop.
func (l *loop) Fanout(cs []ConnID, body []byte) {
	l.makeRoom(len(body))
	var copies [encodings]struct{ start, end uint32 }
	for _, id := range cs {
		c := l.opened(id)
		if c == nil {
			continue
		}
		r := &copies[c.enc]
		if r.end == 0 {
			r.start = uint32(len(l.arena))
			l.arena = appendFrame(l.arena, c.enc, body)
			r.end = uint32(len(l.arena))
		}
		n := int(r.end - r.start)
		if c.queued+n > l.outMax || len(body) > c.peerMax {
			if !l.admit(c, n, len(body), false) {
				continue
			}
		}
		l.push(c, r.start, r.end)
	}
}

// makeRoom flushes early when the arena has become large.
func (l *loop) makeRoom(n int) {
	if len(l.arena) > arenaStart && len(l.arena)+n > arenaBytesFlush {
		l.flush()
	}
}

// push queues arena[start:end] for c.
func (l *loop) push(c *conn, start, end uint32) {
	c.queued += int(end - start)
	if c.tailEnd == start {
		c.tailEnd = end
		return
	}
	l.pushRange(c, start, end)
}

func (l *loop) pushRange(c *conn, start, end uint32) {
	at := uint32(len(l.ranges))
	l.ranges = append(l.ranges, arenaRange{start: start})
	if c.head == 0 {
		c.head = at
	} else {
		t := &l.ranges[c.tail]
		t.end, t.next = c.tailEnd, at
	}
	c.tail, c.tailEnd = at, end
	l.markDirty(c)
}

func (l *loop) markDirty(c *conn) {
	if !c.has(flagDirty) {
		c.flags |= flagDirty
		l.dirty = append(l.dirty, c.slot)
	}
}

func (l *loop) boundOf(c *conn) int {
	if c.framing == Link {
		return l.limits.LinkOutboxBytesMax
	}
	return l.limits.OutboxBytesMax
}

// admit judges a message that is not obviously within bounds. An outbox that is a quarter full or less takes any one message. A huge one,
// of more than half of the bound, does not count for what comes behind it: who has just been sent it had no time to read.
func (l *loop) admit(c *conn, n, size int, urgent bool) bool {
	if size > c.peerMax {
		l.counters.tooLarge++
		return false
	}
	bound := l.boundOf(c)
	if l.empty(c) || n > bound/2 && c.queued <= bound/4 {
		if n > bound/2 {
			c.huge = uint32(n)
		}
		return true
	}
	bound += int(c.huge)
	if urgent {
		bound += bound / 4
	}
	if !c.has(flagUnsent) {
		if c.queued+n <= bound {
			return true
		}
		// The socket was not asked yet: what it takes now does not count.
		l.flushConn(c)
		if c.state != stateOpen {
			return false
		}
	}
	tight := l.outMax == 0 && !urgent && c.framing != Link
	if l.empty(c) || c.queued+n <= bound && !tight {
		return true
	}
	l.counters.dropped++
	c.flags |= flagHalf // so that Drained follows
	l.h.Pressure(c.id(), Full)
	return false
}

// empty reports whether the outbox takes any one message. What a writer goroutine has in hand does not count: it says
// nothing about the socket.
func (l *loop) empty(c *conn) bool {
	return c.queued == 0 || c.fd < 0 && c.queued <= inHandBytes
}

// Queued implements Loop.
func (l *loop) Queued(id ConnID) int {
	if c := l.find(id); c != nil {
		return c.queued
	}
	return 0
}

// flush writes what this turn has queued: one system call per connection, then the arena is empty.
func (l *loop) flush() {
	for i := 0; i < len(l.dirty); i++ {
		c := l.at(l.dirty[i])
		if c.has(flagDirty) {
			c.flags &^= flagDirty
			l.flushConn(c)
		}
	}
	l.dirty = l.dirty[:0]
	l.ranges = l.ranges[:1]
	if cap(l.arena) > arenaBytesKeep {
		l.arena = make([]byte, arenaStart, arenaBytesMin)
	}
	l.arena = l.arena[:arenaStart]
}

// flushConn writes the ranges of c, or appends them to what the socket has not taken yet.
func (l *loop) flushConn(c *conn) {
	if c.state == stateFree || c.state == stateDead {
		return
	}
	if c.head != 0 {
		l.ranges[c.tail].end = c.tailEnd
		if c.framing == WebSocketBatched && !c.has(flagPlain) {
			l.headBatch(c)
		}
		head := c.head
		c.head, c.tail, c.tailEnd = 0, 0, 0
		if c.has(flagUnsent) || c.fd < 0 {
			l.keepUnsent(c, head, 0)
		} else {
			l.writeRanges(c, head)
		}
	}
	if c.fd < 0 {
		l.handOver(c)
	}
	if c.state == stateClosing && c.queued == 0 {
		l.drainedClose(c)
	}
}

// headBatch puts one WebSocket header in front of all messages that c sends in this turn.
func (l *loop) headBatch(c *conn) {
	n := 0
	for at := c.head; at != 0; at = l.ranges[at].next {
		n += int(l.ranges[at].end - l.ranges[at].start)
	}
	start := len(l.arena)
	l.arena = appendHeader(l.arena, c.opcode, n)
	l.ranges = append(l.ranges, arenaRange{start: uint32(start), end: uint32(len(l.arena)), next: c.head})
	c.head = uint32(len(l.ranges) - 1)
	c.queued += len(l.arena) - start
}

// writeRanges hands the ranges from head on to the kernel.
func (l *loop) writeRanges(c *conn, head uint32) {
	for head != 0 {
		first := head
		var total, n int
		var err error
		if r := l.ranges[head]; r.next == 0 {
			head, total = 0, int(r.end-r.start)
			n, err = writeFD(int(c.fd), l.arena[r.start:r.end])
		} else {
			head, total = l.gather(head)
			n, err = writevFD(int(c.fd), l.iovs)
		}
		l.counters.writes++
		if err != nil {
			l.finish(c, err)
			return
		}
		c.queued -= n
		l.counters.bytesOut += uint64(n)
		if n < total {
			l.keepUnsent(c, first, n)
			return
		}
	}
}

// gather fills iovs from the ranges that begin at head, and returns the first one left over and the number of bytes.
func (l *loop) gather(head uint32) (uint32, int) {
	l.iovs = l.iovs[:0]
	total := 0
	for head != 0 && len(l.iovs) < iovecsMax {
		r := l.ranges[head]
		l.iovs = append(l.iovs, iovecOf(l.arena[r.start:r.end]))
		total += int(r.end - r.start)
		head = r.next
	}
	return head, total
}

// keepUnsent copies the ranges from head on, without their first skip bytes, to the connection's own buffer.
func (l *loop) keepUnsent(c *conn, head uint32, skip int) {
	need := -skip
	for at := head; at != 0; at = l.ranges[at].next {
		need += int(l.ranges[at].end - l.ranges[at].start)
	}
	if c.outAt > 0 && cap(c.out)-len(c.out) < need {
		c.out = c.out[:copy(c.out, c.out[c.outAt:])]
		c.outAt = 0
	}
	c.out = l.buffers.grow(c.out, need)
	l.unsent += int64(need)
	for ; head != 0; head = l.ranges[head].next {
		b := l.arena[l.ranges[head].start:l.ranges[head].end]
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		c.out = append(c.out, b[skip:]...)
		skip = 0
	}
	if c.fd >= 0 {
		c.flags |= flagUnsent
		l.interest(c)
	}
	if !c.has(flagHalf) && c.queued > l.boundOf(c)/2 {
		c.flags |= flagHalf
		c.progress = 0
		l.notes = append(l.notes, note{kind: noteHalfFull, id: c.id()})
	}
}

// writable is called when the kernel takes bytes of c again.
func (l *loop) writable(c *conn) {
	if len(c.out) > c.outAt {
		n, err := writeFD(int(c.fd), c.out[c.outAt:])
		l.counters.writes++
		if err != nil {
			l.finish(c, err)
			return
		}
		l.sent(c, n)
	}
	if len(c.out) == c.outAt {
		l.dropOut(c)
		c.flags &^= flagUnsent
		l.interest(c)
		if c.state == stateClosing && c.queued == 0 {
			l.drainedClose(c)
		}
	}
}

// sent accounts for n bytes of out that were written.
func (l *loop) sent(c *conn, n int) {
	c.outAt += n
	l.wrote(c, n)
}

func (l *loop) wrote(c *conn, n int) {
	c.queued -= n
	l.unsent -= int64(n)
	l.counters.bytesOut += uint64(n)
	if c.huge != 0 && c.queued <= l.boundOf(c)/4 {
		c.huge = 0
	}
	if c.has(flagHalf) && c.queued <= l.boundOf(c)/4 {
		c.flags &^= flagHalf
		l.notes = append(l.notes, note{kind: noteDrained, id: c.id()})
	}
	if !c.has(flagHalf) {
		return
	}
	if c.progress += uint32(n); c.progress >= progressBytes {
		c.progress = 0
		l.notes = append(l.notes, note{kind: noteDraining, id: c.id()})
	}
}

func (l *loop) dropOut(c *conn) {
	if c.out != nil {
		l.buffers.put(c.out)
		c.out, c.outAt = nil, 0
	}
}

// share tells the node how much this loop keeps for full sockets, and learns whether all loops keep too much.
func (l *loop) share() {
	if l.unsent != l.shared {
		l.server.outbox.Add(l.unsent - l.shared)
		l.shared = l.unsent
	}
	if l.server.outbox.Load() > l.limits.NodeOutboxBytesMax {
		l.outMax = 0
	} else {
		l.outMax = l.limits.OutboxBytesMax / 2
	}
}
