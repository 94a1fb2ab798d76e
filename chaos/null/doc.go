// Package null is a router that understands nothing: the limit that a real one can be measured against, from this repository alone.
//
// It forwards what a load generator sends, as fast as one thread of this machine can: publications to subscribers, calls to callees, results
// to callers. There are no realms, roles, patterns, options (but acknowledge), cancellation, bounds on calls, cluster. It speaks one
// transport, WebSocket, and one serializer, MessagePack, and takes every client at its word.
//
//	epoll ─▶ read ─▶ frames (RFC 6455) ─▶ hub: whose is it? ─▶ arena, spans per session ─▶ one writev per session and turn
//
// What it has in common with a router are the two things that decide about speed: an event is encoded once for all that get it, and what
// gathers for a session in one turn of the loop is written in one call.
//
//	bin/kleeblatt-chaos null --listen ws://127.0.0.1:18080/ws &
//	bin/kleeblatt bench pubsub --url ws://127.0.0.1:18080/ws --subscribers 100 --in-flight 64 --pid $!
//
// Owners: hub (sessions, topics, procedures, arena) is a state machine without a socket; the loop, one goroutine on a thread of its own,
// owns it and the descriptors. It needs Linux. Bytes from outside can be any: what is no message that it knows ends the connection.
//
// Arrows: none of ours. That is the point: what it does fast owes nothing to the code that it is compared with.
package null
