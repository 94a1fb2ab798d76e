// Package transport moves WAMP messages and link frames between sockets and workers. It knows framings, handshakes, bounds
// and timers; it does not know what a message means: it calls a Handler that it is handed.
//
//	           one Server                        one goroutine per loop
//	┌──────────┐  least    ┌──────────────────────────────────────────────────────┐
//	│ acceptor ├─ loaded ──▶ wait ─▶ read ─▶ scan ─▶ Handler.Received ─▶ Send     │
//	└──────────┘           │  ▲      rbuf     in place                    │ arena  │
//	  mail + wake ─────────▶  └───── flush: one write per connection ◀────┘        │
//	                       └──────────────────────────────────────────────────────┘
//
// A turn of a loop is: wait for events, take the mail, go on with what the last turn left, read each ready socket once
// (at most Limits.ReadBytesPerTurn), expire timers, call Handler.Turn, flush. One clock reading serves the turn.
//
// # Who owns what
//
// The loop's goroutine owns its connections, buffers, timers and its Handler; nothing of them is locked. Other goroutines
// reach a loop through its mail (a mutex around a slice) and Wake. A connection is a struct in a table of pages: no
// goroutine and no buffer while it is idle. Input is read into the loop's one buffer and unmasked there; only a partial
// frame is copied to a buffer of the connection, which grows with the bytes that have arrived, never with an announced
// length. Output is written once into the loop's arena; a connection keeps ranges of the arena, merged where they touch, so
// a fan-out shares one copy. The flush writes each connection's ranges with one system call; what the kernel does not take is
// copied to a buffer of the connection and freed when it has drained.
//
// A loop that has run dry keeps its processor for up to half a millisecond while it waits, as long as no goroutine serves any of its
// connections; a timer in its epoll set ends that (poll_linux.go).
//
// Handler methods are called between two steps of the loop, never from inside of a Loop method, with one exception:
// Pressure(Full) comes from inside of Send and Fanout. Closed, DialFailed and the other levels are queued as notes and
// delivered when the current handler call has returned.
//
// # Two kinds of connection
//
// Plain TCP and Unix sockets on Linux are served by epoll, level-triggered. TLS connections, and all connections of other
// systems, have a reader and a writer goroutine (stream.go) that exchange buffers with the loop by mail; everything above
// the socket is the same code.
//
// # Framings
//
// WebSocket (RFC 6455) with the subprotocols wamp.2.{json,msgpack,cbor} and their .batched variants, RawSocket (WAMP
// advanced profile, transport_rawsocket), and Link: four octets big-endian length, then the frame. A client port is
// universal: the first octet 0x7F begins RawSocket, anything else has to be an HTTP request, which is upgraded or handed to
// a net/http server together with the bytes read.
//
// Arrows: transport imports internal/wamp (serializer numbers) and gobwas/ws, and nothing else of ours.
package transport
