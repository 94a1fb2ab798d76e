package link

// chunkBytes is the unit of window memory, and the largest segment of a lane that is written before another lane's turn.
const chunkBytes = 64 << 10

// chunk is a run of whole records of one lane, as they go on the wire.
type chunk struct {
	b     []byte // cap chunkBytes, never grown
	first uint64 // number of the first record
	n     uint64 // records
}

// end is the number behind the last record.
func (c *chunk) end() uint64 { return c.first + c.n }

// chunkPool recycles the chunks of one Machine. What stayed unused between two calls of trim is given up by halves, so memory
// follows the bytes in flight with a delay of a few heartbeats.
type chunkPool struct {
	free []*chunk
	low  int // least length of free since the last trim
}

func (p *chunkPool) get(first uint64) *chunk {
	n := len(p.free)
	if n == 0 {
		return &chunk{b: make([]byte, 0, chunkBytes), first: first}
	}
	c := p.free[n-1]
	p.free[n-1] = nil
	p.free = p.free[:n-1]
	p.low = min(p.low, n-1)
	c.first = first
	return c
}

func (p *chunkPool) put(c *chunk) {
	c.b, c.n = c.b[:0], 0
	p.free = append(p.free, c)
}

// trim gives half of the idle chunks to the collector; one stays.
func (p *chunkPool) trim() {
	drop := min(p.low/2, len(p.free)-1)
	for range max(drop, 0) {
		p.free[len(p.free)-1] = nil
		p.free = p.free[:len(p.free)-1]
	}
	p.low = len(p.free)
}

// sendLane is one lane's outgoing stream: every record from acked to next-1 is kept in chunks.
type sendLane struct {
	q    []*chunk // q[head:] are in use; contiguous records, the last one is open for more
	head int

	next  uint64 // number that the next record gets; starts at 1
	acked uint64 // the peer has everything below; acked <= sent <= next
	sent  uint64 // everything below has been written on the current connection, or the peer had it

	at  int // q[at] holds record sent (or is behind the last chunk)
	off int // offset of record sent in it

	bytes    int // in q[head:]
	inflight int // bytes written on this connection and not yet acknowledged; chunk-wise, so at most a chunk too much
	discount int // bytes of q[head] that inflight does not count any more

	finals tally // frames accepted for this peer life: their last records, and those refused while down
	lost   tally // of them given up

	paused  bool // FxPaused{On: true} is out
	stopped bool // the peer took its credit back
}

func (l *sendLane) reset() {
	*l = sendLane{q: l.q[:0], next: 1, acked: 1, sent: 1, paused: l.paused}
}

func (l *sendLane) unsent() bool { return l.sent < l.next }

// refuse counts a frame that is not taken because what is before it was given up.
func (l *sendLane) refuse(flags byte) {
	l.finals[kindOf(flags)]++
	l.lost[kindOf(flags)]++
}

// add appends one frame as one or more records.
func (l *sendLane) add(p *chunkPool, flags byte, stamp uint64, frame []byte) {
	l.finals[kindOf(flags)]++
	rest := frame
	for {
		c := l.tail(p)
		room := chunkBytes - len(c.b) - recordHeadMax
		switch {
		case len(rest) <= room:
			l.record(c, flags|flagFinal, stamp, rest)
			return
		case len(frame) <= wholeMax || room < fragmentMin:
			l.q = append(l.q, p.get(l.next))
		default:
			l.record(c, flags, stamp, rest[:room])
			rest = rest[room:]
		}
	}
}

func (l *sendLane) tail(p *chunkPool) *chunk {
	if len(l.q) == l.head {
		l.q = append(l.q[:0], p.get(l.next))
		l.head, l.at, l.off, l.discount = 0, 0, 0, 0
	}
	return l.q[len(l.q)-1]
}

func (l *sendLane) record(c *chunk, flags byte, stamp uint64, b []byte) {
	before := len(c.b)
	c.b = appendRecord(c.b, flags, stamp, b)
	c.n++
	l.next++
	l.bytes += len(c.b) - before
}

