// Package dealer answers the questions of calls: which registration does a procedure match and which of its callees is next
// (Index), and which calls and invocations are under way (Calls, Invocations). It is pure: no clock, goroutine, lock or chance, and
// no effect depends on the order of a Go map. Its one atomic is the turn of a round robin, which all workers of a node share.
//
//	CALL procedure                                          one per realm, immutable
//	     │                                                      ┌─────────┐
//	     ├───────────────── Match ─────────────────────────────▶│  Index  │
//	     │◀──────────────── *Registration, Pick: *Callee ───────┴─────────┘
//	     ▼
//	Caller  ── Open, Bind ──▶ Call{ID, Node, Callee} ─ ─ frame ─ ─ ▶  Callee ── Open ──▶ Invocation{ID, Origin}
//	(worker of the caller)        │        ▲                          (worker of the callee)   │
//	                              │        └─ ─ ─ ─ ─ answer ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┘
//	                              └─ ─ ─ ─ ─ ─ ─ cancel, names Node, Worker, Call ─ ─ ─ ─ ─ ─ ▶
//
// # Owners
//
// A record has one owner: a Call the worker of the caller's session, an Invocation the worker of the callee's. Neither book
// knows the other; the frames between them carry Call.ID, which is never used again, so that what comes late finds nothing.
// A record ends by Close, by Cancel, or when one of the three it depends on goes: the session here (DropSession), the node
// there (DropNode), the session there (whose side says so in a frame: an answer, or a cancel). Whoever ends a record sends
// its final frame.
//
// A record is found by its ids without hashing: they count upwards, and so say a place among some thousand (quick.go). Where that is taken,
// because there is more under way or because a client chose its ids so, the record is in a hash table (table.go). Calls that stay inside a
// node are in no ring of nodes.
//
// What the router needs to go on with a call, it notes with the record (Note): the head of a call in parts and the parts that wait for a
// callee to take it, or, on the callee's side, the whole call while the callee may still say that somebody else shall have it. Notes end with
// their records and are bounded as a whole.
//
// # The life of a Call
//
//	Open ─▶ Active ──── RESULT or ERROR ────────────────────▶ Close
//	          │ └────── Cancel skip, killnowait; Due; Drop… ─▶ gone, the caller is answered now
//	          └── Cancel kill ─▶ Killing ── answer ──────────▶ Close
//
// Imports internal/wamp and internal/wamp/pattern, nothing else of ours.
package dealer
