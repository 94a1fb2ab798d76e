package broker

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// localTwin is Local's dumb twin: the pairs, in the order in which they came.
type localTwin []pair

type pair struct {
	id uint64
	s  Slot
}

func (l localTwin) subscribers(id uint64) (slots []Slot) {
	for _, p := range l {
		if p.id == id {
			slots = append(slots, p.s)
		}
	}
	return slots
}

func (l localTwin) held(s Slot) (ids []uint64) {
	for _, p := range l {
		if p.s == s {
			ids = append(ids, p.id)
		}
	}
	return ids
}

func TestLocalAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Local
		var twin localTwin
		slots := rapid.SampledFrom([]int{2, 40, 5000}).Draw(t, "slots")
		for range rapid.IntRange(1, 300).Draw(t, "edits") {
			p := pair{rapid.Uint64Range(1, 12).Draw(t, "id"), Slot(rapid.IntRange(0, slots-1).Draw(t, "slot"))}
			there := slices.Contains(twin, p)
			switch rapid.IntRange(0, 20).Draw(t, "edit") {
			case 0:
				var last []bool
				var ids []uint64
				l.RemoveAll(p.s, func(id uint64, gone bool) { ids, last = append(ids, id), append(last, gone) })
				if want := twin.held(p.s); !slices.Equal(ids, want) {
					t.Fatalf("removed %v, want %v", ids, want)
				}
				twin = slices.DeleteFunc(twin, func(q pair) bool { return q.s == p.s })
				for i, id := range ids {
					if last[i] != (len(twin.subscribers(id)) == 0) {
						t.Fatalf("last of %d is %v", id, last[i])
					}
				}
			case 1, 2, 3, 4, 5, 6, 7:
				last, removed := l.Remove(p.id, p.s)
				twin = slices.DeleteFunc(twin, func(q pair) bool { return q == p })
				if removed != there || last != (there && len(twin.subscribers(p.id)) == 0) {
					t.Fatalf("remove %v: last %v removed %v", p, last, removed)
				}
			case 8, 9, 10:
				if got, want := l.Subscribers(p.id), twin.subscribers(p.id); !slices.Equal(got, want) {
					t.Fatalf("subscribers of %d are %v, want %v", p.id, got, want)
				}
			default:
				first, added := l.Add(p.id, p.s)
				if added == there || first != (len(twin.subscribers(p.id)) == 0) {
					t.Fatalf("add %v: first %v added %v", p, first, added)
				}
				if !there {
					twin = append(twin, p)
				}
			}
			if l.Has(p.id, p.s) != slices.Contains(twin, p) || l.Pairs() != len(twin) ||
				l.Held(p.s) != len(twin.held(p.s)) || l.Count(p.id) != len(twin.subscribers(p.id)) {
				t.Fatalf("after %v: has %v, %d pairs, held %d, count %d", p, l.Has(p.id, p.s), l.Pairs(), l.Held(p.s), l.Count(p.id))
			}
		}
		for s := range Slot(slots) {
			var ids []uint64
			l.EachHeld(s, func(id uint64) bool { ids = append(ids, id); return true })
			if !slices.Equal(ids, twin.held(s)) {
				t.Fatalf("%d holds %v, want %v", s, ids, twin.held(s))
			}
			l.RemoveAll(s, func(uint64, bool) {})
		}
		if l.Len() != 0 || l.Pairs() != 0 {
			t.Fatalf("%d subscriptions and %d pairs left over", l.Len(), l.Pairs())
		}
	})
}

// P6: what counts is who holds it now, not that someone's leaving came last.
func TestP6LeaveAndComeBack(t *testing.T) {
	var l Local
	l.Add(1, 7)
	if last, _ := l.Remove(1, 7); !last {
		t.Fatal("not the last")
	}
	if first, added := l.Add(1, 7); !first || !added || len(l.Subscribers(1)) != 1 {
		t.Fatal("not routed again")
	}
}

// Sessions that go during a walk leave a gap and move nobody.
func TestRemoveDuringAWalk(t *testing.T) {
	var l Local
	for s := range Slot(10) {
		l.Add(1, s)
	}
	var seen []Slot
	for i, s := range l.Subscribers(1) {
		if s == NoSlot {
			continue
		}
		seen = append(seen, s)
		if i == 2 {
			l.Remove(1, 0)
			l.RemoveAll(5, func(uint64, bool) {})
		}
	}
	if want := []Slot{0, 1, 2, 3, 4, 6, 7, 8, 9}; !slices.Equal(seen, want) {
		t.Fatal(seen)
	}
	if want := []Slot{1, 2, 3, 4, 6, 7, 8, 9}; !slices.Equal(l.Subscribers(1), want) {
		t.Fatal(l.Subscribers(1))
	}
}

func TestChurnAllocatesNothing(t *testing.T) {
	var l Local
	l.Add(1, 3)
	id := uint64(1)
	cycle := func() {
		for s := range Slot(10) {
			l.Add(1, s)
			l.Add(2+id%3, s)
		}
		if len(l.Subscribers(1)) != 10 {
			t.Fatal(l.Subscribers(1))
		}
		for s := range Slot(10) {
			l.Remove(1, s)
			l.RemoveAll(s, func(uint64, bool) {})
		}
		id++
	}
	for range 100 {
		cycle()
	}
	if n := testing.AllocsPerRun(1000, cycle); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// P10 on one worker: a million comings and goings leave no more behind than the peak took.
func TestP10ChurnStaysFlat(t *testing.T) {
	var l Local
	for i := range 100_000 {
		s := Slot(i % 1000)
		l.RemoveAll(s, func(uint64, bool) {})
		l.Add(uint64(i), s)
		l.Add(uint64(i%7), s)
	}
	if l.subsUsed > 1000+7+1 || l.edgesUsed > 2*1000 {
		t.Fatalf("%d subscription and %d pair places for 1000 sessions", l.subsUsed, l.edgesUsed)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLocalMemory tells the bytes per session with one subscription.
func BenchmarkLocalMemory(b *testing.B) {
	const sessions = 1_000_000
	for name, topics := range map[string]uint64{"shared": 10, "own": sessions} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				l := new(Local)
				for s := range Slot(sessions) {
					l.Add(1+uint64(s)%topics, s)
				}
				b.ReportMetric(float64(heap()-before)/sessions, "B/session")
				runtime.KeepAlive(l)
			}
		})
	}
}

// BenchmarkLeave is one of many subscribers that leaves and another that comes, without a publish in between, and with.
func BenchmarkLeave(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var l Local
			for s := range Slot(n) {
				l.Add(1, s)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s := Slot(i * 7919 % n)
				l.Remove(1, s)
				l.Add(1, s)
			}
		})
	}
}
