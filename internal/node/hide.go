package node

import (
	"kleeblatt/gossip"
	"kleeblatt/internal/router"
	"kleeblatt/transport/link"
)

// sweepMax bounds the interests that one turn takes out of the tables for a peer that has lingered. One takes about 3 µs.
const sweepMax = 1024

// hiding is what the tables still have of a peer that is not routed to, or has just come back.
type hiding struct {
	unrouted bool                // gossip has hidden it
	lingers  bool                // it is hidden, but events still go to its link, see hide
	kept     []string            // interests that stayed in the tables meanwhile, in order
	stale    map[string]struct{} // of kept, since it is shown again: those that have not been told anew; nil otherwise
}

// hide stops routing to the peer. Where it may only be cut off, and its link still keeps what is sent, that is true of calls alone: an
// outage that fits the link's window loses no event, however soon membership gives the node up. Once the window is
// given up the link keeps nothing any more, but it counts: whoever comes back to its subscriptions has missed those events.
func (p *peer) hide() {
	p.unrouted = true
	p.o.tables.Hidden(p.slot)
	s := p.l.State()
	p.lingers = (s == link.Suspect || s == link.Down) && !p.refused
	p.keepStale()
}

// unroute takes an element of a hidden peer out of the tables, unless it lingers there. The directory keeps the sessions: they may live on
// behind a cut. Retained events count on in any case.
func (p *peer) unroute(element string) {
	if router.IsDirectory(element) || router.IsRetained(element) {
		return
	}
	if p.lingers && router.IsInterest(element) {
		p.kept = append(p.kept, element)
		return
	}
	p.o.dirty = true
	p.o.tables.RemoteRemove(p.slot, p.name, element)
}

// stopLingering is called when nobody will come back to the subscriptions.
func (p *peer) stopLingering() {
	if p.lingers {
		p.lingers = false
		p.sweep()
	}
}

// show begins to route to the peer again. What has lingered stays until all has been told: events lose no subscriber in between.
func (p *peer) show() {
	p.o.dirty = true
	p.unrouted, p.lingers = false, false
	p.o.tables.Shown(p.slot)
	if len(p.kept) == 0 {
		return
	}
	p.stale = make(map[string]struct{}, len(p.kept))
	for _, e := range p.kept {
		p.stale[e] = struct{}{}
	}
}

// told is called for each element that the peer has now.
func (p *peer) told(element string) {
	if p.stale != nil {
		delete(p.stale, element)
	}
}

// maybeAllTold is called with each change of state: once the peer is shown, all has been told.
func (p *peer) maybeAllTold() {
	if p.stale != nil && (p.state == gossip.Reachable || p.state == gossip.Suspect) {
		p.keepStale()
		p.sweep()
	}
}

// keepStale narrows kept down to what is stale, in the order of kept.
func (p *peer) keepStale() {
	if p.stale == nil {
		return
	}
	left := p.kept[:0]
	for _, e := range p.kept {
		if _, stale := p.stale[e]; stale {
			left = append(left, e)
		}
	}
	clear(p.kept[len(left):])
	p.kept = left
	if p.unrouted || len(left) == 0 {
		p.stale = nil
	}
}

// sweeps says that sweep has something to do.
func (p *peer) sweeps() bool {
	return len(p.kept) > 0 && !p.lingers && (p.unrouted || p.state == gossip.Reachable || p.state == gossip.Suspect)
}

// sweep takes what is kept for nothing out of the tables, a portion at a time.
func (p *peer) sweep() {
	if !p.sweeps() {
		return
	}
	n := min(len(p.kept), sweepMax)
	for i, e := range p.kept[:n] {
		p.kept[i] = ""
		if p.stale != nil {
			if _, stale := p.stale[e]; !stale {
				continue // told anew meanwhile
			}
			delete(p.stale, e)
		}
		p.o.dirty = true
		p.o.tables.RemoteRemove(p.slot, p.name, e)
	}
	if p.kept = p.kept[n:]; len(p.kept) == 0 {
		p.kept, p.stale = nil, nil
	}
}
