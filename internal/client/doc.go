// Package client is kleeblatt's own WAMP client: what the command line tools and the tests of the cluster talk with.
//
// A [Client] is what its user wants (subscriptions, registrations) together with at most one living session that carries it.
// A session ends with its connection. The wishes stay: the client dials the next URL, says them again and goes on.
//
//	user ── Subscribe, Publish, Call, Register ──▶ Client ── at most one ──▶ session ──▶ wire ──▶ router
//	                                                 ▲  wishes: subscriptions,   request ids,     WebSocket or
//	                                                 │  registrations            pending answers  RawSocket
//	             handlers ◀── dispatcher ◀───────────┴────────── reader
//
// Owners and goroutines. Each session has one reader: it alone reads the wire and moves answers to those who wait for them.
// Each client has one dispatcher: it runs the event handlers one after the other, in the order of arrival, across
// reconnects too. So a handler may call the client, but one that never returns stops the events behind it. Invocation
// handlers run on a goroutine of their own unless [RegisterOptions].Inline asks for the dispatcher. One supervisor
// per client dials and redials. Nothing outlives [Client.Close].
//
// What a lost connection means: a call or an acknowledged publish that waits for its answer fails with [ErrLost], because it
// may have happened; nothing is silently sent twice. Subscriptions and registrations are said again. A repetition that a
// router refuses (a `single` registration whose old session the cluster still holds) is retried until it is granted.
//
// A [Bare] session is the other way to use the package, for tools that measure or strain a router: its user reads, gathers and writes himself.
//
// Arrows: the package imports internal/wamp and internal/codec, and speaks WebSocket (RFC 6455) and RawSocket itself: the
// router's transport is built for thousands of sessions on one loop and knows the server's half only, so a client of its own
// is also an independent check of it.
package client
