package transport

import "math/bits"

// The wheel keeps one timer per connection: the handshake deadline, the next ping or its answer, or the end of the linger
// time, whichever the connection's state asks for. It is hashed: a timer lies in bucket due mod wheelBuckets, and one that
// is still further away is passed over. Timers fire up to one tick late, never early.
const (
	tickBits     = 26   // a tick is 2^26 ns = 67 ms: finer than anything here needs, and a shift instead of a division
	wheelBuckets = 1024 // 69 s in one round, longer than every default
)

type wheel struct {
	heads [wheelBuckets]uint32 // first connection of the bucket: slot + 1, 0 is none
	used  [wheelBuckets / 64]uint64
	tick  uint32 // the tick that has been expired last
}

func tickOf(now int64) uint32 { return uint32(now >> tickBits) }

// schedule (re)sets the timer of c to the time at, in nanoseconds of the loop's clock.
func (l *loop) schedule(c *conn, at int64) {
	l.unschedule(c)
	c.due = tickOf(at) + 1
	if int32(c.due-l.wheel.tick) <= 0 {
		c.due = l.wheel.tick + 1
	}
	b := c.due % wheelBuckets
	c.timed, c.prev, c.next = true, 0, l.wheel.heads[b]
	if c.next != 0 {
		l.at(c.next - 1).prev = c.slot + 1
	}
	l.wheel.heads[b] = c.slot + 1
	l.wheel.used[b/64] |= 1 << (b % 64)
}

func (l *loop) unschedule(c *conn) {
	if !c.timed {
		return
	}
	b := c.due % wheelBuckets
	if c.next != 0 {
		l.at(c.next - 1).prev = c.prev
	}
	if c.prev != 0 {
		l.at(c.prev - 1).next = c.next
	} else if l.wheel.heads[b] = c.next; c.next == 0 {
		l.wheel.used[b/64] &^= 1 << (b % 64)
	}
	c.timed, c.prev, c.next = false, 0, 0
}

// expire fires every timer that is due at now.
func (l *loop) expire(now int64) {
	to := tickOf(now)
	n := to - l.wheel.tick
	if n == 0 || int32(n) < 0 {
		return
	}
	from := l.wheel.tick + 1
	l.wheel.tick = to
	for i := range min(n, wheelBuckets) {
		for at := l.wheel.heads[(from+i)%wheelBuckets]; at != 0; {
			c := l.at(at - 1)
			at = c.next
			if int32(c.due-to) <= 0 {
				l.unschedule(c)
				l.expired(c)
			}
		}
	}
}

// nextExpiry is the time at which the wheel wants to be looked at again, 0 for never; now is what expire was last given.
func (w *wheel) nextExpiry(now int64) int64 {
	first := (w.tick + 1) % wheelBuckets
	// The word that holds the first bucket is looked at twice: its upper part now, its lower part after a whole round.
	for i := uint32(0); i <= wheelBuckets/64; i++ {
		at := (first/64 + i) % (wheelBuckets / 64)
		word := w.used[at]
		switch i {
		case 0:
			word &= ^uint64(0) << (first % 64)
		case wheelBuckets / 64:
			word &= 1<<(first%64) - 1
		}
		if word != 0 {
			bucket := at*64 + uint32(bits.TrailingZeros64(word))
			ticks := (bucket - first) % wheelBuckets
			return (now>>tickBits + 1 + int64(ticks)) << tickBits
		}
	}
	return 0
}
