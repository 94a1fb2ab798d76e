// Package router composes codec, broker and dealer into a WAMP router that knows no sockets.
//
// A Worker owns sessions: it is given what their connections brought and what other workers sent, and answers with effects.
// Tables owns a node's routing index: it is given the changes that workers propose and those that other nodes made, and
// publishes immutable snapshots of the result. The Directory knows the sessions of the whole cluster.
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
// A session, its pending calls and its invocations belong to exactly one Worker; the Tables and the Directory to the home loop alone. Workers and Tables
// meet in Realms: a Cell per realm holds the current Snapshot, which nobody changes. Nothing else is shared, so nothing is locked. A realm may
// come to be while the node runs (RealmTemplate): the set of them is exchanged as a whole.
//
// All are state machines: no clock, goroutine, lock, logger or global chance inside. Effects are appended to the caller's
// slice, alias the machine's memory and are valid until its next Step.
//
// # One owner
//
// The first registration of a procedure is a claim (claims.go): a tentative element that nobody routes to, until every reachable node has
// acknowledged it or a second has passed. Who has a better right refuses, and is heard before its acknowledgement. Two owners can
// meet after a partition all the same (conflicts.go): the index routes to the earlier at once; the later's node ends its entry, or
// keeps it in reserve, once the verdict has been the same for half a second in a settled view.
//
// # The life of a message
//
// Worker.Step looks up the session of a connection (sessions.go), parses (codec) and hands the message to its verb:
// subscribe.go, publish.go and deliver.go, register.go, call.go (the caller's side), invoke.go (the callee's side). Those that name a URI
// ask first whether the session's role may do that (authorize.go): once per URI in use, and not at all where the role has no rules. What
// leaves the worker for another, on this node or not, is a relay frame (relay.go), the same bytes for both. A frame says which
// session it is for, or which topic; Route and Realms.WorkersFor read that much of it.
//
// A call in several parts (parts.go), one that its callee gives back for another (reroute.go) and payloads that nobody looks at (passthru.go)
// go the same ways. Options that pass through travel with the payload, in its serializer.
//
// # What outlives its message
//
// Testaments (testament.go) are kept by the session's worker and published in its lane when it ends; as elements of the directory they are
// known to all, who publish them to their own subscribers when the session's node is gone for good (legacy.go). Retained events (retention.go,
// replay.go) are elements too: one node carries each, and a replay comes behind SUBSCRIBED. Event history (history.go, getevents.go) is kept by
// worker 0 of two keepers, which subscribe for it; whoever is asked for it asks them.
//
// # Who decides
//
// Roles may name a procedure that decides what no rule speaks of (authorizer.go), and realms one that says who may join (authenticator.go). The
// worker calls it from a session without a connection (inquiry.go). What the asking session sent waits, in order, and its socket is not read.
// Limits of roles and realms (quota.go) bound what a session may hold, and how fast it may speak.
//
// # The directory, and the node's own voice
//
// The Directory (directory.go) stands beside the Tables, on the same loop and behind the same Replicator. It knows the sessions of the
// cluster: each is an element of its node's part, proposed by its worker (FxSession) when WELCOME has been sent and taken back when all else
// that it held has been. Joins and leaves are derived from these elements at each node, for its own subscribers; so is what the node has to
// tell of itself and of others (events.go). Events leave NextEvent as relay frames that Realms.WorkersFor routes, and never go to another node.
//
//	session   WELCOME ──▶ FxSession ─▶ Directory ─▶ TxPropose ─▶ Applied ─▶ it counts, on_join     (the others: RemoteAdd)
//	          ends    ──▶ FxSession ─▶ Directory ─▶ TxPropose ─▶ Applied ─▶ it is over, on_leave   (the others: RemoteRemove)
//	node      hidden: its sessions still count │ Show … Reached: the differences, leaves first │ Gone: all of them leave
//
// What becomes of registrations and subscriptions is derived from the tables in the same way (affairs.go), for those who listen: created ahead of
// the first that has it, deleted behind the last. Of subscribers a node tells the others only while somebody in the cluster listens, by notes in
// its part that it takes back at once; where nobody does, nothing is remembered and nothing is sent. Nobody is told of its own doing.
//
//	subscription   SUBSCRIBED ──▶ FxSession ─▶ Tables.Subscriber ─▶ on_create, on_subscribe ─▶ TxPropose note   (the others: RemoteAdd)
//	registration   its element appears or goes ─▶ on_create, on_register / on_unregister, on_delete
//
// What a node alone knows of its sessions, other nodes ask it for: an Ask travels as it is (askwire.go) in a frame from home loop to home loop
// (question.go), and its Part of the answer comes back. Sessions that are killed, and registrations and subscriptions that are revoked, end by
// the same way (kill.go).
//
// Procedures of the node's own (builtin.go) are found by URI when a CALL names one in the reserved name spaces. The worker reads the arguments
// and asks (FxAsk) the owner of the tables, who answers in the caller's serializer (ask.go, explain.go; InAnswer). Until then the call is a
// record like any other. A new one is a line in the table, a kind of Ask, and who answers it.
//
// # Arrows
//
// Imports broker, dealer, internal/auth, internal/codec, internal/wamp and nothing else of ours.
package router
