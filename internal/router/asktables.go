package router

import (
	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// What the tables answer of registrations and subscriptions (advanced/meta_api_registrations.md, meta_api_subscriptions.md). Every node
// knows all registrations with their callees, and all subscriptions; of subscribers it knows its own.

// Subscription is the subscription of that id in the realm, nil if there is none.
func (t *Tables) Subscription(realm string, id uint64) *broker.Entry {
	r, e := t.realm(realm), t.subs[id]
	if r == nil || e == nil || t.edit[r.index].Broker.Get(e.Key) != e {
		return nil
	}
	return e
}

// Registration is the registration of that id in the realm, nil if there is none.
func (t *Tables) Registration(realm string, id uint64) *dealer.Registration {
	r, x := t.realm(realm), t.regs[id]
	if r == nil || x == nil || t.edit[r.index].Dealer.Get(x.Key) != x {
		return nil
	}
	return x
}

// SubscriptionTo is the subscription that q.Match and q.URI name, nil if there is none.
func (t *Tables) SubscriptionTo(q *Ask) *broker.Entry {
	r := t.realm(q.Realm)
	if r == nil {
		return nil
	}
	return t.edit[r.index].Broker.Get(broker.Key{Match: q.Match, Topic: q.URI})
}

// HasCallee says whether q.Session of this node has registered q.URI.
func (t *Tables) HasCallee(q *Ask) bool {
	r := t.realm(q.Realm)
	return r != nil && t.edit[r.index].Dealer.Get(dealer.Key{Match: q.Match, Procedure: q.URI}).Callee(0, q.Session) != nil
}

// Answer answers what the tables alone know: all that is asked of registrations, and of subscriptions what does not ask for subscribers.
func (t *Tables) Answer(q *Ask) Answer {
	r := t.realm(q.Realm)
	if r == nil {
		return Answer{Err: wamp.ErrNoSuchRealm}
	}
	s := &t.edit[r.index]
	switch q.Kind {
	case AskRegistrations:
		var l idLists
		for x := range s.Dealer.All {
			l.add(x.Match, x.ID)
		}
		return l.answer(q, s.Dealer.Len())
	case AskRegistrationLookup:
		return q.registrationID(s.Dealer.Get(dealer.Key{Match: q.Match, Procedure: q.URI}))
	case AskRegistrationMatch:
		return q.registrationID(s.Dealer.Match(octets(q.URI)))
	case AskRegistration, AskCallees, AskCalleeCount:
		return t.answerRegistration(q)
	case AskSubscriptions:
		var l idLists
		for e := range s.Broker.All {
			l.add(e.Match, e.ID)
		}
		return l.answer(q, s.Broker.Len())
	case AskSubscriptionLookup:
		if e := s.Broker.Get(broker.Key{Match: q.Match, Topic: q.URI}); e != nil {
			return q.Return([]any{e.ID}, nil)
		}
		return q.Return([]any{nil}, nil)
	case AskSubscriptionMatch:
		var ids []uint64
		for _, e := range s.Broker.Match(octets(q.URI), nil) {
			ids = append(ids, e.ID)
		}
		if ids == nil {
			return q.Return([]any{nil}, nil)
		}
		return q.Return([]any{ids}, nil)
	}
	return Answer{Err: wamp.ErrNoSuchProcedure}
}

// registrationID answers with the id of r, null where there is none.
func (q *Ask) registrationID(r *dealer.Registration) Answer {
	if r == nil {
		return q.Return([]any{nil}, nil)
	}
	return q.Return([]any{r.ID}, nil)
}

func (t *Tables) answerRegistration(q *Ask) Answer {
	r := t.Registration(q.Realm, q.ID)
	if r == nil {
		return Answer{Err: wamp.ErrNoSuchRegistration}
	}
	switch q.Kind {
	case AskRegistration:
		return q.Return([]any{registrationDetails(r)}, nil)
	case AskCalleeCount:
		return q.Return([]any{len(r.Callees)}, nil)
	}
	if q.tooLong(len(r.Callees)) {
		return Answer{Err: wamp.ErrPayloadSizeExceeded, Text: "there are more callees than fit in a message"}
	}
	ids := make([]uint64, 0, len(r.Callees))
	for i := range r.Callees {
		ids = append(ids, r.Callees[i].Session)
	}
	return q.Return([]any{ids}, nil)
}

// ReturnSubscription is the answer to AskSubscription; created is the least of what the nodes have told.
func (t *Tables) ReturnSubscription(q *Ask, created int64) Answer {
	e := t.Subscription(q.Realm, q.ID)
	if e == nil {
		return Answer{Err: wamp.ErrNoSuchSubscription}
	}
	if created == 0 || e.Created < created {
		created = e.Created
	}
	return q.Return([]any{subscriptionDetails(e.ID, created, e.Match, e.Topic)}, nil)
}

func registrationDetails(r *dealer.Registration) codec.Dict {
	return codec.Dict{
		{Key: "id", Value: r.ID}, {Key: "created", Value: timeText(int64(r.Created >> clockBits))}, {Key: "uri", Value: r.Procedure},
		{Key: "match", Value: r.Match.String()}, {Key: "invoke", Value: r.Invoke.String()},
	}
}

func subscriptionDetails(id uint64, created int64, match wamp.Match, uri string) codec.Dict {
	return codec.Dict{
		{Key: "id", Value: id}, {Key: "created", Value: timeText(created)}, {Key: "uri", Value: uri}, {Key: "match", Value: match.String()},
	}
}

// idLists are ids by match policy; no list is null.
type idLists [wamp.Wildcard + 1][]uint64

func (l *idLists) add(m wamp.Match, id uint64) { l[m] = append(l[m], id) }

func (l *idLists) answer(q *Ask, total int) Answer {
	if q.tooLong(total) {
		return Answer{Err: wamp.ErrPayloadSizeExceeded, Text: "there are more than fit in a message"}
	}
	var d codec.Dict
	for m := range l {
		ids := l[m]
		if ids == nil {
			ids = []uint64{}
		}
		d = append(d, codec.Pair{Key: wamp.Match(m).String(), Value: ids})
	}
	return q.Return([]any{d}, nil)
}
