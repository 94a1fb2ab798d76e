package router

import (
	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// Conn is a connection as its worker names it (transport.ConnID in production, any number in tests and the simulator).
type Conn uint64

// NodeSlot is a node by this node's own numbering, < broker.MaxNodes; 0 is this node itself.
type NodeSlot uint8

// InputKind says which fields of an Input count.
type InputKind uint8

const (
	InOpened      InputKind = iota + 1 // Conn, Serializer, MaxMessage, Peer, Channel (nil without TLS)
	InMessage                          // Conn, Bytes: one WAMP message, valid during Step
	InClosed                           // Conn
	InPressure                         // Conn, Level (0 drained, 1 half full, 2 full: a message was refused, 3 draining: it reads, if slowly), On (with 2: the message was urgent)
	InFrame                            // Node, Bytes: one relay frame from a worker of this node (Node 0) or of another, valid during Step
	InApplied                          // Token, Err (URI of the refusal, "" if applied), ID
	InNodeLost                         // Node: calls to it fail now; its later answers are ignored
	InNodePaused                       // Node, On: the link's lane is full: pause sessions that relay to it / go on
	InTick                             // nothing but Now
	InDrain                            // the node is shutting down: GOODBYE system_shutdown to all
	InRevoked                          // Session, ID (the registration), Err (the reason): the tables have ended a registration of it
	InNodeUp                           // Node: a path to it exists again (ends InNodeLost); new calls may go to it
	InHistory                          // Realm, History, Level (HistoryKeep, …): to worker 0
	InAnswer                           // Token, Answer: what FxAsk asked for; the payload is valid during Step
	InKill                             // Session, Err (the reason), Text (for people, "" for none), On (nobody is told that it has left): it gets GOODBYE and is over
	InUnsubscribe                      // Session, ID (the subscription), Err (the reason, "" for none): it is not a subscriber any more
)

// Input is one step's input. Now is the turn's clock reading in nanoseconds of a monotonic clock.
type Input struct {
	Kind       InputKind
	Now        int64
	Conn       Conn
	Serializer wamp.Serializer
	MaxMessage int
	Peer       string
	Channel    *auth.Channel
	Level      uint8
	Node       NodeSlot
	On         bool
	Token      uint64
	ID         uint64
	Session    uint64
	Err        string
	Text       string
	Bytes      []byte
	Answer     *Answer
	Realm      string
	History    *History
}

// EffectKind says which fields of an Effect count.
type EffectKind uint8

const (
	FxSend    EffectKind = iota + 1 // Conn, Bytes, Urgent
	FxFanout                        // Conns, Bytes
	FxClose                         // Conn: flush, then close
	FxReset                         // Conn: drop and close at once
	FxPause                         // Conn
	FxResume                        // Conn
	FxLimit                         // Conn, N: largest message accepted from now on
	FxPost                          // Worker, Bytes: a relay frame for another worker of this node
	FxRelay                         // Node, Lane (hash of the origin session), Bytes: a relay frame for another node
	FxPropose                       // Op, Token: to this node's Tables; answered by InApplied
	FxWakeAt                        // N: step again (InTick) at this time at the latest
	FxLog                           // Text, Level: for a person, once; never on the hot path
	FxSession                       // Op (OpSessionOpen, OpSessionOver, OpTestament, OpTestamentOver, OpRetain): to this node's Directory or Retention; there is no answer
	FxAsk                           // Ask, Token: to the owner of the tables; answered by InAnswer
)

// Effect is one thing that the caller of Step has to do, in order. Bytes, Conns and Op alias the worker's memory and are
// valid until its next Step; Ask is the caller's.
type Effect struct {
	Kind   EffectKind
	Urgent bool
	Level  int8
	Node   NodeSlot
	Worker uint8
	Conn   Conn
	Lane   uint64
	Token  uint64
	N      int64
	Bytes  []byte
	Conns  []Conn
	Op     *Op
	Ask    *Ask
	Text   string
}

// OpKind is a change that a worker proposes to its node's tables.
type OpKind uint8

const (
	OpSubscribe     OpKind = iota + 1 // the worker has its first subscriber of (Realm, Match, URI); InApplied.ID is the subscription id
	OpUnsubscribe                     // the worker has no subscriber of it any more
	OpRegister                        // Session registers; InApplied.ID is the registration id, Err the refusal
	OpUnregister                      // Session no longer has it
	OpRevoke                          // Session's registration is ended, and it is told why: Reason, a URI, "" for none
	OpLeave                           // Session has ended before it was told whether it has it
	OpSessionOpen                     // Session is open; Element is its entry in the directory. Ahead of all else that the session changes
	OpSessionOver                     // Session is over. Behind all else
	OpSubscribed                      // Session has subscribed to (Realm, Match, URI): while somebody listens, behind its SUBSCRIBED
	OpUnsubscribed                    // it is no subscriber of it any more
	OpTestament                       // Session leaves something behind: Element is to be in the directory until OpTestamentOver
	OpTestamentOver                   // Element has been published, or taken back
	OpRetain                          // Element is a publication's relay frame: to this node's Retention
)

// Op is one proposed change of the tables.
type Op struct {
	Kind           OpKind
	Worker         uint8
	Realm          string
	Match          wamp.Match
	URI            string
	Session        uint64
	Invoke         wamp.Invoke
	Concurrency    uint32
	DiscloseCaller bool
	ForwardTimeout bool
	Barrier        uint32 // milliseconds that the answer may wait for the other nodes (options.x_barrier); 0: it does not
	Element        string
	Reason         string
}

// Replicator is the only way to the replicated tables. Propose is asynchronous: the change counts, and is routed by, only
// after the owner of the Tables is given Applied(token): at once for gossip, after commit for a consensus baseline.
// It is called by the owner of the Tables only.
type Replicator interface {
	Propose(op TableOp, token uint64)
}

// TableOp adds or removes one element of this node's part.
type TableOp struct {
	Add     bool
	Element string // see element.go; immutable
}
