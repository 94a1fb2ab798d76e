package dealer

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTableAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab table
		twin := map[uint32]uint32{} // record → hash
		hashes := rapid.SampledFrom([]uint32{1, 7, 1 << 20, math.MaxUint32}).Draw(t, "hashes")
		for range rapid.IntRange(1, 200).Draw(t, "edits") {
			i := rapid.Uint32Range(1, 60).Draw(t, "record")
			if _, in := twin[i]; in {
				tab.remove(i)
				delete(twin, i)
			} else {
				twin[i] = rapid.Uint32Range(0, hashes).Draw(t, "hash")
				tab.add(i, twin[i])
			}
			for _, h := range twin {
				var got, want []uint32
				for i := tab.first(h); i != 0; i = tab.after(i) {
					got = append(got, i)
				}
				for i, hash := range twin {
					if hash == h {
						want = append(want, i)
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("hash %d: %v, want %v", h, got, want)
				}
			}
		}
	})
}

func TestDeadlinesAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h deadlines
		twin := map[uint32]int64{}
		for range rapid.IntRange(1, 200).Draw(t, "edits") {
			i := rapid.Uint32Range(1, 40).Draw(t, "record")
			if rapid.IntRange(0, 2).Draw(t, "clear") == 0 {
				h.clear(i)
				delete(twin, i)
			} else {
				twin[i] = rapid.Int64Range(1, 9).Draw(t, "at")
				h.set(i, twin[i])
			}
			if len(h.heap) != len(twin) {
				t.Fatalf("%d, want %d", len(h.heap), len(twin))
			}
		}
		for len(twin) > 0 {
			got := h.heap[0]
			for i, at := range twin {
				if (due{at, i}).before(got) {
					t.Fatalf("%v comes before %v", due{at, i}, got)
				}
			}
			h.clear(got.i)
			delete(twin, got.i)
		}
	})
}

// Ids are never used again: not by the next record in the place, not when the place's generations are used up.
func TestIdsAreNeverUsedAgain(t *testing.T) {
	s := slab[int]{birth: math.MaxUint32 - 5}
	seen := map[uint64]bool{}
	for range 10 {
		v, place, id := s.open()
		*v = 1
		if id == 0 || seen[id] {
			t.Fatalf("id %x again", id)
		}
		seen[id] = true
		if got, at := s.byID(id); got != v || at != place {
			t.Fatal("not found")
		}
		s.close(place)
		for id := range seen {
			if v, _ := s.byID(id); v != nil {
				t.Fatalf("id %x outlives its record", id)
			}
		}
	}
	if s.used != 4 || s.n != 0 {
		t.Fatalf("%d places used: three generations each, then retired", s.used)
	}
	for _, id := range []uint64{0, 1, 5 << 32, math.MaxUint64, 1<<32 | 1<<31} {
		if v, _ := s.byID(id); v != nil {
			t.Fatalf("%x is nobody's id", id)
		}
	}
}

func TestHashSpreads(t *testing.T) {
	for _, seed := range []uint64{0, 1, 0xdeadbeef00000000} {
		buckets := map[uint32]int{}
		for slot := range uint64(16) {
			for request := range uint64(256) {
				buckets[hashOf(seed, slot, request)&4095]++
			}
		}
		for b, n := range buckets {
			if n > 12 {
				t.Fatalf("seed %x: %d of 4096 keys in bucket %d", seed, n, b)
			}
		}
	}
}
