package node

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"kleeblatt/broker"
	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/router"
	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

const (
	// helloTimeout is how long an accepted link connection may stay silent before it is closed.
	helloTimeout = int64(5 * time.Second)
	// helloBytesMax bounds the frames of a handshake: two names, two proofs and a number for each lane.
	helloBytesMax = 4 << 10
	// greetersMax bounds the accepted connections of which it is not known whose they are. Honest ones tell at once.
	greetersMax = 64
	dialTimeout = 2 * time.Second
	// blockedTick is how often a link whose connection is full is looked after meanwhile: its deadlines come with its flushes.
	blockedTick = int64(50 * time.Millisecond)
)

// peer is another node: its place in our numbering and the link to it.
type peer struct {
	o        *home
	name     string
	slot     router.NodeSlot
	linkAddr string // as it was told to us; "" as long as we do not know how to dial it
	linkUnix string // a socket that we can reach; "" for none, or when a dial failed
	alive    bool   // SWIM's word
	away     int64  // since when it was neither a member nor linked, if it is so now
	state    gossip.PeerState
	life     gossip.Life

	l        *link.Machine
	m        machine[link.Input, link.Effect]
	wakeAt   int64
	rtt      time.Duration    // of the last probe
	fed      bool             // since the last flush, so that there may be something to write
	blocked  transport.ConnID // whose outbox is half full: frames gather in the window meanwhile; 0: none
	kind     string           // of the connection: tcp, unix or relay
	dialling string           // what is being dialled
	conn     transport.ConnID // the direct connection, 0 where there is none
	via      *peer            // the neighbour that carries the link, nil where it is direct

	full    uint32 // lanes whose window or credit is used up
	moved   uint64 // what was acknowledged when the workers were last told that it is full
	movedAt int64
	refused bool // a redial, since the path was lost: nobody is there any more
	cut     bool // it was routed to and is not any more, though it has not said goodbye
	hiding
	suspected uint64 // times
}

// linkConn is one link connection; peer is nil until its hello has come.
type linkConn struct {
	id     transport.ConnID
	peer   *peer
	opened int64
	remote string
	kind   string
	name   string // that its hello gave, while membership has not told us of it
	hello  []byte
}

// peer returns the named node, giving it a place when it is new. It returns nil when the table is full.
func (o *home) peer(name string) *peer {
	if p := o.peers[name]; p != nil {
		return p
	}
	slot := o.freeSlot()
	if slot == 0 {
		o.n.log.Error("too many nodes: this one is left out", "node", name, "max", broker.MaxNodes)
		return nil
	}
	p := &peer{o: o, name: name, slot: slot, kind: "none", state: gossip.Hidden, away: o.h.loop.Now()}
	p.relink()
	o.slots[slot], o.peers[name] = p, p
	o.slotsEnd = max(o.slotsEnd, int(slot)+1)
	return p
}

// freeSlot finds a place for a new node, 0 if there is none. When all are taken, the node that has been away for longest loses its own.
func (o *home) freeSlot() router.NodeSlot {
	var oldest *peer
	for i, p := range o.slots {
		switch {
		case i == 0:
		case p == nil:
			return router.NodeSlot(i)
		case p.isAway() && (oldest == nil || p.away < oldest.away):
			oldest = p
		}
	}
	if oldest == nil {
		return 0
	}
	o.evict(oldest)
	return oldest.slot
}

// isAway says that nothing is known of the node but that it was there.
func (p *peer) isAway() bool {
	s := p.l.State()
	return !p.alive && s != link.Up && s != link.Suspect && p.state != gossip.Reachable && p.state != gossip.Suspect
}

// evict forgets a node that is away. What gossip remembers of it stays; should it come back, it gets a place anew.
func (o *home) evict(p *peer) {
	for _, lc := range o.conns {
		if lc != nil && lc.peer == p { // a handshake at most
			o.h.loop.Reset(lc.id)
		}
	}
	for tag, of := range o.tags {
		if of == p {
			delete(o.tags, tag)
		}
	}
	o.questionsLost(p)
	o.everywhere(router.Input{Kind: router.InNodeLost, Node: p.slot})
	o.carry(o.detours.Remove(p.name, nil))
	o.tables.HideNode(p.slot)
	o.tables.Shown(p.slot)
	o.gone(p)
	p.cutOff(false)
	o.dirty = true
	o.keepLosses(p)
	o.slots[p.slot] = nil
	delete(o.peers, p.name)
}

// keepLosses remembers what the peer's machine, which is about to go, has given up.
func (o *home) keepLosses(p *peer) {
	if p.l != nil {
		for kind, n := range p.l.Stats().LostKinds {
			o.lost[kind] += n
		}
	}
}

