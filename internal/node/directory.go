package node

import (
	"slices"

	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/router"
)

// The home hub's part of the directory: what becomes of sessions and nodes is told to this node's subscribers, and calls of the node's own
// procedures are answered.

// newsPerTurn is how many meta events leave in one turn: a few hundred microseconds of encoding, and some tens of kilobytes for each
// subscriber, whose outbox is flushed before the next.
const newsPerTurn = 256

// hear takes what a worker wants of the home hub.
func (o *home) hear(l *letter) {
	switch l.kind {
	case letterPropose:
		o.propose(l.from, l.op, l.token)
	case letterSession:
		o.sessionChanged(l.op)
	case letterAsk:
		o.ask(l.from, l.ask, l.token)
	case letterDo:
		l.do()
	}
}

// sessionChanged takes a session of ours that has opened or is over, or whose subscriptions have changed.
func (o *home) sessionChanged(op router.Op) {
	if op.Kind == router.OpSubscribed || op.Kind == router.OpUnsubscribed {
		o.tfx = o.tables.Subscriber(&op, o.tfx)
	} else if op.Kind == router.OpRetain {
		o.retain(op.Realm, []byte(op.Element))
	} else {
		o.tfx = o.directory.Propose(&op, o.tfx)
	}
	o.execTables()
}

// element takes one of another node's elements that appears or disappears.
func (o *home) element(p *peer, e *gossip.Effect) {
	add := e.Kind == gossip.FxAdd
	var err error
	switch {
	case router.IsDirectory(e.Element) && add:
		err = o.directory.RemoteAdd(p.slot, e.Element)
	case router.IsDirectory(e.Element):
		o.directory.RemoteRemove(p.slot, e.Element)
	case router.IsRetained(e.Element) && add:
		err = o.retained(p, e.Element)
	case router.IsRetained(e.Element):
		o.retention.RemoteRemove(p.slot, e.Element)
	case add:
		o.dirty = true
		p.told(e.Element)
		o.tfx, err = o.tables.RemoteAdd(p.slot, p.name, e.Element, o.tfx)
	default:
		o.dirty = true
		o.tables.RemoteRemove(p.slot, p.name, e.Element)
	}
	if now := o.h.loop.Now(); err != nil && (o.unreadAt == 0 || now-o.unreadAt >= warnEvery) { // a later version may have many of them
		o.unreadAt = now
		o.n.log.Warn("entries of the tables cannot be read: of a later version?", "node", p.name)
	}
}

// shown is called when the peer is routed to again; all of its elements are about to be told.
func (p *peer) shown() {
	p.o.directory.Show(p.slot)
	p.o.retention.Away(p.slot)
	p.o.directory.Tell(router.TopicNodeUp, p.name)
	p.cutOff(false)
}

// unshown is called when it is not routed to any more. Its sessions may live on behind a cut.
func (p *peer) unshown() {
	p.o.directory.Tell(router.TopicNodeDown, p.name)
	p.cutOff(true)
}

// cutOff notes whether the peer was routed to once and now is not, though it has not said goodbye.
func (p *peer) cutOff(cut bool) {
	if p.cut != cut {
		p.cut = cut
		p.o.cutsChanged = true
	}
}

// tellCuts says at the end of a turn which nodes are cut off, if that has changed.
func (o *home) tellCuts() {
	if !o.cutsChanged {
		return
	}
	o.cutsChanged = false
	var names []string
	for _, p := range o.places() {
		if p != nil && p.cut {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	if slices.Equal(names, o.cuts) {
		return // it came back within the turn, or said goodbye
	}
	o.cuts = names
	if len(names) > 0 {
		o.directory.Tell(router.TopicPartition, names)
	} else {
		o.directory.Tell(router.TopicHeal)
	}
}

// publishNews brings meta events to the workers that have subscribers. While a worker's mailbox is full they wait.
func (o *home) publishNews() {
	o.tellCuts()
	for i := 0; i < newsPerTurn && !o.stopped; i++ {
		f, ok := o.directory.NextEvent(o.random())
		if !ok {
			return
		}
		workers, err := o.n.realms.WorkersFor(f, len(o.n.hubs))
		if err != nil {
			panic("node: a meta event cannot be read: " + err.Error())
		}
		o.h.fromLink(0, f, workers)
	}
}

// ask answers a call of one of the node's own procedures. The asking worker waits a bounded time.
func (o *home) ask(worker uint8, q *router.Ask, token uint64) {
	switch q.Kind {
	case router.AskExplain:
		o.explain(worker, q, token)
	case router.AskBarrier:
		o.barrier(q.Wait, func(acked, of int) {
			o.answer(worker, token, q.Return([]any{codec.Dict{{Key: "acked", Value: acked}, {Key: "of", Value: of}}}, nil))
		})
	default:
		o.askMeta(worker, q, token)
	}
}

func (o *home) answer(worker uint8, token uint64, a router.Answer) {
	in := router.Input{Kind: router.InAnswer, Token: token, Answer: &a}
	if worker == o.h.index {
		o.h.step(in)
	} else {
		o.n.hubs[worker].deliver(letter{kind: letterInput, input: in})
	}
}

// explain asks the workers with receivers who they are, and answers when all have told.
func (o *home) explain(worker uint8, q *router.Ask, token uint64) {
	x := o.explainer()
	ids, workers := x.Subscriptions(q)
	told := make([][]router.Holders, len(o.n.hubs))
	left := 1
	done := func() {
		if left--; left == 0 {
			o.answer(worker, token, o.explainer().Explain(q, slices.Concat(told...)))
		}
	}
	for w, h := range o.n.hubs {
		switch {
		case !workers.Has(w):
		case h == o.h:
			told[w] = h.worker.AppendHolders(nil, ids)
		default:
			left++
			h.deliver(letter{kind: letterDo, do: func() {
				holders := h.worker.AppendHolders(nil, ids)
				o.h.deliver(letter{kind: letterDo, do: func() { told[w] = holders; done() }})
			}})
		}
	}
	done()
}

func (o *home) explainer() *router.Explainer {
	x := &router.Explainer{Realms: o.n.realms, Directory: o.directory, Node: o.nodeInfo}
	for i, p := range o.places() {
		if p != nil {
			x.Nodes = append(x.Nodes, o.nodeInfo(router.NodeSlot(i)))
		}
	}
	return x
}

func (o *home) nodeInfo(slot router.NodeSlot) router.NodeInfo {
	p := o.slots[slot]
	switch {
	case slot == 0:
		return router.NodeInfo{Name: o.n.name, State: "self"}
	case p == nil:
		return router.NodeInfo{State: "unknown"}
	}
	s := p.status()
	return router.NodeInfo{Name: s.Name, State: s.State, Link: s.Link}
}
