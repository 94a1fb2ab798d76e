package link

// Life is one run of a node (crdt.Life's two numbers; this package imports nothing of ours).
type Life struct{ Epoch, Nonce uint64 }

// Lanes is how many data lanes a link has by default; lane 0 is control.
const Lanes = 4

// InputKind says which fields of an Input count.
type InputKind uint8

const (
	InUp      InputKind = iota + 1 // Conn, Dialed, Relay: a new connection to (or from) this peer is open; the handshake begins on it
	InDown                         // Conn, Refused: it closed. Conn 0: no connection came of FxDial (Refused: it was refused or failed at once), or, Relay, of FxDetour
	InBytes                        // Conn, Bytes: one link frame from it
	InData                         // Lane (any hash; taken mod the number of lanes), Call, Event, Bytes: one relay frame to send, copied
	InControl                      // Bytes: one control frame to send on lane 0, copied
	InVersion                      // Version: our table version from now on (stamped on data frames)
	InReached                      // Version: the peer's table version that our routing has reached; Life: whose, zero for the current one
	InMember                       // Alive: SWIM's opinion
	InCredit                       // On: our workers can (not) take more from this peer
	InRetire                       // we leave: answers are flushed (2 s at most), then the peer is told and the connection closed
	InRelay                        // Bytes: one relay item (see Detours) to write on the current connection, at once; only while Relays() holds
	InTick
)

// Input is one step's input. Now is nanoseconds of a monotonic clock.
type Input struct {
	Kind    InputKind
	Now     int64
	Conn    uint64
	Dialed  bool
	Refused bool
	Relay   bool // the connection is a virtual one, over a common neighbour
	Alive   bool
	On      bool
	Call    bool // the frame is a CALL: void if calls to the peer fail before it is acknowledged
	Event   bool // the frame may be dropped (and is counted) when the window is full while a path is up
	Lane    uint64
	Version uint64
	Life    Life
	Bytes   []byte // InBytes: kept as it is until the effects of the Step have been done, they may alias it
}

// EffectKind says which fields of an Effect count.
type EffectKind uint8

const (
	FxWrite     EffectKind = iota + 1 // Conn, Bytes: write one link frame (at most MaxFrame); valid until the next Step, from Flush until the next Flush
	FxClose                           // Conn, Text: why; On: at once, what has not left must not leave any more
	FxDial                            // dial the peer now (the caller knows its addresses); answered by InUp, or by InDown with Conn 0, within DialTimeout
	FxData                            // Lane, Bytes, Version (its table stamp): one relay frame from the peer, in order per lane, exactly once; valid until the next Step
	FxControl                         // Bytes: one control frame from the peer, in order; valid until the next Step
	FxUp                              // Life, Version, Resumed: the peer's life and head version as last told; a path is up (again). Resumed: same life, nothing lost
	FxSuspect                         // no bytes within the dead time, or the connection broke
	FxCallsFail                       // the call grace is over: calls to the peer fail now. Again for each CALL that comes later and finds no path
	FxLost                            // Lost: lossy reset or a new life of the peer; calls older than it end on both sides. Lost is what we gave up (an upper bound, see Stats), 0 if it was the peer
	FxDown                            // no path and the window's time is over, or the peer has left
	FxPaused                          // Lane, On: the lane's window or credit is used up: pause its origins / go on
	FxRefused                         // Text: the peer refused us (other key, same name, version): what to do about it
	FxWakeAt                          // At: step with InTick at this time at the latest; only Flush says so
	FxDetour                          // Conn (the current one, if that is a virtual one): open a virtual connection over a neighbour that has not failed yet; answered by InUp, or InDown with Conn 0, both with Relay
	FxRelay                           // Bytes: one relay item from the peer, for Detours; valid until the next Step
	FxOutlived                        // Life: the peer refuses us, since it knows this newer life of our name
	FxNear                            // Bytes: the list of the peer's live direct neighbours, for Detours; valid until the next Step
	FxDigest                          // Bytes (16), Version: the peer's heartbeat: digest of its tables and its table version
)

// Effect is one thing that the caller of Step has to do, in order.
type Effect struct {
	Kind    EffectKind
	On      bool
	Resumed bool
	Conn    uint64
	Lane    uint8
	Life    Life
	Version uint64
	At      int64
	Bytes   []byte
	Text    string
	Lost    uint64 // frames given up
}
