package netlab

import (
	"reflect"
	"testing"
	"time"
)

func TestPlanIsOfItsSeed(t *testing.T) {
	if !reflect.DeepEqual(Plan(7, 60, 5, nil), Plan(7, 60, 5, nil)) {
		t.Error("the same seed gave two plans")
	}
	if reflect.DeepEqual(Plan(7, 60, 5, nil), Plan(8, 60, 5, nil)) {
		t.Error("two seeds gave the same plan")
	}
	if !reflect.DeepEqual(Plan(7, 60, 5, nil)[:5], Plan(7, 5, 5, nil)) {
		t.Error("a short run is not the begin of a long one")
	}
}

// TestPlanMeetsEverything: a long run meets each kind often, a short one meets no kind twice.
func TestPlanMeetsEverything(t *testing.T) {
	for seed := range uint64(50) {
		seen := map[Kind]int{}
		for i, f := range Plan(seed, 60, 5, nil) {
			if seen[f.Kind]++; i < len(deck) && seen[f.Kind] > 1 {
				t.Errorf("seed %d: %s comes twice in the first %d", seed, f.Kind, len(deck))
			}
		}
		for _, k := range Kinds() {
			if seen[k] < 2 {
				t.Errorf("seed %d: %s comes %d times of 60", seed, k, seen[k])
			}
		}
	}
}

func TestPlanStaysInBounds(t *testing.T) {
	for seed := range uint64(200) {
		for _, f := range Plan(seed, 26, 3+int(seed%5), nil) {
			nodes := 3 + int(seed%5)
			if len(f.Side) == 0 || len(f.Side) >= nodes || len(f.Phases)%2 == 0 || f.Kind == Pair && f.Other == f.Side[0] {
				t.Errorf("seed %d: %+v", seed, f)
			}
			if most := time.Duration(2*flapsMax-1) * flapMax; f.Lasts() <= 0 || f.Lasts() > longMax && f.Lasts() > most {
				t.Errorf("seed %d: %v lasts %v", seed, &f, f.Lasts())
			}
		}
	}
}

func TestPlanOfSomeKinds(t *testing.T) {
	for _, f := range Plan(3, 60, 5, []Kind{Long, Pair}) {
		if f.Kind != Long && f.Kind != Pair {
			t.Errorf("%v in a plan of others", &f)
		}
	}
}

// TestTouchesAndSevers holds both against the cuts themselves: who hears whom over TCP, directly or by way of one other node.
func TestTouchesAndSevers(t *testing.T) {
	const nodes = 5
	for seed := range uint64(100) {
		for _, f := range Plan(seed, 30, nodes, nil) {
			if f.Kind == KillOne || f.Kind == StopOne {
				continue
			}
			dropped := map[[2]int]bool{}
			touched := map[[2]int]bool{}
			for _, c := range f.Cuts(nodes) {
				touched[[2]int{c.From, c.To}], touched[[2]int{c.To, c.From}] = true, true
				if c.What != UDP {
					dropped[[2]int{c.From, c.To}] = true
				}
			}
			link := func(i, j int) bool { return !dropped[[2]int{i, j}] && !dropped[[2]int{j, i}] }
			for i := range nodes {
				for j := range nodes {
					if i == j {
						continue
					}
					path := link(i, j)
					for k := range nodes {
						path = path || k != i && k != j && link(i, k) && link(k, j)
					}
					if f.Severs(i, j) == path {
						t.Errorf("%v: severs %d and %d: %v", &f, i, j, !path)
					}
					if f.Touches(i, j) != touched[[2]int{i, j}] {
						t.Errorf("%v: touches %d and %d: %v", &f, i, j, !touched[[2]int{i, j}])
					}
				}
			}
		}
	}
}
