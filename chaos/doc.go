// Package chaos is the place of the cluster simulator: N whole nodes on one thread, driven from one seed, with a network
// that delays, reorders, cuts one way or both and heals, and a checker that holds what clients saw against the promises.
//
//	seed ─▶ schedule ─▶ [node][node][node] ─▶ what clients saw ─▶ checker
//	                       ▲     │
//	                       └ network: delay, cut, heal
//
// It can stand here because the rooms below it are pure: crdt, gossip, broker, dealer, transport/link and internal/router's
// Worker take input and tick and return effects, so the simulator runs the code that production runs. Scenarios, the fault
// injector, the consensus baseline and the report belong here as well, and only cmd/kleeblatt-chaos imports this package, so
// that nothing of it is linked into the product.
//
// Owner of the state: the simulation, on one goroutine. Arrows: it may import every room but the commands.
//
// The package holds no code yet.
package chaos
