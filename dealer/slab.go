package dealer

import "kleeblatt/internal/wamp/pages"

// slab keeps records of one type and uses their places again. Places do not move, so a pointer is good until the record is
// closed. An id names a record as long as it is open and nothing ever after: it carries the place's generation, and a place
// whose generations are used up is retired.
type slab[T any] struct {
	cells pages.Pages[cell[T]] // place 0 is never used: it means none
	used  uint32               // places ever used
	free  uint32               // a list through cell.next
	n     int
	birth uint32 // the generation of a new place: even
}

type cell[T any] struct {
	val        T
	generation uint32 // odd while open
	next       uint32
}

// open is a new record with its place and id; the caller writes all of it.
func (s *slab[T]) open() (rec *T, place uint32, id uint64) {
	place = s.free
	var c *cell[T]
	if place != 0 {
		c = s.cells.At(place)
		s.free = c.next
	} else {
		s.used++
		place = s.used
		c = s.cells.Make(place)
		c.generation = s.birth
	}
	c.generation++
	s.n++
	return &c.val, place, uint64(c.generation)<<32 | uint64(place)
}

// close ends the record at the place.
func (s *slab[T]) close(place uint32) {
	c := s.cells.At(place)
	if c.generation&1 == 0 {
		panic("dealer: the record is closed")
	}
	s.n--
	if c.generation++; c.generation != 0 { // else they are used up
		c.next, s.free = s.free, place
	}
}

// at is the open record at the place.
func (s *slab[T]) at(place uint32) *T { return &s.cells.At(place).val }

// byID is the open record with that id, nil if there is none.
func (s *slab[T]) byID(id uint64) (rec *T, place uint32) {
	place = uint32(id)
	c := s.cells.MaybeAt(place)
	if c == nil || uint64(c.generation) != id>>32 || c.generation&1 == 0 {
		return nil, 0
	}
	return &c.val, place
}
