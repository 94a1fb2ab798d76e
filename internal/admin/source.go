package admin

import "time"

// Source is the node as this package sees it. All methods are called from any goroutine and must not wait for long: a node that
// is busy answers from its last numbers.
type Source interface {
	// Live is nil while every loop turns, else why the process should be restarted.
	Live() error
	// Status is the node's view of the cluster.
	Status() Status
	// Counters is a snapshot of everything that is counted.
	Counters() Counters
}

// Status is the node's view of the cluster; its JSON is /cluster.
type Status struct {
	Node     string   `json:"node"`
	Epoch    uint64   `json:"epoch"`
	Ready    bool     `json:"ready"`
	Members  []Member `json:"members"` // the other nodes
	Parts    []Part   `json:"parts"`   // the tables that are held, our own included
	Digest   string   `json:"digest"`  // over the parts that are routed by, in hexadecimal: equal on two nodes that agree
	Sessions int      `json:"sessions"`
	// Reasons say why the node is not ready, or ready with a reservation ("alone"). They are part of /readyz.
	Reasons []string `json:"-"`
}

// Member is another node.
type Member struct {
	Name  string `json:"name"`
	Epoch uint64 `json:"epoch"`
	State string `json:"state"`         // reachable, suspect, hidden, gone (for good, too, when it has said goodbye), forgotten
	Link  string `json:"link"`          // tcp, unix, relay, none
	Via   string `json:"via,omitempty"` // the neighbour that relays
	RTTus int64  `json:"rtt_us"`
}

// Part is one node's table.
type Part struct {
	Owner   string `json:"owner"`
	Epoch   uint64 `json:"epoch"`
	Version uint64 `json:"version"`
	Hash    string `json:"hash"` // hexadecimal
	Entries int    `json:"entries"`
}

// Count is a number under a label.
type Count struct {
	Label string
	Value uint64
}

// Counters is everything that is counted on a node. What ends in no other unit is a number of things. Those that the table calls
// counters only grow.
type Counters struct {
	Version string    // of the program
	Start   time.Time // of the process
	Ready   bool

	// Sessions and what they hold, now.
	Sessions           int
	DirectorySessions  int // of the whole cluster, as far as this node knows them
	Subscriptions      int // different ones with a subscriber here
	Registrations      int // of sessions here
	CallsPending       int // of callers here
	InvocationsPending int // of callees here
	SlowSessions       int // that used up their pause and have not drained

	// Messages of clients.
	MessagesIn    []Count // by type: publish, call, yield, subscribe, …
	MessagesOut   uint64  // events included
	Published     uint64
	Events        uint64 // handed to connections
	Calls         uint64
	Rerouted      uint64  // calls that went to another callee, or to nobody, because the first said that it is unavailable
	CallsFailed   []Count // by reason: node_lost, callee_left, timeout, no_such_procedure, busy
	Violations    uint64  // sessions ended for a protocol violation
	Denied        uint64  // clients that did not get in
	Inquiries     uint64  // questions to authenticators and authorizers
	Unanswered    uint64  // of them those that nobody answered, or in words that mean nothing
	Crowded       uint64  // clients that did not get in for want of room
	NotAuthorized []Count // requests that the rules of a role denied, by action: call, register, publish, subscribe

	Testaments uint64 // published at the end of sessions

	// Retained events.
	Retained        int    // of all realms, that this node knows
	RetainedBytes   int    // that they take, about
	RetainedAdopted uint64 // of nodes that are gone, which this one carries on

	// What was lost or held up.
	Dropped    []Count // by reason
	SlowClosed uint64  // sessions closed for a full queue
	Throttled  uint64  // times that a session was not read, for its rate
	RateClosed uint64  // sessions closed for it
	Pauses     uint64  // episodes in which a publisher was not read
	StuckNodes uint64  // times that another node's full link did not move, and nobody waited for it any more
	QueueBytes []Count // by queue: outbox, mailbox, window

	// Sockets, links included.
	Connections int
	Accepted    uint64
	Refused     []Count // by reason
	BytesIn     uint64
	BytesOut    uint64
	Writes      uint64 // system calls that wrote

	// Loops.
	Posts    uint64          // frames between workers of this node
	Lateness []time.Duration // by loop: how late its last turns came, the worst of the last seconds

	// Links, one for each other node that was met.
	Links       []LinkCounters
	LinkRefused uint64 // handshakes that we or the other end refused

	Lost []Count // frames for other nodes that were given up, by kind: event, call, answer_or_control

	// What was carried between two others, and why what was not was not.
	Carried      uint64 // frames
	CarriedBytes uint64
	CarryRefused []Count // by reason

	// Tables.
	Nodes     []Count // by state
	Parts     []Part
	Gossip    GossipCounters
	ProbesOK  uint64 // answers to SWIM's probes
	Conflicts uint64 // other processes of our name that were met

	// Registrations with one owner.
	Claims       []Count // procedures that were to be registered first: by what came of it
	RegConflicts []Count // entries that met after a partition and exclude each other: by what came of them
	RegReserves  int     // registrations of sessions here that wait for an earlier one to end
	ClocksAhead  uint64  // times that another node's clock was found more than a minute ahead
}

// LinkCounters are those of the link to one node.
type LinkCounters struct {
	Node           string
	Up             bool
	RTT            time.Duration // smoothed
	FramesOut      uint64        // of data, accepted for sending
	FramesIn       uint64
	ControlOut     uint64
	ControlIn      uint64
	BytesOut       uint64
	BytesIn        uint64
	Ups            uint64 // paths that came up
	Resumed        uint64 // of them without loss
	Resets         uint64 // lossy ones
	Lost           uint64 // frames given up by them
	Dropped        uint64 // events refused because the window was full
	Held           uint64 // frames that waited for our tables
	HeldTooLong    uint64 // of them delivered before the tables were there
	Cancelled      uint64 // calls made void
	Faults         uint64 // connections closed for what came over them
	WindowBytes    int    // not acknowledged yet
	InFlightBytes  int    // of them written
	SuspectedTimes uint64

	Relayed                         bool   // the path leads over a neighbour
	Detours                         uint64 // such paths that came up
	Unheard                         uint64 // times that it did not hear us while we heard it
	Stopped                         uint64 // connections given up unread because this process was stopped for too long
	CarriedOut, CarriedIn           uint64 // frames of paths over a neighbour on this connection
	CarriedBytesOut, CarriedBytesIn uint64
}

// GossipCounters are those of the tables' protocol.
type GossipCounters struct {
	DeltasOut    uint64
	DeltasIn     uint64
	SnapshotsOut uint64
	SnapshotsIn  uint64
	Asks         uint64 // requests for what a delta or a digest showed to be missing
	Alarms       uint64 // equal versions with unequal hashes, and the like: never, in a cluster that is well
	Rebirths     uint64 // of this node under a higher epoch
}
