package link

// resume aligns all lanes with what the peer told, and reports whether the peer has given something up.
func (m *Machine) resume(s *state) (peerLost bool) {
	for i := range s.lanes {
		told, in, out := &s.lanes[i], &m.recv[i], &m.send[i]
		if told.next < in.next || told.base > in.next { // it has forgotten us, or reset
			if told.base > in.next {
				m.stats.PeerLost += told.base - in.next
			}
			in.next = told.base
			in.abort()
			peerLost = true
		}
		in.acked = min(in.acked, in.next)
		if told.expect <= out.next { // else we know nothing of what it expects, and it resets
			out.ack(&m.pool, told.expect)
		}
		out.rewind()
		// What a lossy reset gave up may have arrived after all; now it is known (machine.go, Stats.Lost).
		out.learn(told)
	}
	return peerLost || s.resets != m.theirs
}

func (m *Machine) appendOurState(dst []byte) []byte {
	s := state{version: m.version, resets: m.resets}
	if m.stop {
		s.stopped = m.stopMask()
	}
	m.stopTold = m.stop
	for i := range s.lanes {
		in, out := &m.recv[i], &m.send[i]
		s.lanes[i] = laneState{base: out.acked, next: out.next, expect: in.next,
			done: in.done.all(), events: in.done[LostEvent], others: in.done[LostOther], kinds: true}
		in.acked = in.next
	}
	return appendState(dst, &s)
}

// meetLife takes the proven life of the peer. A new one begins all streams anew.
func (m *Machine) meetLife(life Life, out []Effect) []Effect {
	if life == m.peerLife {
		return out
	}
	if m.peerLife != (Life{}) {
		out = m.releaseAll(out)
		lost := m.dropAll()
		for i := range m.send {
			m.lostFirst.add(&m.send[i].lost)
			m.send[i].reset()
			m.recv[i].reset()
		}
		out = append(out, Effect{Kind: FxLost, Lost: lost})
		out = m.unpauseAll(out)
	}
	m.peerLife, m.fresh, m.resetNow, m.gone, m.byeSeen = life, true, false, false, false
	m.reached = 0
	if m.nextLife == life {
		m.reached = m.nextReach
	}
	return out
}
