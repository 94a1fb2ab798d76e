package gossip

// What is missing, and whom to ask for it.

// want notes that version v of a part exists and that from told so.
func (m *Machine) want(o *node, v uint64, from string) {
	if v <= o.part.Version() {
		return
	}
	if v > o.wanted {
		if !o.behind() && o.path() && from != o.name {
			// The owner's own delta is probably on its way.
			o.askAt = max(o.askAt, m.now+int64(m.cfg.AskGrace))
		}
		o.wanted, o.wantedFrom = v, from
	}
	if from == o.name {
		o.askAt = min(o.askAt, m.now)
	}
	m.maybeAsk(o)
}

// maybeAsk asks for what is missing, unless a request is out or nobody can be asked.
func (m *Machine) maybeAsk(o *node) {
	if !o.member() || o.fetch.active() || !o.distrust && !o.behind() || o.askAt > m.now {
		return
	}
	peer := m.whomToAsk(o)
	if peer == nil {
		return
	}
	o.fetch = fetch{peer: peer.name, full: o.distrust, deadline: m.now + int64(m.cfg.AskTimeout)}
	m.stats.Asks++
	m.sendAsk(o)
}

// sendAsk sends the request, or its continuation.
func (m *Machine) sendAsk(o *node) {
	f := frame{owner: o.name, life: o.life, have: o.part.Version(), full: o.fetch.full}
	if p := o.fetch.aside; p != nil {
		f.have, f.full = p.Version(), false
	} else if b := o.fetch.builder; b != nil {
		f.version, f.offset = b.Version(), uint64(b.Len())
		o.fetch.credit = chunksPerAsk
	}
	m.send(m.nodes[o.fetch.peer], appendAsk(nil, &f))
}

// whomToAsk prefers the owner, then who told of the news, then anybody; who did not answer the last time comes last. A part that is
// not to be trusted is asked of its owner only.
func (m *Machine) whomToAsk(o *node) *node {
	if o.distrust {
		if o.path() {
			return o
		}
		return nil
	}
	if o.path() && o.failed != o.name {
		return o
	}
	if n := m.nodes[o.wantedFrom]; n != nil && n.path() && o.failed != n.name {
		return n
	}
	return m.anybody(o)
}

// anybody picks one of the linked nodes by chance.
func (m *Machine) anybody(o *node) *node {
	count := 0
	for _, n := range m.order {
		if n.path() && n.name != o.failed {
			count++
		}
	}
	if count == 0 {
		if n := m.nodes[o.failed]; n != nil && n.path() {
			return n
		}
		return nil
	}
	pick := int(m.cfg.Rand() % uint64(count))
	for _, n := range m.order {
		if n.path() && n.name != o.failed {
			if pick == 0 {
				return n
			}
			pick--
		}
	}
	return nil
}

// nothingNewer ends a request whose peer has no more than we do. What the owner does not have does not exist.
func (m *Machine) nothingNewer(o *node, peer string) {
	if o.fetch.peer != peer {
		return
	}
	o.dropFetch()
	if o.distrust { // its owner is behind the copy that is not to be trusted; it has been told so, and takes another life
		o.askAt = m.now + int64(m.cfg.AskTimeout)
		return
	}
	if peer == o.name {
		o.wanted = o.part.Version()
		return
	}
	o.failed = peer
	o.askAt = m.now + int64(m.cfg.AskGrace)
}

// failFetch ends a request that was not answered, or wrongly. Its peer comes last the next time.
func (m *Machine) failFetch(o *node) {
	o.failed = o.fetch.peer
	o.askAt = m.now + int64(m.cfg.AskGrace)
	o.dropFetch()
}

func (m *Machine) expireFetch(o *node) {
	if o.fetch.active() && m.now >= o.fetch.deadline {
		m.failFetch(o)
	}
}
