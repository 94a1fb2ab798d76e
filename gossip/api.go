package gossip

import "kleeblatt/crdt"

// Life is one run of a node under its name. It is older than another of the same name when its epoch is
// smaller, or the epoch is equal and the nonce smaller.
type Life = crdt.Life

// PeerState is the state of another node in our tables.
type PeerState uint8

const (
	Reachable PeerState = iota + 1
	Suspect
	Hidden
	Gone      // its sessions are over for good
	Forgotten // its part is dropped as well
	Buried    // it has said goodbye: nothing of this life is accepted any more
)

// PeerStates are all of them, in order.
var PeerStates = [...]PeerState{Reachable, Suspect, Hidden, Gone, Forgotten, Buried}

// InputKind says which fields of an Input count.
type InputKind uint8

const (
	InPropose     InputKind = iota + 1 // Add, Element, Token
	InMember                           // Name, Life, Alive: membership (SWIM) says that this life is a member (alive or suspect), or is not any more
	InLink                             // Name, Life, Version (the head that its handshake told), Up: an authenticated link to it came up or has no path any more
	InLinkSuspect                      // Name, On: bytes are late (suspect) / flow again
	InControl                          // Name, Bytes: one control frame from that peer's link, in order
	InDigest                           // Name, Bytes: a table digest that came with a probe ack (may be of an old life)
	InHead                             // Name, Life, Version: news of an owner's head by way of SWIM
	InTick                             // nothing but Now
	InRetire                           // this node leaves: the last delta is retire(life)
	InSettled                          // Name, Life, Version: every worker routes by this version of that owner's part; comes after FxReached
	InBarrier                          // Token, Until (ns): answered by FxBarrier
	InRefuse                           // Name, Element: tell that owner, ahead of the ack, that we object to its element
)

// Input is one step's input. Now is nanoseconds of a monotonic clock.
type Input struct {
	Kind    InputKind
	Now     int64
	Add     bool
	Alive   bool
	Up      bool
	On      bool
	Name    string
	Element string
	Token   uint64
	Life    Life
	Version uint64
	Until   int64
	Bytes   []byte // valid during Step
}

// EffectKind says which fields of an Effect count.
type EffectKind uint8

const (
	FxApplied EffectKind = iota + 1 // Token: the proposed change is in our part
	FxControl                       // Name, Bytes: send this control frame on the peer's link (lane 0), in order
	FxAdd                           // Name, Element: routed element of another node appears
	FxRemove                        // Name, Element: it disappears
	FxShow                          // Name: the node is routed to from now on (its elements follow as FxAdd, a large part's over several Steps)
	FxHide                          // Name: nothing is to be routed to it any more (its elements follow as FxUnroute, a large part's over several Steps)
	FxUnroute                       // Name, Element: take it out of the routing; that says nothing of the node or its sessions. All are out before FxShow
	FxState                         // Name, State: for status and metrics
	FxReached                       // Name, Version: all of that owner's changes up to this version have been emitted
	FxReborn                        // Life: this node has taken a higher epoch; its part is republished under it; shake links anew
	FxAlarm                         // Text: something that must not happen did; for the log and a counter
	FxWakeAt                        // At: step again (InTick) at this time at the latest
	FxBarrier                       // Token, Acked, Of: of the Of nodes that were reachable at its start, Acked have told that our version of then is visible with them; all that are not hidden meanwhile, or time is over
	FxRefusal                       // Name, Element: that node objects to an element of ours
	FxRefused                       // Token, Text: the proposed change is not in our part, which is full, or the element too long (crdt.ElementBytesMax)
	FxGone                          // Name, Life: the sessions of that life, which was shown, are over for good; once, until it is shown again
)

// Effect is one thing that the caller of Step has to do, in order. Bytes is the caller's to keep but not to write to: several
// effects may share it.
type Effect struct {
	Kind    EffectKind
	State   PeerState
	Name    string
	Element string
	Token   uint64
	Life    Life
	Version uint64
	At      int64
	Acked   int
	Of      int
	Bytes   []byte
	Text    string
}