// relink begins a fresh link, as for a new life of ours.
func (p *peer) relink() {
	p.stopLingering()
	for lane := range uint8(32) {
		p.lanePaused(lane, false)
	}
	p.o.keepLosses(p)
	p.l = link.New(p.o.n.linkConfig(p.name))
	p.m = machine[link.Input, link.Effect]{step: p.l.Step, exec: p.exec}
	p.conn, p.via = 0, nil
	p.o.detours.Add(p.name, p.l, p.room)
	p.l.SetDigest(p.o.root)
	p.l.SetNeighbours(p.o.near)
	p.ownVersion(p.o.version)
	if p.o.stopped {
		p.feed(link.Input{Kind: link.InCredit})
	}
}

func (p *peer) feed(in link.Input) {
	in.Now = p.o.h.loop.Now()
	p.fed = true
	p.m.feed(in)
}

func (p *peer) control(b []byte)    { p.feed(link.Input{Kind: link.InControl, Bytes: b}) }
func (p *peer) ownVersion(v uint64) { p.feed(link.Input{Kind: link.InVersion, Version: v}) }

func (p *peer) reachedVersion(life gossip.Life, v uint64) {
	p.feed(link.Input{Kind: link.InReached, Life: link.Life(life), Version: v})
}

// send queues one relay frame on its lane.
func (p *peer) send(lane uint64, f []byte) {
	p.feed(link.Input{Kind: link.InData, Lane: lane, Call: router.IsCall(f), Event: router.IsEvent(f), Bytes: f})
}

// member takes SWIM's word.
func (p *peer) member(life gossip.Life, e *swim.Event) {
	p.alive, p.away = e.Alive, p.o.h.loop.Now()
	if e.Alive {
		p.linkAddr, p.linkUnix = e.LinkAddr, ""
		if p.o.n.viaUnix() {
			p.linkUnix = unixPath(e.LinkUnix)
		}
	}
	p.o.feedGossip(gossip.Input{Kind: gossip.InMember, Name: p.name, Life: life, Alive: e.Alive})
	p.feed(link.Input{Kind: link.InMember, Alive: e.Alive})
}

func (p *peer) exec(e *link.Effect) {
	o := p.o
	switch e.Kind {
	case link.FxWrite:
		if isVirtual(e.Conn) {
			o.write(e)
		} else if !o.h.loop.Send(transport.ConnID(e.Conn), e.Bytes, true) {
			o.h.loop.Reset(transport.ConnID(e.Conn)) // the window sends it again on the next connection
		}
	case link.FxClose:
		o.n.log.Debug("link connection closed", "node", p.name, "why", e.Text)
		switch {
		case isVirtual(e.Conn):
			o.carry(o.detours.Close(e.Conn, nil))
		case e.On:
			o.h.loop.Reset(transport.ConnID(e.Conn))
		default:
			o.h.loop.Close(transport.ConnID(e.Conn), closeLinger)
		}
	case link.FxDial:
		o.dial(p)
	case link.FxDetour:
		o.carry(o.detours.Open(p.name, e.Conn, nil))
	case link.FxRelay:
		var few [2]link.Feed
		o.carry(o.detours.Item(p.name, e.Bytes, few[:0]))
	case link.FxOutlived:
		o.feedGossip(gossip.Input{Kind: gossip.InMember, Name: o.n.name, Life: gossip.Life(e.Life)})
	case link.FxNear:
		o.detours.Near(p.name, e.Bytes)
	case link.FxData:
		o.fromPeer(p, e.Bytes)
	case link.FxControl:
		o.feedGossip(gossip.Input{Kind: gossip.InControl, Name: p.name, Bytes: append([]byte(nil), e.Bytes...)})
		o.settle()
	case link.FxUp:
		p.life, p.refused = gossip.Life(e.Life), false
		p.pathUp(e.Conn)
		o.n.log.Info("link is up", "node", p.name, "by", p.kind, "resumed", e.Resumed)
		o.everywhere(router.Input{Kind: router.InNodeUp, Node: p.slot})
		if p.full != 0 { // what filled it while there was no path has still to leave
			o.everywhere(router.Input{Kind: router.InNodePaused, Node: p.slot, On: true})
		}
		o.feedGossip(gossip.Input{Kind: gossip.InLink, Name: p.name, Life: p.life, Version: e.Version, Up: true})
		o.settle()
	case link.FxDigest:
		o.feedGossip(gossip.Input{Kind: gossip.InDigest, Name: p.name, Bytes: append([]byte(nil), e.Bytes...)})
	case link.FxSuspect:
		p.suspected++
		p.refused = false
		p.pathLost()
		o.feedGossip(gossip.Input{Kind: gossip.InLinkSuspect, Name: p.name, On: true})
	case link.FxCallsFail:
		o.questionsLost(p)
		o.everywhere(router.Input{Kind: router.InNodeLost, Node: p.slot})
	case link.FxLost:
		if e.Lost > 0 {
			say := o.n.log.Warn
			if o.n.ready.Load().leaving {
				say = o.n.log.Info // whose acknowledgement has not come may be leaving as well
			}
			say("frames that the node has not taken were given up", "node", p.name, "frames", e.Lost)
			o.directory.Tell(router.TopicGap, p.name, uint64(e.Lost))
		}
		o.questionsLost(p)
		o.everywhere(router.Input{Kind: router.InNodeLost, Node: p.slot})
	case link.FxDown:
		p.kind, p.away = "none", o.h.loop.Now()
		p.pathLost()
		o.feedGossip(gossip.Input{Kind: gossip.InLink, Name: p.name, Life: p.life, Up: false})
		o.settle()
	case link.FxPaused:
		p.lanePaused(e.Lane, e.On)
	case link.FxRefused:
		o.n.refused(p.name, e.Text)
	case link.FxWakeAt:
		p.wakeAt = e.At // of all its deadlines, so it replaces what was asked for before
	}
}

