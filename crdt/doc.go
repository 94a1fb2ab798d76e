// Package crdt holds the replicated data types of the tables: values that any number of nodes change at
// once without asking each other, and that are equal wherever the same changes have arrived.
//
//	          general                                one writer
//	┌──────────────────────────┐         ┌─────────────────────────────────┐
//	│ ORSet                    │         │ Part                            │
//	│  element → {dot, …}      │  with   │  element → counter              │
//	│  Context                 │ ──────▶ │  version (the context is        │
//	│   vector + cloud of dots │  one    │   one number), hash, log        │
//	└──────────────────────────┘ replica └───┬───────────────▲─────────────┘
//	                                   Delta │ Snapshot      │ Apply, Builder
//	                                         ▼               │
//	                                     a copy of the Part elsewhere
//
// A [Dot] (life, counter) names one change: the counter-th of that run of a node. The optimized OR-Set ([ORSet]) keeps, per
// element, the dots of its adds that nobody has removed, and a causal [Context] of all dots it has ever seen. A dot that the other
// side has seen and does not hold was removed there; a dot that it has not seen is new. So a remove needs no tombstone and an add
// that happened at the same time wins.
//
// A node's [Part] is that set with one writer. Its dots come in order, so its context shrinks to one number, the version: all
// changes with counters ≤ version are in. A change is told as a [Delta], an interval of versions that applies only where it
// continues; a copy that is too far behind for the log gets a [Snapshot], frozen and read in chunks. The [Hash] is a sum over the
// entries, kept up to date with each change and independent of their order. A [Digest] lists (owner, life, version, hash) and has
// one root to compare.
//
// A last-writer-wins map for retained events belongs here too and comes with them.
//
// Owner: each value has one owner and no lock. Everything here is pure: no clock, no chance, and no effect depends on the order of
// a map. The package imports nothing of ours.
package crdt
