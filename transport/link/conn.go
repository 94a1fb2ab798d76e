package link

import "encoding/binary"

// phase is how far a connection's handshake is.
type phase uint8

const (
	awaitHello  phase = iota // accepted: the other end speaks first
	awaitAnswer              // dialed: our hello is out
	awaitProof               // accepted: our hello and proof are out
	awaitState               // dialed and accepted by us; the other end has yet to
	open
)

// conn is one connection. Until it is the current one it has changed nothing but itself.
type conn struct {
	id     uint64
	dialed bool
	relay  bool // a virtual connection
	phase  phase
	since  int64 // InUp
	asked  int64 // when our last handshake frame left: a first round trip time

	ours   []byte // hello bodies: the proofs are over them
	theirs []byte
	us     hello
	peer   hello

	version    uint8
	generation uint64 // 1 + the highest that either end had accepted when it said hello
	bySmaller  bool   // dialed by the smaller name
}

// outranks says whether c is to be read instead of the current connection. Both ends compare the same numbers. Where there is none, the last
// one counts: a handshake that began before it may have been under way for long, and what it tells of the lanes is the past.
func (m *Machine) outranks(c *conn) bool {
	return c.generation > m.generation || c.generation == m.generation && m.cur != nil && c.bySmaller && !m.bySmaller
}

// onUp begins a handshake.
func (m *Machine) onUp(in *Input, out []Effect) []Effect {
	switch {
	case in.Dialed && in.Relay:
		m.detour.out = false
	case in.Dialed:
		m.dialing = false
	}
	if m.cur != nil && m.cur.id == in.Conn || in.Conn == m.stale && m.stale != 0 {
		return out
	}
	m.dropPending(in.Conn)
	if len(m.pending) == pendingMax {
		out = m.makeRoom(out)
	}
	c := &conn{id: in.Conn, dialed: in.Dialed, relay: in.Relay, since: in.Now, bySmaller: in.Dialed == (m.cfg.Self < m.cfg.Peer)}
	m.pending = append(m.pending, c)
	if !in.Dialed {
		return out
	}
	c.phase = awaitAnswer
	m.introduce(c, in.Now)
	return m.write(c, append([]byte{0, kindHello}, c.ours...), out)
}

// makeRoom closes the oldest handshake; what we dialed is closed last, nobody else can spend it.
func (m *Machine) makeRoom(out []Effect) []Effect {
	victim := m.pending[0]
	for _, c := range m.pending {
		if !c.dialed {
			victim = c
			break
		}
	}
	m.dropPending(victim.id)
	return append(out, Effect{Kind: FxClose, Conn: victim.id, Text: "too many handshakes at once"})
}

// introduce makes our hello for c.
func (m *Machine) introduce(c *conn, now int64) {
	c.us = hello{
		min: m.cfg.VersionMin, max: m.cfg.VersionMax, cluster: m.cfg.Cluster, name: m.cfg.Self,
		life: m.cfg.Life, have: m.generation,
	}
	if m.cfg.Relay {
		c.us.features = featureRelay
	}
	c.us.challenge = binary.BigEndian.AppendUint64(nil, m.cfg.Nonce())
	c.us.challenge = binary.BigEndian.AppendUint64(c.us.challenge, m.cfg.Nonce())
	c.ours = appendHello(nil, &c.us)
	c.asked = now
}

func (m *Machine) write(c *conn, frame []byte, out []Effect) []Effect {
	return append(out, Effect{Kind: FxWrite, Conn: c.id, Bytes: frame})
}

func (m *Machine) pendingConn(id uint64) *conn {
	for _, c := range m.pending {
		if c.id == id {
			return c
		}
	}
	return nil
}

// attemptFailed plans what follows a handshake that came to nothing.
func (m *Machine) attemptFailed(c *conn, now int64) {
	switch {
	case c.dialed && c.relay:
		m.detourFailed(now)
	case c.dialed:
		m.dialFailed(now)
	}
}

// handshakeLimit is how long the handshake of c may take.
func (c *conn) handshakeLimit() int64 {
	if c.relay {
		return int64(detourMax)
	}
	return int64(handshakeMax)
}

