package link

// State is what the link knows of its peer.
type State uint8

const (
	Idle    State = iota // never linked yet
	Up                   // a path is up
	Suspect              // it was; frames wait in the window
	Down                 // given up after a lossy reset; frames are refused and counted until the peer is back
	Left                 // we have left
)

func (s State) String() string {
	return [...]string{"idle", "up", "suspect", "down", "left"}[s]
}

// Machine is the link to one peer during one life of ours. It is pure: not safe for use from several goroutines, never blocks,
// and a function of its inputs and Config.Nonce.
type Machine struct {
	cfg  Config
	send [allLanes]sendLane // 0..cfg.Lanes are used
	recv [allLanes]recvLane // whatever the peer uses
	pool chunkPool

	// The pair of lives.
	peerLife  Life   // proven; zero before the first handshake
	fresh     bool   // no state has been exchanged with this life yet
	reached   uint64 // the version of this life's table that our routing has
	nextLife  Life   // InReached came for this life before its handshake,
	nextReach uint64 // with this version
	resets    uint64 // our lossy resets
	resetNow  bool   // one has happened since the path was last up
	theirs    uint64 // the peer's resets, as last told
	head      uint64 // the peer's table version, as last told
	lostFirst tally  // frames given up with earlier lives of the peer

	// Connections.
	cur        *conn  // the one that is read: awaitState or open
	stale      uint64 // superseded by cur, closed once cur is open; 0: none
	pending    []*conn
	generation uint64 // of cur, or of the last one
	bySmaller  bool
	dialing    bool // FxDial is out
	dialEnd    int64
	dialAt     int64 // not before
	dialTries  int
	slowDial   bool // refused: only a person can change that
	askedUntil int64
	detour     detour

	// The path.
	state       State
	heard       int64 // last bytes from cur
	unheard     bool  // the peer says that it does not hear us on cur, although we hear it
	excused     int64 // until then it may say so because we were late
	relayed     bool  // what srtt was measured on
	noPathSince int64 // frames or calls may be waiting since then; 0: a path is up, or nothing waits
	callsFailed bool  // since then
	alive       bool  // SWIM's opinion
	gone        bool  // the peer said goodbye for ever
	byeSeen     bool
	retiring    bool
	retireEnd   int64
	refusedText string
	refusedAt   int64
	srtt        int64
	rttFrom     int64 // echoes of earlier heartbeats measure an outage, or our own lateness, and not the path
	rttMin      int64 // of the path, as far as it is known; 0: unknown
	pinged      int64 // when our last heartbeat left
	pingedIdle  bool  // with nothing of ours queued before it
	echoed      int64 // when the newest of them left that the peer has told of, or the connection began
	wake        int64 // the last FxWakeAt, 0 when it was answered

	// What rides along with the data.
	version     uint64 // ours
	digest      [digestLen]byte
	theirDigest [digestLen]byte
	beatAt      int64
	ping        int64 // the peer's last, and when it came
	pingAt      int64
	unacked     int // bytes since our last ack
	unackedAt   int64
	stop        bool // we take no more
	stopTold    bool
	near        []byte // list of our live direct neighbours
	nearTold    bool   // on cur
	rbuf        []byte // the last relay item written
	turn        int    // the data lane that goes first next time
	wbuf        []byte
	wbufUsed    int  // most of it used since the last heartbeat
	held        bool // a lane may hold frames
	heldBefore  bool
	used, spare []byte // reassembly buffers: lent to an effect, free
	stats       Stats
}

// New returns the machine of one peer. It does nothing before the first input.
func New(cfg Config) *Machine {
	m := &Machine{cfg: cfg.withDefaults()}
	for i := range m.send {
		m.send[i].reset()
		m.recv[i].reset()
	}
	return m
}

