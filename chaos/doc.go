// Package chaos is the cluster simulator: N whole nodes on one thread, driven from one seed, on a network that delays, loses,
// reorders, cuts one way or both and heals, under a membership that is late, disagrees and errs, with checkers that hold what the
// nodes and the clients saw against the promises.
//
//	seed ─▶ draws ─▶ World: events in virtual time
//	                   │
//	   clients ─▶ loop ┼ loop ─▶ pipes, datagrams ─▶ network (delay, loss, cuts, clogs)
//	                   │   hubs of internal/node: the code of production
//	                   └ membership: each observer's opinions, late and at times wrong
//	                   ─▶ tables (invariants), traffic (what clients saw) ─▶ violations, counters, digest
//
// It can stand here because the rooms below it are pure: crdt, gossip, broker, dealer, transport/link and internal/router's
// Worker take input and tick and return effects, and internal/node's hubs take their loops, clocks and chance from outside (NewSim).
// So the simulator runs the code that production runs, all of it but sockets and SWIM.
//
// A World is a function of its Options: all chance comes from one source, all order from one heap of events. Its digest sums up all
// that happened; two runs with the same digest were the same run.
//
// Links are streams: nothing in them is lost or overtaken, loss shows as delay, and a connection that is cut keeps what is on its way
// until it heals or an end is gone. What membership carries are datagrams.
//
// Owner of the state: each World belongs to one goroutine; several may run at a time. Arrows: the package may import every room
// but the commands, and only cmd/kleeblatt-chaos imports it, so that nothing of it is linked into the product.
package chaos