// dropPending reports whether id was among the pending ones.
func (m *Machine) dropPending(id uint64) bool {
	for i, c := range m.pending {
		if c.id == id {
			m.pending = append(m.pending[:i], m.pending[i+1:]...)
			return true
		}
	}
	return false
}

// onDown takes the end of a connection, or of a dial.
func (m *Machine) onDown(in *Input, out []Effect) []Effect {
	switch {
	case m.cur != nil && m.cur.id == in.Conn:
		return m.pathLost(in.Now, out)
	case in.Conn != 0 && m.stale == in.Conn:
		m.stale = 0
	case m.pendingConn(in.Conn) != nil:
		m.attemptFailed(m.pendingConn(in.Conn), in.Now)
		m.dropPending(in.Conn)
	case in.Conn == 0 && in.Relay:
		m.noDetour(in.Now)
	case m.dialing && (in.Conn == 0 || in.Refused):
		m.dialing = false
		m.dialFailed(in.Now)
		if in.Refused && m.state == Suspect && !m.callsFailed { // whatever a neighbour that is being asked may find
			out = m.failCalls(in.Now, out)
		}
	}
	return out
}

// onBytes takes one link frame.
func (m *Machine) onBytes(in *Input, out []Effect) []Effect {
	b := in.Bytes
	if c := m.cur; c != nil && c.id == in.Conn {
		return m.onCurrent(in.Now, c, b, out)
	}
	c := m.pendingConn(in.Conn)
	if c == nil {
		return out // closed by us; its last frames are late
	}
	if len(b) < 2 {
		return m.refuse(in.Now, c, refuseProtocol, out)
	}
	switch kind, body := b[1], b[2:]; {
	case kind == kindRefuse:
		return m.onRefuse(in.Now, c, body, out)
	case kind == kindHello && c.phase == awaitHello:
		return m.onHello(in.Now, c, body, out)
	case kind == kindAnswer && c.phase == awaitAnswer:
		return m.onAnswer(in.Now, c, body, out)
	case kind == kindProof && c.phase == awaitProof:
		return m.onProof(in.Now, c, body, out)
	default:
		return m.refuse(in.Now, c, refuseProtocol, out)
	}
}

// onCurrent takes a frame of the current connection.
func (m *Machine) onCurrent(now int64, c *conn, b []byte, out []Effect) []Effect {
	m.heard = now
	fault := "frame of an unknown kind or version"
	switch {
	case len(b) >= 2 && c.phase == open && b[1] == kindBatch && b[0] == c.version:
		if m.state == Suspect && !m.unheard {
			out = m.recovered(out)
		}
		m.stats.BytesIn += uint64(len(b))
		out, fault = m.onBatch(now, b[2:], out)
		if fault == "" && m.byeSeen {
			return m.peerLeft(out)
		}
	case len(b) >= 2 && c.phase == awaitState && b[1] == kindState && b[0] == c.version:
		s, ok := readState(b[2:])
		fault = "state that does not parse"
		if ok {
			return m.opened(now, c, &s, out)
		}
	case len(b) >= 2 && b[1] == kindRefuse:
		out = m.onRefuse(now, c, b[2:], out)
		return m.pathLost(now, out)
	}
	if fault != "" {
		m.stats.Faults++
		out = append(out, Effect{Kind: FxClose, Conn: c.id, Text: "protocol fault: " + fault})
		return m.pathLost(now, out)
	}
	return out
}

// superseded is why a connection is closed that has a newer one beside it.
const superseded = "superseded by a newer connection"

// closeStale closes the connection that the current one has superseded. It waits until the other end has accepted the current
// one, too: an end that sees the old one close first would take it for a lost path. What is still in it goes down
// with it: it comes again by the current one, or has failed.
func (m *Machine) closeStale(why string, out []Effect) []Effect {
	if m.stale != 0 {
		out = append(out, Effect{Kind: FxClose, Conn: m.stale, On: true, Text: why})
		m.stale = 0
	}
	return out
}
