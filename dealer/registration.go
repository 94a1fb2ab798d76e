package dealer

import (
	"cmp"
	"math/bits"
	"slices"
	"sync/atomic"

	"kleeblatt/internal/wamp"
)

// Registration is one procedure, or pattern of procedures, with those who registered it. It is immutable but for the round
// robin's turn.
type Registration struct {
	Key
	ID     uint64
	Invoke wamp.Invoke // that of the first callee

	Created uint64 // the least Order of all the callees that it has had since it came into the Index

	// Callees is in order of (Order, NodeName, Session), but that those who lost come last: after a partition two owners of
	// a Single registration, or two policies, may meet; the first callee decides, on every node the
	// same. Losers get no calls until they are first themselves.
	Callees []Callee
	winners int // how many of Callees are called: those of the first one's policy, and of Single only the first

	// A round robin's next callee is Callees[(next + base) % winners]. next is shared by successive versions, base makes the turn
	// go on with the same callee over a change of the list.
	next *atomic.Uint64
	base uint64
}

// Callee is the entry of one session, nil if it has none.
func (r *Registration) Callee(node uint8, session uint64) *Callee {
	if r == nil {
		return nil
	}
	for i := range r.Callees {
		if c := &r.Callees[i]; c.Session == session && c.Node == node {
			return c
		}
	}
	return nil
}

// Called is the part of Callees that calls go to.
func (r *Registration) Called() []Callee { return r.Callees[:r.winners] }

// Pick is the callee whose turn it is, by the policy (advanced/rpc_shared_registration.md). Those that are not usable (nil:
// all are) are passed over as if they had not registered, in the policy's own order: round robin goes on to the next, first to the
// one registered next, last to the one registered before (advanced/rpc_call_rerouting.md). nil if none is left. random is a
// uniformly random number, for Random. The callee belongs to the Registration. Nothing is allocated; any goroutine may call it.
func (r *Registration) Pick(random uint64, usable func(*Callee) bool) *Callee {
	if r == nil {
		return nil
	}
	n := uint64(r.winners)
	var at uint64
	step := uint64(1)
	switch r.Invoke {
	case wamp.RoundRobin:
		at = (r.next.Add(1) - 1 + r.base) % n
	case wamp.Random:
		at, _ = bits.Mul64(random, n)
	case wamp.Last:
		at, step = n-1, n-1
	}
	for skipped := uint64(0); skipped < n; skipped++ {
		c := &r.Callees[at]
		if usable == nil || usable(c) {
			if skipped > 0 && r.Invoke == wamp.RoundRobin {
				r.next.Add(skipped)
			}
			return c
		}
		if at += step; at >= n {
			at -= n
		}
	}
	if r.Invoke == wamp.RoundRobin {
		r.next.Add(n - 1) // nobody was called: nobody's turn is over
	}
	return nil
}

// with is the registration with c in the place of its session's entry; r itself if it stands there already.
func (r *Registration) with(c Callee) *Registration {
	old := r.Callee(c.Node, c.Session)
	if old != nil && *old == c {
		return r
	}
	callees := make([]Callee, 0, len(r.Callees)+1)
	for i := range r.Callees {
		if &r.Callees[i] != old {
			callees = append(callees, r.Callees[i])
		}
	}
	return r.successor(append(callees, c))
}

// without is the registration without the callees that gone names; r itself if there is none, nil if no one else is left.
func (r *Registration) without(gone func(*Callee) bool) *Registration {
	var callees []Callee
	for i := range r.Callees {
		if !gone(&r.Callees[i]) {
			callees = append(callees, r.Callees[i])
		}
	}
	switch len(callees) {
	case 0:
		return nil
	case len(r.Callees):
		return r
	}
	return r.successor(callees)
}

// successor is the next version of r, with these callees in any order.
func (r *Registration) successor(callees []Callee) *Registration {
	slices.SortFunc(callees, func(a, b Callee) int { return a.compare(&b) })
	s := &Registration{Key: r.Key, ID: r.ID, Invoke: callees[0].Invoke, Created: min(r.Created, callees[0].Order), next: r.next}
	s.Callees, s.winners = winnersFirst(callees)
	if s.Invoke == wamp.RoundRobin {
		turn := r.next.Load()
		s.base = r.dueIn(s, turn) - turn
	}
	return s
}

// winnersFirst moves those who lose against callees[0] behind those who do not.
func winnersFirst(callees []Callee) (_ []Callee, winners int) {
	invoke := callees[0].Invoke
	if invoke == wamp.Single {
		return callees, 1
	}
	wins := func(c *Callee) bool { return c.Invoke == invoke }
	for winners < len(callees) && wins(&callees[winners]) {
		winners++
	}
	if winners == len(callees) {
		return callees, winners
	}
	var losers []Callee
	for i := winners; i < len(callees); i++ {
		if c := callees[i]; wins(&c) {
			callees[winners] = c
			winners++
		} else {
			losers = append(losers, c)
		}
	}
	copy(callees[winners:], losers)
	return callees, winners
}

// dueIn is the place in s of the callee whose turn it is in r, or of the next one that both have.
func (r *Registration) dueIn(s *Registration, turn uint64) uint64 {
	n := uint64(r.winners)
	for i := range n {
		c := &r.Callees[(turn+r.base+i)%n]
		for at := range s.Called() {
			if s.Callees[at].Session == c.Session && s.Callees[at].Node == c.Node {
				return uint64(at)
			}
		}
	}
	return 0
}

// compare is the order of callees: of two that meet after a partition the lesser wins, on every node the same, for it looks at
// nothing that differs from node to node.
func (c *Callee) compare(d *Callee) int {
	return cmp.Or(cmp.Compare(c.Order, d.Order), cmp.Compare(c.NodeName, d.NodeName), cmp.Compare(c.Session, d.Session))
}

// Before says whether c wins where the two exclude each other.
func (c *Callee) Before(d *Callee) bool { return c.compare(d) < 0 }

// Same says whether both are the same entry.
func (c *Callee) Same(d *Callee) bool { return c.compare(d) == 0 }

func first(k Key, id uint64, c Callee) *Registration {
	return &Registration{Key: k, ID: id, Invoke: c.Invoke, Created: c.Order, Callees: []Callee{c}, winners: 1, next: new(atomic.Uint64)}
}
