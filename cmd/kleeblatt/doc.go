// Kleeblatt is the product: one binary that is the router and the tools to look into it.
//
//	serve      the router: a node, alone or of a cluster      demo     three joined nodes in one terminal
//	sub pub    print events, publish one                      status   what a node knows of its cluster
//	call       call a procedure                               explain  who would get a publication or a call
//	register   be a procedure: echo, or a command             bench    load routers, and measure
//	version
//
// The tools are thin: they parse words, hand them to internal/client and print what comes. What they print on standard output
// is for programs (one JSON value per line, flushed per line), what they print on standard error is for people. The state,
// the reconnects and the goroutines are internal/client's; serve's are internal/node's.
//
//	words ─▶ command{flags, run} ─▶ client.Dial ─▶ a node
//	                     └──────▶ node.Run (serve)
//
// Every command is a function of a context, its words and three streams that returns an exit status, so that tests run them in
// their own process: 0 done, 1 it failed (an ERROR, no connection), 2 it was asked for wrongly. Tests that need real processes
// (kill -9, SIGTERM) start the built binary and run only where KLEEBLATT_PROCESSES=1 is set.
package main
