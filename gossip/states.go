package gossip

// The states of a node that is not routed to: hidden, gone, forgotten, buried. Time runs only while there is no
// path to it: who is back and still catching up is not given up meanwhile.

// away says that nothing is routed to the node, nor likely to be soon.
func (n *node) away() bool { return !n.routed() && !n.path() }

// hide stops routing to the node. Its part is kept.
func (m *Machine) hide(n *node) {
	if !n.routed() {
		return
	}
	m.unroute(n)
	n.acks.settled = 0 // until it is routed by again
	n.hiddenAt = m.now
	m.becomeState(n, Hidden)
	m.rootValid = false
}

// maybeGone gives up the sessions of a node that has been hidden for too long, and later its part.
func (m *Machine) maybeGone(n *node) {
	if !n.away() || m.now < n.hiddenAt+int64(m.cfg.LeaveGrace) {
		return
	}
	if n.told {
		m.endSessions(n)
		m.becomeState(n, Gone)
	}
	if n.part != nil && m.now >= m.forgetAt(n) {
		m.forget(n)
	}
}

// forgetAt is when the part of a node that is away is dropped: not before its sessions are given up.
func (m *Machine) forgetAt(n *node) int64 {
	return n.hiddenAt + int64(max(m.cfg.Retain, m.cfg.LeaveGrace))
}

// endSessions says that the sessions of the node's present life are over, if anybody was told of them.
func (m *Machine) endSessions(n *node) {
	if n.told {
		n.told = false
		m.emit(Effect{Kind: FxGone, Name: n.name, Life: n.life})
	}
}

// forget drops the part of a node that is away. How far it was is remembered: nothing older of this life is routed by any more.
func (m *Machine) forget(n *node) {
	n.floor = max(n.floor, n.part.Version())
	n.acks.refusals = nil // what they were about is judged anew when it comes again
	m.dropPart(n)
	m.becomeState(n, Forgotten)
}

// dropPart gives back all the memory that a part takes.
func (m *Machine) dropPart(n *node) {
	n.part, n.distrust, n.verified = nil, false, 0
	n.wanted, n.wantedFrom, n.askAt, n.failed = 0, "", 0, ""
	n.dropFetch()
	n.dropHeld()
	m.dropServed(n.name)
}

// recall begins the part of a forgotten life anew: the owner itself has proven by a handshake that it lives.
func (m *Machine) recall(n *node) {
	if n.part != nil || n.retired {
		return
	}
	m.stats.Recalls++
	n.part = m.cfg.newPart(n.life)
	n.hiddenAt = m.now
	m.becomeState(n, Hidden)
}

// maybeForgetSome keeps the parts of nodes whose sessions are given up within RetainBytes: who has been away for longest is forgotten
// first. Younger ones do not count: their parts were in use a moment ago, and a short outage should not cost a transfer of everything.
func (m *Machine) maybeForgetSome() {
	m.heavier = false
	for {
		var oldest *node
		total := 0
		for _, n := range m.order {
			if n.part == nil || !n.away() || m.now < n.hiddenAt+int64(m.cfg.LeaveGrace) {
				continue
			}
			total += n.part.Bytes()
			if n.part.Version() > 0 && (oldest == nil || n.hiddenAt < oldest.hiddenAt) {
				oldest = n
			}
		}
		if total <= m.cfg.RetainBytes || oldest == nil {
			return
		}
		m.forget(oldest)
	}
}

// dueStates is when the node's next state begins by itself, 0 for never.
func (m *Machine) dueStates(n *node) int64 {
	switch {
	case n.routed() && !n.path():
		return n.pathLost + int64(m.cfg.HideAfter)
	case !n.away():
		return 0
	case n.told, n.part != nil && m.now < n.hiddenAt+int64(m.cfg.LeaveGrace): // from then on its part counts, see maybeForgetSome
		return n.hiddenAt + int64(m.cfg.LeaveGrace)
	case n.part != nil:
		return m.forgetAt(n)
	}
	return 0
}
