package router

import (
	"strings"

	"kleeblatt/broker"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// subscription is what a subscription id stands for on this worker, where at least one session holds it.
type subscription struct {
	realm *Realm
	topic string
	match wamp.Match
}

// parseMatch reads Options.match; absent means exact (A-08: an unknown one is an invalid argument).
func parseMatch(o *codec.Options) (wamp.Match, bool) {
	if o.Has&codec.OptMatch == 0 {
		return wamp.Exact, true
	}
	return wamp.ParseMatch(o.Match)
}

// onSubscribe answers at once where somebody on this worker holds the subscription, and asks the tables otherwise. Either way
// SUBSCRIBED precedes the first EVENT, since the session is a receiver only from then on (PUB-11).
func (w *Worker) onSubscribe(slot uint32, m *codec.Message) {
	s := &w.sessions[slot]
	match, ok := parseMatch(&m.Options)
	if !ok {
		w.fail(slot, wamp.Subscribe, m.Request, wamp.ErrInvalidArgument, "unknown match policy")
		return
	}
	if !validURI(m.URI, match, s.realm.StrictURI) {
		w.fail(slot, wamp.Subscribe, m.Request, wamp.ErrInvalidURI, "")
		return
	}
	if _, may := w.authorized(slot, auth.Subscribe, match, m); !may {
		return
	}
	if w.local.Held(broker.Slot(slot))+int(s.waiting) >= s.role.Subscriptions {
		w.fail(slot, wamp.Subscribe, m.Request, wamp.ErrUnavailable, "too many subscriptions in this session")
		return
	}
	barrier, ok := parseBarrier(&m.Options)
	if !ok {
		w.fail(slot, wamp.Subscribe, m.Request, wamp.ErrInvalidArgument, "x_barrier is too long")
		return
	}
	e := s.realm.Cell.Load().Broker.Get(broker.Key{Match: match, Topic: text(m.URI)})
	// Who wants retained events asks the tables all the same: behind it comes what this node has acknowledged before.
	retained := m.Options.Has&codec.OptGetRetained != 0 && m.Options.GetRetained
	if barrier == 0 && !retained && e != nil && e.Workers&w.me != 0 && w.local.Count(e.ID) > 0 {
		w.subscribed(slot, m.Request, e.ID)
		return
	}
	if int(s.waiting) >= w.limits.Waiting {
		w.fail(slot, wamp.Subscribe, m.Request, wamp.ErrUnavailable, "too many unanswered requests in this session")
		return
	}
	s.waiting++
	k := proposalKey{realm: s.realm.index, match: match, uri: text(m.URI)}
	p := w.proposals.subscription(k)
	if p == nil || barrier != 0 || retained {
		k.uri = strings.Clone(k.uri)
		p = w.proposals.open(k, Op{Kind: OpSubscribe, Realm: s.realm.Name, Match: match, URI: k.uri, Barrier: barrier})
		w.propose(p.op, p.token)
	}
	p.waiting = append(p.waiting, waiter{slot: slot, session: s.id, request: m.Request, retained: retained})
}

// subscribed makes the session a receiver and tells it. A session that subscribed before gets the same answer and stays one
// receiver (SUB-02).
func (w *Worker) subscribed(slot uint32, request, id uint64) {
	_, added := w.local.Add(id, broker.Slot(slot))
	at := len(w.arena)
	w.arena = codec.AppendSubscribed(w.arena, w.receivers[slot].serializer, request, id)
	w.send(slot, at, true)
	if added {
		w.tellSubscriber(OpSubscribed, slot, id)
	}
}

// onSubscribeApplied answers all that waited for the subscription. If none of them is left, it is withdrawn.
func (w *Worker) onSubscribeApplied(p *proposal, in *Input) {
	if in.Err == "" && w.local.Count(in.ID) == 0 {
		w.topics[in.ID] = subscription{realm: w.config.Realms.at(p.key.realm), topic: p.key.uri, match: p.key.match}
	}
	for i := range p.waiting {
		q := &p.waiting[i]
		if !w.stillThere(q) {
			continue
		}
		w.sessions[q.slot].waiting--
		if in.Err != "" {
			w.fail(q.slot, wamp.Subscribe, q.request, in.Err, "")
		} else {
			w.subscribed(q.slot, q.request, in.ID)
			if q.retained {
				w.replay(q.slot, in.ID)
			}
		}
	}
	if p.history != nil && in.Err == "" {
		w.keepingApplied(p.history, in.ID)
	}
	if in.Err == "" && w.local.Count(in.ID) == 0 {
		w.unsubscribed(in.ID)
	} else if in.Err != "" {
		w.withdraw(p.key)
	}
}

// withdraw takes back what an earlier proposal has brought about, if the one that was to use it has failed and nobody else does.
func (w *Worker) withdraw(k proposalKey) {
	realm := w.config.Realms.at(k.realm)
	e := realm.Cell.Load().Broker.Get(broker.Key{Match: k.match, Topic: k.uri})
	if e != nil && e.Workers&w.me != 0 && w.keptByID[e.ID] == nil && w.local.Count(e.ID) == 0 && w.proposals.pending[k] == 0 {
		w.propose(Op{Kind: OpUnsubscribe, Realm: realm.Name, Match: k.match, URI: k.uri}, 0)
	}
}

// onUnsubscribe takes a subscription that the session itself holds (SUB-05, P16).
func (w *Worker) onUnsubscribe(slot uint32, m *codec.Message) {
	last, removed := w.local.Remove(m.ID, broker.Slot(slot))
	if !removed {
		w.fail(slot, wamp.Unsubscribe, m.Request, wamp.ErrNoSuchSubscription, "")
		return
	}
	at := len(w.arena)
	w.arena = codec.AppendUnsubscribed(w.arena, w.receivers[slot].serializer, m.Request)
	w.send(slot, at, true)
	w.tellSubscriber(OpUnsubscribed, slot, m.ID)
	if last {
		w.unsubscribed(m.ID)
	}
}

// tellSubscriber tells the owner of the tables who has a subscription, or not any more, while somebody listens.
func (w *Worker) tellSubscriber(kind OpKind, slot uint32, id uint64) {
	s := &w.sessions[slot]
	if !s.realm.Cell.Load().Watched {
		return
	}
	if t := w.topics[id]; !wamp.Reserved(octets(t.topic)) {
		w.proposeSession(Op{Kind: kind, Realm: s.realm.Name, Match: t.match, URI: t.topic, Session: s.id})
	}
}

func (w *Worker) unsubscribedGone(id uint64, last bool) {
	w.tellSubscriber(OpUnsubscribed, w.ending, id)
	if last {
		w.unsubscribed(id)
	}
}

// unsubscribed tells the tables that nobody on this worker holds the subscription any more. While somebody waits for it the tables would take
// it from them: the answer tells whether anybody is left.
func (w *Worker) unsubscribed(id uint64) {
	if w.keptByID[id] != nil {
		return // a history is kept of it
	}
	t := w.topics[id]
	delete(w.topics, id)
	if w.proposals.pending[proposalKey{t.realm.index, t.match, t.topic}] > 0 {
		return
	}
	w.propose(Op{Kind: OpUnsubscribe, Realm: t.realm.Name, Match: t.match, URI: t.topic}, 0)
}
