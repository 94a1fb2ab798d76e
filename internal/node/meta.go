package node

import (
	"kleeblatt/broker"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

// The meta API over the whole cluster. What every node knows is answered here; what a node alone knows of its own sessions, it is asked
// for: its part of the answer. Where a node that may have sessions is away or does not answer in time, the answer says that it is not complete.

// killsPerTurn is how many sessions of a worker end in one turn: some ten microseconds each.
const killsPerTurn = 256

// askMeta answers a call of a procedure of the meta API.
func (o *home) askMeta(worker uint8, q *router.Ask, token uint64) {
	answer := func(a router.Answer) { o.answer(worker, token, a) }
	switch q.Kind {
	case router.AskSessionCount, router.AskSessionList, router.AskSession:
		if !o.local {
			o.answerSelf(o.directory.Part(q), q, answer)
			return
		}
		o.gather(q, func(*peer) bool { return true }, answer)
	case router.AskKill, router.AskKillAuthID, router.AskKillAuthRole, router.AskKillAll:
		o.kill(q, answer)
	case router.AskSubscription, router.AskSubscribers, router.AskSubscriberCount, router.AskRemoveSubscriber:
		o.askSubscribers(q, answer)
	case router.AskEvents:
		o.events(q, answer)
	case router.AskRemoveCallee:
		o.removeCallee(q, answer)
	default:
		a := o.tables.Answer(q)
		a.Incomplete = o.anyMissing()
		answer(a)
	}
}

// answerSelf answers with what this node knows alone.
func (o *home) answerSelf(p router.Part, q *router.Ask, answer func(router.Answer)) {
	a := p.Return(q)
	a.Incomplete = o.anyMissing()
	answer(a)
}

// anyMissing says that a node is away that may have sessions.
func (o *home) anyMissing() bool {
	for _, p := range o.places() {
		if p != nil && p.missing() {
			return true
		}
	}
	return false
}

// gather makes an answer of this node's part and those of the nodes that wanted says.
func (o *home) gather(q *router.Ask, wanted func(*peer) bool, answer func(router.Answer)) {
	o.gatherParts(q, wanted, func(p *router.Part, complete bool) {
		a := p.Return(q)
		a.Incomplete = !complete
		answer(a)
	})
}

func (o *home) gatherParts(q *router.Ask, wanted func(*peer) bool, done func(p *router.Part, complete bool)) {
	var sum router.Part
	all, left := true, 2
	over := func() {
		if left--; left == 0 {
			done(&sum, all)
		}
	}
	o.part(q, func(p router.Part) { sum.Add(&p); over() })
	o.askThose(router.QuestionPart, router.AppendAsk(nil, q), questionWait, wanted, func(answer []byte) {
		p, err := router.ParsePart(answer)
		if err != nil {
			all = false
			return
		}
		sum.Add(&p)
	}, func(complete bool) { all = all && complete; over() })
}

// questionPart answers another node's question for our part.
func (o *home) questionPart(_ *peer, body []byte, reply func([]byte, bool)) {
	q, err := router.ParseAsk(body)
	if err != nil {
		reply(nil, false)
		return
	}
	o.part(q, func(p router.Part) { reply(router.AppendPart(nil, &p), true) })
}

// part is what this node alone knows, or does to its own sessions.
func (o *home) part(q *router.Ask, done func(router.Part)) {
	switch q.Kind {
	case router.AskSessionCount, router.AskSessionList, router.AskSession:
		done(o.directory.Part(q))
	case router.AskKill, router.AskKillAuthID, router.AskKillAuthRole, router.AskKillAll:
		o.killOwn(q, done)
	case router.AskSilence:
		o.directory.Silence(q)
		done(router.Part{})
	case router.AskUnsilence:
		o.directory.Unsilence(q)
		done(router.Part{})
	case router.AskSubscription, router.AskSubscribers, router.AskSubscriberCount:
		o.ownSubscribers(q, done)
	case router.AskRemoveSubscriber:
		o.removeOwnSubscriber(q, done)
	case router.AskRemoveCallee:
		o.removeOwnCallee(q, done)
	default:
		done(router.Part{})
	}
}

// kill ends sessions, on whatever nodes they are, and answers when they have left.
func (o *home) kill(q *router.Ask, answer func(router.Answer)) {
	wanted := func(*peer) bool { return true }
	switch q.Kind {
	case router.AskKill:
		_, node, known := o.directory.Who(q.Realm, q.Session)
		if !known && !o.local {
			answer(router.Answer{Err: wamp.ErrNoSuchSession})
			return
		}
		if known {
			wanted = func(p *peer) bool { return p.slot == node }
		}
	case router.AskKillAll: // all nodes are silent before the first session ends: it may leave a node before another one is asked to kill
		o.tellAll(q, router.AskSilence, func() { o.killThose(q, wanted, answer) })
		return
	}
	o.killThose(q, wanted, answer)
}

// tellAll has this node and all others do something, and calls done when they have.
func (o *home) tellAll(q *router.Ask, what router.AskKind, done func()) {
	tell := *q
	tell.Kind = what
	o.gatherParts(&tell, func(*peer) bool { return true }, func(*router.Part, bool) { done() })
}

func (o *home) killThose(q *router.Ask, wanted func(*peer) bool, answer func(router.Answer)) {
	o.gatherParts(q, wanted, func(p *router.Part, complete bool) {
		if q.Kind == router.AskKillAll {
			o.tellAll(q, router.AskUnsilence, func() {})
		}
		a := p.Return(q)
		if q.Kind == router.AskKill && !p.Found && !complete {
			a = router.Answer{Err: wamp.ErrUnavailable, Text: "the session's node does not answer"}
		}
		a.Incomplete = !complete || q.Kind != router.AskKill && o.anyMissing()
		answer(a)
	})
}

// killOwn ends the sessions of this node that the question means.
func (o *home) killOwn(q *router.Ask, done func(router.Part)) {
	p := router.Part{IDs: o.directory.Doomed(q)}
	p.Found = len(p.IDs) > 0
	in := router.Input{Kind: router.InKill, Err: q.Reason, Text: q.Message, On: q.Kind == router.AskKillAll}
	byHub := make([][]uint64, len(o.n.hubs))
	for _, id := range p.IDs {
		w := id % uint64(len(byHub))
		byHub[w] = append(byHub[w], id)
	}
	left := 1
	over := func() {
		if left--; left == 0 {
			done(p)
		}
	}
	for w, ids := range byHub {
		if len(ids) > 0 {
			left++
			o.n.hubs[w].later(func(h *hub) { h.kill(ids, in, over) })
		}
	}
	over()
}

// kill ends sessions of the worker, some in each turn, and calls over on the home hub when they have left the directory.
func (h *hub) kill(ids []uint64, in router.Input, over func()) {
	n := min(len(ids), killsPerTurn)
	for _, id := range ids[:n] {
		in.Session = id
		h.step(in)
	}
	if n < len(ids) {
		h.later(func(h *hub) { h.kill(ids[n:], in, over) })
		return
	}
	h.tellHome(letter{kind: letterDo, do: over})
}

// later has the hub do something when it next reads its mailbox, in a turn of its own.
func (h *hub) later(do func(h *hub)) { h.deliver(letter{kind: letterDo, do: func() { do(h) }}) }

// askSubscribers answers what asks for the sessions that hold a subscription, of the nodes that have any.
func (o *home) askSubscribers(q *router.Ask, answer func(router.Answer)) {
	e := o.tables.Subscription(q.Realm, q.ID)
	if e == nil {
		answer(router.Answer{Err: wamp.ErrNoSuchSubscription})
		return
	}
	q.URI, q.Match = e.Topic, e.Match // ids may differ from node to node where they collide
	nodes := e.Nodes
	if q.Kind == router.AskRemoveSubscriber {
		if _, node, known := o.directory.Who(q.Realm, q.Session); known {
			nodes = broker.NodeSet{}
			if node != 0 {
				nodes.Add(uint8(node))
			}
		}
	}
	o.gatherParts(q, func(p *peer) bool { return nodes.Has(uint8(p.slot)) }, func(p *router.Part, complete bool) {
		var a router.Answer
		if q.Kind == router.AskSubscription {
			a = o.tables.ReturnSubscription(q, p.Created)
		} else {
			a = p.Return(q)
		}
		a.Incomplete = !complete || o.anyMissing()
		answer(a)
	})
}

// ownSubscribers asks the workers with subscribers.
func (o *home) ownSubscribers(q *router.Ask, done func(router.Part)) {
	var p router.Part
	e := o.tables.SubscriptionTo(q)
	if e == nil {
		done(p)
		return
	}
	id := e.ID
	p.Found, p.Created = e.Workers != 0, e.Created
	left := 1
	over := func() {
		if left--; left == 0 {
			done(p)
		}
	}
	for w, h := range o.n.hubs {
		if q.Kind == router.AskSubscription || !e.Workers.Has(w) {
			continue
		}
		left++
		h.later(func(h *hub) {
			n, ids := uint64(h.worker.CountSubscribers(id)), []uint64(nil)
			if q.Kind == router.AskSubscribers {
				ids = h.worker.AppendSubscribers(nil, id)
			}
			h.tellHome(letter{kind: letterDo, do: func() {
				p.Count += n
				p.IDs = append(p.IDs, ids...)
				over()
			}})
		})
	}
	over()
}

// removeOwnSubscriber takes a subscription from a session of this node.
func (o *home) removeOwnSubscriber(q *router.Ask, done func(router.Part)) {
	e := o.tables.SubscriptionTo(q)
	if e == nil {
		done(router.Part{})
		return
	}
	id := e.ID
	o.n.hubs[q.Session%uint64(len(o.n.hubs))].later(func(h *hub) {
		found := h.worker.Holds(q.Session, id)
		if found {
			h.step(router.Input{Kind: router.InUnsubscribe, Session: q.Session, ID: id, Err: q.Reason})
		}
		h.tellHome(letter{kind: letterDo, do: func() { done(router.Part{Found: found}) }})
	})
}

// removeCallee takes a registration from a session, on whatever node it is.
func (o *home) removeCallee(q *router.Ask, answer func(router.Answer)) {
	r := o.tables.Registration(q.Realm, q.ID)
	if r == nil {
		answer(router.Answer{Err: wamp.ErrNoSuchRegistration})
		return
	}
	var nodes broker.NodeSet
	own := false
	for i := range r.Callees {
		c := &r.Callees[i]
		switch {
		case c.Session != q.Session:
		case c.Node == 0:
			own = true
		default:
			nodes.Add(c.Node)
		}
	}
	if !own && nodes.Empty() {
		answer(router.Answer{Err: wamp.ErrNoSuchSession, Text: "the session has not registered it"})
		return
	}
	q.URI, q.Match = r.Procedure, r.Match
	o.gatherParts(q, func(p *peer) bool { return nodes.Has(uint8(p.slot)) }, func(p *router.Part, complete bool) {
		a := p.Return(q)
		if !p.Found && !complete {
			a = router.Answer{Err: wamp.ErrUnavailable, Text: "the session's node does not answer"}
		}
		answer(a)
	})
}

// removeOwnCallee takes a registration from a session of this node, behind the changes of it that are under way.
func (o *home) removeOwnCallee(q *router.Ask, done func(router.Part)) {
	found := o.tables.HasCallee(q)
	if found {
		o.propose(uint8(q.Session%uint64(len(o.n.hubs))), router.Op{
			Kind: router.OpRevoke, Realm: q.Realm, Match: q.Match, URI: q.URI, Session: q.Session, Reason: q.Reason,
		}, 0)
	}
	done(router.Part{Found: found})
}
