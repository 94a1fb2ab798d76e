package dealer

// quickPlaces is how many records a quick table finds without hashing: many times what is under way in a busy worker, 16 KiB.
const quickPlaces = 4096

// quick finds records by two numbers of which one counts upwards, as ids do: each record stands at the place that the numbers say, with
// nothing to hash and nothing to follow. Where a place is taken, whoever chose the numbers, the record is in the table like any other.
type quick struct {
	places []uint32 // record or 0; made with the first record
	others table
}

// placeOf spreads the windows of ids of different owners over the places; the ids of one stand side by side.
func placeOf(owner, id uint64) uint32 {
	return uint32(id+owner*0x9e3779b1) % quickPlaces
}

// at is the record at the place of these numbers, 0 if there is none. The caller looks whether it is the one; if not, it may be among the
// others.
func (q *quick) at(owner, id uint64) uint32 {
	if q.places == nil {
		return 0
	}
	return q.places[placeOf(owner, id)]
}

// enter gives record i the place of these numbers; false says that it is taken.
func (q *quick) enter(owner, id uint64, i uint32) bool {
	if q.places == nil {
		q.places = make([]uint32, quickPlaces)
	}
	p := &q.places[placeOf(owner, id)]
	if *p != 0 {
		return false
	}
	*p = i
	return true
}

// remove takes record i out, whose numbers these are; it must be there.
func (q *quick) remove(owner, id uint64, i uint32) {
	if p := &q.places[placeOf(owner, id)]; *p == i {
		*p = 0
	} else {
		q.others.remove(i)
	}
}
