// Package broker answers the two questions of publish and subscribe: which subscriptions does a topic match, and who holds
// them. It is pure: no clock, goroutine, lock or chance, and no effect depends on the order of a Go map.
//
//	PUBLISH topic
//	     │
//	     ▼            one per realm, immutable, read by every worker
//	   Index ── Match ──▶ Entry{ID, Workers, Nodes}, Entry, ...
//	                         │        │        └─▶ other nodes: one relay frame each
//	                         │        └─▶ other workers: one mailbox message each
//	                         ▼
//	   Local ── Subscribers(ID) ──▶ Slot, Slot, ...     one per worker, owned by it
//	                                 │
//	   Filter ── Admits ─────────────┘  of the publication
//
// An Index is a persistent map (see internal/wamp/pattern): an edit returns a new one and copies O(log n). The owner of the
// tables makes and publishes it; everyone else loads a pointer. A Local belongs to its worker and is touched by nobody else.
// The two meet in the subscription id. Whether a worker or node has subscribers is all that an Entry says; who they are,
// only the Local knows: only a change from 0 to 1 or from 1 to 0 travels up.
//
// Beside them stand two memories of what was published. Retained keeps the latest event per topic and filter, a value that any order of the same
// events leads to (the last writer wins, by clock and node). History keeps the last events of a topic within a number and a size, at its keeper.
//
// Imports internal/wamp and internal/wamp/pattern, nothing else of ours.
package broker
