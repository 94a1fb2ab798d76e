package link

import "time"

// The protocol versions that this code speaks: N and N-1.
const (
	ProtocolMin = 1
	ProtocolMax = 1
)

// Defaults of Config's limits, each with its reason.
const (
	// DefaultMaxMessage is the largest frame of InData and InControl: the largest WAMP message and room for its relay head.
	DefaultMaxMessage = 16<<20 + 64<<10
	// DefaultWindow bounds what a lane keeps unacknowledged: two of the largest messages and their record heads.
	DefaultWindow = 2*DefaultMaxMessage + 1<<20
	// DefaultPause is where a lane pauses its origins: twice what may be on the wire, so that the pipe never runs dry. On a fast path it
	// is less, see Machine.pause.
	DefaultPause = 2 * DefaultInflight
	// DefaultInflight bounds what is written and not acknowledged, over all data lanes (and for lane 0 a quarter more): it stays
	// below the outbox bound of a connection (8 MiB), and is 40 MB/s at 100 ms of round trip. On a fast path it is less, see
	// Machine.inflight.
	DefaultInflight = 4 << 20
	// DefaultHoldBytes and DefaultHoldTime bound how long a lane waits for the table version that its frames were sent with.
	DefaultHoldBytes = 1 << 20
	DefaultHoldTime  = 500 * time.Millisecond
	// DefaultAckDelay and DefaultAckBytes: an acknowledgement is due after either; it rides along earlier when anything is written.
	DefaultAckDelay = time.Millisecond
	DefaultAckBytes = 256 << 10
	// DefaultCallGrace is how long calls survive without a path: a redial over a LAN succeeds within it.
	DefaultCallGrace = 250 * time.Millisecond
	// DefaultDownAfter is how long frames wait in the window for a path.
	DefaultDownAfter = 30 * time.Second
)

// Fixed bounds.
const (
	deadMin        = time.Second            // the smallest dead time D
	deadMax        = 10 * time.Second       // the largest: a path slower than that serves no client
	beatEvery      = deadMin / 4            // heartbeats: a quarter of the smallest D, so that the two ends need not agree on D
	lateMin        = 20 * time.Millisecond  // our own lateness below this is scheduling noise
	handshakeMax   = 5 * time.Second        // from InUp to the last frame of the handshake
	firstDialWait  = 100 * time.Millisecond // the larger name lets the smaller dial first
	redialMin      = 50 * time.Millisecond  // backoff: doubled up to redialEarlyMax while the outage is young, later redialLateMax
	redialEarlyMax = time.Second
	redialLateMax  = 5 * time.Second
	redialEarly    = 30 * time.Second
	retireMax      = 2 * time.Second // how long a leaving node waits for its last answers to be acknowledged
	askedFor       = 5 * time.Second // a frame for a peer that is down asks for dialing this long
	detourMax      = 2 * time.Second // from InUp to the last frame of the handshake over a relay: there may be another one
	detourMin      = beatEvery       // wait before all neighbours are tried anew: doubled up to detourWaitMax
	detourWaitMax  = 2 * time.Second
	refusalEvery   = time.Minute // the same refusal is told again after this,
	refusalAny     = time.Second // and any after this: it may come from a stranger, and ends in a log

	pendingMax   = 6         // handshakes under way per peer: both ends may dial, directly and over a neighbour; the oldest is closed for one more
	nameMax      = 256       // bytes of a node or cluster name on the wire
	textMax      = 400       // bytes of a refusal's text
	inflightMin  = 512 << 10 // what may be on the wire of the fastest path: two acknowledgements' worth
	inflightRate = 256       // bytes that a path is expected to take in a microsecond of its round trip
	writeMax     = 256 << 10 // one FxWrite: small enough to interleave and to parse from cache
	flushMax     = 1 << 20   // all FxWrites of one Flush; the rest follows in the next turn
	asmKeepMax   = 1 << 20   // a reassembly or hold buffer above this is not kept for reuse
	maxLanes     = 15        // data lanes that a peer may use (a lane number has 4 bits)
	allLanes     = maxLanes + 1
	challengeLen = 16
	digestLen    = 16
)

// MaxFrame is the largest link frame that a Machine writes or accepts; the executor limits its connections to it.
const MaxFrame = writeMax + 4096

// DialTimeout is how long an FxDial may take. Without an answer by then it counts as failed and the next one follows: when a
// cut heals, a dial that has lost its first packets comes later than a new one.
const DialTimeout = 2 * time.Second

// Config describes a Machine. Zero limits take the defaults.
type Config struct {
	Self, Peer string // node names, at most 256 bytes each, different
	Cluster    string // clusters of different names do not link
	Life       Life   // ours
	Key        []byte // the cluster's key; both ends need the same (nil is one, too: no secret)
	// Nonce gives random numbers that a stranger cannot guess (challenges), and jitter. The simulator gives seeded ones.
	Nonce func() uint64
	// Dialer says whether we know how to dial the peer. If not, FxDial never comes and we wait to be dialed.
	Dialer bool
	// Relay says that the executor does what FxDetour, FxRelay and FxNear ask for, see Detours. If not, they never come, the peer is told
	// so, and sends nothing of the kind.
	Relay bool

	VersionMin, VersionMax uint8 // protocol versions offered; 0: ProtocolMin, ProtocolMax
	Lanes                  int   // data lanes we send on, 1..15; 0: the default

	MaxMessage, Window, Pause, Inflight int
	HoldBytes, AckBytes                 int
	HoldTime, AckDelay                  time.Duration
	CallGrace, DownAfter                time.Duration
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (c Config) withDefaults() Config {
	c.VersionMin = or(c.VersionMin, ProtocolMin)
	c.VersionMax = or(c.VersionMax, ProtocolMax)
	c.Lanes = min(max(or(c.Lanes, Lanes), 1), maxLanes)
	c.MaxMessage = or(c.MaxMessage, DefaultMaxMessage)
	c.Window = or(c.Window, DefaultWindow)
	c.Pause = or(c.Pause, DefaultPause)
	c.Inflight = or(c.Inflight, DefaultInflight)
	c.HoldBytes = or(c.HoldBytes, DefaultHoldBytes)
	c.AckBytes = or(c.AckBytes, DefaultAckBytes)
	c.HoldTime = or(c.HoldTime, DefaultHoldTime)
	c.AckDelay = or(c.AckDelay, DefaultAckDelay)
	c.CallGrace = or(c.CallGrace, DefaultCallGrace)
	c.DownAfter = or(c.DownAfter, DefaultDownAfter)
	if c.Nonce == nil {
		panic("link: Config.Nonce is missing")
	}
	return c
}
