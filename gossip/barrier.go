package gossip

import (
	"math"
	"slices"
)

// The cumulative acknowledged version: each node tells each owner up to which version of its part every worker of the node routes by
// it. Barriers and claims wait for that.

// acks is what two nodes have acknowledged to each other. It belongs to the pair of their present lives.
type acks struct {
	acked    uint64   // the version of our part that counts with the other node
	settled  uint64   // the version of its part that counts with us
	told     uint64   // of it, what the other node has been told
	refusals []string // elements of its part that we have refused; again whenever the link comes up, ahead of the ack
}

// barrier waits until its version is acknowledged by all of its cohort, or until its time is over.
type barrier struct {
	token   uint64
	version uint64
	until   int64
}

// cohort is the nodes that were reachable when its barriers began. Their versions ascend.
type cohort struct {
	nodes   []*node
	waiting []barrier
}

// awaited says whether the node may still acknowledge: a node that is hidden meanwhile is not waited for. One that is only late is:
// it may have the change, and what it has to say against it.
func awaited(n *node) bool { return n.path() || n.shown() }

// onSettled takes the caller's word that every worker routes by this version.
func (m *Machine) onSettled(name string, life Life, version uint64) {
	n := m.nodes[name]
	if n == nil || n.part == nil || life != n.life || version > n.part.Version() || version <= n.acks.settled {
		return
	}
	n.acks.settled = version
	m.ackDue = true
}

// Unsent says that Flush has something to send.
func (m *Machine) Unsent() bool { return m.own.Version() != m.flushed || m.ackDue }

// sendAcks tells each owner, once per turn, how far its part counts with us.
func (m *Machine) sendAcks() {
	m.ackDue = false
	for _, n := range m.order {
		if !n.linked || n.acks.told >= n.acks.settled {
			continue
		}
		n.acks.told = n.acks.settled
		m.stats.AcksOut++
		m.send(n, appendAck(nil, n.life, n.acks.settled))
	}
}

// repeatAcks is called where a link has come up: what was told on the one before may be lost.
func (m *Machine) repeatAcks(n *node) {
	n.acks.told = 0
	m.ackDue = m.ackDue || n.acks.settled > 0
	n.pruneRefusals()
	for _, e := range n.acks.refusals {
		m.send(n, appendRefusal(nil, n.life, e))
	}
}

func (m *Machine) onAck(n *node, life Life, version uint64) {
	m.stats.AcksIn++
	if life == m.own.Life() && version <= m.own.Version() {
		n.acks.acked = max(n.acks.acked, version)
	}
}

// refuse tells an owner that we object to an element of its part. It goes ahead of the ack that covers the element.
func (m *Machine) refuse(name, element string) {
	n := m.nodes[name]
	if n == nil || n.part == nil || !n.part.Contains(element) {
		return
	}
	n.pruneRefusals()
	if !slices.Contains(n.acks.refusals, element) {
		n.acks.refusals = append(n.acks.refusals, element)
	}
	if n.linked {
		m.send(n, appendRefusal(nil, n.life, element))
	}
}

// pruneRefusals forgets those that have had their effect: the element is gone.
func (n *node) pruneRefusals() {
	n.acks.refusals = slices.DeleteFunc(n.acks.refusals, func(e string) bool { return !n.part.Contains(e) })
}

func (m *Machine) onRefusal(n *node, life Life, element string) {
	if life == m.own.Life() && m.own.Contains(element) {
		m.emit(Effect{Kind: FxRefusal, Name: n.name, Element: element})
	}
}

// startBarrier waits for the present version. Where no other node is reachable it is over at once.
func (m *Machine) startBarrier(token uint64, until int64) {
	var nodes []*node
	for _, n := range m.order {
		if n.path() && n.member() {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		m.emit(Effect{Kind: FxBarrier, Token: token})
		return
	}
	last := len(m.cohorts) - 1
	if last < 0 || !slices.Equal(m.cohorts[last].nodes, nodes) {
		m.cohorts = append(m.cohorts, &cohort{nodes: nodes})
		last++
	}
	c := m.cohorts[last]
	c.waiting = append(c.waiting, barrier{token, m.own.Version(), until})
	if m.barrierBy == 0 || until < m.barrierBy {
		m.barrierBy = max(until, 1)
	}
}

// settleBarriers ends the barriers that nobody has to be waited for any more.
func (m *Machine) settleBarriers() {
	for _, c := range m.cohorts {
		low := c.acknowledged()
		done := 0
		for done < len(c.waiting) && c.waiting[done].version <= low {
			m.endBarrier(c, &c.waiting[done])
			done++
		}
		c.waiting = slices.Delete(c.waiting, 0, done)
	}
	m.dropCohorts()
}

// expireBarriers ends those whose time is over.
func (m *Machine) expireBarriers() {
	if m.barrierBy == 0 || m.now < m.barrierBy {
		return
	}
	m.barrierBy = 0
	for _, c := range m.cohorts {
		left := c.waiting[:0]
		for i := range c.waiting {
			b := c.waiting[i]
			if m.now >= b.until {
				m.endBarrier(c, &b)
				continue
			}
			left = append(left, b)
			if m.barrierBy == 0 || b.until < m.barrierBy {
				m.barrierBy = b.until
			}
		}
		c.waiting = left
	}
	m.dropCohorts()
}

func (m *Machine) dropCohorts() {
	m.cohorts = slices.DeleteFunc(m.cohorts, func(c *cohort) bool { return len(c.waiting) == 0 })
	if len(m.cohorts) == 0 {
		m.barrierBy = 0
	}
}

func (m *Machine) endBarrier(c *cohort, b *barrier) {
	acked := 0
	for _, n := range c.nodes {
		if n.acks.acked >= b.version {
			acked++
		}
	}
	m.emit(Effect{Kind: FxBarrier, Token: b.token, Acked: acked, Of: len(c.nodes)})
}

// acknowledged is the version that everybody who is waited for has acknowledged.
func (c *cohort) acknowledged() uint64 {
	low := uint64(math.MaxUint64)
	for _, n := range c.nodes {
		if awaited(n) {
			low = min(low, n.acks.acked)
		}
	}
	return low
}

// forgetAcks begins anew under another life of ours, whose part is to be acknowledged as a whole.
func (m *Machine) forgetAcks() {
	for _, n := range m.order {
		n.acks.acked = 0
	}
	for _, c := range m.cohorts {
		for i := range c.waiting {
			c.waiting[i].version = m.own.Version()
		}
	}
}

// Settled says that what we route by is the whole of what the reachable nodes have, as far as anybody has told us: no part is behind
// its head, none is being fetched, and no linked node is still to be shown or late.
func (m *Machine) Settled() bool {
	for _, n := range m.order {
		switch {
		case len(n.tellings) > 0:
			return false
		case !n.shown() && !(n.linked && n.member()):
		case n.state != Reachable, n.distrust, n.fetch.active(), n.behind(), len(n.held) > 0:
			return false
		}
	}
	return true
}
