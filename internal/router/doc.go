// Package router composes codec, broker and dealer into a WAMP router that knows no sockets.
//
// A Worker owns sessions: it is given what their connections brought and what other workers sent, and answers with effects.
// Tables owns a node's routing index: it is given the changes that workers propose and those that other nodes made, and
// publishes immutable snapshots of the result.
//
//	 connections                     one node                                   other nodes
//	                 ┌────────┐   FxPost / InFrame   ┌────────┐
//	InMessage ─────▶ │ Worker │ ◀──────────────────▶ │ Worker │ ── FxRelay / InFrame ──▶ their Workers
//	  FxSend  ◀───── │   0    │                      │   1    │
//	  FxFanout       └─┬────▲─┘                      └─┬────▲─┘
//	                   │    │ one atomic load          │    │
//	         FxPropose │  ┌─┴──────────────────────────┼────┴─┐
//	         InApplied │  │ Cell: *Snapshot (per realm)│      │
//	                   ▼  └─▲──────────────────────────▼──────┘
//	                 ┌──────┴─┐  TxPropose / Applied   ┌────────────┐  RemoteAdd, RemoteRemove
//	                 │ Tables │ ◀────────────────────▶ │ Replicator │ ◀─────────────────────── other nodes' parts
//	                 └────────┘                        └────────────┘
//
// # Owners
//
// A session, its pending calls and its invocations belong to exactly one Worker; the Tables to the home loop alone. The two
// meet in Realms: a Cell per realm holds the current Snapshot, which nobody changes. Nothing else is shared, so nothing is locked.
//
// Both are state machines: no clock, goroutine, lock, logger or global chance inside. Effects are appended to the caller's
// slice, alias the machine's memory and are valid until its next Step.
//
// # The life of a message
//
// Worker.Step looks up the session of a connection (sessions.go), parses (codec) and hands the message to its verb:
// subscribe.go, publish.go and deliver.go, register.go, call.go (the caller's side), invoke.go (the callee's side). What
// leaves the worker for another, on this node or not, is a relay frame (relay.go), the same bytes for both. A frame says which
// session it is for, or which topic; Route and Realms.WorkersFor read that much of it.
//
// # Arrows
//
// Imports broker, dealer, internal/auth, internal/codec, internal/wamp and nothing else of ours.
package router
