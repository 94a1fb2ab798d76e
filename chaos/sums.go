package chaos

import (
	"fmt"
	"time"

	"kleeblatt/internal/node"
	"kleeblatt/internal/router"
	"kleeblatt/transport/link"
)

// Sums: no frame is lost without being counted, none is passed on, and each publication that comes to a worker becomes as many EVENTs as
// sessions there hold what it matches.

// sums belongs to one process.
type sums struct {
	w    *World
	p    *process
	came map[cameTo]bool // publications that came from other nodes
}

type cameTo struct {
	worker      int
	publication uint64
}

// onFrame is called for each relay frame that a worker of the process has taken.
func (s *sums) onFrame(f node.SimFrame) {
	w := s.w
	if f.Publication == 0 {
		return
	}
	w.count.FramesIn++
	if owed := uint64(f.Owed); owed != f.Events+f.Withheld {
		w.violate("worker %d of %v makes %d EVENTs of publication %d and withholds %d, and %d are owed", f.Worker, s.p, f.Events, f.Publication, f.Withheld, f.Owed)
	}
	if f.PassedOn > 0 {
		w.violate("worker %d of %v passes publication %d on, which came from elsewhere", f.Worker, s.p, f.Publication)
	}
	if f.Node == 0 {
		return
	}
	k := cameTo{f.Worker, f.Publication}
	if s.came[k] {
		w.violate("publication %d comes to worker %d of %v twice", f.Publication, f.Worker, s.p)
	}
	s.came[k] = true
}

// lanes holds both ends of each link against each other, where both know each other's present life and nothing is on its way: what one has
// accepted has come to the other, or is counted as lost.
func (t *tables) lanes() {
	w := t.w
	for _, a := range w.sites {
		if a.p == nil || a.p.dead {
			continue
		}
		a.p.sim.EachPeer(func(x *node.PeerView) {
			t.checkHolding(a.p, x)
			if b, y := t.otherEnd(a, x); b != nil {
				w.count.LinksSummed++
				t.sumUp(a, b, x, &y)
			}
		})
	}
}

// otherEnd is the process that the link leads to, and how that sees it; nil unless both ends know each other, up.
func (t *tables) otherEnd(a *site, x *node.PeerView) (b *process, y node.PeerView) {
	if x.Path != link.Up || t.w.doubled(a.name) || t.w.doubled(x.Name) {
		return nil, y
	}
	for _, s := range t.w.sites {
		if s.p != nil && s.name == x.Name && s.p.sim.Life() == x.Life {
			b = s.p
		}
	}
	if b == nil {
		return nil, y
	}
	y, ok := b.sim.Peer(a.name)
	if !ok || y.Path != link.Up || y.Life != a.p.sim.Life() {
		return nil, y
	}
	return b, y
}

func (t *tables) sumUp(a *site, b *process, x, y *node.PeerView) {
	t.from, t.to = lanesOf(a.p, x.Slot, t.from), lanesOf(b, y.Slot, t.to)
	for _, text := range unbalanced(t.from, t.to) {
		t.w.violate("%v to %v: %s", a.p, b, text)
	}
}

// unbalanced says of each lane from one end to the other where something is missing, or too much.
func unbalanced(from, to []link.LaneStatus) (list []string) {
	for lane := range min(len(from), len(to)) {
		out, in := &from[lane], &to[lane]
		if out.Waiting > 0 {
			continue
		}
		for kind, name := range link.LostNames {
			if out.Out[kind] != in.In[kind]+out.Lost[kind] {
				list = append(list, fmt.Sprintf("of %d frames (%s) that were accepted on lane %d, %d came, and %d are counted as lost",
					out.Out[kind], name, lane, in.In[kind], out.Lost[kind]))
			}
		}
	}
	return list
}

// lanesOf are the lanes of a link, in the memory of list.
func lanesOf(p *process, slot router.NodeSlot, list []link.LaneStatus) []link.LaneStatus {
	list = list[:0]
	p.sim.EachLane(slot, func(_ int, x link.LaneStatus) { list = append(list, x) })
	return list
}

// checkHolding: frames wait for the tables no longer, and no more of them, than they may.
func (t *tables) checkHolding(p *process, x *node.PeerView) {
	if p.paused {
		return
	}
	t.from = lanesOf(p, x.Slot, t.from)
	for lane := range t.from {
		if text := holdsTooMuch(&t.from[lane], t.w.now, p.resumed, t.w.draw.window); text != "" {
			t.w.violate("%v, on lane %d from %s, %s", p, lane, x.Name, text)
		}
	}
}

