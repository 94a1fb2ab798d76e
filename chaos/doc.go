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
// A crowd of clients does whatever comes to its mind: each has one session after the other, on whatever node, in one of the three
// serializers. What any of them is told is held against the ledger of all: who was subscribed to what and since when, who published and
// called, what came of it. What is missing or was refused needs an excuse, and an excuse needs two witnesses: the journal, which notes every
// fault that touched a pair of sites, and the history of what the nodes of the pair made of it.
//
//	session (a client's view) ─▶ ledger ─▶ check_message (as it comes), check_end (what never came), probe (what is believed after the heal)
//	                               ▲
//	             troupe: journal of faults ∧ history of links and states
//
// Mutants are planted bugs, kept as data: Plant builds the simulator with one at a time and looks whether it is found. A toy router with
// flaws to choose holds the ledger itself to account.
//
// Folders: netlab cuts real nodes off each other in network namespaces. systems starts, kills and measures the processes of a system that is
// compared, as its YAML file tells. baseline is such a system: nodes whose tables are replicated by Raft. image makes a container's image.
// degrade is a bad link before any node, in user space. null is the limit that a router is measured against: it forwards and understands nothing.
// scenario loads such systems while things go wrong, raw is the form of what it writes down, report makes tables, plots and verdicts of that.
//
// Owner of the state: each World belongs to one goroutine; several may run at a time. Arrows: the package may import every room
// but the commands, and only cmd/kleeblatt-chaos imports it, so that nothing of it is linked into the product.
package chaos
