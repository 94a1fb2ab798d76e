// Package degrade is a bad network in user space: a proxy that stands before a node's ports, TCP and UDP, and delays, holds up, loses,
// doubles and reorders what goes through it. It needs no privileges, so it works on anybody's cluster.
//
//	profile, seed ─▶ weather (outages, clogs) ─▶ line, one per direction: bottleneck, delay ─▶ flow: jitter, loss, …
//	                                                                                             │ release times
//	peer ──TCP──▶ pump: read, wait, write ──▶ node            peer ──UDP──▶ courier: a heap of datagrams ──▶ node
//
// What stands between two ends is one link: all connections and datagrams of one direction share its bottleneck and its weather. In a stream
// nothing is lost or overtaken; what would be lost is late, as after a retransmission, and what comes behind it waits. In an outage datagrams
// are lost and streams wait. In a clog both wait, in one direction.
//
// The weather is a function of profile and seed ([Plan] tells it beforehand). So is what becomes of the n-th chunk or datagram of the n-th
// flow of a port, given when they come. The rest is the traffic's.
//
// Owners: weather, line and flow are pure (the time is an argument, chance comes from the seed) and stand under their link's lock; each
// connection has two goroutines per direction, each peer's datagrams too. Memory is bounded: see the constants of pump and courier.
//
// Arrows: none of ours.
package degrade