// holdsTooMuch says what a lane keeps too long, or too much; its node has run since then.
func holdsTooMuch(l *link.LaneStatus, now, running int64, window int) string {
	if most := link.DefaultHoldBytes + window; l.HeldBytes > most {
		return fmt.Sprintf("holds %d bytes back, of %d", l.HeldBytes, most)
	}
	if l.HeldSince != 0 && now-max(l.HeldSince, running) > int64(link.DefaultHoldTime+settlesIn) {
		return fmt.Sprintf("holds a frame back for %v", time.Duration(now-l.HeldSince))
	}
	return ""
}

// checkRecords: when clients have rested for a while, no node remembers a call that nobody waits for.
func (t *troupe) checkRecords() {
	w, l := t.w, t.ledger
	calls, invocations := map[int]int{}, map[int]int{}
	for _, c := range l.calls {
		if c.s.over == 0 && (c.answered == 0 || w.now-c.answered < l.wait.settled) {
			calls[c.s.node]++
		}
		if v := c.invoked; v != nil && v.s.over == 0 && (v.answered == 0 || w.now-v.answered < l.wait.settled) {
			invocations[v.s.node]++
		}
	}
	for i, s := range w.sites {
		if s.p == nil || s.twin || t.trouble(i, i, w.now-l.wait.recovered, w.now) != calm || l.anyStalled(i) {
			continue
		}
		w.count.RecordsChecked++
		for _, text := range tooMany(s.p.records(), calls[i], invocations[i]) {
			w.violate("%v %s", s.p, text)
		}
	}
}

// tooMany says what a node remembers too much.
func tooMany(r router.Stats, calls, invocations int) (list []string) {
	if r.CallsPending > calls {
		list = append(list, fmt.Sprintf("remembers %d calls of its clients, who wait for %d", r.CallsPending, calls))
	}
	if r.InvocationsPending > invocations {
		list = append(list, fmt.Sprintf("remembers %d invocations of its clients, who work on %d", r.InvocationsPending, invocations))
	}
	return list
}

// records adds up what all workers remember of calls.
func (p *process) records() (sum router.Stats) {
	for i := range p.loops {
		s := p.sim.Worker(i)
		sum.CallsPending += s.CallsPending
		sum.InvocationsPending += s.InvocationsPending
	}
	return sum
}

// anyStalled says that a client of the node does not read, or did not a moment ago.
func (l *ledger) anyStalled(node int) bool {
	for _, s := range l.sessions {
		if s.node == node && s.state != sessionOver && (s.stalled != 0 || l.clock()-s.lately < l.wait.settled && s.lately != 0) {
			return true
		}
	}
	return false
}

// checkHeldByOwners: what clients were told that they have is in their nodes' own parts, confirmed.
func (t *troupe) checkHeldByOwners() {
	w, l := t.w, t.ledger
	parts := map[int]map[string]bool{}
	for _, s := range l.sessions {
		p := w.sites[s.node].p
		if s.state != sessionOpen || p == nil || s.stalled != 0 || t.trouble(s.node, s.node, w.now-l.wait.recovered, w.now) != calm {
			continue
		}
		if parts[s.node] == nil {
			parts[s.node] = partOf(p)
		}
		for _, x := range s.subscriptions {
			if x.since != 0 && x.leaving == 0 && !parts[s.node][wordsOf(router.Interest, x.pattern, 0)] {
				w.violate("session %v holds a subscription to %v that is not in its node's part", s, x.pattern)
			}
		}
		for _, x := range s.registrations {
			if x.since != 0 && x.leaving == 0 && !parts[s.node][wordsOf(router.Registration, x.pattern, s.id)] {
				w.violate("session %v holds a registration of %v that is not in its node's part", s, x.pattern)
			}
		}
	}
}

func wordsOf(kind router.ElementKind, p pattern, session uint64) string {
	return fmt.Sprintf("%d %v %d", kind, p, session)
}

// partOf is what a node tells the others of its own, in words.
func partOf(p *process) map[string]bool {
	list := map[string]bool{}
	for _, entry := range p.sim.Elements(p.site.name) {
		if e, err := router.ParseElement(entry.Element); err == nil && !e.Tentative {
			list[wordsOf(e.Kind, pattern{e.Match, e.URI}, e.Session)] = true
		}
	}
	return list
}
