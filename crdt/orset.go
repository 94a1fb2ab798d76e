package crdt

import (
	"maps"
	"slices"
)

// ORSet is the optimized observed-remove set: add wins over a concurrent remove, and nothing is left of a removed element but its
// dots in the context. The zero ORSet is empty and ready for use.
//
// Add and Remove return the change as a small ORSet of its own. Merging such deltas, in any order and any number of times, leads
// where merging the whole set leads, once all have arrived.
type ORSet struct {
	// dots are, per element, the adds that nobody has removed: sorted, never empty, all in context.
	dots    map[string][]Dot
	context Context
}

// Add puts e into the set on behalf of a life that the caller owns, and takes the place of all adds of e seen so far.
func (s *ORSet) Add(l Life, e string) (delta ORSet) {
	d := s.context.Next(l)
	for _, old := range s.dots[e] {
		delta.context.Add(old)
	}
	delta.context.Add(d)
	delta.put(e, []Dot{d})
	s.put(e, []Dot{d})
	return delta
}

// Remove takes e out of the set as far as its adds have been seen here.
func (s *ORSet) Remove(e string) (delta ORSet) {
	for _, old := range s.dots[e] {
		delta.context.Add(old)
	}
	delete(s.dots, e)
	return delta
}

// Merge makes s the join of both: it holds what either holds and the other has not seen removed.
func (s *ORSet) Merge(o *ORSet) {
	for e, mine := range s.dots {
		s.put(e, survivors(mine, &s.context, o.dots[e], &o.context))
	}
	for e, theirs := range o.dots {
		if _, both := s.dots[e]; !both {
			s.put(e, survivors(nil, &s.context, theirs, &o.context))
		}
	}
	s.context.Merge(&o.context)
}

// survivors are the dots that both hold, or one holds and the other has never seen.
func survivors(a []Dot, seenA *Context, b []Dot, seenB *Context) []Dot {
	var kept []Dot
	for _, d := range a {
		if slices.Contains(b, d) || !seenB.Contains(d) {
			kept = append(kept, d)
		}
	}
	for _, d := range b {
		if !seenA.Contains(d) {
			kept = append(kept, d)
		}
	}
	slices.SortFunc(kept, Dot.Compare)
	return kept
}

func (s *ORSet) put(e string, dots []Dot) {
	if len(dots) == 0 {
		delete(s.dots, e)
		return
	}
	if s.dots == nil {
		s.dots = map[string][]Dot{}
	}
	s.dots[e] = dots
}

// Contains says whether e is in the set.
func (s *ORSet) Contains(e string) bool { return len(s.dots[e]) > 0 }

// Len is the number of elements.
func (s *ORSet) Len() int { return len(s.dots) }

// Elements returns the elements, sorted.
func (s *ORSet) Elements() []string { return slices.Sorted(maps.Keys(s.dots)) }

// Equal says whether both hold the same elements with the same dots and have seen the same changes.
func (s *ORSet) Equal(o *ORSet) bool {
	return maps.EqualFunc(s.dots, o.dots, slices.Equal) && s.context.Equal(&o.context)
}

// Clone returns an independent copy.
func (s *ORSet) Clone() ORSet {
	c := ORSet{context: s.context.Clone()}
	for e, d := range s.dots {
		c.put(e, slices.Clone(d))
	}
	return c
}
