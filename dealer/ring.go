package dealer

import "kleeblatt/internal/wamp/pages"

// ring is a list of records in the order in which they joined; links are by record number.
type ring struct {
	first uint32 // 0 if the ring is empty; its prev is the last
	n     uint32
}

// rings holds the links of many rings, for records each of which is in one ring at most.
type rings struct{ links pages.Pages[link] }

type link struct{ prev, next uint32 }

// join puts record i at the end.
func (s *rings) join(r *ring, i uint32) {
	x := s.links.Make(i)
	if r.first == 0 {
		*x = link{i, i}
		r.first = i
	} else {
		first := s.links.At(r.first)
		*x = link{first.prev, r.first}
		s.links.At(first.prev).next = i
		first.prev = i
	}
	r.n++
}

// part takes record i out.
func (s *rings) part(r *ring, i uint32) {
	x := s.links.At(i)
	s.links.At(x.prev).next = x.next
	s.links.At(x.next).prev = x.prev
	if r.n--; r.n == 0 {
		r.first = 0
	} else if r.first == i {
		r.first = x.next
	}
}

// each yields the records that are in the ring now, in order. yield may take the one that it is given out, and no other.
func (s *rings) each(r *ring, yield func(i uint32) bool) {
	i := r.first
	for range r.n {
		next := s.links.At(i).next
		if !yield(i) {
			return
		}
		i = next
	}
}
