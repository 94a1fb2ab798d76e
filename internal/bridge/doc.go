// Package bridge lets programs that speak no WAMP publish and call by HTTP:
//
//	curl -u joe:secret -H 'Content-Type: application/json' -d '{"topic": "com.app.news", "args": ["hello"]}' http://HOST:PORT/publish
//	curl -H 'Content-Type: application/json' -d '{"procedure": "com.app.add2", "args": [1, 2]}' http://HOST:PORT/call?realm=REALM
//
// Each request is carried out by a session like any other, which joins by what the request's Authorization proves; so roles, limits,
// disclosure and counters hold, and nothing else lets anybody in. Sessions are kept for a while and used again by requests with the same
// credentials:
//
//	POST ─▶ method, origin, type ─▶ session of (realm, credentials) ─▶ body ─▶ PUBLISH or CALL ─▶ {"id"} or {"args", "kwargs"}
//	             │                      │ none yet: a connection within the process, HELLO
//	             └──────────────────────┴──────▶ status and {"error": URI, "args", "kwargs"}
//
// Cryptosign is left out, since a request has no room for a challenge, and so are certificates of clients, which do not reach through to
// the session's connection; crossbar's signed requests (key and signature in the query) are refused with 401.
//
// A body is read only once its sender is known. Requests, sessions, bytes and time are bounded; a request that its client gives up
// cancels its call. A page of another site gets nowhere: its Origin has to be allowed, like those of WebSocket.
//
// The package has no state but the sessions (sessions.go), which a mutex guards. A Bridge is used by any number of goroutines.
package bridge
