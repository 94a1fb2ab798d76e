// Package conformance holds the black-box suite: every row is asked of running nodes over real sockets, once with all sessions on one node
// and, where a row involves two sessions, once more with them on different nodes of a cluster. It has no product code.
//
//	test ──RawSocket, WebSocket; JSON, MessagePack, CBOR──▶ node ◀──link──▶ node ◀── test
//
// A test is named after the rows that it shows (WAMP specification, by area: URI, IDS, HND, CLS, PVI, SUB, PUB, REG, CAL, LEV, …; P and a
// number: what broke in other routers). TestEveryRowHasATest reads those names and holds them against testdata/rows.txt.
//
// Messages are written and expected as JSON text, whatever serializer a session speaks; the sessions of a test speak different ones over
// different transports, so that payloads are carried from one serializer into another throughout. Bytes are made and read by libraries that
// the router does not contain.
//
// All clusters belong to TestMain. A test's sessions belong to the test, and so do the goroutines that play a callee for it.
package conformance
