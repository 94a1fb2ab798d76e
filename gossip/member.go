package gossip

// What membership and the links say about other nodes, and the states that follow from it.

func (m *Machine) onMember(name string, life Life, alive bool) {
	if name == m.cfg.Name {
		m.onRival(life, false, 0)
		return
	}
	n := m.nodes[name]
	if n == nil && alive {
		n = m.node(name)
	}
	if n != nil && alive && n.refuses(life) {
		m.stats.Obituaries++
	}
	if n == nil || n.refuses(life) || life.Epoch > epochMax {
		return
	}
	if n.life.Less(life) {
		if !alive {
			return // a death that comes before the life is no news
		}
		m.newLife(n, life)
	}
	n.swim = swimFailed
	if alive {
		n.swim = swimAlive
	}
	m.maybeHide(n)
	m.maybeAsk(n)
}

func (m *Machine) onLinkUp(name string, life Life, version uint64) {
	n := m.node(name)
	if n == nil || life.Epoch > epochMax {
		return
	}
	if n.refuses(life) {
		m.stats.Obituaries++
		m.onLinkDown(name, n.life) // who is at the link's other end now is not who it was
		n.outlived = true
		m.sendHead(n, n.headLine()) // so that it takes a higher epoch
		return
	}
	if n.life.Less(life) {
		m.newLife(n, life)
	}
	if m.compareAt <= m.now {
		m.compareAt = m.jittered()
	}
	m.recall(n)
	n.linked, n.suspect, n.head, n.outlived = true, false, version, false
	m.sendHeads(n)
	m.repeatAcks(n)
	m.want(n, version, name)
	m.foundPath(n)
}

func (m *Machine) onLinkDown(name string, life Life) {
	n := m.nodes[name]
	if n == nil || !n.linked || life != n.life {
		return
	}
	m.lostPath(n)
	n.linked, n.suspect = false, false
	for _, o := range m.order {
		if o.fetch.peer == name {
			m.failFetch(o)
			m.maybeAsk(o)
		}
	}
}

func (m *Machine) onLinkSuspect(name string, on bool) {
	n := m.nodes[name]
	switch {
	case n == nil || !n.linked || n.suspect == on:
	case on:
		m.lostPath(n)
	default:
		n.suspect = false
		m.foundPath(n)
	}
}

// heard takes a frame as proof that bytes flow.
func (m *Machine) heard(n *node) {
	if n.suspect {
		n.suspect = false
		m.foundPath(n)
	}
}

// lostPath is called where the path ends: the link is suspect, or (the caller says so afterwards) down.
func (m *Machine) lostPath(n *node) {
	if !n.path() {
		return
	}
	n.suspect = true
	n.pathLost = m.now
	if n.shown() {
		m.becomeState(n, Suspect)
	}
	m.maybeHide(n)
}

func (m *Machine) foundPath(n *node) {
	if n.shown() {
		m.becomeState(n, Reachable)
	}
	m.maybeShow(n)
	for _, o := range m.order {
		m.maybeAsk(o) // what nobody could be asked for before
	}
}

// maybeHide hides a node without a path once membership calls it failed, or time is up.
func (m *Machine) maybeHide(n *node) {
	if !n.routed() || n.path() {
		return
	}
	if n.swim == swimFailed || m.now-n.pathLost >= int64(m.cfg.HideAfter) {
		m.hide(n)
	}
}

// maybeShow routes to a hidden node again when it proves by a live link that it lives, and its part has reached the head that it
// told: what it did meanwhile is in.
func (m *Machine) maybeShow(n *node) {
	if n.routed() || !n.path() || !n.member() || n.part.Version() < max(n.head, n.floor) {
		return
	}
	m.show(n)
}

func (m *Machine) becomeState(n *node, s PeerState) {
	if n.state != s {
		n.state = s
		m.emit(Effect{Kind: FxState, Name: n.name, State: s})
	}
}

// reached says, behind the changes themselves, that all up to the part's version have been emitted.
func (m *Machine) reached(n *node) {
	m.rootValid = false
	m.tell(n, telling{kind: FxReached, version: n.part.Version()})
}

// newLife buries the life that we knew and begins the part of the newer one, which is shown when it has proven itself.
func (m *Machine) newLife(n *node, life Life) {
	linked := n.linked
	m.bury(n)
	n.life, n.retired, n.swim = life, false, swimNothing
	n.part = m.cfg.newPart(life)
	n.hiddenAt = m.now
	m.becomeState(n, Hidden)
	if linked {
		n.outlived = true
		m.sendHead(n, n.headLine()) // should the older one live after all, it takes a higher epoch
	}
}

// bury ends all that we have of the node's present life.
func (m *Machine) bury(n *node) {
	m.hide(n)
	m.endSessions(n)
	if n.path() {
		n.pathLost = m.now
	}
	n.linked, n.suspect, n.head, n.floor = false, false, 0, 0
	n.acks = acks{}
	m.dropPart(n)
	for _, o := range m.order {
		if o.fetch.peer == n.name {
			m.failFetch(o)
			m.maybeAsk(o)
		}
	}
}

// onRetire buries a life that has said goodbye, whoever tells, and tells the others: some may not have heard it.
func (m *Machine) onRetire(from, owner string, life Life, version uint64) {
	if owner == m.cfg.Name {
		m.onRival(life, true, 0)
		return
	}
	n := m.nodes[owner]
	if n == nil || n.refuses(life) {
		return
	}
	linked := n.linked
	m.bury(n)
	n.life, n.retired = life, true
	m.becomeState(n, Buried)
	if linked && from != owner {
		m.sendHead(n, n.headLine()) // as above, since it was not the node itself who said so
	}
	b := appendRetire(nil, owner, life, version)
	for _, o := range m.order {
		if o.path() && o.name != from {
			m.send(o, b)
		}
	}
}

// retireSelf says goodbye: all that we have changed, then that this life is over.
func (m *Machine) retireSelf() {
	if m.retired {
		return
	}
	if m.own.Version() != m.flushed {
		m.push()
	}
	m.retired = true
	b := appendRetire(nil, m.cfg.Name, m.own.Life(), m.own.Version())
	for _, n := range m.order {
		if n.linked {
			m.send(n, b)
		}
	}
}
