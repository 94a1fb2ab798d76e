package link

import (
	"encoding/binary"
)

// detour is the search for a path over a common neighbour, beside that for a direct one (dial.go).
type detour struct {
	out   bool // FxDetour is out
	end   int64
	at    int64 // not before
	tries int   // times that no neighbour was left
}

// Relays says that the peer is a live direct neighbour that understands relay items: it may carry what is for others.
func (m *Machine) Relays() bool {
	c := m.cur
	return m.state == Up && c != nil && c.phase == open && !c.relay && m.cfg.Relay && c.peer.features&featureRelay != 0
}

// Relayed says that the path leads over a neighbour.
func (m *Machine) Relayed() bool { return m.cur != nil && m.cur.relay }

// mayDetour says whether a path over a neighbour is to be looked for. Where there never was a link a direct dial has to fail first.
func (m *Machine) mayDetour() bool {
	if !m.cfg.Relay || m.retiring || m.gone || m.detour.out || m.Relayed() && m.cur.phase != open {
		return false
	}
	for _, c := range m.pending {
		if c.dialed && c.relay {
			return false
		}
	}
	return m.state == Suspect || m.cur == nil && m.dialTries > 0
}

func (m *Machine) maybeDetour(now int64, out []Effect) []Effect {
	if now < m.detour.at || !m.mayDetour() || !m.wantsPath(now) {
		return out
	}
	m.detour.out, m.detour.end = true, now+int64(detourMax)
	e := Effect{Kind: FxDetour}
	if m.Relayed() {
		e.Conn = m.cur.id
	}
	return append(out, e)
}

// detourFailed: the next neighbour is tried at once.
func (m *Machine) detourFailed(now int64) { m.detour.at = now }

// noDetour: no neighbour is left. All are tried anew after a while.
func (m *Machine) noDetour(now int64) {
	m.detour.out = false
	m.detour.tries++
	wait := min(int64(detourMin)<<min(m.detour.tries-1, 8), int64(detourWaitMax))
	m.detour.at = now + wait/2 + m.random(wait/2)
}

// onQuiet takes for how long the peer has not heard us on this connection. A path that carries one way only is none: whoever is heard
// has to learn it from the other end. What lay unread while one of the two was late proves nothing.
func (m *Machine) onQuiet(now, quiet int64, out []Effect) []Effect {
	dead := m.unheardTime()
	switch {
	case m.unheard && quiet < dead:
		m.unheard = false
		if m.state == Suspect {
			out = m.recovered(out)
		}
	case m.state == Up && quiet >= dead && now >= m.excused && now-m.cur.since >= dead:
		out = m.notHeard(now, out)
	}
	return out
}

// unheardTime is for how long a peer has not heard us when we believe it. It tells it once it has waited for its own dead time, which may be
// a little shorter than ours: we do not wait for its next heartbeat for that.
func (m *Machine) unheardTime() int64 {
	d := m.deadTime()
	return d - d/16
}

func (m *Machine) notHeard(now int64, out []Effect) []Effect {
	m.unheard = true
	m.stats.Unheard++
	return m.becomeSuspect(now, out)
}

// SetNeighbours sets the list of our live direct neighbours (AppendNeighbours) that goes with the next heartbeat. The slice is kept and
// must not change any more.
func (m *Machine) SetNeighbours(list []byte) { m.near, m.nearTold = list, false }

func (m *Machine) appendNear(w []byte) []byte {
	if m.nearTold || m.near == nil || !m.Relays() {
		return w
	}
	m.nearTold = true
	w = append(w, itemNear)
	w = binary.AppendUvarint(w, uint64(len(m.near)))
	return append(w, m.near...)
}

// onRelayOut writes one relay item. It has no place in a lane: whatever becomes of it is the concern of the two ends.
func (m *Machine) onRelayOut(in *Input, out []Effect) []Effect {
	if !m.Relays() || len(in.Bytes) > relayItemMax {
		return out
	}
	w := append(m.rbuf[:0], m.cur.version, kindBatch, itemRelay)
	w = binary.AppendUvarint(w, uint64(len(in.Bytes)))
	w = append(w, in.Bytes...)
	m.rbuf = w
	m.stats.RelayOut++
	m.stats.RelayBytesOut += uint64(len(in.Bytes))
	return m.write(m.cur, w, out)
}

// onRelayIn takes a relay item. One hop is all there is: nothing is relayed over a relay.
func (m *Machine) onRelayIn(body []byte, out []Effect) ([]Effect, string) {
	switch {
	case !m.cfg.Relay:
		return out, ""
	case m.cur.relay:
		return out, "a relay item over a relay"
	}
	m.stats.RelayIn++
	m.stats.RelayBytesIn += uint64(len(body))
	return append(out, Effect{Kind: FxRelay, Bytes: body}), ""
}
