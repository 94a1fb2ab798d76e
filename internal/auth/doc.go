// Package auth says who a session is.
//
// A Principal is the identity that a session has from WELCOME to its end: immutable, shown to others only where disclosed,
// carried on router links always. It is the answer to HELLO:
//
//	HELLO ──► method ──► Principal ──► session ──► WELCOME.Details (HND-13, AUT-08)
//	                         └────────► authorization, filters by authid and authrole, meta events
//
// Today's only method is "anonymous" (AUT-07): whoever connects is let in under a name that is new each time. That is why
// internal/config refuses to bind client listeners anywhere but on loopback.
//
// The package is pure: chance is handed in, there is no clock, goroutine or lock. It imports nothing of ours.
package auth
