// Package swim says who is in the cluster. It is the adapter over serf and memberlist (SWIM with Lifeguard), and the only
// package that imports them.
//
// It carries hints, never state: members and their failures, each member's tags (life, link address, protocol version), a table
// digest in the answer to each probe, and the heads of tables as coalesced user events within a budget. Tables travel on the
// router links alone.
//
//	serf ──EventCh──► drain ──┐                                     ┌──► rejoin ──► serf.Join
//	memberlist ──delegates────┼──► mailbox ──► deliver ──► OnEvent  │     seeds, once-known members
//	rejoin, conflicts ────────┘   (coalesced)  (one goroutine)      └──► speak ──► tags, heads
//
// Who owns what: drain owns the view of the members and never waits, because serf blocks its own state on a full EventCh.
// Delegates run with memberlist's lock held, so they only put a note into the mailbox. The mailbox holds at most one probe and
// one head per member, so a slow reader costs memory in proportion to the cluster and never stalls it. rejoin and speak own
// everything that may block on the network.
//
// Rumours miss somebody now and then. Each answer to a probe therefore also carries a sum of the members that the one who answers
// holds alive, and whoever keeps meeting other sums exchanges the membership with one of them.
//
// A node that was cut off for longer than serf remembers it comes back all the same: rejoin tries one missing seed or once-known
// member after the other, for as long as the process lives. Where the members are is handed to the caller whenever it changes (keep),
// so that a node may find them again in its next run.
//
// Two processes with one name are told apart by the life that each was born with. The one that has not joined yet gives way; of
// two that have, the younger does. A silent one at another address is the ghost of a crashed process, not a rival.
//
// Time and chance come from the runtime here: the package is not pure, its tests run inside testing/synctest on a network in
// memory.
package swim
