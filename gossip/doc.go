// Package gossip is the protocol that makes the tables equal on all nodes: a pure state machine, one
// per node. Inputs say what membership, the links and the node itself have to tell; effects say what to send and what to route by.
//
//	own changes                InPropose ──▶ ┌───────────────────────────┐ ──▶ FxApplied
//	membership (gossip/swim)   InMember  ──▶ │ Machine                   │ ──▶ FxShow FxHide FxAdd FxRemove FxUnroute
//	                           InHead        │  own part (one writer)    │     FxReached, FxGone, FxState to the router's tables
//	                           InDigest      │  nodes: life, link, state │
//	links (transport/link)     InLink    ──▶ │         copy of the part  │ ──▶ FxControl                  to the links, lane 0
//	                           InControl     │         what is missing   │ ──▶ FxReborn, FxAlarm
//	the clock                  InTick    ──▶ └───────────────────────────┘ ──▶ FxWakeAt
//
// # Parts
//
// Each node writes one part and no other ([kleeblatt/crdt.Part]). A change takes the next version at once; Flush, at the end of the
// turn, sends all of a turn's changes as one delta to every linked peer, ahead of the data that depends on them. A delta applies
// only where it continues the copy. One that lies beyond a gap waits (bounded) while the gap is asked for. Who is too far behind
// for the server's log gets a snapshot in chunks, which is built aside and swapped; the old copy routes until then. Any node serves
// any part, so news also reaches who cannot reach its author.
//
//	peer                                  we
//	 │ ◀───────── ask A have 7 ──────────  │   one request per part is out at a time, with a deadline that moves
//	 │ ─ delta A 7..9, delta A 9..12 ───▶  │   with progress; then somebody else is asked
//	 │        or, the log too short:       │
//	 │ ─ chunk A v90 0..16k of 200k ────▶  │   16 chunks per request, then
//	 │ ◀──── ask A snapshot 90 at 16k ───  │   the next 16
//
// What got lost all the same is found by comparing digests: every second with each linked peer, and with whom SWIM probes. Peers
// with unequal roots tell each other all heads. Two copies that differ at an equal version must not be: alarm, and the part is
// fetched anew from its owner alone, whose deltas also bring the new copy on to where the old one is; until then others are told
// nothing of it.
//
// What changes in a part is told to the routing in portions, a bounded number of elements per Step, so that a large part that is shown
// or hidden does not hold everything else up. FxReached comes behind what it speaks of.
//
// # Lives and states
//
// A life is one run of a node. The newest life that membership or a handshake has proven replaces every older one, whose part is
// dropped and whose late deltas are refused from anyone, for ever (buried; one line per name, the number of names is bounded). A
// node that learns of another life of its own name with an epoch not below its own is reborn: it takes a higher epoch and
// republishes its part.
//
//	           link up, part at the head that the handshake told
//	hidden ──────────────────────────────────────────────────────▶ reachable ◀──┐ bytes flow again
//	│ ▲ ▲                                                              │ late   │
//	│ │ │  no path, and membership says failed or 30 s are over        ▼        │
//	│ │ └────────────────────────────────────────────────────────── suspect ────┘
//	│ │ link up, an empty part
//	│ └───────────────────────┐
//	└──▶ gone ──────────▶ forgotten         buried: retired, or a newer life is known; at once, and the part is dropped
//	leave grace     retain, in time or bytes
//
// Reachable and suspect nodes are shown: routed to, and in the digest. The part of one that is hidden or gone is kept and goes on
// accepting deltas while it is a member; from either a link leads back to reachable. FxGone ends the sessions of a life that was shown:
// when it is gone or buried, once each time. Of a forgotten part the version is remembered, in the same line of the bounded table as the
// life: only the owner itself, by a handshake, begins it anew, and it is shown when it is at least there. An owner that has less than
// others remember runs from an old copy; it is told so, and takes a higher epoch.
//
// # Acknowledged versions
//
// Once every worker of a node routes by what FxReached told (InSettled), the node tells the owner so: one cumulative version per owner
// and peer, once per turn. A barrier is over when everybody who was reachable at its start has acknowledged our version of then; a node
// that is hidden meanwhile is not waited for. Who objects to an element says so ahead of the ack that covers it: so an owner that has all
// acks has heard all objections.
//
//	InPropose +x, InBarrier ──▶ owner ─ delta ──▶ peer ──▶ FxAdd x, FxReached
//	                                  ◀─ refusal ──    ◀── InRefuse x   (if it objects)
//	        FxRefusal, FxBarrier ◀──  ◀─── ack ────    ◀── InSettled
//
// # Files
//
//	machine.go  Step, Flush, timers        member.go   lives, links, states        rebirth.go  rivals of our own life
//	states.go   hidden, gone, forgotten    tell.go     elements told in portions
//	tables.go   deltas and chunks taken    fetch.go    whom to ask for what        serve.go    asks answered
//	compare.go  digests and heads          frame.go    bytes of control frames     view.go     what others may look at
//	barrier.go  acks, barriers, refusals
//
// Owner: whoever calls Step; there is no goroutine, lock, clock or chance but Config.Rand. The package imports crdt alone; gossip/swim
// is a package of its own.
package gossip
