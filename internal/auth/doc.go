// Package auth says who a session is, and what it may do.
//
// A Principal is the identity that a session has from WELCOME to its end: immutable, shown to others only where disclosed,
// carried on router links always. It is the answer to HELLO:
//
//	HELLO ──► method ──► Principal ──► session ──► WELCOME.Details (HND-13, AUT-08)
//	                         └────────► authorization, filters by authid and authrole, meta events
//
// A [Realm] knows its [User]s and by which methods each may prove itself. HELLO begins an [Exchange], which waits for AUTHENTICATE:
//
//	HELLO ─▶ Realm.Begin ─┬─▶ Principal                       anonymous, certificate
//	                      ├─▶ Exchange ─▶ CHALLENGE           ticket, wampcra, scram, cryptosign
//	                      │      ▲ AUTHENTICATE ─▶ Exchange.Answer ─▶ Principal or Refusal
//	                      └─▶ Refusal ─▶ ABORT
//
// Who does not exist is challenged like somebody who does, always alike, and denied at the same price and in the same words.
// [Proof] is the client's half of each method.
//
// [Rules] are what a role may do with which URIs: asked for every action of a session whose role has any.
//
// Where the configuration names an [Authenticator], it is asked for who is not in it; the exchange waits for its answer, and the methods are the
// same. A role may name an Authorizer for what its rules leave open.
//
// The package is pure: chance and time are handed in, there is no goroutine or lock. Of ours it imports only internal/wamp.
package auth
