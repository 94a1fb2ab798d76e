// Package admin is the port for people and programs that look after a node.
//
//	/         a page for people            /livez    200 while the loops turn, else 503: restart me
//	/metrics  Prometheus text               /readyz   200 when clients are welcome, else 503 with the reasons: send them elsewhere
//	/cluster  this node's view, as JSON
//
//	GET ──► Host check ──► handler ──► Source (the node) ──► bytes
//
// It keeps no state and decides nothing: each answer is made of what the Source says at that moment. All metrics stand in one table
// (metrics.go): name, type, label, help, where the value comes from; what is not in the table is not emitted, and a test sees to
// it that every count the node keeps is.
//
// The port has no authentication. It is bound to loopback unless somebody insists (internal/config), answers GET only, changes
// nothing, and refuses requests whose Host is not one of its own names: a page in the operator's browser could otherwise read it
// by DNS rebinding.
//
// Handlers run on net/http's goroutines; Source has to bear that.
package admin
