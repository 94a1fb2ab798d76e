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
	w      *World
	pairs  [][]record // by site, the smaller index second; a site with itself: what happened to it alone
	nodes  []seenNode
	seen   [][]seenPair // of the first's link to the second
	last   int64
	lastOf uint64      // the event in which it was
	views  []record    // of each site: torn while its node does not know all that it could
	levels [][]trouble // of a pair, as the first sees it; a site with itself: its own
}

// record is the levels of trouble of a pair, one after the other. Before the first it is torn.
type record struct{ spans []stretch }

type stretch struct {
	from  int64
	level trouble
}

// seenNode is what was last seen of a process.
type seenNode struct {
	process int // 0: none
	life    gossip.Life
}

// seenPair is what was last seen of a link.
type seenPair struct {
	marks     link.Marks
	suspected uint64
	ends      [2]seenNode
	up        int64 // when there was a path last
	kept      bool  // it was routed to since it began, it was not forgotten since, and no outage was too long for the window
}

// nearly is how much less than the window's patience an outage may last that ends it: it is sampled.
const nearly = int64(2 * historyEvery)

// historyEvery is how often everything is looked at; what begins and ends in between is seen by counters.
const historyEvery = 50 * time.Millisecond

func (h *history) init(w *World) {
	h.w = w
	w.after(0, h.sample)
}

// worst is the worst that touched the two nodes (or the one, where they are the same) between two times.
func (h *history) worst(a, b int, from, until int64) trouble {
	r := h.pair(a, b)
	if len(r.spans) == 0 {
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
	r := h.pair(a, b)
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

func (h *history) pair(a, b int) *record {
	h.grow(max(a, b) + 1)
	return &h.pairs[max(a, b)][min(a, b)]
}

// grow makes room for so many sites.
func (h *history) grow(sites int) {
	for len(h.nodes) < sites {
		h.nodes, h.seen, h.levels = append(h.nodes, seenNode{}), append(h.seen, nil), append(h.levels, nil)
		h.pairs, h.views = append(h.pairs, make([]record, len(h.nodes))), append(h.views, record{})
	}
	for i := range h.seen {
		for len(h.seen[i]) < len(h.nodes) {
			h.seen[i], h.levels[i] = append(h.seen[i], seenPair{}), append(h.levels[i], torn)
		}
	}
}

// note says what the level is now; it was last looked at then.
func (r *record) note(level trouble, since, now int64) {
	n := len(r.spans)
	if n == 0 || r.spans[n-1].level != level {
		// What is worse began after the last look, what is better with this one.
		from := now
		if n == 0 || level > r.spans[n-1].level {
			from = since
		}
		r.spans = append(r.spans, stretch{from, level})
	}
}

// settledFor is how long, between two times, a node knew all that it could.
func (h *history) settledFor(site int, from, until int64) (sum int64) {
	h.grow(site + 1)
	end := until
	spans := h.views[site].spans
	for i := len(spans) - 1; i >= 0 && end > from; i-- {
		x := &spans[i]
		if begin := max(x.from, from); x.level == calm && begin < end {
			sum += end - begin
		}
		end = min(end, x.from)
	}
	return sum
}

// sample looks at all nodes and pairs.
func (h *history) sample() {
	w := h.w
	h.look()
	w.after(historyEvery, h.sample)
}

// upTo looks, unless that has been done since anything happened.
func (h *history) upTo(until int64) {
	if until > h.last && (h.last < h.w.now || h.lastOf != h.w.steps) {
		h.look()
	}
}

// look is also called where a fault begins.
func (h *history) look() {
	w := h.w
	since := h.last
	h.last, h.lastOf = w.now, w.steps
	h.grow(len(w.sites))
	for i, s := range w.sites {
		h.levels[i][i] = h.lookAtNode(i, s)
		h.pair(i, i).note(h.levels[i][i], since, w.now)
		view := torn
		if s.p != nil && s.p.sim.Settled() {
			view = calm
		}
		h.views[i].note(view, since, w.now)
	}
	for i, a := range w.sites {
		h.lookAtLinks(i, a)
	}
	for i := range w.sites {
		for j := range i {
			h.pair(i, j).note(max(h.levels[i][j], h.levels[j][i], h.levels[i][i], h.levels[j][j]), since, w.now)
		}
	}
}

func (h *history) lookAtNode(i int, s *site) trouble {
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

// lookAtLinks is how a sees all others.
func (h *history) lookAtLinks(i int, a *site) {
	for j := range h.w.sites {
		if j != i {
			h.levels[i][j] = torn
		}
	}
	if a.p == nil {
		return
	}
	a.p.sim.EachPeer(func(x *node.PeerView) {
		for j, b := range h.w.sites {
			if o := &h.nodes[j]; j != i && o.process != 0 && o.life == x.Life && b.name == x.Name {
				h.levels[i][j] = h.lookAtLink(a, b, x)
			}
		}
	})
}

// lookAtLink is how a sees b.
func (h *history) lookAtLink(a, b *site, x *node.PeerView) trouble {
	k := &h.seen[a.index][b.index]
	before := *k
	now := seenPair{marks: x.Marks(), suspected: x.Suspected, ends: [2]seenNode{h.nodes[a.index], h.nodes[b.index]}, up: before.up}
	shown := x.State == gossip.Reachable || x.State == gossip.Suspect
	if x.Path == link.Up {
		now.up = h.w.now
	}
	over := x.State == gossip.Forgotten || x.State == gossip.Buried || h.w.now-now.up >= int64(h.w.draw.downAfter)-nearly
	now.kept = shown || before.kept && now.ends == before.ends && !over
	*k = now
	out, back := h.w.net.wire(a, b), h.w.net.wire(b, a)
	switch {
	case now.marks.Resets != before.marks.Resets || now.marks.Lost != before.marks.Lost || now.marks.Dropped != before.marks.Dropped || !now.kept:
		return torn
	case x.State != gossip.Reachable || x.Path != link.Up || now.marks.Ups != before.marks.Ups || now.suspected != before.suspected || x.Full:
		return shaken
	case out.tcp > 0 || back.tcp > 0 || out.cloggedTil > h.w.now || back.cloggedTil > h.w.now:
		return shaken
	}
	return calm
}
