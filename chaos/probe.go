package chaos

import (
	"slices"
	"time"

	"kleeblatt/internal/wamp"
)

// What clients believe, tried out: when faults are over and clients rest, one probe on each node publishes to every topic and calls every
// procedure. What comes of it is judged like everything else, and at the end by who was reached.

// probeLead is how long a probe has to be welcomed before it asks.
const probeLead = 2 * time.Second

// probe opens one probe on each of the nodes.
func (c *crowd) probe(nodes []int) {
	c.healed = nodes
	for _, node := range nodes {
		s := c.newSession(node)
		s.probe, s.features = true, s.features|wamp.FeatureCallCanceling
		c.probes = append(c.probes, s)
		c.place.later(probeLead, func() { c.ask(s) })
	}
}

func (c *crowd) ask(s *session) {
	if s.state != sessionOpen {
		c.ledger.broken("every request is served", "the probe on node %d is not welcome", s.node)
		return
	}
	for _, topic := range topics {
		s.publish(topic, 0, publication{acknowledge: true})
	}
	for _, p := range procedures {
		for range max(1, c.ledger.takers(p.pattern)) {
			s.call(p.sample(), 0)
		}
	}
}

// sample is a URI that matches the procedure, and no other that comes first.
func (p procedure) sample() string {
	switch p.match {
	case wamp.Prefix:
		return p.uri + ".a"
	case wamp.Wildcard:
		return "q.y.b"
	}
	return p.uri
}

// owners are the sessions on healed nodes that believe to have registered a pattern.
func (c *crowd) owners(p pattern) (list []*registration) {
	for _, r := range c.ledger.held[p] {
		if r.since != 0 && r.leaving == 0 && r.over == 0 && slices.Contains(c.healed, r.s.node) {
			list = append(list, r)
		}
	}
	return list
}

// takers is how many sessions may take turns in serving a pattern, those on nodes that are still broken included.
func (l *ledger) takers(p pattern) (n int) {
	for _, r := range l.held[p] {
		if r.over == 0 {
			n++
		}
	}
	return n
}

// checkProbes judges whom the probes have reached.
func (c *crowd) checkProbes() {
	l := c.ledger
	for _, p := range procedures {
		owners := c.owners(p.pattern)
		if c.contested(p, owners) {
			continue
		}
		if len(owners) > 1 && mixed(owners) && !l.standby {
			l.broken(ruleOneOwner, "%v is registered by %d sessions, %v and %v among them", p.pattern, len(owners), owners[0].s, owners[1].s)
		}
		one := p.invoke == wamp.First || p.invoke == wamp.Last || len(owners) > 0 && allSingle(owners) // also of those who stand by
		var first *call
		for _, s := range c.probes {
			if last := l.checkReached(s, p, owners); last != nil && one {
				if first == nil {
					first = last
				}
				if first.invoked.s != last.invoked.s {
					l.broken("all nodes route alike", "%v: calls of node %d go to session %v, those of node %d to session %v",
						p.pattern, first.s.node, first.invoked.s, s.node, last.invoked.s)
				}
			}
		}
	}
}

// contested says that somebody on a node that is still broken may have the better right to a procedure, or had it until lately: some of the
// healed may see it, late or one way only, and then it decides there, whoever else has registered.
func (c *crowd) contested(p procedure, owners []*registration) bool {
	all := slices.Clone(owners)
	for _, r := range c.ledger.held[p.pattern] {
		late := r.since != 0 && c.ledger.clock()-r.over < c.ledger.wait.window
		if (r.over == 0 || late) && !slices.Contains(c.healed, r.s.node) {
			all = append(all, r)
		}
	}
	return len(all) > len(owners) && (mixed(all) || p.invoke == wamp.First || p.invoke == wamp.Last)
}

func allSingle(owners []*registration) bool {
	return !slices.ContainsFunc(owners, func(r *registration) bool { return r.invoke != wamp.Single })
}

// mixed says that the owners cannot stand beside each other.
func mixed(owners []*registration) bool {
	for _, r := range owners {
		if r.invoke == wamp.Single || r.invoke != owners[0].invoke {
			return true
		}
	}
	return false
}

// checkReached: a probe's calls of a procedure have run, and where turns are taken each owner has had one. It returns one of the calls.
func (l *ledger) checkReached(s *session, p procedure, owners []*registration) (one *call) {
	ran := map[*session]bool{}
	for _, c := range l.calls {
		if c.s == s && c.procedure == p.sample() && c.invoked != nil {
			one = c
			ran[c.invoked.s] = true
		}
	}
	if len(owners) > 0 && one == nil && p.limit == 0 {
		l.broken("every REGISTERED is routed by all", "%v of session %v is not called from node %d", p.pattern, owners[0].s, s.node)
	}
	if p.invoke != wamp.RoundRobin || p.limit > 0 || mixed(owners) {
		return one
	}
	for _, r := range owners {
		if !ran[r.s] {
			l.broken("every REGISTERED is routed by all", "%v of session %v is not called from node %d, others are", p.pattern, r.s, s.node)
		}
	}
	return one
}
