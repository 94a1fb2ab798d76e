package link

import (
	"crypto/hmac"

	"github.com/tinylib/msgp/msgp"
)

// unfit says what speaks against the other end of c, as far as its hello tells; 0 if nothing.
func (m *Machine) unfit(c *conn) refusal {
	p := &c.peer
	switch {
	case p.name == m.cfg.Self && p.life == m.cfg.Life:
		return refuseSelf
	case p.name == m.cfg.Self:
		return refuseName
	case p.name != m.cfg.Peer:
		return refusePeer
	case p.cluster != m.cfg.Cluster:
		return refuseCluster
	case p.max < m.cfg.VersionMin || m.cfg.VersionMax < p.min:
		return refuseVersion
	case m.retiring:
		return refuseLeaving
	}
	return 0
}

// meet takes the other end's hello, and what follows from both.
func (m *Machine) meet(c *conn, body []byte) refusal {
	c.theirs = append([]byte(nil), body...)
	p, ok := readHello(c.theirs)
	if !ok {
		return refuseProtocol
	}
	c.peer = p
	c.version = min(p.max, m.cfg.VersionMax)
	return m.unfit(c)
}

// onHello answers a dialer.
func (m *Machine) onHello(now int64, c *conn, body []byte, out []Effect) []Effect {
	why := m.meet(c, body)
	m.introduce(c, now)
	if why != 0 {
		return m.refuse(now, c, why, out)
	}
	c.generation = max(c.peer.have, c.us.have) + 1
	c.phase = awaitProof
	f := msgp.AppendArrayHeader([]byte{0, kindAnswer}, 2)
	f = msgp.AppendBytes(f, c.ours)
	f = msgp.AppendBytes(f, proof(m.cfg.Key, roleAcceptor, c.theirs, c.ours))
	return m.write(c, f, out)
}

// onAnswer checks the acceptor's proof, gives ours, and makes c the current connection.
func (m *Machine) onAnswer(now int64, c *conn, body []byte, out []Effect) []Effect {
	r := reader{b: body}
	n := r.array()
	theirs, shown := r.bytes(len(body)), r.bytes(64)
	if r.bad || n < 2 {
		return m.refuse(now, c, refuseProtocol, out)
	}
	if why := m.meet(c, theirs); why != 0 {
		return m.refuse(now, c, why, out)
	}
	if !hmac.Equal(shown, proof(m.cfg.Key, roleAcceptor, c.ours, c.theirs)) {
		return m.refuse(now, c, refuseKey, out)
	}
	c.generation = max(c.peer.have, c.us.have) + 1
	out, ok := m.adopt(now, c, out)
	if !ok {
		return out
	}
	c.phase = awaitState
	f := msgp.AppendArrayHeader([]byte{c.version, kindProof}, 2)
	f = msgp.AppendBytes(f, proof(m.cfg.Key, roleDialer, c.ours, c.theirs))
	f = msgp.AppendBytes(f, m.appendOurState(nil))
	return m.write(c, f, out)
}

// onProof checks the dialer's proof and makes c the current connection.
func (m *Machine) onProof(now int64, c *conn, body []byte, out []Effect) []Effect {
	r := reader{b: body}
	n := r.array()
	shown, st := r.bytes(64), r.bytes(len(body))
	if r.bad || n < 2 {
		return m.refuse(now, c, refuseProtocol, out)
	}
	if !hmac.Equal(shown, proof(m.cfg.Key, roleDialer, c.theirs, c.ours)) {
		return m.refuse(now, c, refuseKey, out)
	}
	s, ok := readState(st)
	if !ok {
		return m.refuse(now, c, refuseProtocol, out)
	}
	out, ok = m.adopt(now, c, out)
	if !ok {
		return out
	}
	out = m.write(c, m.appendOurState([]byte{c.version, kindState}), out)
	return m.opened(now, c, &s, out)
}

// adopt makes c, whose other end is proven, the current connection: from now on only its bytes are read.
func (m *Machine) adopt(now int64, c *conn, out []Effect) ([]Effect, bool) {
	switch {
	case m.retiring:
		return m.refuse(now, c, refuseLeaving, out), false
	case c.peer.life.less(m.peerLife):
		return m.refuse(now, c, refuseLife, out), false
	case c.peer.life == m.peerLife && m.cur != nil && m.cur.generation == c.generation && !m.outranks(c):
		m.stats.Rivals++
		return m.refuse(now, c, refuseSuperseded, out), false
	case c.peer.life == m.peerLife && (!m.outranks(c) || c.dialed && c.relay && m.state == Up && !m.cur.relay):
		return m.refuse(now, c, refuseSuperseded, out), false
	}
	m.dropPending(c.id)
	if m.cur != nil {
		m.stats.Superseded++
		if m.cur.dialed != c.dialed && m.cur.phase != open || m.cur.generation == c.generation {
			m.stats.Rivals++
		}
		out = m.closeStale(superseded, out)
		m.stale = m.cur.id
	}
	if m.relayed != c.relay {
		m.relayed, m.srtt = c.relay, 0 // what is known of the other path says nothing of this one
	}
	m.cur, m.generation, m.bySmaller = c, c.generation, c.bySmaller
	m.heard, m.pinged, m.echoed, m.unheard, m.nearTold = now, now, now, false, false
	m.rttMin = 0 // it may be another path
	// Its packets may have been sent again and again while the path was cut, so it makes a known round trip no longer, and an unknown one
	// not longer than heartbeats need to put it right.
	known := m.srtt
	if known == 0 {
		known = int64(beatEvery)
	}
	m.observeRTT(now-c.asked, true)
	m.srtt = min(m.srtt, known)
	return m.meetLife(c.peer.life, out), true
}

// refuse tells the other end why, and closes.
func (m *Machine) refuse(now int64, c *conn, why refusal, out []Effect) []Effect {
	us := hello{name: m.cfg.Self, cluster: m.cfg.Cluster, min: m.cfg.VersionMin, max: m.cfg.VersionMax}
	text := refusalText(why, &us, &c.peer)
	m.dropPending(c.id)
	if why != refuseSuperseded {
		m.stats.Refused++
		m.slowDial = m.slowDial || c.dialed
	}
	m.attemptFailed(c, now)
	var newest Life
	if why == refuseLife {
		newest = m.peerLife
	}
	out = m.write(c, appendRefuse(nil, why, text, newest), out)
	return append(out, Effect{Kind: FxClose, Conn: c.id, Text: text})
}

// onRefuse takes the other end's reason. It is told once a minute at most while it stays the same. That a newer life of ours is known is told
// each time: only a higher epoch gets us in again.
func (m *Machine) onRefuse(now int64, c *conn, body []byte, out []Effect) []Effect {
	why, text, newest, ok := readRefuse(body)
	m.dropPending(c.id)
	if ok && why != refuseSuperseded {
		m.slowDial = m.slowDial || c.dialed
		ago := now - m.refusedAt
		if m.refusedText == "" || ago >= int64(refusalEvery) || text != m.refusedText && ago >= int64(refusalAny) {
			m.refusedText, m.refusedAt = text, now
			out = append(out, Effect{Kind: FxRefused, Conn: c.id, Text: text})
		}
	}
	if why == refuseLife && c.phase == awaitState && m.cfg.Life.less(newest) { // the other end has proven who it is
		out = append(out, Effect{Kind: FxOutlived, Life: newest})
	}
	m.attemptFailed(c, now)
	return append(out, Effect{Kind: FxClose, Conn: c.id, Text: "refused: " + text})
}
