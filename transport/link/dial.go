package link

// mayDial says whether a dial is possible, wantsPath whether one is wanted at that time.
func (m *Machine) mayDial() bool {
	if !m.cfg.Dialer || m.dialing || m.retiring || m.gone {
		return false
	}
	for _, c := range m.pending {
		if c.dialed && !c.relay { // accepted ones do not count: a stranger could keep us from dialing with them
			return false
		}
	}
	return m.cur == nil || m.cur.relay || m.cur.phase == open && m.state == Suspect
}

func (m *Machine) wantsPath(now int64) bool {
	return m.alive || m.noPathSince != 0 || now < m.askedUntil || m.cur != nil && m.cur.relay
}

// maybeDial looks for a path: a direct one, and one over a neighbour as long as there is none at all.
func (m *Machine) maybeDial(now int64, out []Effect) []Effect {
	return m.maybeDetour(now, m.maybeDialDirectly(now, out))
}

func (m *Machine) maybeDialDirectly(now int64, out []Effect) []Effect {
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
