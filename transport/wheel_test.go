package transport

import (
	"math/rand/v2"
	"testing"
)

// TestWheelTwin compares the wheel with a plain map of times.
func TestWheelTwin(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := &loop{now: 1 << 40}
		if seed%2 == 1 {
			l.now = int64(1)<<(tickBits+32) - 1<<(tickBits+8) // ticks are about to wrap
		}
		l.wheel.tick = tickOf(l.now)
		l.server = &Server{}
		l.limits = &Limits{}
		twin := map[uint32]int64{} // slot → time
		for range 600 {
			l.take(stateLingering)
		}
		for range 3000 {
			c := l.at(uint32(r.IntN(600)))
			switch r.IntN(4) {
			case 0:
				l.unschedule(c)
				delete(twin, c.slot)
			case 1, 2:
				if c.state == stateLingering {
					at := l.now + r.Int64N(200<<30)
					l.schedule(c, at)
					twin[c.slot] = at
				}
			case 3:
				next := l.wheel.nextExpiry(l.now)
				if (next == 0) != (len(twin) == 0) {
					t.Fatalf("next expiry %d with %d timers", next, len(twin))
				}
				first := int64(1) << 62
				for _, at := range twin {
					first = min(first, at)
				}
				if next != 0 && next > first+2<<tickBits {
					t.Fatalf("next expiry %d ms late", (next-first)/1e6)
				}
				l.now += r.Int64N(20 << 30)
				if r.IntN(50) == 0 {
					l.now += 300 << 30
				}
				l.expire(l.now)
				for slot, at := range twin {
					switch c := l.at(slot); {
					case c.state == stateDead && at > l.now:
						t.Fatalf("fired %d ns early", at-l.now)
					case c.state == stateDead:
						delete(twin, slot)
						c.state = stateLingering
					case at <= l.now-2<<tickBits:
						t.Fatalf("%d ns late", l.now-at)
					}
				}
				l.notes = l.notes[:0]
			}
		}
	}
}

// TestBufferClasses: get gives room for what was asked, at most twice as much, and put ones come back.
func TestBufferClasses(t *testing.T) {
	var b buffers
	for n := 1; n < 4<<20; n = n*3/2 + 1 {
		p := b.get(n)
		if len(p) != 0 || cap(p) < n || cap(p) > max(2*n, bufferBytesMin) {
			t.Fatalf("get(%d) has %d", n, cap(p))
		}
		b.put(p)
		if n <= bufferBytesMax && cap(b.get(n)) != cap(p) {
			t.Fatalf("%d did not come back", n)
		}
	}
	p := append(b.get(10), "abc"...)
	if p = b.grow(p, 5000); string(p) != "abc" || cap(p)-3 < 5000 {
		t.Fatal("grow lost bytes")
	}
	if b.bytes < 0 || b.bytes > poolBytesMax {
		t.Errorf("%d bytes pooled", b.bytes)
	}
}
