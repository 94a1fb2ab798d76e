package chaos

import (
	"fmt"
	"slices"
	"strings"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/gossip"
	"kleeblatt/internal/node"
	"kleeblatt/internal/router"
)

// routes are what a node routes by, in words that mean the same on all nodes.
type routes struct {
	p    *process
	sum  uint64
	text []string
}

// simRealms are the realms of each simulated node.
var simRealms = []string{"realm1"}

// routes reads them from the snapshots that its workers route by, and holds them against the parts.
func (t *tables) routes(p *process, v *node.View) routes {
	name := map[uint8]string{0: p.site.name}
	lingers := map[uint8]bool{}
	for i := range v.Peers {
		name[uint8(v.Peers[i].Slot)], lingers[uint8(v.Peers[i].Slot)] = v.Peers[i].Name, v.Peers[i].Lingers
	}
	r := routes{p: p, sum: 1}
	for _, realm := range simRealms {
		s := p.sim.Realm(realm)
		for e := range s.Broker.All {
			if nodes := nodesOf(e, name, lingers); nodes != "" {
				r.text = append(r.text, fmt.Sprintf("%s event %d %s to%s", realm, e.Match, e.Topic, nodes))
			}
		}
		for x := range s.Dealer.All {
			r.text = append(r.text, fmt.Sprintf("%s call %d %s %d to%s", realm, x.Match, x.Procedure, x.Invoke, calleesOf(x)))
		}
	}
	for _, line := range r.text {
		for _, c := range []byte(line) {
			r.sum = r.sum*0x100000001b3 ^ uint64(c)
		}
	}
	t.compare(p, v, name)
	return r
}

func nodesOf(e *broker.Entry, name map[uint8]string, lingers map[uint8]bool) (s string) {
	var list []string
	if e.Workers != 0 {
		list = append(list, name[0])
	}
	for slot := range broker.MaxNodes {
		if slot > 0 && e.Nodes.Has(uint8(slot)) && !lingers[uint8(slot)] {
			list = append(list, name[uint8(slot)])
		}
	}
	slices.Sort(list)
	for _, n := range list {
		s += " " + n
	}
	return s
}

func calleesOf(x *dealer.Registration) (s string) {
	for i := range x.Callees {
		c := &x.Callees[i]
		s += fmt.Sprintf(" %s/%d/%d", c.NodeName, c.Session, c.Order)
	}
	return s
}

// compare holds what is routed against the parts: the interest of each node that is shown, all of it and nothing else, and no callee that
// no part has.
func (t *tables) compare(p *process, v *node.View, name map[uint8]string) {
	slots := map[string]uint8{}
	for slot, n := range name {
		slots[n] = slot
	}
	wanted, callees := 0, map[string]bool{}
	part := func(owner string) {
		for _, entry := range p.sim.Elements(owner) {
			e, err := router.ParseElement(entry.Element)
			if err != nil {
				t.w.violate("%v has an element of %s that cannot be read", p, owner)
				continue
			}
			s := p.sim.Realm(e.Realm)
			switch {
			case s == nil:
			case e.Kind == router.Registration && !e.Tentative:
				callees[fmt.Sprintf("%s %d %s %s %d", e.Realm, e.Match, e.URI, owner, e.Session)] = true
			case e.Kind == router.Interest:
				wanted++
				x := s.Broker.Get(broker.Key{Match: e.Match, Topic: e.URI})
				if slot := slots[owner]; x == nil || slot != 0 && !x.Nodes.Has(slot) || slot == 0 && x.Workers == 0 {
					t.w.violate("%v does not route %s to %s, whose part has it", p, e.URI, owner)
				}
			}
		}
	}
	part(p.site.name)
	p.sim.EachNode(func(x gossip.PartStatus) {
		if x.State == gossip.Reachable || x.State == gossip.Suspect {
			part(x.Owner)
		}
	})
	lingers := map[uint8]bool{}
	for i := range v.Peers {
		lingers[uint8(v.Peers[i].Slot)] = v.Peers[i].Lingers
	}
	routed := 0
	for _, realm := range simRealms {
		s := p.sim.Realm(realm)
		for e := range s.Broker.All {
			routed += len(strings.Fields(nodesOf(e, name, lingers)))
		}
		for x := range s.Dealer.All {
			for i := range x.Callees {
				c := &x.Callees[i]
				if !callees[fmt.Sprintf("%s %d %s %s %d", realm, x.Match, x.Procedure, c.NodeName, c.Session)] {
					t.w.violate("%v routes %s to a session of %s that no part has", p, x.Procedure, c.NodeName)
				}
			}
		}
	}
	if routed > wanted {
		t.w.violate("%v routes %d interests, the parts have %d", p, routed, wanted)
	}
}
