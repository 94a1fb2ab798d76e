package gossip

// onRival takes news of a life of our own name: another one, or ours as others know it. Where ours would not be believed any more, it
// has to be taken anew under a higher epoch.
func (m *Machine) onRival(life Life, buried bool, version uint64) {
	if m.retired || life.Epoch > epochMax {
		return
	}
	switch own := m.own.Life(); {
	case life != own && life.Epoch < own.Epoch:
		return // one of our past
	case life == own && !buried && version <= m.own.Version():
		return
	case life == own && version > m.own.Version():
		m.emit(Effect{Kind: FxAlarm, Text: "others have changes of this node's life that it has not made: does another process use its name and life?"})
	}
	m.rival = max(m.rival, life.Epoch)
	m.maybeReborn()
}

// maybeReborn outbids the rival epoch, but not more often than RebirthEvery.
func (m *Machine) maybeReborn() {
	if m.rebornAt != 0 && m.now-m.rebornAt < int64(m.cfg.RebirthEvery) {
		return
	}
	life := Life{Epoch: max(m.own.Life().Epoch, m.rival) + 1, Nonce: m.cfg.Rand()}
	m.rival = 0
	m.rebornAt = max(m.now, 1)
	m.republish(life)
	for _, n := range m.order {
		// The links belong to the old life: they come up again by new handshakes.
		m.lostPath(n)
		n.linked, n.suspect = false, false
		n.dropFetch()
	}
	m.dropServed(m.cfg.Name)
	m.emit(Effect{Kind: FxReborn, Life: life})
}

// republish makes the same elements the part of a new life.
func (m *Machine) republish(life Life) {
	old := m.own
	m.own = m.cfg.newPart(life)
	for _, e := range old.Entries() {
		_, _ = m.own.Add(e.Element) // it fitted before
	}
	m.flushed = m.own.Version()
	m.rootValid = false
	m.forgetAcks()
}
