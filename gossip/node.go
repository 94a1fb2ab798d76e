package gossip

import (
	"kleeblatt/crdt"
)

// String is the state's name in the section 6 table.
func (s PeerState) String() string {
	switch s {
	case Reachable:
		return "reachable"
	case Suspect:
		return "suspect"
	case Hidden:
		return "hidden"
	case Gone:
		return "gone"
	case Forgotten:
		return "forgotten"
	case Buried:
		return "buried"
	}
	return "unknown"
}

// swimSays is membership's word about a node's newest life.
type swimSays uint8

const (
	swimNothing swimSays = iota // it has not heard of this life
	swimAlive                   // alive or suspect
	swimFailed                  // not a member any more
)

// node is what we know of another node: its membership, its link and its part.
type node struct {
	name string

	// Lives. Every life older than life is buried, and so is life itself if retired.
	life    Life // the newest one proven by membership, a handshake or a retirement; zero for none
	retired bool
	swim    swimSays // about life

	// The link to life.
	outlived bool // the last link that came up was to a life of it that we refuse: it has to take a higher epoch
	linked   bool
	suspect  bool   // linked, but bytes are late
	pathLost int64  // when the path was lost; counts while there is none
	head     uint64 // what the handshake told: it is not shown before its part has reached that
	headsAt  int64  // when it was last sent all our heads
	alarmAt  int64  // when it was last complained of

	// The part. State is Reachable or Suspect while it is routed by.
	part     *crdt.Part // of life; nil until a life is known, and when it is forgotten or buried
	state    PeerState
	told     bool   // life was shown, and its sessions have not been given up
	hiddenAt int64  // since when it is not routed by
	floor    uint64 // the version at which the part was forgotten: nothing older is routed by
	showing  bool   // its elements are being told to the routing; the state follows
	tellings []telling
	distrust bool   // it differs from another of the same version: to be fetched from the owner
	verified uint64 // the version at which the owner itself sent it

	acks acks

	// What is missing.
	wanted     uint64 // the highest version that we have heard of
	wantedFrom string // who told
	askAt      int64  // not to be asked for before
	failed     string // who did not answer the last time
	fetch      fetch
	held       []heldDelta // in order, each continuing the one before; the first lies beyond a gap
	heldBytes  int
}

// fetch is the outstanding request for a part; there is one at most.
type fetch struct {
	peer     string // "" when there is none
	deadline int64  // moves with progress
	full     bool   // a snapshot from the owner is wanted, whatever the version
	builder  *crdt.Builder
	aside    *crdt.Part // with full: the owner's snapshot, which its deltas bring on until it may take the place of ours
	credit   int        // chunks that the peer may still send before it is asked on
}

type heldDelta struct {
	delta   crdt.Delta
	hash    crdt.Hash
	hasHash bool
}

func (f *fetch) active() bool { return f.peer != "" }

// path says whether bytes flow between us and the node.
func (n *node) path() bool { return n.linked && !n.suspect }

// shown says whether its elements are routed to, all of them.
func (n *node) shown() bool { return n.state == Reachable || n.state == Suspect }

// routed says whether its elements are routed to, or about to be.
func (n *node) routed() bool { return n.showing || n.shown() }

// member says whether its part is accepted: membership knows this life, or it proves by a live link that it lives.
func (n *node) member() bool {
	return n.part != nil && !n.retired && (n.swim == swimAlive || n.path())
}

// refuses says whether a life is buried.
func (n *node) refuses(l Life) bool {
	return l.Less(n.life) || l == n.life && n.retired || l.IsZero()
}

// headLine is what we tell of the node: nothing of a part that others should not ask us for.
func (n *node) headLine() head {
	h := head{crdt.Head{Owner: n.name, Life: n.life}, n.retired}
	if n.part != nil && !n.distrust {
		h.Version, h.Hash = n.part.Version(), n.part.Hash()
	}
	return h
}

// behind says whether more of the part is to be had somewhere.
func (n *node) behind() bool { return n.wanted > n.part.Version() }

func (n *node) dropFetch() { n.fetch = fetch{} }

func (n *node) dropHeld() { n.held, n.heldBytes = nil, 0 }