// lanePaused tells the workers when the first lane of the link is full, and when none is any more: sessions are not kept apart by lane.
func (p *peer) lanePaused(lane uint8, on bool) {
	was := p.full
	if p.full &^= 1 << lane; on {
		p.full |= 1 << lane
	}
	if (was != 0) != (p.full != 0) {
		p.moved, p.movedAt = p.l.Acked(), p.o.h.loop.Now()
		p.o.everywhere(router.Input{Kind: router.InNodePaused, Node: p.slot, On: p.full != 0})
	}
}

// fullEvery is how often workers are told that a full link moves, at most: far below the time that they wait for one that does not.
const fullEvery = int64(20 * time.Millisecond)

// tellMoves gives a full link that moves, if slowly, more time: only one that is stuck is not waited for.
func (p *peer) tellMoves(now int64) {
	if n := p.l.Acked(); n != p.moved && now-p.movedAt >= fullEvery {
		p.moved, p.movedAt = n, now
		p.o.everywhere(router.Input{Kind: router.InNodePaused, Node: p.slot, On: true})
	}
}

// turn sends what gathered for the peer.
func (p *peer) turn(now int64) {
	due := p.wakeAt != 0 && now >= p.wakeAt
	if due {
		p.wakeAt = 0
	}
	clogged := p.clogged()
	if due || clogged {
		p.feed(link.Input{Kind: link.InTick})
	}
	if p.full != 0 {
		p.tellMoves(now)
	}
	p.fed = false
	if !clogged {
		p.m.flush(func(out []link.Effect) []link.Effect { return p.l.Flush(now, out) })
	}
}

// wake is when the link needs its next turn at the latest.
func (p *peer) wake(now int64) int64 {
	if p.clogged() {
		return earlier(p.wakeAt, now+blockedTick)
	}
	return p.wakeAt
}

// fromPeer hands a relay frame from another node to the workers that it is for.
func (o *home) fromPeer(p *peer, f []byte) {
	if router.IsQuestion(f) {
		o.fromHome(p, f)
		return
	}
	o.directory.Published(p.slot, f)
	if len(o.n.hubs) == 1 {
		o.h.fromLink(uint8(p.slot), f, 1)
		return
	}
	workers, err := o.n.realms.WorkersFor(f, len(o.n.hubs))
	if err != nil {
		o.n.log.Error("a relay frame cannot be read", "node", p.name, "err", err)
		return
	}
	o.h.fromLink(uint8(p.slot), f, workers)
}

func (o *home) dial(p *peer) {
	if p.linkAddr == "" && p.linkUnix == "" {
		p.feed(link.Input{Kind: link.InDown, Refused: true})
		return
	}
	o.tag++
	o.tags[o.tag] = p
	p.dialling = "tcp"
	if p.linkUnix != "" {
		p.dialling = "unix"
		o.h.loop.Dial(p.dialling, p.linkUnix, o.tag, dialTimeout)
		return
	}
	o.h.loop.Dial(p.dialling, p.linkAddr, o.tag, dialTimeout)
}

