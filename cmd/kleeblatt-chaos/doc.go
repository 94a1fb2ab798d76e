// Kleeblatt-chaos is the command for what happens to a cluster on purpose: simulated runs from a seed, scenarios and their
// reports, and the nodes that the product is compared with. It is a program of its own so that nothing of package chaos is linked into the product.
//
//	words ─▶ command ─▶ package chaos ─▶ report
//
// It has no state: each command is a function of package chaos.
package main
