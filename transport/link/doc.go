// Package link is the connection between two routers as a pure state machine: input and tick in, effects out.
//
// A [Machine] stands for one peer during one life of ours. It owns everything that has to outlive a connection: the sequence
// numbers, the windows of what the peer has not acknowledged, the reassembly, the frames held for a table version. The
// executor (the loop that owns the socket) moves bytes: it tells of connections with InUp and InDown, of frames with InBytes,
// and writes what FxWrite says. At the end of its turn it calls [Machine.Flush], which gathers everything of that turn into one
// frame, so that a thousand relay frames cost one write.
//
//	InData ──▶ lane 1..L ─┐                                        ┌─▶ reassembly ─▶ held for its table version ─▶ FxData
//	InControl ─▶ lane 0 ──┴─▶ window (until acked) ──Flush──▶ batch ┴─▶ FxControl
//	                              ▲                                       │
//	                              └────────────── cumulative ack ◀────────┘
//
// Lanes. Lane 0 carries control and goes first; data lanes take the frames of one origin session each (by hash), so order per
// sender holds, while a large frame, cut into records of at most 64 KiB, does not hold up the other lanes. Each lane numbers its
// records from 1 and goes on counting as long as both lives live.
//
// Connections. The state belongs to the pair of lives, a connection only carries it. Every connection begins with a handshake:
//
//	dialer                                acceptor
//	  hello  {versions, cluster, name, life, challenge, generation}  ──▶
//	  ◀──  answer {its hello, proof over both hellos}
//	  proof  {proof over both hellos, state of the lanes}  ──▶          accepted here,
//	  ◀──  state  {state of the lanes}                                  and here
//
// The state says per lane what is kept (base), what comes next, and what is expected from the other end; so both resume without a
// gap or a duplicate. A connection's generation is one more than the highest that either end had accepted; the higher one is
// read, and among two of the same generation (simultaneous dials) the one that the smaller name dialed. A node that cannot
// prove the key of the cluster changes nothing here but the memory of one handshake. Bytes after the handshake are not
// authenticated; who needs that uses a TLS link.
//
// States of the link:
//
//	Idle ──up──▶ Up ──silent for D, or broken──▶ Suspect ──30 s, or window full: lossy reset──▶ Down
//	              ▲──────────bytes, or resume───────┘ └─ 250 ms, or dial refused: calls fail       │
//	              └──────────────────────────────up again─────────────────────────────────────────┘
//
// A lossy reset gives up what the window holds. The sequence goes on behind it: the next handshake tells the new base, the
// receiver skips, and both ends end the calls that are older. What was given up is counted by kind (events, calls, answers and
// control), first as an upper bound and, once the same life of the peer has told how much had arrived, exactly: sent = arrived +
// lost (+ cancelled, for calls that were made void).
//
// Paths that carry one way only. A heartbeat tells for how long the other end has not been heard. An end that hears, but learns that
// it is not heard for the dead time, is as Suspect as the one that does not hear, until it is told otherwise.
//
// Relay. With the direct path lost, the search for a path over a common neighbour begins beside that for a direct one. It is a virtual
// connection of the machine: FxDetour asks for one, InUp brings it, with handshake, generation and all, so that it authenticates
// end to end, lanes resume over it, and a later direct one supersedes it. [Detours] keeps the virtual connections of all machines
// of a node and chooses the neighbour: the least sum of round trips as heartbeats list them, then the least name.
//
//	A                                  C                                  B
//	machine for B ──▶ machine for C ══▶ machine for A ─▶ machine for B ══▶ machine for C ──▶ machine for A
//	      frame        item {from A, to B, number, frame}, outside of any lane                frame
//
// C passes an item on as it is, once, from whom it comes to whom it is for, if both are live direct neighbours; else it answers with
// the end of the connection, as it does when B's outbox has no room. Nothing waits in C and C keeps nothing of it. Whoever does not
// say in its hello that it knows relay items is sent none.
//
// The package imports nothing of ours. Owner of a Machine: one goroutine, the loop of its socket.
package link
