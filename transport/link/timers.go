package link

// timers does what is due. All of it is also what deadline knows of.
func (m *Machine) timers(now int64, out []Effect) []Effect {
	for i := 0; i < len(m.pending); {
		c := m.pending[i]
		if now-c.since < c.handshakeLimit() {
			i++
			continue
		}
		out = m.giveUpHandshake(now, c, out)
	}
	if c := m.cur; c != nil && c.phase != open && now-c.since >= c.handshakeLimit() {
		out = append(out, Effect{Kind: FxClose, Conn: c.id, Text: "handshake takes too long"})
		out = m.pathLost(now, out)
	}
	if m.dialing && now >= m.dialEnd {
		m.dialing = false
		m.dialFailed(now)
	}
	if m.detour.out && now >= m.detour.end {
		m.detour.out = false
		m.detourFailed(now)
	}
	if m.state == Up && now-m.heard >= m.deadTime() {
		out = m.becomeSuspect(now, out)
	}
	if m.state == Up && now >= m.echoDeadline() {
		out = m.notHeard(now, out) // what still comes are repetitions of a stream whose acknowledgements are lost
	}
	if since := m.noPathSince; since != 0 {
		if !m.callsFailed && now-since >= int64(m.cfg.CallGrace) {
			out = m.failCalls(now, out)
		}
		if now-since >= int64(m.cfg.DownAfter) {
			out = m.giveUp("no path for too long", out)
		}
	}
	return m.releaseDue(now, out)
}

// echoDeadline is when a peer that has told of none of our later heartbeats does not hear us. It tells of each with its own next one.
func (m *Machine) echoDeadline() int64 {
	return max(m.echoed+int64(beatEvery)+m.unheardTime(), m.excused)
}

func (m *Machine) giveUpHandshake(now int64, c *conn, out []Effect) []Effect {
	m.dropPending(c.id)
	m.attemptFailed(c, now)
	return append(out, Effect{Kind: FxClose, Conn: c.id, Text: "handshake takes too long"})
}

// deadline is when timers or flush have something to do next; 0: never.
func (m *Machine) deadline(now int64) (at int64) {
	for _, c := range m.pending {
		at = earlier(at, c.since+c.handshakeLimit())
	}
	if c := m.cur; c != nil && c.phase != open {
		at = earlier(at, c.since+c.handshakeLimit())
	} else if c != nil {
		at = earlier(at, m.beatAt)
		if m.unacked > 0 {
			at = earlier(at, m.unackedAt+int64(m.cfg.AckDelay))
		}
		if m.retiring {
			at = earlier(at, m.retireEnd)
		}
	}
	if m.dialing {
		at = earlier(at, m.dialEnd)
	}
	if m.state == Up {
		at = earlier(at, min(m.heard+m.deadTime(), m.echoDeadline()))
	}
	if since := m.noPathSince; since != 0 {
		if !m.callsFailed {
			at = earlier(at, since+int64(m.cfg.CallGrace))
		}
		at = earlier(at, since+int64(m.cfg.DownAfter))
	}
	if m.mayDial() && m.wantsPath(max(m.dialAt, now)) {
		at = earlier(at, m.dialAt)
	}
	if m.detour.out {
		at = earlier(at, m.detour.end)
	}
	if m.mayDetour() && m.wantsPath(max(m.detour.at, now)) {
		at = earlier(at, m.detour.at)
	}
	return earlier(at, m.holdDeadline())
}

// earlier is the earlier of two times, where 0 is never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
