package dealer

import "kleeblatt/internal/wamp/pages"

// deadlines is a binary heap of records by deadline, then by place in the slab, so that equal deadlines have an order.
type deadlines struct {
	heap  []due
	where pages.Pages[uint32] // record → 1 + its place in heap, 0 if it is not in it
}

type due struct {
	at int64
	i  uint32
}

func (d due) before(e due) bool { return d.at < e.at || d.at == e.at && d.i < e.i }

// set gives record i the deadline.
func (h *deadlines) set(i uint32, at int64) {
	w := h.where.Make(i)
	if *w == 0 {
		h.heap = append(h.heap, due{})
		*w = uint32(len(h.heap))
	}
	k := int(*w - 1)
	h.heap[k] = due{at, i}
	h.down(h.up(k))
}

// clear takes record i out, if it is in.
func (h *deadlines) clear(i uint32) {
	w := h.where.MaybeAt(i)
	if w == nil || *w == 0 {
		return
	}
	k, last := int(*w-1), len(h.heap)-1
	*w = 0
	moved := h.heap[last]
	h.heap = h.heap[:last]
	if k < last {
		h.heap[k] = moved
		h.down(h.up(k))
	}
}

func (h *deadlines) up(k int) int {
	d := h.heap[k]
	for k > 0 && d.before(h.heap[(k-1)/2]) {
		h.place(k, h.heap[(k-1)/2])
		k = (k - 1) / 2
	}
	h.place(k, d)
	return k
}

func (h *deadlines) down(k int) {
	d := h.heap[k]
	for {
		kid := 2*k + 1
		if kid >= len(h.heap) {
			break
		}
		if kid+1 < len(h.heap) && h.heap[kid+1].before(h.heap[kid]) {
			kid++
		}
		if !h.heap[kid].before(d) {
			break
		}
		h.place(k, h.heap[kid])
		k = kid
	}
	h.place(k, d)
}

func (h *deadlines) place(k int, d due) {
	h.heap[k] = d
	*h.where.At(d.i) = uint32(k + 1)
}
