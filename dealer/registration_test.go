package dealer

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"kleeblatt/internal/wamp"

	"pgregory.net/rapid"
)

var shared = Key{wamp.Exact, "p"}

// withCallees is an index in which sessions 1..n have registered, in that order.
func withCallees(invoke wamp.Invoke, n int) *Index {
	var x *Index
	for i := range n {
		s := uint64(i + 1)
		x = x.WithCallee(shared, 9, invoke, Callee{Session: s, Order: s})
	}
	return x
}

// picks is who is called by the next n calls.
func picks(x *Index, n int) (l []uint64) {
	for range n {
		l = append(l, x.Get(shared).Pick(0, nil).Session)
	}
	return l
}

func wantPicks(t *testing.T, x *Index, want ...uint64) {
	t.Helper()
	if got := picks(x, len(want)); !slices.Equal(got, want) {
		t.Fatalf("called %v, want %v", got, want)
	}
}

func TestSHR05RoundRobin(t *testing.T) {
	wantPicks(t, withCallees(wamp.RoundRobin, 3), 1, 2, 3, 1, 2, 3, 1, 2, 3)
}

func TestSHR06Random(t *testing.T) {
	r := withCallees(wamp.Random, 3).Get(shared)
	chance := rand.New(rand.NewPCG(1, 2))
	var n [4]float64
	for range 3000 {
		n[r.Pick(chance.Uint64(), nil).Session]++
	}
	chi := 0.0
	for _, seen := range n[1:] {
		chi += (seen - 1000) * (seen - 1000) / 1000
	}
	if chi > 13.8 { // 2 degrees of freedom, 1 in 1000; the seed is fixed
		t.Fatal(n, chi)
	}
}

func TestSHR07FirstAndLast(t *testing.T) {
	x := withCallees(wamp.First, 3)
	wantPicks(t, x, 1, 1)
	wantPicks(t, x.WithoutCallee(shared, 0, 1), 2, 2)
	x = withCallees(wamp.Last, 3)
	wantPicks(t, x, 3, 3)
	wantPicks(t, x.WithoutCallee(shared, 0, 3), 2, 2)
}

func TestSHR08LeavingOthersGoOn(t *testing.T) {
	x := withCallees(wamp.RoundRobin, 2)
	x = x.WithoutCallee(shared, 0, 1)
	wantPicks(t, x, 2, 2)
	x = x.WithoutCallee(shared, 0, 2)
	if x.Len() != 0 || x.Get(shared) != nil {
		t.Fatal("the registration outlives its callees")
	}
	x = x.WithCallee(shared, 9, wamp.Last, Callee{Session: 5})
	if x.Get(shared).Invoke != wamp.Last {
		t.Fatal("the old policy outlives the registration")
	}
}

func TestSHR09SameSessionTwice(t *testing.T) {
	x := withCallees(wamp.RoundRobin, 2)
	y := x.WithCallee(shared, 9, wamp.RoundRobin, Callee{Session: 1, Order: 77})
	if n := len(y.Get(shared).Callees); n != 2 {
		t.Fatal(n, " entries")
	}
	if y = y.WithoutCallee(shared, 0, 1); len(y.Get(shared).Callees) != 1 {
		t.Fatal("a stale entry is left")
	}
}

// Over any coming, going and being unusable, a round robin is what a list with a finger on it does.
func TestRoundRobinAgainstFinger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := withCallees(wamp.RoundRobin, 1)
		list, finger := []uint64{1}, 0 // finger: whose turn it is
		next := uint64(2)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				x = x.WithCallee(shared, 9, wamp.RoundRobin, Callee{Session: next, Order: next})
				list = append(list, next)
				next++
			case 1:
				if len(list) == 1 {
					continue
				}
				i := rapid.IntRange(0, len(list)-1).Draw(t, "who leaves")
				x = x.WithoutCallee(shared, 0, list[i])
				list = slices.Delete(list, i, i+1)
				if i < finger {
					finger--
				}
				finger %= len(list)
			default:
				busy := rapid.SliceOfN(rapid.SampledFrom(list), 0, 2).Draw(t, "busy")
				got := x.Get(shared).Pick(0, func(c *Callee) bool { return !slices.Contains(busy, c.Session) })
				var want uint64
				for i := range list {
					if at := (finger + i) % len(list); !slices.Contains(busy, list[at]) {
						want = list[at]
						finger = (at + 1) % len(list)
						break
					}
				}
				if got == nil && want != 0 || got != nil && got.Session != want {
					t.Fatalf("called %v, want %d of %v", got, want, list)
				}
			}
		}
	})
}

func TestPickAllocatesNothing(t *testing.T) {
	x := withCallees(wamp.RoundRobin, 5)
	procedure := []byte("p")
	busy := uint64(3)
	if n := testing.AllocsPerRun(1000, func() {
		r := x.Match(procedure)
		if r.Pick(7, nil) == nil || r.Pick(7, func(c *Callee) bool { return c.Session != busy }) == nil {
			t.Fatal("nobody")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if (*Registration)(nil).Pick(0, nil) != nil || (*Registration)(nil).Callee(0, 1) != nil {
		t.Fatal("no registration calls nobody")
	}
}

// Round robin is exact on a node: all workers together go round.
func TestRoundRobinIsExactOverWorkers(t *testing.T) {
	r := withCallees(wamp.RoundRobin, 4).Get(shared)
	var n [5]atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 1000 {
				n[r.Pick(0, nil).Session].Add(1)
			}
		})
	}
	workers.Wait()
	for s := 1; s <= 4; s++ {
		if n[s].Load() != 1000 {
			t.Fatal("session ", s, " was called ", n[s].Load(), " times")
		}
	}
}
