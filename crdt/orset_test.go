package crdt

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// tombstones is the dumb twin of ORSet: it keeps each add and each remove for ever.
type tombstones struct {
	added   map[tag]bool
	removed map[tag]bool
}

type tag struct {
	element string
	dot     Dot
}

func newTombstones() *tombstones { return &tombstones{map[tag]bool{}, map[tag]bool{}} }

func (s *tombstones) remove(e string) {
	for t := range s.added {
		if t.element == e {
			s.removed[t] = true
		}
	}
}

func (s *tombstones) add(e string, d Dot) {
	s.remove(e)
	s.added[tag{e, d}] = true
}

func (s *tombstones) merge(o *tombstones) {
	maps.Copy(s.added, o.added)
	maps.Copy(s.removed, o.removed)
}

func (s *tombstones) elements() []string {
	live := map[string]bool{}
	for t := range s.added {
		if !s.removed[t] {
			live[t.element] = true
		}
	}
	return slices.Sorted(maps.Keys(live))
}

// replica is one replica with its twin and the deltas that it has made.
type replica struct {
	life   Life
	set    ORSet
	twin   *tombstones
	deltas []ORSet
}

func newReplicas(n int) []*replica {
	all := make([]*replica, n)
	for i := range all {
		all[i] = &replica{life: Life{1, uint64(i + 1)}, twin: newTombstones()}
	}
	return all
}

func (r *replica) change(t *rapid.T) {
	e := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "element")
	if rapid.Bool().Draw(t, "add") {
		next := Dot{r.life, r.set.context.vector[r.life] + 1}
		r.deltas = append(r.deltas, r.set.Add(r.life, e))
		r.twin.add(e, next)
	} else {
		r.deltas = append(r.deltas, r.set.Remove(e))
		r.twin.remove(e)
	}
}

func (r *replica) mergeFrom(o *replica) {
	r.set.Merge(&o.set)
	r.twin.merge(o.twin)
}

// drawHistory lets replicas change and merge at will.
func drawHistory(t *rapid.T) []*replica {
	all := newReplicas(3)
	for range rapid.IntRange(0, 30).Draw(t, "steps") {
		r := all[rapid.IntRange(0, 2).Draw(t, "who")]
		if rapid.IntRange(0, 3).Draw(t, "merge") == 0 {
			r.mergeFrom(all[rapid.IntRange(0, 2).Draw(t, "from")])
		} else {
			r.change(t)
		}
	}
	return all
}

func joined(sets ...*ORSet) *ORSet {
	j := sets[0].Clone()
	for _, s := range sets[1:] {
		j.Merge(s)
	}
	return &j
}

func TestORSetLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawHistory(t)
		a, b, c := &all[0].set, &all[1].set, &all[2].set
		if !joined(a, b).Equal(joined(b, a)) {
			t.Fatal("merge does not commute")
		}
		if !joined(joined(a, b), c).Equal(joined(a, joined(b, c))) {
			t.Fatal("merge is not associative")
		}
		if !joined(a, a).Equal(a) {
			t.Fatal("merge is not idempotent")
		}
		if ab := joined(a, b); !joined(ab, a).Equal(ab) {
			t.Fatal("merge forgets")
		}
	})
}

func TestORSetTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for i, r := range drawHistory(t) {
			if got, want := r.set.Elements(), r.twin.elements(); !slices.Equal(got, want) {
				t.Fatalf("replica %d has %q, its twin %q", i, got, want)
			}
			for e, dots := range r.set.dots {
				for _, d := range dots {
					if !r.set.context.Contains(d) {
						t.Fatalf("%s holds a dot that its context has not seen", e)
					}
				}
			}
		}
	})
}

// TestF2bORSetDeltas: deltas in any order, some twice, lead where the whole set leads.
func TestF2bORSetDeltas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawHistory(t)
		var deltas []ORSet
		for _, r := range all {
			deltas = append(deltas, r.deltas...)
			deltas = append(deltas, r.deltas[len(r.deltas)/2:]...)
		}
		if len(deltas) > 0 {
			deltas = rapid.Permutation(deltas).Draw(t, "order")
		}
		var got ORSet
		for i := range deltas {
			got.Merge(&deltas[i])
		}
		if want := joined(&all[0].set, &all[1].set, &all[2].set); !got.Equal(want) {
			t.Fatalf("deltas lead to %v, the sets to %v", got, want)
		}
	})
}

func TestORSetAddWins(t *testing.T) {
	a, b := Life{1, 1}, Life{1, 2}
	var x, y ORSet
	x.Add(a, "t")
	y.Merge(&x)
	y.Remove("t") // sees one add …
	x.Add(b, "t") // … and this one is at the same time
	if m := joined(&x, &y); !m.Contains("t") || m.Len() != 1 {
		t.Fatalf("a concurrent add lost: %q", m.Elements())
	}
	x.Remove("t")
	if m := joined(&x, &y); m.Len() != 0 || len(m.context.cloud) != 0 {
		t.Fatalf("something is left: %q, cloud %v", m.Elements(), m.context.cloud)
	}
}

// TestContextCompact: the cloud is empty as soon as there is no gap.
func TestContextCompact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var dots []Dot
		for l := range 2 {
			for n := range 8 {
				dots = append(dots, Dot{Life{1, uint64(l)}, uint64(n + 1)})
			}
		}
		dots = rapid.Permutation(dots).Draw(t, "order")
		cut := rapid.IntRange(0, len(dots)).Draw(t, "cut")
		var c, o Context
		for _, d := range dots[:cut] {
			c.Add(d)
		}
		for _, d := range dots[cut:] {
			o.Add(d)
		}
		for i, d := range dots {
			if c.Contains(d) != (i < cut) {
				t.Fatalf("%v: contained %v", d, !(i < cut))
			}
		}
		c.Merge(&o)
		if len(c.cloud) != 0 || c.vector[Life{1, 0}] != 8 || c.vector[Life{1, 1}] != 8 {
			t.Fatalf("not compact: %v %v", c.vector, c.cloud)
		}
	})
}

func TestLifeOrder(t *testing.T) {
	lives := []Life{{}, {1, 2}, {1, 3}, {2, 1}}
	for i, l := range lives {
		for j, o := range lives {
			if l.Less(o) != (i < j) {
				t.Errorf("%v < %v: %v", l, o, l.Less(o))
			}
		}
	}
	if !lives[0].IsZero() || lives[1].IsZero() {
		t.Error("IsZero")
	}
	if got := (Life{7, 255}).String(); got != "7.ff" {
		t.Error(got)
	}
}

func elementName(i int) string { return "element-" + strconv.Itoa(i) }
