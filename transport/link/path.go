package link

import "time"

// D is the dead time: how long a path may be silent before the peer is suspect.
func (m *Machine) deadTime() int64 {
	return min(max(int64(deadMin), 4*m.srtt+int64(deadMin)), int64(deadMax))
}

// observeRTT takes a round trip. idle: nothing of ours was queued before it, so it is the path's own.
func (m *Machine) observeRTT(rtt int64, idle bool) {
	if rtt < 0 || rtt > int64(deadMax) {
		return
	}
	rtt = max(rtt, 1)
	switch {
	case m.srtt == 0:
		m.srtt = rtt
	case rtt < m.srtt/2: // it was a handshake that the peer slept over, or whose packets were sent again: soon forgotten
		m.srtt -= (m.srtt - rtt) / 2
	default:
		m.srtt += (rtt - m.srtt) / 8
	}
	switch {
	case m.rttMin == 0 || rtt < m.rttMin:
		m.rttMin = rtt
	case idle:
		m.rttMin += (rtt - m.rttMin) / 8
	}
}

// inflight bounds what is written and not acknowledged: what the path takes within its own round trip. More would only queue somewhere
// between a publisher and a receiver that asks it to wait, and the receiver has to have room for all of it.
func (m *Machine) inflight() int {
	if m.cur != nil && m.cur.relay { // it lies in the queues of a neighbour, which cannot ask us to wait
		return min(inflightMin, m.cfg.Inflight)
	}
	return min(max(int(m.rttMin/int64(time.Microsecond))*inflightRate, inflightMin), m.cfg.Inflight)
}

// pause is where a lane pauses its origins.
func (m *Machine) pause() int { return min(2*m.inflight(), m.cfg.Pause) }

func (m *Machine) windowBytes() (n int) {
	for i := 1; i <= m.cfg.Lanes; i++ {
		n += m.send[i].bytes
	}
	return n
}

// late takes our own lateness off the peer's silence: what it sent meanwhile lies unread in the socket. Where we were stopped for so long that
// the peer has given its calls up, they lie there too, and would run although their callers were told that they failed: the connection is
// given up unread. What the peer keeps comes again, its calls as no-ops.
func (m *Machine) late(now int64, out []Effect) []Effect {
	if m.wake == 0 || now < m.wake {
		return out
	}
	by := now - m.wake
	m.wake = 0
	if by <= int64(lateMin) {
		return out
	}
	m.rttFrom = now
	m.heard, m.echoed = min(now, m.heard+by), min(now, m.echoed+by)
	if by > int64(deadMin)/2 {
		m.excused = now + int64(2*beatEvery)
	}
	if c := m.cur; c != nil && c.phase == open && by >= m.deadTime()+int64(m.cfg.CallGrace)-int64(beatEvery) {
		m.stats.Stopped++
		out = append(out, Effect{Kind: FxClose, Conn: c.id, On: true, Text: "this node was stopped for too long"})
		out = m.pathLost(now, out)
	}
	return out
}

// opened: both ends have accepted the connection and know each other's state.
func (m *Machine) opened(now int64, c *conn, s *state, out []Effect) []Effect {
	c.phase = open
	out = m.closeStale(superseded, out)
	peerLost := m.resume(s)
	m.head, m.beatAt, m.ping, m.unacked = s.version, now, 0, 0
	if c.relay {
		m.stats.Detours++
	} else {
		m.dialTries, m.slowDial, m.dialing, m.refusedText = 0, false, false, ""
	}
	m.detour = detour{}
	lossless := !m.fresh && !peerLost && !m.resetNow
	if peerLost && !m.fresh {
		m.voidCalls()
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

func (m *Machine) becomeUp() {
	m.state, m.noPathSince, m.callsFailed = Up, 0, false
}

// recovered: the path was silent for too long, but it lives.
func (m *Machine) recovered(out []Effect) []Effect {
	m.becomeUp()
	m.rttFrom = m.heard
	m.stats.Ups++
	m.stats.Resumed++
	return append(out, Effect{Kind: FxUp, Conn: m.cur.id, Life: m.peerLife, Version: m.head, Resumed: true})
}

func (m *Machine) becomeSuspect(now int64, out []Effect) []Effect {
	m.state, m.noPathSince, m.callsFailed = Suspect, now, false
	m.dialAt, m.dialTries = now, 0
	m.detour.at, m.detour.tries = now, 0
	m.beatAt = now // an end that is not heard learns so
	return append(out, Effect{Kind: FxSuspect})
}

// pathLost: the current connection is no more.
func (m *Machine) pathLost(now int64, out []Effect) []Effect {
	c := m.cur
	handshake := c != nil && c.phase != open
	m.cur, m.unheard = nil, false
	out = m.closeStale(superseded, out)
	switch {
	case m.state == Up:
		out = m.becomeSuspect(now, out)
		if handshake {
			m.attemptFailed(c, now)
		}
	case handshake:
		m.attemptFailed(c, now)
	}
	return out
}

// failCalls ends the grace of calls: those that the peer may not have run become no-ops, so that none of them runs later. A connection that
// is silent may still have one in it, and would deliver it when the cut heals: it is given up. So is the one before it, which the other end
// reads until it has accepted the current one.
func (m *Machine) failCalls(now int64, out []Effect) []Effect {
	m.callsFailed = true
	written := m.voidCalls()
	const why = "calls on it have failed"
	if written {
		out = m.closeStale(why, out)
	}
	if c := m.cur; written && c != nil && c.phase == open {
		out = append(out, Effect{Kind: FxClose, Conn: c.id, On: true, Text: why})
		out = m.pathLost(now, out)
	}
	return append(out, Effect{Kind: FxCallsFail})
}

// voidCalls makes the calls void that the peer has not acknowledged; written says that one of them is on the connection already.
func (m *Machine) voidCalls() (written bool) {
	for i := 1; i < allLanes; i++ {
		n, w := m.send[i].voidCalls()
		m.stats.Cancelled += n
		written = written || w
	}
	return written
}

// giveUp is the lossy reset.
func (m *Machine) giveUp(why string, out []Effect) []Effect {
	out = m.releaseAll(out)
	lost := m.dropAll()
	m.resets++
	m.resetNow = true
	if m.cur != nil {
		out = append(out, Effect{Kind: FxClose, Conn: m.cur.id, On: true, Text: why})
		m.cur = nil
	}
	out = m.closeStale(superseded, out)
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
	out = m.closeStale(superseded, out)
	m.dropAll()
	m.cur, m.state, m.noPathSince = nil, Left, 0
	return out
}
