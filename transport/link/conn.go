package link

import (
	"crypto/hmac"
	"encoding/binary"

	"github.com/tinylib/msgp/msgp"
)

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

// outranks says whether c is to be read instead of the current connection. Both ends compare the same numbers.
func (m *Machine) outranks(c *conn) bool {
	return m.cur == nil || c.generation > m.generation ||
		c.generation == m.generation && c.bySmaller && !m.bySmaller
}

// onUp begins a handshake.
func (m *Machine) onUp(in *Input, out []Effect) []Effect {
	if in.Dialed {
		m.dialing = false
	}
	if m.cur != nil && m.cur.id == in.Conn || in.Conn == m.stale && m.stale != 0 {
		return out
	}
	m.dropPending(in.Conn)
	if len(m.pending) == pendingMax {
		out = m.makeRoom(out)
	}
	c := &conn{id: in.Conn, dialed: in.Dialed, since: in.Now, bySmaller: in.Dialed == (m.cfg.Self < m.cfg.Peer)}
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
	case m.dropPending(in.Conn):
		m.dialFailed(in.Now)
	case m.dialing && (in.Conn == 0 || in.Refused):
		m.dialing = false
		m.dialFailed(in.Now)
		if in.Refused && m.state == Suspect && !m.callsFailed {
			out = m.failCalls(out)
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
		if m.state == Suspect {
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
	case c.peer.life == m.peerLife && !m.outranks(c):
		return m.refuse(now, c, refuseSuperseded, out), false
	}
	m.dropPending(c.id)
	if m.cur != nil {
		out = m.closeStale(out)
		m.stale = m.cur.id
	}
	m.cur, m.generation, m.bySmaller = c, c.generation, c.bySmaller
	m.heard = now
	m.observeRTT(now - c.asked)
	return m.meetLife(c.peer.life, out), true
}

// closeStale closes the connection that the current one has superseded. It waits until the other end has accepted the current
// one, too: an end that sees the old one close first would take it for a lost path.
func (m *Machine) closeStale(out []Effect) []Effect {
	if m.stale != 0 {
		out = append(out, Effect{Kind: FxClose, Conn: m.stale, Text: "superseded by a newer connection"})
		m.stale = 0
	}
	return out
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
	if c.dialed {
		m.dialFailed(now)
	}
	out = m.write(c, appendRefuse(nil, why, text), out)
	return append(out, Effect{Kind: FxClose, Conn: c.id, Text: text})
}

// onRefuse takes the other end's reason. It is told once a minute at most while it stays the same.
func (m *Machine) onRefuse(now int64, c *conn, body []byte, out []Effect) []Effect {
	why, text, ok := readRefuse(body)
	m.dropPending(c.id)
	if ok && why != refuseSuperseded {
		m.slowDial = m.slowDial || c.dialed
		ago := now - m.refusedAt
		if m.refusedText == "" || ago >= int64(refusalEvery) || text != m.refusedText && ago >= int64(refusalAny) {
			m.refusedText, m.refusedAt = text, now
			out = append(out, Effect{Kind: FxRefused, Conn: c.id, Text: text})
		}
	}
	if c.dialed {
		m.dialFailed(now)
	}
	return append(out, Effect{Kind: FxClose, Conn: c.id, Text: "refused: " + text})
}

// earlier is the earlier of two times, where 0 is never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
