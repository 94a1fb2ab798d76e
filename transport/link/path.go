package link

// D is the dead time: how long a path may be silent before the peer is suspect (DESIGN.md section 6).
func (m *Machine) deadTime() int64 {
	return min(max(int64(deadMin), 4*m.srtt+int64(deadMin)), int64(deadMax))
}

func (m *Machine) observeRTT(rtt int64) {
	switch {
	case rtt < 0 || rtt > int64(deadMax):
	case m.srtt == 0:
		m.srtt = max(rtt, 1)
	default:
		m.srtt += (rtt - m.srtt) / 8
	}
}

// late takes our own lateness off the peer's silence: what it sent meanwhile lies unread in the socket.
func (m *Machine) late(now int64) {
	if m.wake == 0 || now < m.wake {
		return
	}
	if by := now - m.wake; by > int64(lateMin) {
		m.heard = min(now, m.heard+by)
	}
	m.wake = 0
}

// opened: both ends have accepted the connection and know each other's state.
func (m *Machine) opened(now int64, c *conn, s *state, out []Effect) []Effect {
	c.phase = open
	out = m.closeStale(out)
	peerLost := m.resume(s)
	m.head, m.beatAt, m.ping, m.unacked = s.version, now, 0, 0
	m.dialTries, m.slowDial, m.dialing, m.refusedText = 0, false, false, ""
	lossless := !m.fresh && !peerLost && !m.resetNow
	if peerLost && !m.fresh {
		m.stats.Cancelled += m.voidCalls()
		out = append(out, Effect{Kind: FxLost})
	}
	m.fresh, m.resetNow, m.theirs = false, false, s.resets
	m.becomeUp()
	m.stats.Ups++
	if lossless {
		m.stats.Resumed++
	}
	out = append(out, Effect{Kind: FxUp, Conn: c.id, Life: m.peerLife, Version: m.head, Resumed: lossless})
	return m.setStopped(s.stopped, out)
}

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
		if exact := out.finals - told.done - out.pending(); told.done <= out.finals && exact < out.lost {
			out.lost = exact
		}
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
		s.lanes[i] = laneState{base: out.acked, next: out.next, expect: in.next, done: in.done}
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
			m.lostFirst += m.send[i].lost
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

func (m *Machine) becomeUp() {
	m.state, m.noPathSince, m.callsFailed = Up, 0, false
}

// recovered: the path was silent for too long, but it lives.
func (m *Machine) recovered(out []Effect) []Effect {
	m.becomeUp()
	m.stats.Ups++
	m.stats.Resumed++
	return append(out, Effect{Kind: FxUp, Conn: m.cur.id, Life: m.peerLife, Version: m.head, Resumed: true})
}

func (m *Machine) becomeSuspect(now int64, out []Effect) []Effect {
	m.state, m.noPathSince, m.callsFailed = Suspect, now, false
	m.dialAt, m.dialTries = now, 0
	return append(out, Effect{Kind: FxSuspect})
}

// pathLost: the current connection is no more.
func (m *Machine) pathLost(now int64, out []Effect) []Effect {
	handshake := m.cur != nil && m.cur.phase != open
	m.cur = nil
	out = m.closeStale(out)
	switch {
	case m.state == Up:
		out = m.becomeSuspect(now, out)
		if handshake {
			m.dialFailed(now)
		}
	case handshake:
		m.dialFailed(now)
	}
	return out
}

// failCalls ends the grace of calls: those that the peer may not have run become no-ops, so that none of them runs later.
func (m *Machine) failCalls(out []Effect) []Effect {
	m.callsFailed = true
	m.stats.Cancelled += m.voidCalls()
	return append(out, Effect{Kind: FxCallsFail})
}

func (m *Machine) voidCalls() (n uint64) {
	for i := 1; i < allLanes; i++ {
		n += m.send[i].voidCalls()
	}
	return n
}

// giveUp is the lossy reset.
func (m *Machine) giveUp(why string, out []Effect) []Effect {
	out = m.releaseAll(out)
	lost := m.dropAll()
	m.resets++
	m.resetNow = true
	if m.cur != nil {
		out = append(out, Effect{Kind: FxClose, Conn: m.cur.id, Text: why})
		m.cur = nil
	}
	out = m.closeStale(out)
	m.state, m.noPathSince, m.callsFailed = Down, 0, true
	out = append(out, Effect{Kind: FxLost, Lost: lost})
	out = m.unpauseAll(out)
	return append(out, Effect{Kind: FxDown, Text: why})
}

func (m *Machine) dropAll() (lost uint64) {
	for i := range m.send {
		lost += m.send[i].drop(&m.pool)
	}
	return lost
}

// peerLeft: the peer said that it stops for good.
func (m *Machine) peerLeft(out []Effect) []Effect {
	m.gone, m.byeSeen = true, false
	return m.giveUp("the peer has left", out)
}

func (m *Machine) onMember(in *Input) {
	if in.Alive && !m.alive {
		m.gone, m.slowDial, m.dialTries = false, false, 0
		m.dialAt = in.Now
		if m.state == Idle && m.cfg.Self > m.cfg.Peer {
			m.dialAt += int64(firstDialWait) + m.random(int64(firstDialWait))
		}
	}
	m.alive = in.Alive
}