// Step takes one input and appends what is to be done, in order. Effects' Bytes are valid until the next Step, except that
// those of Flush are valid until the next Flush. It never panics, whatever the bytes.
func (m *Machine) Step(in *Input, out []Effect) []Effect {
	m.reclaim()
	switch in.Kind {
	case InData:
		return m.onSend(in, m.LaneOf(in.Lane), out)
	case InBytes:
		out = m.late(in.Now, out)
		out = m.onBytes(in, out)
		if m.cur != nil && m.state == Up {
			return out
		}
	case InControl:
		return m.onSend(in, 0, out)
	case InRelay:
		return m.onRelayOut(in, out)
	case InUp:
		out = m.onUp(in, out)
	case InDown:
		out = m.onDown(in, out)
	case InVersion:
		m.version = in.Version
		return out
	case InReached:
		return m.onReached(in, out)
	case InMember:
		m.onMember(in)
	case InCredit:
		m.stop = !in.On
		return out
	case InRetire:
		out = m.onRetire(in.Now, out)
	case InTick:
		out = m.late(in.Now, out)
		out = m.timers(in.Now, out)
	}
	return m.maybeDial(in.Now, out)
}

// LaneOf is the data lane, 1..Lanes, of the frames with this hash; FxPaused names lanes by it.
func (m *Machine) LaneOf(hash uint64) uint8 { return uint8(1 + hash%uint64(m.cfg.Lanes)) }

// State is what the link knows of its peer.
func (m *Machine) State() State { return m.state }

// RTT is the smoothed round trip time in nanoseconds, 0 before the first measurement.
func (m *Machine) RTT() int64 { return m.srtt }

// Acked counts the records of the data lanes that the peer has taken in its present life: where it grows, a full window moves.
func (m *Machine) Acked() (n uint64) {
	for i := 1; i < allLanes; i++ {
		n += m.send[i].acked
	}
	return n
}

// PeerLife is the peer's proven life, zero before the first handshake.
func (m *Machine) PeerLife() Life { return m.peerLife }

// SetDigest sets what our heartbeats carry from now on: the digest of our tables.
func (m *Machine) SetDigest(d [16]byte) { m.digest = d }

// Stats are counters over our life and gauges of now, for status and metrics.
type Stats struct {
	DataOut, ControlOut uint64 // frames accepted for sending
	DataIn, ControlIn   uint64 // frames delivered
	BytesOut, BytesIn   uint64 // of batches
	Writes              uint64

	Lost      uint64            // frames given up by lossy resets, a peer's new life, or while it was down; exact once the same life is back
	LostKinds [LostKinds]uint64 // the same by kind
	PeerLost  uint64            // records of the peer that it gave up, as seen in its numbers
	Dropped   uint64            // events refused because the window was full while a path was up
	TooLarge  uint64            // frames above MaxMessage, refused
	Cancelled uint64            // calls made void before they were acknowledged, or refused because calls had failed
	Voided    uint64            // void calls received

	Held        uint64 // frames that waited for our tables
	HeldTooLong uint64 // of them delivered before the tables were there
	Duplicates  uint64 // records received twice and skipped
	Faults      uint64 // connections closed because of what came over them
	Refused     uint64 // handshakes refused by us
	Ups         uint64 // paths that came up
	Resumed     uint64 // of them without loss
	Resets      uint64 // our lossy resets
	Rivals      uint64 // connections that were both on their way, of which one was given up
	Superseded  uint64 // connections that a newer one has taken the place of
	Unheard     uint64 // times that the peer did not hear us while we heard it
	Stopped     uint64 // connections given up because this process was stopped for longer than a path may be silent
	Detours     uint64 // paths over a neighbour that came up

	RelayOut, RelayIn           uint64 // relay items on this connection, on their way over the peer or over us
	RelayBytesOut, RelayBytesIn uint64

	WindowBytes   int // kept because the peer has not acknowledged them
	InflightBytes int // of them written on the current connection
}

// Stats returns a copy.
func (m *Machine) Stats() Stats {
	s := m.stats
	lost := m.lostFirst
	s.Resets = m.resets
	for i := range m.send {
		l := &m.send[i]
		lost.add(&l.lost)
		s.WindowBytes += l.bytes
		s.InflightBytes += l.inflight
	}
	s.Lost = lost.lost()
	copy(s.LostKinds[:], lost[:])
	return s
}
