// Package longpoll carries WAMP in HTTP requests (advanced/transport_http_longpoll.md), for clients behind proxies that let no WebSocket
// through:
//
//	POST /longpoll/open        {"protocols": ["wamp.2.json"]} ─▶ {"protocol": "wamp.2.json", "transport": ID}
//	POST /longpoll/ID/receive  held until there is a message ─▶ 200 with one message, or with all that wait (.batched)
//	POST /longpoll/ID/send     one message, or several (.batched) ─▶ 202
//	POST /longpoll/ID/close    ─▶ 202
//
// A transport is a connection within the process on which RawSocket is spoken, so a session is like any other: it joins, is bounded and
// counted by the node. What the specification leaves open:
//
//	a receive without news     ends after holdTime with 204; the client asks again
//	two receives at a time     the later one counts, since the earlier may be what a broken network left; that one ends with 204
//	a client that is lost      is one that neither asks nor sends for idleTime, or leaves the messages of its queue where they are: closed
//	an ID that is not known    404, also of a transport that has ended; what the router said last (ABORT, GOODBYE) is received first
//	what is no message         400, and the router ends the session, as on other transports
//	202, or "no content"       202; with NoContent 204, which autobahn-js waits for
//
// The ID is the secret by which requests belong together: 144 random bits. Certificates of clients and channel bindings do not reach
// through, since requests may come over different connections.
//
// A Server is used by any number of goroutines. A transport has one goroutine, which reads; writes are made by the requests, one at a time.
package longpoll
