package broker

import "kleeblatt/internal/wamp"

// Slot is a session's place in its worker's table.
type Slot uint32

// MaxNodes bounds the nodes that one node can hold in its tables at a time, itself (node 0) included.
const MaxNodes = 128

// MaxWorkers bounds the workers of one node.
const MaxWorkers = 64

// NodeSet is a set of nodes by this node's own numbering; 0 is this node itself and never in the set.
type NodeSet [MaxNodes / 64]uint64

// WorkerSet is a set of this node's workers.
type WorkerSet uint64

// Key names a subscription within a realm.
type Key struct {
	Match wamp.Match
	Topic string
}

// Entry is one subscription of the realm, immutable once it is in an Index.
type Entry struct {
	Key
	ID      uint64    // the subscription id, unique on this node over all realms
	Workers WorkerSet // workers with subscribed sessions
	Nodes   NodeSet   // other nodes with interest that are routed to
	Created int64     // when it came into the Index, wall-clock milliseconds; 0: not told. In room that the Entry takes anyway
}
