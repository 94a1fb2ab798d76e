package node

import (
	"errors"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/router"
)

// onSwim takes what membership has to say to the home hub; it runs on swim's goroutine and only enqueues.
func (n *Node) onSwim(e swim.Event) {
	n.hubs[0].deliver(letter{kind: letterDo, do: func() { n.hubs[0].home.swimEvent(e) }})
}

func (o *home) swimEvent(e swim.Event) {
	switch e.Kind {
	case swim.EvMember:
		if e.Name == o.n.name {
			return
		}
		if p := o.peer(e.Name); p != nil {
			p.member(gossip.Life(e.Life), &e)
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
		o.joined = true
		o.alone = e.Alone
		o.checkReady()
	}
	o.settle()
}

// reborn begins anew under a higher epoch: every link is shaken anew with the new life.
func (o *home) reborn(life gossip.Life) {
	o.n.count.rebirths.Add(1)
	o.n.log.Warn("another life of this node's name is known: going on under a higher epoch", "epoch", life.Epoch)
	o.n.setLife(life)
	for _, lc := range o.conns {
		if lc != nil {
			o.h.loop.Reset(lc.id)
		}
	}
	for _, p := range o.slots {
		if p == nil {
			continue
		}
		o.everywhere(router.Input{Kind: router.InNodeLost, Node: p.slot})
		p.relink()
	}
}

// checkReady opens the client ports once this node knows the tables of all members that it can see, or knows that it is alone.
func (o *home) checkReady() {
	if !o.joined || o.n.isReady() {
		return
	}
	if !o.alone {
		for _, p := range o.slots {
			if p != nil && p.alive && p.state != gossip.Reachable {
				return
			}
		}
	}
	o.n.becomeReady(o.alone)
}
