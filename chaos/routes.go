package chaos

import (
	"fmt"
	"slices"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/gossip"
	"kleeblatt/internal/node"
	"kleeblatt/internal/router"
)

// routes are what a node routes by: a sum that is the same on all nodes that route alike.
type routes struct {
	p      *process
	sum    uint64
	places *places
}

// simRealms are the realms of each simulated node.
var simRealms = []string{"realm1"}

// places are what a node's slots stand for; slot 0 is itself.
type places struct {
	name    [broker.MaxNodes]string
	sum     [broker.MaxNodes]uint64 // of the name
	lingers [broker.MaxNodes]bool   // its interest stays in the snapshots for a while, although its part is hidden
}

func placesOf(p *process, v *node.View) *places {
	x := &places{}
	x.name[0], x.sum[0] = p.site.name, sumText(0, p.site.name)
	for i := range v.Peers {
		o := &v.Peers[i]
		x.name[o.Slot], x.sum[o.Slot], x.lingers[o.Slot] = o.Name, sumText(0, o.Name), o.Lingers
	}
	return x
}

// sumText adds a text to a sum.
func sumText(sum uint64, s string) uint64 {
	for i := range len(s) {
		sum = sum*0x100000001b3 ^ uint64(s[i])
	}
	return mix(sum ^ uint64(len(s)))
}

// routes reads them from the snapshots that its workers route by, and holds them against the parts.
func (t *tables) routes(p *process, v *node.View) routes {
	r := routes{p: p, sum: 1, places: placesOf(p, v)}
	for i, realm := range simRealms {
		s := p.sim.Realm(realm)
		for e := range s.Broker.All {
			if n, nodes := r.places.interested(e); n > 0 {
				r.sum = sumText(mix(r.sum^nodes^uint64(i)<<8^uint64(e.Match)), e.Topic)
			}
		}
		for x := range s.Dealer.All {
			r.sum = sumText(mix(r.sum^uint64(i)<<16^uint64(x.Match)<<8^uint64(x.Invoke)), x.Procedure)
			for j := range x.Callees {
				c := &x.Callees[j]
				r.sum = sumText(mix(mix(r.sum^c.Session)^c.Order), c.NodeName)
			}
		}
	}
	t.compare(p, r.places)
	return r
}

// interested is the number of nodes that a subscription leads to, this one included, and a sum of them that does not depend on their order.
func (x *places) interested(e *broker.Entry) (n int, sum uint64) {
	if e.Workers != 0 {
		n, sum = 1, mix(x.sum[0])
	}
	for slot := range e.Nodes.Each {
		if slot > 0 && !x.lingers[slot] {
			n, sum = n+1, sum+mix(x.sum[slot])
		}
	}
	return n, sum
}

// words are the routes in words that mean the same on all nodes, for a report: they are to be asked for before the node goes on.
func (r *routes) words() (list []string) {
	for _, realm := range simRealms {
		s := r.p.sim.Realm(realm)
		for e := range s.Broker.All {
			if nodes := nodesOf(e, r.places); nodes != "" {
				list = append(list, fmt.Sprintf("%s event %d %s to%s", realm, e.Match, e.Topic, nodes))
			}
		}
		for x := range s.Dealer.All {
			list = append(list, fmt.Sprintf("%s call %d %s %d to%s", realm, x.Match, x.Procedure, x.Invoke, calleesOf(x)))
		}
	}
	return list
}

func nodesOf(e *broker.Entry, at *places) (s string) {
	var list []string
	if e.Workers != 0 {
		list = append(list, at.name[0])
	}
	for slot := range e.Nodes.Each {
		if slot > 0 && !at.lingers[slot] {
			list = append(list, at.name[slot])
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

// calleeOf names a callee of a registration.
type calleeOf struct {
	realm   string
	key     dealer.Key
	owner   string
	session uint64
}

// compare holds what is routed against the parts: the interest and the registrations of each node that is shown, all of them and nothing else.
func (t *tables) compare(p *process, at *places) {
	wanted := 0
	clear(t.compared)
	realm, s := "", (*router.Snapshot)(nil)
	part := func(owner string, slot uint8) {
		for _, entry := range p.sim.Elements(owner) {
			e, err := router.ParseElement(entry.Element)
			if err != nil {
				t.w.violate("%v has an element of %s that cannot be read", p, owner)
				continue
			}
			if e.Realm != realm {
				realm, s = e.Realm, p.sim.Realm(e.Realm)
			}
			switch {
			case s == nil:
			case e.Kind == router.Registration && !e.Tentative:
				t.compared[calleeOf{e.Realm, dealer.Key{Match: e.Match, Procedure: e.URI}, owner, e.Session}] = true
			case e.Kind == router.Interest:
				wanted++
				x := s.Broker.Get(broker.Key{Match: e.Match, Topic: e.URI})
				if x == nil || slot != 0 && !x.Nodes.Has(slot) || slot == 0 && x.Workers == 0 {
					t.w.violate("%v does not route %s to %s, whose part has it", p, e.URI, owner)
				}
			}
		}
	}
	part(p.site.name, 0)
	p.sim.EachNode(func(x gossip.PartStatus) {
		if x.State == gossip.Reachable || x.State == gossip.Suspect {
			part(x.Owner, at.slotOf(x.Owner))
		}
	})
	routed := 0
	for _, realm := range simRealms {
		s := p.sim.Realm(realm)
		for e := range s.Broker.All {
			n, _ := at.interested(e)
			routed += n
		}
		for x := range s.Dealer.All {
			for i := range x.Callees {
				c := &x.Callees[i]
				k := calleeOf{realm, x.Key, c.NodeName, c.Session}
				if !t.compared[k] {
					t.w.violate("%v routes %s to a session of %s that no part has", p, x.Procedure, c.NodeName)
				}
				delete(t.compared, k)
			}
		}
	}
	if routed > wanted {
		t.w.violate("%v routes %d interests, the parts have %d", p, routed, wanted)
	}
	if len(t.compared) > 0 {
		t.w.violate("%v does not route to %d callees, whose nodes' parts have them", p, len(t.compared))
	}
}

// slotOf is the slot of a node that has one; the first, its own, for one that has none.
func (x *places) slotOf(name string) uint8 {
	return uint8(max(slices.Index(x.name[:], name), 0))
}
