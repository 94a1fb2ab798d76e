// Package scenario loads systems under test and writes down what came of it: one cell of the matrix (scenario × system × nodes) per run.
//
//	Cell ─▶ Run ─▶ systems.Cluster (real processes)        faults from a seed: kill -9, SIGTERM, SIGSTOP, cuts
//	           ├─▶ clients over sockets, the same for all     │
//	           └─▶ raw file ◀── attempts, faults, samples, figures
//
// The rules. All systems get the same clients, load and time. Nothing is measured before a cluster is complete: every node ready, with
// Raft all votes given, and an event from each node seen at each other; what that took is a figure of its own, the cold start. What was due
// and did not happen is a failure: a client that cannot connect fails with all that it was to do. Events count where they arrive. A client
// that did not report makes the run void. Every node may be killed, the first one, which founded the cluster, before all others.
//
// Clients find nodes as behind a load balancer: they try them in random order, and one whose port is closed costs nothing but the attempt.
//
// A run belongs to one goroutine, its clients have their own; all are gone when [Run] returns. Arrows: chaos/systems, chaos/netlab (networks
// that can be cut), chaos/raw, internal/client, internal/bench.
package scenario
