package broker

import "kleeblatt/internal/wamp/pages"

// NoSlot is no session. It stands in the slice that Subscribers returned where a session was removed since.
const NoSlot = ^Slot(0)

// Local says which sessions of one worker hold which subscription. It belongs to the worker. The zero Local is empty.
//
// A (session, subscription) pair is an edge: it stands in its subscription's list, at a known place, and in its session's ring. So
// either end finds it, and removing it costs neither list a walk.
//
//	subscription 7:  slots  [ 3 | · | 5 | 3'... ]      · left: skipped, closed up when next read
//	                 edges  [ a | - | c | ... ]
//	session 5:       first ▶ c ⇄ f ⇄ (c)               in the order of subscription
//
// Cost of a session with one subscription that others hold too: 32 bytes; of a subscription of its own: some 100 more.
type Local struct {
	ids  map[uint64]uint32 // subscription id → its place in subs; never ranged over
	subs pages.Pages[subscription]
	held pages.Pages[holding] // by Slot
	edge pages.Pages[edge]    // place 0 is never used: it means none

	subsUsed, edgesUsed uint32   // places ever used
	subsFree            []uint32 // places to use again, last first
	edgesFree           uint32   // a list through edge.next
	pairs               int
}

// subscription is the list of those who hold it. slots and edges are parallel; where someone left, slots has NoSlot.
type subscription struct {
	id    uint64
	slots []Slot
	edges []uint32
	left  int // how many left since the list was last closed up
}

// holding is one session's ring of edges.
type holding struct {
	first uint32 // the oldest, 0 if there is none; its prev is the newest
	n     uint32
}

type edge struct {
	sub, place uint32 // subs.at(sub).edges[place] is this edge
	prev, next uint32 // in the session's ring
}

// keepCap is up to which capacity the lists of a subscription that went are kept for the next: enough for small ones
// that come and go not to allocate.
const keepCap = 16

// Add lets s hold subscription id. added is false if it did already, first says that nobody else of this worker did.
func (l *Local) Add(id uint64, s Slot) (first, added bool) {
	i, known := l.ids[id]
	if !known {
		i = l.openSub(id)
	} else if l.find(i, s) != 0 {
		return false, false
	}
	sub := l.subs.At(i)
	if sub.left > 0 && len(sub.slots) == cap(sub.slots) {
		l.closeUp(sub)
	}
	e := l.openEdge()
	*l.edge.At(e) = edge{sub: i, place: uint32(len(sub.slots))}
	sub.slots = append(sub.slots, s)
	sub.edges = append(sub.edges, e)
	l.join(l.held.Make(uint32(s)), e)
	l.pairs++
	return !known, true
}

// Remove takes subscription id from s. removed is false if s does not hold it, last says that nobody of this worker does any
// more.
func (l *Local) Remove(id uint64, s Slot) (last, removed bool) {
	i, known := l.ids[id]
	if !known {
		return false, false
	}
	e := l.find(i, s)
	if e == 0 {
		return false, false
	}
	return l.remove(e, s), true
}

// RemoveAll takes all subscriptions from s, in the order in which it got them, and says of each whether it was the last of
// its subscription. each must not edit the Local.
func (l *Local) RemoveAll(s Slot, each func(id uint64, last bool)) {
	h := l.held.MaybeAt(uint32(s))
	for h != nil && h.first != 0 {
		id := l.subs.At(l.edge.At(h.first).sub).id
		each(id, l.remove(h.first, s))
	}
}

// Subscribers is who holds subscription id, in the order in which they came. The slice belongs to the Local and is valid
// until the next Add or Subscribers; a Remove meanwhile puts NoSlot into the place of who left.
func (l *Local) Subscribers(id uint64) []Slot {
	i, known := l.ids[id]
	if !known {
		return nil
	}
	sub := l.subs.At(i)
	if sub.left > 0 {
		l.closeUp(sub) // never dearer than the walk over the list for which it was asked
	}
	return sub.slots
}

// Count is the number of sessions that hold subscription id.
func (l *Local) Count(id uint64) int {
	i, known := l.ids[id]
	if !known {
		return 0
	}
	sub := l.subs.At(i)
	return len(sub.slots) - sub.left
}

// Has reports whether s holds subscription id.
func (l *Local) Has(id uint64, s Slot) bool {
	i, known := l.ids[id]
	return known && l.find(i, s) != 0
}

// Held is the number of subscriptions that s holds.
func (l *Local) Held(s Slot) int {
	if h := l.held.MaybeAt(uint32(s)); h != nil {
		return int(h.n)
	}
	return 0
}

