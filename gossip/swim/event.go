package swim

import "time"

// Life is one run of a node under its name: crdt.Life's two numbers.
type Life struct{ Epoch, Nonce uint64 }

// Less orders lives of one name by age: the older is less.
func (l Life) Less(o Life) bool {
	return l.Epoch < o.Epoch || l.Epoch == o.Epoch && l.Nonce < o.Nonce
}

// EventKind says which fields of an Event count.
type EventKind uint8

const (
	// EvMember: Name, Addr, LinkAddr, Proto, Life, Alive, Left. SWIM holds this life alive (suspects count as alive), or not any
	// more. When a node comes back under a new life, the old one's death is told first.
	EvMember EventKind = iota + 1
	// EvProbe: Name, Life, Digest, RTT. This life of the member answered a probe; EvMember may not have told of it yet.
	EvProbe
	// EvHead: Name, Life, Version: news of the version that a member's table has reached. May come late, twice or never.
	EvHead
	// EvGhost: Life, Addr. The cluster remembers another life of our name: ours must have a higher epoch. Not told of a newcomer that has
	// not joined while we have: it gives way.
	EvGhost
	// EvConflict: Addr, Life, Yield, Text. A living process has our name. Yield: it was first, this process has to end; Text says
	// what to do. It is told once.
	EvConflict
	// EvRefused: Addr, Text. A node refused to let us join, or we it: another cluster key. Text says what to do.
	EvRefused
	// EvJoined: Alone. The first exchange with a member is done; or there is nobody to wait for; or (Alone) nobody has answered
	// for AloneAfter. After Alone it comes once more when somebody does.
	EvJoined
)

// Event is one thing that the node should know. Its strings and slices are the receiver's to keep.
type Event struct {
	Kind     EventKind
	Alive    bool
	Left     bool // it said goodbye, as opposed to having failed
	Alone    bool
	Yield    bool
	Proto    uint8  // EvMember: the version of the link protocol that it speaks
	Name     string // the member, or the owner of the head
	Addr     string // host:port of its gossip
	LinkAddr string // host:port of its router links
	LinkUnix string // Tags.LinkUnix
	Tables   string // Tags.Tables
	Text     string
	Life     Life
	Version  uint64 // EvHead
	RTT      time.Duration
	Digest   []byte
}
