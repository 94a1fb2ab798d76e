// Package node is the composition root: it puts the rooms together into a running node and is the only place that knows them all.
//
//	            clients                                  other nodes
//	               │ transport (one loop per core)             │ links (on the first loop)
//	┌──────────────▼───────────┐  letters   ┌──────────────────▼──────────────────┐
//	│ hub 1…n                  │──────────▶│ hub 0                                │
//	│  router.Worker           │◀──────────│  router.Worker                      │
//	└──────────────────────────┘            │  home: Tables ─▶ gossip ─▶ link … │
//	                                        │        Directory ─▲                 │
//	                                        └──────────────────▲──────────────────┘
//	                                         swim (membership) │ letters
//
// Each hub belongs to its loop's goroutine: it turns what transport reports into inputs of pure state machines and carries out their
// effects. The home hub has, besides its worker, what exists once per node: the index writer, the directory of sessions, the tables'
// protocol and the links. It also answers calls of the node's own procedures, and says what becomes of sessions and nodes (directory.go).
// Hubs speak to each other by letters in mailboxes, handed over once per turn; nothing else is shared but the realms' index cells,
// which the home hub stores and everybody loads.
//
// Home hubs ask each other (question.go): a question is answered, or fails with the calls to its node, or when its time is over. The meta API asks
// all nodes, or those that have what is asked for, for their parts of an answer (meta.go); it is complete unless a node is away.
//
// Routes, that is subscriptions and registrations, may be replicated by another protocol than gossip (replicator.go): the product has none, but
// whoever composes a node otherwise may (StartWith).
//
// Of retained events the home hub knows which node carries each (retention.go), of histories which nodes keep them (history.go).
//
// Where the direct path to a node is cut, its link leads over a common neighbour (relay.go): the frames of the one link are written by
// that of the neighbour, which passes them on.
//
// Until membership has had its first exchange, and it is settled that nobody else has our name, we shake hands with no other node: so a second
// node of a name ends unseen (membership.go).
//
// At the end of a turn deltas of the tables leave ahead of the data that follows them, then every outbox is flushed.
package node
