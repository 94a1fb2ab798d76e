package chaos

// event is something that happens at a time: a call, a loop's turn or a pipe's next delivery. Events of one time happen in the order in
// which they were planned.
type event struct {
	at   int64
	do   func()
	loop *loop
	pipe *pipe
}

// events is a heap, each of whose nodes has four below it. What is moved about has no pointers: the events themselves stay in their places.
type events struct {
	keys   []eventKey
	places []event
	free   []uint32
	seq    uint64
}

type eventKey struct {
	at    int64
	seq   uint64
	place uint32
}

func (k *eventKey) before(o *eventKey) bool { return k.at < o.at || k.at == o.at && k.seq < o.seq }

// next is when the next event happens, false where nothing is planned.
func (h *events) next() (at int64, ok bool) {
	if len(h.keys) == 0 {
		return 0, false
	}
	return h.keys[0].at, true
}

func (h *events) push(e event) {
	h.seq++
	k := eventKey{at: e.at, seq: h.seq}
	if n := len(h.free); n > 0 {
		k.place, h.free = h.free[n-1], h.free[:n-1]
		h.places[k.place] = e
	} else {
		k.place = uint32(len(h.places))
		h.places = append(h.places, e)
	}
	h.keys = append(h.keys, k)
	i := len(h.keys) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !k.before(&h.keys[up]) {
			break
		}
		h.keys[i] = h.keys[up]
		i = up
	}
	h.keys[i] = k
}

// pop takes the next event, of which there has to be one.
func (h *events) pop() (e event) {
	place := h.keys[0].place
	e, h.places[place] = h.places[place], event{}
	h.free = append(h.free, place)
	last := len(h.keys) - 1
	k := h.keys[last]
	h.keys = h.keys[:last]
	if last == 0 {
		return e
	}
	i := 0
	for {
		first := 4*i + 1
		if first >= last {
			break
		}
		down := first
		for j := first + 1; j < min(first+4, last); j++ {
			if h.keys[j].before(&h.keys[down]) {
				down = j
			}
		}
		if !h.keys[down].before(&k) {
			break
		}
		h.keys[i] = h.keys[down]
		i = down
	}
	h.keys[i] = k
	return e
}