// onReached notes how far our routing knows the peer's tables, and releases what waited for it.
func (m *Machine) onReached(in *Input, out []Effect) []Effect {
	if in.Life != (Life{}) && in.Life != m.peerLife {
		m.nextLife, m.nextReach = in.Life, in.Version
		return out
	}
	m.reached = max(m.reached, in.Version)
	return m.releaseDue(in.Now, out)
}

func (m *Machine) onRetire(now int64, out []Effect) []Effect {
	if m.retiring {
		return out
	}
	m.retiring, m.retireEnd = true, now+int64(retireMax)
	for _, c := range m.pending {
		out = append(out, Effect{Kind: FxClose, Conn: c.id, Text: "leaving"})
	}
	m.pending = nil
	return out
}

// leave says goodbye once everything is acknowledged, or the time for that is over.
func (m *Machine) leave(now int64, out []Effect) []Effect {
	up := m.cur != nil && m.cur.phase == open
	if up && now < m.retireEnd {
		for i := range m.send {
			if l := &m.send[i]; l.acked < l.next {
				return out
			}
		}
	}
	if up {
		bye := appendItem([]byte{m.cur.version, kindBatch}, itemBye, func(b []byte) []byte { return b })
		out = m.write(m.cur, bye, out)
	}
	if m.cur != nil {
		out = append(out, Effect{Kind: FxClose, Conn: m.cur.id, Text: "leaving"})
	}
	out = m.closeStale(out)
	m.dropAll()
	m.cur, m.state, m.noPathSince = nil, Left, 0
	return out
}

// timers does what is due. All of it is also what deadline knows of.
func (m *Machine) timers(now int64, out []Effect) []Effect {
	for i := 0; i < len(m.pending); {
		c := m.pending[i]
		if now-c.since < int64(handshakeMax) {
			i++
			continue
		}
		out = m.giveUpHandshake(now, c, out)
	}
	if c := m.cur; c != nil && c.phase != open && now-c.since >= int64(handshakeMax) {
		out = append(out, Effect{Kind: FxClose, Conn: c.id, Text: "handshake takes too long"})
		out = m.pathLost(now, out)
	}
	if m.dialing && now >= m.dialEnd {
		m.dialing = false
		m.dialFailed(now)
	}
	if m.state == Up && now-m.heard >= m.deadTime() {
		out = m.becomeSuspect(now, out)
	}
	if since := m.noPathSince; since != 0 {
		if !m.callsFailed && now-since >= int64(m.cfg.CallGrace) {
			out = m.failCalls(out)
		}
		if now-since >= int64(m.cfg.DownAfter) {
			out = m.giveUp("no path for too long", out)
		}
	}
	return m.releaseDue(now, out)
}

func (m *Machine) giveUpHandshake(now int64, c *conn, out []Effect) []Effect {
	m.dropPending(c.id)
	if c.dialed {
		m.dialFailed(now)
	}
	return append(out, Effect{Kind: FxClose, Conn: c.id, Text: "handshake takes too long"})
}

// deadline is when timers or flush have something to do next; 0: never.
func (m *Machine) deadline() (at int64) {
	for _, c := range m.pending {
		at = earlier(at, c.since+int64(handshakeMax))
	}
	if c := m.cur; c != nil && c.phase != open {
		at = earlier(at, c.since+int64(handshakeMax))
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
		at = earlier(at, m.heard+m.deadTime())
	}
	if since := m.noPathSince; since != 0 {
		if !m.callsFailed {
			at = earlier(at, since+int64(m.cfg.CallGrace))
		}
		at = earlier(at, since+int64(m.cfg.DownAfter))
	}
	if m.mayDial() && m.wantsPath(m.dialAt) {
		at = earlier(at, m.dialAt)
	}
	return earlier(at, m.holdDeadline())
}

// mayDial says whether a dial is possible, wantsPath whether one is wanted at that time.
func (m *Machine) mayDial() bool {
	if !m.cfg.Dialer || m.dialing || m.retiring || m.gone {
		return false
	}
	for _, c := range m.pending {
		if c.dialed { // accepted ones do not count: a stranger could keep us from dialing with them
			return false
		}
	}
	return m.cur == nil || m.cur.phase == open && m.state == Suspect
}

func (m *Machine) wantsPath(now int64) bool {
	return m.alive || m.noPathSince != 0 || now < m.askedUntil
}

func (m *Machine) maybeDial(now int64, out []Effect) []Effect {
	if now < m.dialAt || !m.mayDial() || !m.wantsPath(now) {
		return out
	}
	m.dialing, m.dialEnd = true, now+int64(DialTimeout)
	return append(out, Effect{Kind: FxDial})
}

// dialFailed plans the next dial: doubling, jittered, at most a second apart while the outage is young.
func (m *Machine) dialFailed(now int64) {
	m.dialTries++
	wait := int64(redialEarlyMax)
	switch {
	case m.slowDial || m.dialTries > int(redialEarly/redialEarlyMax):
		wait = int64(redialLateMax)
	case m.dialTries < 6:
		wait = min(wait, int64(redialMin)<<(m.dialTries-1))
	}
	m.dialAt = now + wait/2 + m.random(wait/2)
}

// random is in [0, n).
func (m *Machine) random(n int64) int64 { return int64(m.cfg.Nonce() % uint64(n)) }