// EachHeld yields the subscriptions that s holds, in the order in which it got them. yield must not edit the Local.
func (l *Local) EachHeld(s Slot, yield func(id uint64) bool) {
	h := l.held.MaybeAt(uint32(s))
	if h == nil {
		return
	}
	e := h.first
	for range h.n {
		if !yield(l.subs.At(l.edge.At(e).sub).id) {
			return
		}
		e = l.edge.At(e).next
	}
}

// Len is the number of subscriptions that anyone holds; Pairs that of (session, subscription) pairs.
func (l *Local) Len() int   { return len(l.ids) }
func (l *Local) Pairs() int { return l.pairs }

// scanFactor is how many places of a subscription's list are scanned in the time of one step along a session's ring.
const scanFactor = 8

// find is the edge between the subscription at i and s, 0 if there is none. It walks the cheaper of the two lists; over all m
// pairs the shorter one has no more than √2m steps on average.
func (l *Local) find(i uint32, s Slot) uint32 {
	h := l.held.MaybeAt(uint32(s))
	if h == nil || h.n == 0 {
		return 0
	}
	sub := l.subs.At(i)
	if len(sub.slots) <= scanFactor*int(h.n) {
		for place, other := range sub.slots {
			if other == s {
				return sub.edges[place]
			}
		}
		return 0
	}
	e := h.first
	for range h.n {
		if l.edge.At(e).sub == i {
			return e
		}
		e = l.edge.At(e).next
	}
	return 0
}

// remove takes the edge of s out of both its lists and reports whether its subscription went with it.
func (l *Local) remove(e uint32, s Slot) (last bool) {
	x := *l.edge.At(e)
	l.part(l.held.At(uint32(s)), e)
	l.closeEdge(e)
	l.pairs--
	sub := l.subs.At(x.sub)
	sub.slots[x.place] = NoSlot
	sub.left++
	if last = sub.left == len(sub.slots); last {
		l.closeSub(x.sub)
	}
	return last
}

// join puts e at the end of the ring, part takes it out.
func (l *Local) join(h *holding, e uint32) {
	x := l.edge.At(e)
	if h.first == 0 {
		h.first, x.prev, x.next = e, e, e
	} else {
		first := l.edge.At(h.first)
		x.prev, x.next = first.prev, h.first
		l.edge.At(first.prev).next = e
		first.prev = e
	}
	h.n++
}

func (l *Local) part(h *holding, e uint32) {
	x := l.edge.At(e)
	l.edge.At(x.prev).next = x.next
	l.edge.At(x.next).prev = x.prev
	if h.n--; h.n == 0 {
		h.first = 0
	} else if h.first == e {
		h.first = x.next
	}
}

// closeUp takes the gaps out of the list and gives memory back when three quarters of it are unused.
func (l *Local) closeUp(sub *subscription) {
	n := 0
	for place, s := range sub.slots {
		if s != NoSlot {
			e := sub.edges[place]
			l.edge.At(e).place = uint32(n)
			sub.slots[n], sub.edges[n] = s, e
			n++
		}
	}
	sub.slots, sub.edges, sub.left = sub.slots[:n], sub.edges[:n], 0
	if cap(sub.slots) > keepCap && n < cap(sub.slots)/4 {
		sub.slots = append(make([]Slot, 0, 2*n), sub.slots...)
		sub.edges = append(make([]uint32, 0, 2*n), sub.edges...)
	}
}

func (l *Local) openSub(id uint64) uint32 {
	if l.ids == nil {
		l.ids = make(map[uint64]uint32)
	}
	var i uint32
	if n := len(l.subsFree); n > 0 {
		i, l.subsFree = l.subsFree[n-1], l.subsFree[:n-1]
	} else {
		i = l.subsUsed
		l.subsUsed++
	}
	l.subs.Make(i).id = id
	l.ids[id] = i
	return i
}

func (l *Local) closeSub(i uint32) {
	sub := l.subs.At(i)
	delete(l.ids, sub.id)
	if cap(sub.slots) > keepCap {
		*sub = subscription{}
	} else {
		*sub = subscription{slots: sub.slots[:0], edges: sub.edges[:0]}
	}
	l.subsFree = append(l.subsFree, i)
}

func (l *Local) openEdge() uint32 {
	e := l.edgesFree
	if e != 0 {
		l.edgesFree = l.edge.At(e).next
		return e
	}
	l.edgesUsed++
	l.edge.Make(l.edgesUsed)
	return l.edgesUsed
}

func (l *Local) closeEdge(e uint32) {
	*l.edge.At(e) = edge{next: l.edgesFree}
	l.edgesFree = e
}