func (o *home) linkOpened(c transport.ConnID, info *transport.Info) {
	lc := &linkConn{id: c, opened: o.h.loop.Now(), remote: info.Peer, kind: "tcp"}
	if info.Peer == "unix" {
		lc.kind = "unix"
	}
	o.h.loop.SetLimit(c, helloBytesMax)
	for len(o.conns) <= int(c.Slot()) {
		o.conns = append(o.conns, nil)
	}
	o.conns[c.Slot()] = lc
	if info.Tag == 0 {
		if len(o.greeters) >= greetersMax {
			o.h.loop.Reset(o.greeters[0].id)
			o.notGreeting(o.greeters[0])
		}
		o.greeters = append(o.greeters, lc)
		return
	}
	p := o.tags[info.Tag]
	delete(o.tags, info.Tag)
	if p == nil {
		o.h.loop.Reset(c)
		return
	}
	lc.peer, lc.kind = p, p.dialling
	p.feed(link.Input{Kind: link.InUp, Conn: uint64(c), Dialed: true})
}

func (o *home) dialFailed(tag uint64, err error) {
	p := o.tags[tag]
	delete(o.tags, tag)
	if p == nil {
		return
	}
	o.n.log.Debug("link dial failed", "node", p.name, "err", err)
	refused := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist)
	if p.dialling == "unix" { // its socket may be gone, or not for us: from now on as from everywhere
		p.linkUnix = ""
		o.dial(p)
		return
	}
	if refused && p.l.State() != link.Up { // that it is relayed proves the opposite
		p.refused = true
		p.stopLingering()
	}
	p.feed(link.Input{Kind: link.InDown, Refused: refused})
}

func (o *home) linkReceived(c transport.ConnID, msg []byte) {
	lc := o.conns[c.Slot()]
	if lc.peer == nil && !o.greet(lc, msg) {
		return
	}
	lc.peer.feed(link.Input{Kind: link.InBytes, Conn: uint64(c), Bytes: msg})
}

// greet finds the peer that an accepted connection belongs to by its first frame.
func (o *home) greet(lc *linkConn, msg []byte) bool {
	name, _, ok := link.ParseHello(msg)
	if !ok {
		if now := o.h.loop.Now(); o.warnedAt == 0 || now-o.warnedAt >= warnEvery {
			o.warnedAt = now
			o.n.log.Warn("a connection to the link port is no router of this cluster", "peer", lc.remote)
		}
		o.h.loop.Reset(lc.id)
		return false
	}
	p := o.peers[name]
	if p == nil {
		// Only membership's word gives a place in the tables: a stranger could claim them all. It may be on its way.
		if lc.hello != nil {
			o.h.loop.Reset(lc.id)
			return false
		}
		lc.name, lc.hello = name, append([]byte{}, msg...)
		return false
	}
	o.notGreeting(lc)
	lc.peer, lc.hello = p, nil
	p.feed(link.Input{Kind: link.InUp, Conn: uint64(lc.id)})
	return true
}

// greetWaiting goes on with the connections of a node that membership has just told us of.
func (o *home) greetWaiting(name string) {
	for _, lc := range slices.Clone(o.greeters) {
		if lc.hello == nil || lc.name != name {
			continue
		}
		hello := lc.hello
		if o.greet(lc, hello) {
			lc.peer.feed(link.Input{Kind: link.InBytes, Conn: uint64(lc.id), Bytes: hello})
		}
	}
}

func (o *home) linkClosed(c transport.ConnID, _ error) {
	lc := o.conns[c.Slot()]
	o.conns[c.Slot()] = nil
	if lc.peer == nil {
		o.notGreeting(lc)
		return
	}
	if lc.peer.blocked == c {
		lc.peer.blocked = 0
	}
	lc.peer.feed(link.Input{Kind: link.InDown, Conn: uint64(c)})
}

func (o *home) linkPressure(c transport.ConnID, level transport.Level) {
	p := o.conns[c.Slot()].peer
	switch {
	case p == nil:
	case level != transport.Drained:
		p.blocked = c
	case p.blocked == c:
		p.blocked = 0
	}
}

// notGreeting takes a connection off the list of those of which it is not known whose they are.
func (o *home) notGreeting(lc *linkConn) {
	o.greeters = slices.DeleteFunc(o.greeters, func(x *linkConn) bool { return x == lc })
}

// expireGreeters closes accepted connections that never said which node they are, or one that is no member.
func (o *home) expireGreeters(now int64) {
	for at := o.greetBy(); at != 0 && now >= at; at = o.greetBy() {
		o.h.loop.Reset(o.greeters[0].id)
		o.notGreeting(o.greeters[0])
	}
}

// greetBy is when the oldest of them has to have said it, 0 if there is none.
func (o *home) greetBy() int64 {
	if len(o.greeters) == 0 {
		return 0
	}
	return o.greeters[0].opened + helloTimeout
}