// segment is the next run of unsent records, at most a chunk; take marks it as sent.
func (l *sendLane) segment() []byte {
	for l.at < len(l.q) && l.off == len(l.q[l.at].b) {
		if l.at == len(l.q)-1 {
			return nil
		}
		l.at, l.off = l.at+1, 0
	}
	if l.at >= len(l.q) {
		return nil
	}
	return l.q[l.at].b[l.off:]
}

func (l *sendLane) take(seg []byte) {
	c := l.q[l.at]
	l.off = len(c.b)
	l.sent = c.end()
	l.inflight += len(seg)
}

// ack releases everything below n. The caller has checked n <= sent, or is about to call rewind.
func (l *sendLane) ack(p *chunkPool, n uint64) {
	if n <= l.acked {
		return
	}
	l.acked = n
	for l.head < len(l.q) && l.q[l.head].end() <= n {
		c := l.q[l.head]
		l.bytes -= len(c.b)
		l.inflight -= len(c.b) - l.discount
		l.discount = 0
		p.put(c)
		l.q[l.head] = nil
		l.head++
		if l.at < l.head {
			l.at, l.off = l.head, 0
		}
	}
	if l.acked == l.sent && l.head < len(l.q) && l.at == l.head {
		l.inflight, l.discount = 0, l.off
	}
	l.shift()
}

// shift moves q down when its dead front has become the larger part.
func (l *sendLane) shift() {
	if l.head == len(l.q) {
		l.q, l.head, l.at, l.off, l.inflight, l.discount = l.q[:0], 0, 0, 0, 0, 0
		return
	}
	if l.head < 16 || l.head < len(l.q)/2 {
		return
	}
	n := copy(l.q, l.q[l.head:])
	clear(l.q[n:])
	l.q, l.at, l.head = l.q[:n], l.at-l.head, 0
}

// rewind begins a new connection at the first unacknowledged record.
func (l *sendLane) rewind() {
	l.sent, l.at, l.off, l.inflight = l.acked, l.head, 0, 0
	if l.head < len(l.q) {
		c := l.q[l.head]
		for n := c.first; n < l.acked; n++ {
			_, _, _, size, ok := readRecord(c.b[l.off:])
			if !ok {
				panic("link: a record of our own window does not parse")
			}
			l.off += size
		}
	}
	l.discount = l.off
}

// drop gives everything up; the numbers go on.
func (l *sendLane) drop(p *chunkPool) (lost uint64) {
	given := l.pending()
	l.lost.add(&given)
	for _, c := range l.q[l.head:] {
		p.put(c)
	}
	clear(l.q)
	l.q, l.head, l.at, l.off, l.bytes, l.inflight, l.discount = l.q[:0], 0, 0, 0, 0, 0, 0
	l.acked, l.sent = l.next, l.next
	return given.lost()
}

// voidCalls turns the calls that are not acknowledged into no-ops of the same numbers, and counts them. written says that bytes of one are on
// the connection already.
func (l *sendLane) voidCalls() (n uint64, written bool) {
	l.each(func(c *chunk, off int, number uint64) {
		if f := c.b[off]; f&flagCall != 0 && f&flagVoid == 0 {
			c.b[off] |= flagVoid
			written = written || number < l.sent
			if f&flagFinal != 0 {
				n++
			}
		}
	})
	return n, written
}

// pending counts the frames whose last record is kept and not acknowledged.
func (l *sendLane) pending() (n tally) {
	l.each(func(c *chunk, off int, _ uint64) {
		if f := c.b[off]; f&flagFinal != 0 {
			n[kindOf(f)]++
		}
	})
	return n
}

// each visits the records that are not acknowledged, in order.
func (l *sendLane) each(f func(c *chunk, off int, number uint64)) {
	for _, c := range l.q[l.head:] {
		off := 0
		for n := c.first; n < c.end(); n++ {
			_, _, _, size, ok := readRecord(c.b[off:])
			if !ok {
				panic("link: a record of our own window does not parse")
			}
			if n >= l.acked {
				f(c, off, n)
			}
			off += size
		}
	}
}
