package node

import (
	"kleeblatt/broker"
	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/config"
	"kleeblatt/internal/frame"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

// home is what exists once per node, on the first loop: the index writer (Tables), the tables' protocol (gossip) and the links.
// It runs on hub 0's goroutine; other hubs reach it by letters.
type home struct {
	n      *Node
	h      *hub
	tables *router.Tables

	directory   *router.Directory
	retention   *router.Retention
	histories   histories
	transcoder  codec.Transcoder // of the events of histories
	local       bool             // our sessions are not told to the others
	random      func() uint64    // publication ids of meta events
	cuts        []string         // nodes that are cut off, as last told
	cutsChanged bool
	unreadAt    int64 // when it was last warned of elements that cannot be read

	replicator Replicator // of routes; nil: gossip

	gossip machine[gossip.Input, gossip.Effect]
	g      *gossip.Machine

	peers    map[string]*peer
	slots    [broker.MaxNodes]*peer // slot 0 is this node
	slotsEnd int                    // slots from here on have never been used
	conns    []*linkConn            // by connection slot
	detours  *link.Detours
	near     []byte           // our neighbours, as the links were told last
	nearLook bool             // they may have changed
	nearAt   int64            // when their round trips are looked at
	greeters []*linkConn      // accepted connections of which it is not known whose they are, the oldest first
	tags     map[uint64]*peer // dials under way
	tag      uint64
	wakeAt   int64 // of gossip
	tfx      []router.TablesEffect
	tabling  bool // execTables is at it
	dirty    bool // tables changed since the last commit
	// reached are the versions that gossip has emitted and that count as soon as the tables are committed.
	reached       []reachedVersion
	swim          membership             // nil where there is none, or not yet
	look          bool                   // a node's state has changed: perhaps we are ready now
	joined, alone bool                   // what membership said of the first exchange
	unmet         []swim.Event           // what it said of members before
	serveBy       int64                  // when clients are served although a member is not reachable; 0: they are, or we have not joined
	refusal       string                 // what a node said that did not let us join
	stopped       bool                   // the other nodes' data: a mailbox of ours is full
	windowsFull   bool                   // the links\' windows are over their budget
	weighAt       int64                  // when they are added up again
	dropped       uint64                 // frames that no link took: over budget, or for a node that has lost its place
	lost          [link.LostKinds]uint64 // given up by links that are no more
	warnedAt      int64                  // of strangers at the link port
	root          [16]byte               // digest of the tables that we route by, as last told
	version       uint64                 // our own part's version, as last told to the links

	questions questions                      // to other nodes
	barriers  map[uint64]func(acked, of int) // those that the node itself waits for
	barrierN  uint64                         // how many there have been
}

type reachedVersion struct {
	p       *peer
	life    gossip.Life
	version uint64
}

func newHome(n *Node, h *hub) *home {
	o := &home{n: n, h: h, peers: map[string]*peer{}, tags: map[uint64]*peer{}}
	o.newDetours()
	o.tables = router.NewTables(n.tablesConfig())
	o.local = n.cfg.Directory == config.Query
	o.directory = router.NewDirectory(router.DirectoryConfig{Realms: n.realms, Local: o.local})
	o.retention = router.NewRetention(n.retentionConfig())
	o.tables.TellBy(o.directory)
	o.newHistories()
	o.g = gossip.New(n.gossipConfig())
	o.random = n.world.random()
	o.gossip = machine[gossip.Input, gossip.Effect]{step: o.g.Step, exec: o.execGossip}
	return o
}

// A change that a worker proposes goes to the tables, from there to whoever replicates it (see Replicator), and comes back applied: from
// gossip at once.

func (o *home) propose(worker uint8, op router.Op, token uint64) {
	op.Worker = worker
	o.tfx = o.tables.Propose(op, token, o.n.world.wall(), o.tfx)
	o.dirty = true // some changes have no answer: an UNREGISTER is in the tables already
	o.execTables()
}

// execTables carries out o.tfx, which grows on the way. Where gossip or the tables are at it already, whoever is goes on with it.
func (o *home) execTables() {
	if o.tabling {
		return
	}
	o.tabling = true
	for i := 0; i < len(o.tfx); i++ {
		switch e := o.tfx[i]; e.Kind {
		case router.TxPropose:
			o.hand(&e.Op, e.Token)
		case router.TxBarrier:
			o.startBarrier(e.Token, millis(e.Wait))
		case router.TxRefuse, router.TxRevoked, router.TxConflict, router.TxClockAhead:
			o.execClaims(&e)
		case router.TxApplied:
			o.dirty = true
			in := router.Input{Kind: router.InApplied, Token: e.Token, ID: e.ID, Err: e.Err}
			o.tables.Commit()
			if e.Worker == o.h.index {
				o.h.step(in)
			} else {
				o.n.hubs[e.Worker].deliver(letter{kind: letterInput, input: in})
			}
		}
	}
	clear(o.tfx)
	o.tfx = o.tfx[:0]
	o.tabling = false
}

func (o *home) feedGossip(in gossip.Input) {
	in.Now = o.h.loop.Now()
	o.gossip.feed(in)
	o.afterGossip()
}

func (o *home) flushGossip(now int64) {
	o.gossip.flush(func(out []gossip.Effect) []gossip.Effect { return o.g.Flush(now, out) })
	o.afterGossip()
}

// afterGossip tells the tables what has become of their proposals, unless gossip is still at work.
func (o *home) afterGossip() {
	if len(o.tfx) > 0 && !o.gossip.busy {
		o.execTables()
	}
}

func (o *home) execGossip(e *gossip.Effect) {
	switch e.Kind {
	case gossip.FxApplied:
		if router.IsDirectoryToken(e.Token) {
			o.tfx = o.directory.Applied(e.Token, o.tfx)
			return
		}
		o.tfx = o.tables.Applied(e.Token, o.tfx)
		o.dirty = true
		return
	case gossip.FxRefused:
		if router.IsDirectoryToken(e.Token) {
			o.n.log.Error("a session or testament is not in the directory: "+e.Text, "node", o.n.name)
			o.tfx = o.directory.Refused(e.Token, o.tfx)
			return
		}
		o.n.log.Error("a subscription or registration was refused: "+e.Text, "node", o.n.name)
		o.tfx = o.tables.Refused(e.Token, wamp.ErrUnavailable, o.tfx)
		return
	case gossip.FxWakeAt:
		o.wakeAt = earlier(o.wakeAt, e.At)
		return
	case gossip.FxRefusal:
		o.tfx = o.tables.RefusedBy(e.Element, o.tfx)
		return
	case gossip.FxBarrier:
		o.barrierOver(e.Token, e.Acked, e.Of)
		return
	case gossip.FxReborn:
		o.reborn(e.Life)
		return
	case gossip.FxAlarm:
		o.n.count.alarms.Add(1)
		o.n.log.Error("the tables disagree: " + e.Text)
		return
	}
	p := o.peers[e.Name]
	if p == nil {
		return
	}
	switch e.Kind {
	case gossip.FxControl:
		p.control(e.Bytes)
	case gossip.FxAdd, gossip.FxRemove:
		o.element(p, e)
	case gossip.FxShow:
		p.show()
		p.shown()
		if o.replicator != nil {
			o.replicator.Shown(p.name)
		}
	case gossip.FxHide:
		p.hide()
		p.unshown()
		if o.replicator != nil {
			o.replicator.Hidden(p.name)
		}
	case gossip.FxUnroute:
		p.unroute(e.Element)
	case gossip.FxGone:
		o.gone(p)
	case gossip.FxState:
		p.state = e.State
		if e.State == gossip.Forgotten || e.State == gossip.Buried {
			p.stopLingering()
		}
		if e.State == gossip.Buried { // who is only forgotten may still be cut off
			p.cutOff(false)
		}
		p.maybeAllTold()
		o.look = true
		o.n.log.Info(stateLine(e.State), "node", p.name)
	case gossip.FxReached:
		o.directory.Reached(p.slot)
		o.reached = append(o.reached, reachedVersion{p, e.Life, e.Version})
	}
}

// settle makes what gossip emitted visible to every worker, and only then counts it as reached.
func (o *home) settle() {
	if o.dirty {
		o.dirty = false
		o.tables.Commit()
	}
	for i := 0; i < len(o.reached); i++ {
		r := o.reached[i]
		r.p.reachedVersion(r.life, r.version)
		o.feedGossip(gossip.Input{Kind: gossip.InSettled, Name: r.p.name, Life: r.life, Version: r.version})
	}
	o.reached = o.reached[:0]
}

// send gives frames for other nodes to their links.
func (o *home) send(b *frame.Batch) {
	b.Each(func(a frame.Addr, f []byte) {
		p := o.slots[a.Node]
		if p != nil && p.unrouted && !p.lingers && router.IsEvent(f) {
			return // its interest is being taken out of the tables
		}
		if p == nil || o.windowsFull && router.IsEvent(f) {
			o.dropped++
			return
		}
		p.send(a.Lane, f)
	})
}

// places are the nodes' slots; those that are free are nil.
func (o *home) places() []*peer { return o.slots[:o.slotsEnd] }

// weighWindows adds up what waits in all links, a few times per second: together they have a budget, like the outboxes. Above it
// events for nodes that do not take them are dropped and counted; calls and answers are few.
func (o *home) weighWindows(now int64) {
	if now < o.weighAt {
		return
	}
	o.weighAt = now + windowsEvery
	var bytes int64
	for _, p := range o.places() {
		if p != nil {
			bytes += int64(p.l.WindowBytes())
		}
	}
	o.windowsFull = bytes > o.n.cfg.Limits.OutboxTotalBytes
}

// connections is the number of link connections.
func (o *home) connections() (n int64) {
	for _, lc := range o.conns {
		if lc != nil {
			n++
		}
	}
	return n
}

// turn is the home hub's part of the end of a turn: deltas leave ahead of the data that follows them. again says that what happened at
// the end of it has still to leave.
func (o *home) turn(now int64) (next int64, again bool) {
	o.tables.SetTime(o.n.world.wall())
	if o.wakeAt != 0 && now >= o.wakeAt {
		o.wakeAt = 0
		o.feedGossip(gossip.Input{Kind: gossip.InTick})
	}
	for _, p := range o.places() {
		if p != nil {
			p.sweep()
		}
	}
	o.settle()
	o.tickTables(now)
	o.tickRetention(now)
	o.tickHistories(now)
	o.questionsDue(now)
	if o.look || o.serveBy != 0 && now >= o.serveBy {
		o.look = false
		o.checkReady()
	}
	o.publishNews()
	o.flushGossip(now)
	o.tell()
	o.tellNeighbours(now)
	o.weighWindows(now)
	if b := o.h.relay; b != nil {
		o.h.relay = nil
		o.send(b)
		o.n.pool.Put(b)
	}
	o.credit()
	o.expireGreeters(now)
	for _, p := range o.places() {
		if p != nil {
			p.turn(now)
		}
	}
	// Links speak to gossip, gossip to other links, and both to the worker: what they want is asked for when all have had their turn.
	next = earlier(earlier(earlier(o.wakeAt, o.serveBy), o.greetBy()), earlier(o.tables.WakeAt(), o.questions.dueAt))
	next = earlier(next, earlier(o.retention.WakeAt(), o.histories.wakeAt()))
	if o.stopped {
		next = earlier(next, now+mailboxRetryAfter)
	}
	for _, p := range o.places() {
		if p != nil {
			next = earlier(next, p.wake(now))
			again = again || p.fed || p.sweeps()
		}
	}
	again = again || o.dirty || o.look || len(o.reached) > 0 || o.h.relay != nil || o.g.Self().Version != o.version || o.g.Unsent()
	again = again || o.cutsChanged || o.directory.Pending() && !o.stopped
	return next, again
}

// credit stops the other nodes' data while a worker of ours has more in its mailbox than it should, and lets it flow again later.
func (o *home) credit() {
	limit := int64(mailboxBytesMax)
	if o.stopped {
		limit /= 2
	}
	full := false
	for _, h := range o.n.hubs {
		full = full || h.box.bytes.Load() > limit
	}
	if full == o.stopped {
		return
	}
	o.stopped = full
	for _, p := range o.places() {
		if p != nil {
			p.feed(link.Input{Kind: link.InCredit, On: !full})
		}
	}
}

// tell makes known what our tables are now: to the links (table stamps and heartbeats) and to membership (probe acks and heads).
func (o *home) tell() {
	if root := o.g.DigestRoot(); root != o.root || o.n.digest.Load() == nil {
		o.root = root
		d := o.g.AppendDigest(nil)
		o.n.digest.Store(&d)
		for _, p := range o.places() {
			if p != nil {
				p.l.SetDigest(root)
			}
		}
	}
	v := o.g.Self().Version
	if v == o.version {
		return
	}
	o.version = v
	for _, p := range o.places() {
		if p != nil {
			p.ownVersion(v)
		}
	}
	if o.swim != nil {
		o.swim.Announce(v)
	}
}

// everywhere feeds an input to the workers of all hubs, behind the frames that came before it: the last answers of a node that is lost are
// answers.
func (o *home) everywhere(in router.Input) {
	for w, h := range o.n.hubs {
		if h == o.h {
			h.step(in)
		} else {
			o.h.handOverTo(w)
			h.deliver(letter{kind: letterInput, input: in})
		}
	}
}

func (o *home) isLink(c transport.ConnID) bool {
	i := int(c.Slot())
	return i < len(o.conns) && o.conns[i] != nil && o.conns[i].id == c
}

// retire tells the other nodes that this life is over: the last delta, then the links' goodbye.
func (o *home) retire() {
	o.feedGossip(gossip.Input{Kind: gossip.InRetire})
	o.flushGossip(o.h.loop.Now())
	for _, p := range o.places() {
		if p != nil {
			p.feed(link.Input{Kind: link.InRetire})
		}
	}
}

// retired reports whether nothing waits for a link any more.
func (o *home) retired() bool {
	for _, p := range o.places() {
		if p != nil && p.l.State() == link.Up {
			return false
		}
	}
	return true
}
