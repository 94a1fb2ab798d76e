// Package baseline is what the product's tables are measured against: the same node, with the same sessions, broker, dealer, transport, links
// and failure detector, whose subscriptions and registrations are replicated by Raft (hashicorp/raft) in gossip's place. It stands behind
// the seam that internal/node calls a Replicator. Nothing of it is linked into the product, and nothing else imports the library.
//
//	SUBSCRIBE ─ Tables ─ Propose ─▶ batch ─▶ leader ─▶ log ─▶ each node's home loop ─▶ table ─▶ Applied (own), Add and Remove (others')
//
// What is in the log. Interests and registrations, a node's lives, and purges. One entry takes up to 64 changes of one node: what
// gathers while the entry before it is under way, so that a lone change never waits for a timer. Followers send entries to the leader over
// the port that the log itself uses. SUBSCRIBED and REGISTERED are sent when the entry is applied on the client's node. A change that is not
// in the log within 5 s is refused with wamp.error.unavailable: that is what a minority's clients are told. UNSUBSCRIBE and UNREGISTER
// are answered at once, as in the product, and reach the log when they can. What counts after it was refused, or was purged although its
// node lives, is set right by the node itself as soon as it can propose.
//
// Conflicts. The log decides: the second registration of a procedure with one owner is refused on all nodes alike, so there are no claims,
// verdicts or standbys, and none is revoked, except that a node whose rows were purged while it was cut off finds a procedure taken when it
// comes back. A row of a node that is away stands in the way until it is purged. options.x_barrier waits for gossip alone and
// promises nothing of these tables.
//
// Whom messages go to is a node's own view, as in the product: rows of a node that gossip hides are not routed by, and come back with
// it. Retained events, histories and the directory of sessions are gossip's in all baselines.
//
// The cluster. The node without --join founds it, 1 s after its start; when it has met somebody older it first waits to be taken in. The
// leader adds each member that membership tells of as a non-voter. Its first entry, which it can write and apply only with all that came
// before, makes it ready for clients and, as long as there are fewer than --voters (3 or 5), a voter. A dead voter loses its vote when another can have it, a dead
// non-voter at once. The leader purges a node's rows on the word of membership that the product takes too. The log is in memory: a server is a
// life of a node, and who comes back is another server.
//
// raft-paper is a re-implementation of the 2019 design of Autobahnkreuz, as its paper and code describe it, not that code: who is
// connected is in the log as well (one entry for each join and leave, where the original has four; WELCOME does not wait for it), all
// proposals go by way of node 0, messages go to all nodes as soon as any has a subscriber, clients are served before the tables are known, and
// node 0 founds a cluster whenever it starts.
//
// It is a laboratory's: the log's port knows neither keys nor certificates.
//
// Arrows: internal/node (the seam), internal/router (what an element says), internal/config; hashicorp/raft and its logger.
package baseline
