package bench

import "sync/atomic"

// gate holds a sender's messages that are under way, at most as many as it has slots. The sender's writer opens and passes; any reader
// answers.
type gate struct {
	slots      []slot
	base, next uint32       // the writer's: base is the first that is not done, next the first that was not sent
	abandoned  atomic.Int64 // given up and not answered since
}

// slot is one message: its number in the upper half, how many answers it waits for in the lower one.
type slot struct {
	state atomic.Uint64
	at    atomic.Int64 // when it was meant to be sent
}

func newGate(n int) *gate { return &gate{slots: make([]slot, n)} }

// free reports whether another message may be sent.
func (g *gate) free() bool {
	for g.base < g.next && uint32(g.slot(g.base).state.Load()) == 0 {
		g.base++
	}
	return g.next-g.base < uint32(len(g.slots))
}

func (g *gate) slot(seq uint32) *slot { return &g.slots[seq%uint32(len(g.slots))] }

// send enters the next message, which waits for need answers, and returns its number.
func (g *gate) send(need int, at int64) uint32 {
	seq := g.next
	s := g.slot(seq)
	s.at.Store(at)
	s.state.Store(uint64(seq)<<32 | uint64(uint32(need)))
	g.next++
	return seq
}

// answer counts one answer. known is false for one that nothing waits for; done is true for the last one. at is when it was meant to be sent, where known.
func (g *gate) answer(seq uint32) (at int64, known, done bool) {
	s := g.slot(seq)
	at = s.at.Load()
	for {
		v := s.state.Load()
		if uint32(v>>32) != seq || uint32(v) == 0 {
			return 0, false, false
		}
		if s.state.CompareAndSwap(v, v-1) {
			return at, true, uint32(v) == 1
		}
	}
}

// abandon gives up waiting for the oldest message, so that one that is lost does not stop its sender.
func (g *gate) abandon() {
	if g.base == g.next {
		return
	}
	if v := g.slot(g.base).state.Swap(uint64(g.base) << 32); uint32(v) != 0 {
		g.abandoned.Add(1)
	}
}

// belated reports whether an unknown answer is that to a message that was given up.
func (g *gate) belated() bool {
	for {
		n := g.abandoned.Load()
		if n == 0 {
			return false
		}
		if g.abandoned.CompareAndSwap(n, n-1) {
			return true
		}
	}
}
