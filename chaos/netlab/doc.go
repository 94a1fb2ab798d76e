// Package netlab is a laboratory for real processes: some nodes, each in a network namespace of its own, joined by a bridge whose traffic is
// cut by rules, and real clients that hold what they see against what they were promised.
//
//	clients ── bridge ──┬── eth0 n1: kleeblatt serve          rules on the bridge: which node's packets
//	(our own namespace) ├── eth0 n2: kleeblatt serve          to which other one are dropped, all of
//	                    └── eth0 n5: kleeblatt serve          them or UDP or TCP alone
//
// A run draws its faults from a seed (plan.go). For each: what a change of the tables takes to be seen everywhere is measured, calls that
// nobody answers are placed, the fault begins, subscriptions and registrations change on every side, the fault ends, and the time is
// taken until all nodes have equal tables and every route works from everywhere (faults.go, heal.go). Meanwhile publishers, subscribers,
// callers and callees at each node go on all the time (clients.go), and a ledger judges order, duplicates, losses and answers
// (ledger.go). Losses are held against those that the nodes themselves count in their metrics.
//
// The laboratory lives in namespaces for processes, mounts and networks that end with its first process (enter_linux.go): whatever happens to it,
// nothing of it is left over, several can run at a time, and no packet of it can get out. It needs root, iproute2 and nftables.
//
// The pure parts (plan, ledger, figures, metrics) know no clock and no network and are tested as such. Arrows: internal/client and the
// standard library, for namespaces also golang.org/x/sys.
package netlab
