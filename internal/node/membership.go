package node

import (
	"errors"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/router"
	"kleeblatt/transport/link"
)

// settleTimeout is how long a node that has joined waits for all members to be reachable before it serves clients with those that are:
// as long as it waits for its seeds.
const settleTimeout = int64(swim.AloneAfter)

// onSwim takes what membership has to say to the home hub; it runs on swim's goroutine and only enqueues.
func (n *Node) onSwim(e swim.Event) {
	n.hubs[0].deliver(letter{kind: letterDo, do: func() { n.hubs[0].home.swimEvent(e) }})
}

// membership is what the home hub tells the adapter of SWIM.
type membership interface {
	SetTags(swim.Tags)
	Announce(version uint64)
}

// meet takes membership itself, which may have had something to say already.
func (o *home) meet(s membership) {
	o.swim = s
	s.SetTags(o.n.tags())
	if o.version > 0 {
		s.Announce(o.version)
	}
}

func (o *home) swimEvent(e swim.Event) {
	switch e.Kind {
	case swim.EvMember:
		if e.Name == o.n.name {
			return
		}
		if !o.joined {
			// Until it is settled who has our name we shake hands with nobody: the others would take us for the successor of a node that lives.
			o.unmet = append(o.unmet, e)
			return
		}
		if !e.Alive && o.peers[e.Name] == nil {
			return // the death of one that was never met
		}
		if p := o.peer(e.Name); p != nil {
			p.member(gossip.Life(e.Life), &e)
			o.memberOf(&e)
			o.greetWaiting(e.Name)
		}
		o.checkReady()
	case swim.EvProbe:
		o.n.count.probes.Add(1)
		if p := o.peers[e.Name]; p != nil {
			p.rtt = e.RTT
			o.feedGossip(gossip.Input{Kind: gossip.InDigest, Name: e.Name, Bytes: e.Digest})
		}
	case swim.EvHead:
		o.feedGossip(gossip.Input{Kind: gossip.InHead, Name: e.Name, Life: gossip.Life(e.Life), Version: e.Version})
	case swim.EvGhost:
		o.feedGossip(gossip.Input{Kind: gossip.InMember, Name: o.n.name, Life: gossip.Life(e.Life)})
	case swim.EvConflict:
		o.n.count.conflicts.Add(1)
		if e.Yield {
			o.n.refused(o.n.name, e.Text)
			return
		}
		o.n.log.Warn(e.Text, "addr", e.Addr)
	case swim.EvRefused:
		o.n.log.Warn(e.Text, "addr", e.Addr)
		o.refusal = e.Text
	case swim.EvJoined:
		if e.Alone && o.refusal != "" {
			// Serving clients apart from a cluster that is there and does not want us would split it.
			o.n.fail(errors.New(o.refusal))
			return
		}
		if !o.joined {
			o.serveBy = o.h.loop.Now() + settleTimeout
		}
		o.joined = true
		o.alone = e.Alone
		for _, m := range o.unmet {
			o.swimEvent(m)
		}
		o.unmet = nil
		o.checkReady()
	}
	o.settle()
}

// stateLine says for people what has become of another node.
func stateLine(s gossip.PeerState) string {
	switch s {
	case gossip.Suspect:
		return "node is suspect: its link is silent or broken"
	case gossip.Hidden:
		return "node is hidden: nothing is routed to it"
	case gossip.Gone:
		return "node is gone: its sessions count as over"
	case gossip.Forgotten:
		return "node is forgotten: what it had in the tables is dropped"
	case gossip.Buried:
		return "node is buried: it has said goodbye"
	}
	return "node is " + s.String()
}

// reborn begins anew under a higher epoch: every link is shaken anew with the new life.
func (o *home) reborn(life gossip.Life) {
	o.n.count.rebirths.Add(1)
	o.n.log.Warn("another life of this node's name is known: going on under a higher epoch", "epoch", life.Epoch)
	o.n.setLife(life)
	if o.swim != nil {
		o.swim.SetTags(o.n.tags())
	}
	for _, lc := range o.conns {
		if lc != nil {
			o.h.loop.Reset(lc.id)
		}
	}
	o.newDetours()
	for _, p := range o.places() {
		if p == nil {
			continue
		}
		if p.l.State() != link.Idle {
			o.feedGossip(gossip.Input{Kind: gossip.InLink, Name: p.name, Life: p.life, Up: false})
		}
		o.everywhere(router.Input{Kind: router.InNodeLost, Node: p.slot})
		p.relink()
		p.feed(link.Input{Kind: link.InMember, Alive: p.alive})
	}
	// The new links know nothing of the tables: how far we know the others', which are routed by still, and what ours are now.
	for _, x := range o.g.Parts() {
		if p := o.peers[x.Owner]; p != nil && (x.State == gossip.Reachable || x.State == gossip.Suspect) {
			o.reached = append(o.reached, reachedVersion{p, x.Life, x.Version})
		}
	}
	o.tell()
}

// checkReady opens the client ports once this node knows the tables of all members that it can see, or knows that it is alone.
func (o *home) checkReady() {
	if !o.joined {
		return
	}
	reason := reasonReady
	for _, p := range o.places() {
		if p != nil && p.alive && p.state != gossip.Reachable {
			reason = reasonPartial
		}
	}
	switch {
	case o.alone:
		reason = reasonAlone
	case reason == reasonPartial && (o.serveBy == 0 || o.h.loop.Now() < o.serveBy):
		return // that a member is away later is no reservation: its state tells
	}
	if o.replicator != nil && !o.replicator.Ready() {
		return // it says so when it is
	}
	o.serveBy = 0
	o.n.becomeReady(reason)
}
