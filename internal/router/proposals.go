package router

import (
	"slices"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// proposal is a change that the tables have not answered yet.
type proposal struct {
	token   uint64
	op      Op
	key     proposalKey // of subscriptions
	waiting []waiter    // who gets the answer; one of registrations
	history *keptHistory
}

// waiter is a request that waits for the answer. The session may be gone by then.
type waiter struct {
	slot     uint32
	session  uint64
	request  uint64
	retained bool // it wants the retained events as well
}

// proposalKey names a subscription; several requests for one share a proposal.
type proposalKey struct {
	realm int
	match wamp.Match
	uri   string
}

// proposals are all unanswered changes of a worker. Unsubscribe and unregister are not among them: nobody waits for these.
type proposals struct {
	token   uint64
	byToken map[uint64]*proposal
	byKey   map[proposalKey]*proposal
	pending map[proposalKey]int // how many there are of each subscription
}

func (p *proposals) init() {
	p.byToken = map[uint64]*proposal{}
	p.byKey = map[proposalKey]*proposal{}
	p.pending = map[proposalKey]int{}
}

// subscription is the unanswered proposal of this subscription, nil if there is none.
func (p *proposals) subscription(k proposalKey) *proposal { return p.byKey[k] }

// open makes a proposal. k counts for subscriptions.
func (p *proposals) open(k proposalKey, op Op) *proposal {
	p.token++
	x := &proposal{token: p.token, op: op, key: k}
	p.byToken[x.token] = x
	if op.Kind == OpSubscribe {
		p.pending[k]++
	}
	if op.Kind == OpSubscribe && op.Barrier == 0 {
		p.byKey[k] = x
	}
	return x
}

// take ends the proposal that the token names, nil if it is unknown.
func (p *proposals) take(token uint64) *proposal {
	x := p.byToken[token]
	if x != nil {
		delete(p.byToken, token)
		if x.op.Kind == OpSubscribe {
			if p.pending[x.key]--; p.pending[x.key] == 0 {
				delete(p.pending, x.key)
			}
		}
		if p.byKey[x.key] == x {
			delete(p.byKey, x.key)
		}
	}
	return x
}

// onApplied takes the tables' answer.
func (w *Worker) onApplied(in *Input) {
	p := w.proposals.take(in.Token)
	if p == nil {
		return
	}
	if p.op.Kind == OpSubscribe {
		w.onSubscribeApplied(p, in)
	} else {
		w.onRegisterApplied(p, in)
	}
}

// leaveAll takes back what a session that ends has not been told yet, the oldest first.
func (w *Worker) leaveAll(slot uint32) {
	s := &w.sessions[slot]
	if s.waiting == 0 {
		return
	}
	var tokens []uint64
	for token, p := range w.proposals.byToken {
		if q := &p.waiting[0]; p.op.Kind == OpRegister && q.slot == slot && q.session == s.id {
			tokens = append(tokens, token)
		}
	}
	slices.Sort(tokens)
	for _, token := range tokens {
		op := w.proposals.byToken[token].op
		op.Kind = OpLeave
		w.propose(op, 0)
	}
}

// parseBarrier reads Options.x_barrier, in milliseconds.
func parseBarrier(o *codec.Options) (uint32, bool) {
	if o.Has&codec.OptBarrier == 0 {
		return 0, true
	}
	return uint32(min(o.Barrier, barrierMax)), o.Barrier <= barrierMax
}

func (w *Worker) stillThere(q *waiter) bool {
	s := &w.sessions[q.slot]
	return s.state == stateOpen && s.id == q.session
}
