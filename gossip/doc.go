// Package gossip is the protocol that makes the tables equal on all nodes (DESIGN.md sections 6 and 7): a pure state machine, one
// per node. Inputs say what membership, the links and the node itself have to tell; effects say what to send and what to route by.
//
//	own changes                InPropose ──▶ ┌───────────────────────────┐ ──▶ FxApplied
//	membership (gossip/swim)   InMember  ──▶ │ Machine                   │ ──▶ FxShow FxHide FxReplace FxAdd FxRemove
//	                           InHead        │  own part (one writer)    │     FxReached, FxState         to the router's tables
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
// fetched anew from its owner alone.
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
//	  ▲                                                                │ late   │
//	  │  no path, and membership says failed or 30 s are over          ▼        │
//	  └──────────────────────────────────────────────────────────── suspect ────┘
//	  ▲ a newer life, or retired: at once, and the part is dropped
//
// Reachable and suspect nodes are shown: routed to, and in the digest. A hidden node's part is kept and goes on accepting deltas
// while it is a member. The states after hidden (gone: leave events; forgotten: the part is dropped, its head remembered) begin in
// maybeHide's place. They come with the features that need them.
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
//	tables.go   deltas and chunks taken    fetch.go    whom to ask for what        serve.go    asks answered
//	compare.go  digests and heads          frame.go    bytes of control frames     view.go     what others may look at
//	barrier.go  acks, barriers, refusals
//
// Owner: whoever calls Step; there is no goroutine, lock, clock or chance but Config.Rand. The package imports crdt alone; gossip/swim
// is a package of its own.
package gossip
