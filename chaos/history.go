package chaos

import (
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/node"
	"kleeblatt/transport/link"
)

// history is what disturbed each node and each pair of nodes, and when. It is read by those who judge what clients saw: what the faults did is
// no broken promise. Most of it is taken from the links and states of the nodes themselves.
type history struct {
	w     *World
	pairs map[[2]int]*record
	nodes []seenNode
	seen  map[[2]int]seenPair // of the first's link to the second
	last  int64
	half  map[[2]int]trouble // of a pair, as its first node sees it
}

// record is the levels of trouble of a pair, one after the other. Before the first it is torn.
type record struct{ spans []stretch }

type stretch struct {
	from  int64
	level trouble
}

// seenNode is what was last seen of a process.
type seenNode struct {
	process int
	life    gossip.Life
}

// seenPair is what was last seen of a link.
type seenPair struct {
	ups, resets, lost, dropped, suspected uint64
}

// historyEvery is how often everything is looked at; what begins and ends in between is seen by counters.
const historyEvery = 50 * time.Millisecond

func (h *history) init(w *World) {
	h.w = w
	h.pairs, h.seen, h.half = map[[2]int]*record{}, map[[2]int]seenPair{}, map[[2]int]trouble{}
	w.after(0, h.sample)
}

// worst is the worst that touched the two nodes (or the one, where they are the same) between two times.
func (h *history) worst(a, b int, from, until int64) trouble {
	r := h.pairs[pairOf(a, b)]
	if r == nil {
		return torn
	}
	level := calm
	for i := len(r.spans) - 1; i >= 0; i-- {
		x := &r.spans[i]
		if x.from <= until {
			level = max(level, x.level)
		}
		if x.from <= from {
			return level
		}
	}
	return torn
}

// tornBefore is when the last torn time of the two that began before at ended, at itself where it has not, 0 where there was none.
func (h *history) tornBefore(a, b int, at int64) int64 {
	r := h.pairs[pairOf(a, b)]
	if r == nil {
		return at
	}
	end := at
	for i := len(r.spans) - 1; i >= 0; i-- {
		x := &r.spans[i]
		if x.from < at && x.level == torn {
			return min(end, at)
		}
		end = x.from
	}
	return min(end, at)
}

func pairOf(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

func (h *history) note(a, b int, level trouble, since int64) {
	k := pairOf(a, b)
	r := h.pairs[k]
	if r == nil {
		r = &record{}
		h.pairs[k] = r
	}
	n := len(r.spans)
	if n == 0 || r.spans[n-1].level != level {
		// What is worse began after the last look, what is better with this one.
		from := h.w.now
		if n == 0 || level > r.spans[n-1].level {
			from = since
		}
		r.spans = append(r.spans, stretch{from, level})
	}
}

// sample looks at all nodes and pairs.
func (h *history) sample() {
	w := h.w
	h.look()
	w.after(historyEvery, h.sample)
}

// look is also called where a fault begins.
func (h *history) look() {
	w := h.w
	since := h.last
	h.last = w.now
	levels := make([]trouble, len(w.sites))
	for i, s := range w.sites {
		levels[i] = h.lookAtNode(i, s)
		h.note(i, i, levels[i], since)
	}
	for i, a := range w.sites {
		worst := make([]trouble, len(w.sites))
		for j := range worst {
			worst[j] = torn
		}
		if a.p != nil {
			a.p.sim.EachPeer(func(x *node.PeerView) {
				for j, b := range w.sites {
					if b.name == x.Name && b.p != nil && b.p.sim.Life() == x.Life {
						worst[j] = h.lookAtLink(a, b, x)
					}
				}
			})
		}
		for j := range w.sites {
			if i == j {
				continue
			}
			level := max(worst[j], levels[i], levels[j])
			if i < j {
				h.half[[2]int{i, j}] = level
			} else {
				h.note(i, j, max(level, h.half[[2]int{j, i}]), since)
			}
		}
	}
}

func (h *history) lookAtNode(i int, s *site) trouble {
	for len(h.nodes) <= i {
		h.nodes = append(h.nodes, seenNode{})
	}
	p := s.p
	if p == nil {
		h.nodes[i] = seenNode{}
		return torn
	}
	now := seenNode{p.id, p.sim.Life()}
	before := h.nodes[i]
	h.nodes[i] = now
	switch {
	case now != before || !p.serving || p.paused: // how long it is stopped is the journal's matter
		return torn
	}
	return calm
}

// lookAtLink is how a sees b.
func (h *history) lookAtLink(a, b *site, x *node.PeerView) trouble {
	k := [2]int{a.index, b.index}
	before := h.seen[k]
	now := before
	now.ups, now.resets, now.lost, now.dropped, now.suspected = x.Link.Ups, x.Link.Resets, x.Link.Lost, x.Link.Dropped, x.Suspected
	h.seen[k] = now
	shown := x.State == gossip.Reachable || x.State == gossip.Suspect
	out, back := h.w.net.wire(a, b), h.w.net.wire(b, a)
	switch {
	case now.resets != before.resets || now.lost != before.lost || now.dropped != before.dropped || !shown && !x.Lingers:
		return torn
	case x.State != gossip.Reachable || x.Path != link.Up || now.ups != before.ups || now.suspected != before.suspected || x.Full:
		return shaken
	case out.tcp > 0 || back.tcp > 0 || out.cloggedTil > h.w.now || back.cloggedTil > h.w.now:
		return shaken
	}
	return calm
}
