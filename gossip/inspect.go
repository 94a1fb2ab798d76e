package gossip

import "kleeblatt/crdt"

// What checks of a whole cluster look at, without copies. Nothing that is handed out may be kept or changed.

// EachNode calls f with what we hold of each other node whose life we know, by name. Where its part was forgotten or buried, or never came,
// version and entries are 0.
func (m *Machine) EachNode(f func(PartStatus)) {
	for _, n := range m.order {
		switch {
		case n.part != nil:
			f(PartStatus{n.name, n.life, n.part.Version(), n.part.Hash(), n.part.Len(), n.state})
		case !n.life.IsZero():
			f(PartStatus{Owner: n.name, Life: n.life, State: n.state})
		}
	}
}

// OwnDelta is what our part has changed after a version, false where its log does not reach back that far, or there is nothing.
func (m *Machine) OwnDelta(from uint64) (crdt.Delta, bool) {
	return m.own.Delta(from, crdt.LogBytesMax)
}

// Elements are the entries of an owner's part, our own included, nil where we have none.
func (m *Machine) Elements(owner string) []crdt.Entry {
	if owner == m.cfg.Name {
		return m.own.Entries()
	}
	if n := m.nodes[owner]; n != nil && n.part != nil {
		return n.part.Entries()
	}
	return nil
}

// Backlog is what is under way: requests for parts that are not answered, elements that wait to be told to the routing, bytes of deltas
// that wait for what comes before them, and bytes of parts of nodes that are away and whose sessions are given up.
type Backlog struct{ Fetches, Tellings, HeldBytes, RetainedBytes int }

// Backlog adds it up.
func (m *Machine) Backlog() (b Backlog) {
	for _, n := range m.order {
		if n.fetch.active() {
			b.Fetches++
		}
		b.Tellings += len(n.tellings)
		b.HeldBytes += n.heldBytes
		if n.part != nil && n.away() && m.now >= n.hiddenAt+int64(m.cfg.LeaveGrace) {
			b.RetainedBytes += n.part.Bytes()
		}
	}
	return b
}
