package chaos

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestEventsInOrder: events come by their times, those of one time in the order in which they were planned, also those that are planned
// while others have come already.
func TestEventsInOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	type planned struct {
		at     int64
		number int
	}
	var h events
	var twin []planned // sorted
	var came planned
	number, now := 0, int64(0)
	for range 20000 {
		if len(twin) == 0 || rnd.IntN(100) < 52 {
			p := planned{now + rnd.Int64N(20), number}
			number++
			h.push(event{at: p.at, do: func() { came = p }})
			at, _ := slices.BinarySearchFunc(twin, p.at+1, func(x planned, at int64) int { return int(x.at - at) })
			twin = slices.Insert(twin, at, p)
			continue
		}
		at, ok := h.next()
		e := h.pop()
		e.do()
		if !ok || at != e.at || came != twin[0] {
			t.Fatalf("%v (at %d) comes, want %v", came, at, twin[0])
		}
		now, twin = at, twin[1:]
	}
	for range twin {
		h.pop()
	}
	if _, ok := h.next(); ok {
		t.Error("something is left")
	}
}
