package router

import (
	"slices"

	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Sessions, registrations and subscriptions that somebody else ends, by the meta API.

// onKill says goodbye to a session and waits a bounded time for its answer (SMA-08, SMA-14). It is over before that: what it held is gone,
// and nothing that it says but GOODBYE is looked at (CLS-04).
func (w *Worker) onKill(in *Input) {
	slot, ok := w.sessionByID(in.Session)
	if !ok {
		return
	}
	if in.On { // TST-08
		w.dropWill(slot)
	}
	w.goodbyeText(slot, in.Err, in.Text, stateGoodbye)
	w.awaitGoodbye(slot)
}

// awaitGoodbye closes the connection if the client does not answer GOODBYE in time.
func (w *Worker) awaitGoodbye(slot uint32) {
	w.timers.add(timer{at: w.now + int64(w.limits.GoodbyeTimeout), kind: goodbyeTimer, slot: slot, key: uint64(w.receivers[slot].conn)})
}

// onUnsubscribed takes a subscription from a session, which is told where it announced that it understands (SRV-01, SRV-02).
func (w *Worker) onUnsubscribed(in *Input) {
	slot, ok := w.sessionByID(in.Session)
	if !ok {
		return
	}
	last, removed := w.local.Remove(in.ID, broker.Slot(slot))
	if !removed {
		return
	}
	if w.sessions[slot].roles.SubscriberFeatures&wamp.FeatureSubscriptionRevocation != 0 {
		at := len(w.arena)
		w.arena = codec.AppendUnsubscribedRevoked(w.arena, w.receivers[slot].serializer, in.ID, in.Err)
		w.send(slot, at, true)
	}
	w.tellSubscriber(OpUnsubscribed, slot, in.ID)
	if last {
		w.unsubscribed(in.ID)
	}
}

// Holds says whether a session of this worker holds the subscription.
func (w *Worker) Holds(session, subscription uint64) bool {
	slot, ok := w.sessionByID(session)
	return ok && w.local.Has(subscription, broker.Slot(slot))
}

// CountSubscribers is how many sessions of this worker hold the subscription.
func (w *Worker) CountSubscribers(subscription uint64) int { return w.local.Count(subscription) }

// AppendSubscribers appends the sessions of this worker that hold the subscription.
func (w *Worker) AppendSubscribers(dst []uint64, subscription uint64) []uint64 {
	for _, slot := range w.local.Subscribers(subscription) {
		if slot != broker.NoSlot {
			dst = append(dst, w.sessions[slot].id)
		}
	}
	return dst
}

// Doomed are the sessions of this node that the question asks to end, without the one that asks.
func (d *Directory) Doomed(q *Ask) (ids []uint64) {
	r := d.realm(q.Realm)
	if r == nil {
		return nil
	}
	l := &d.list[r.index]
	if q.Kind == AskKill {
		if x, known := l.byID[q.Session]; known && x.node == 0 && x.counts() {
			ids = append(ids, q.Session)
		}
		return ids
	}
	for id, x := range l.byID {
		if x.node != 0 || !x.counts() || id == q.Caller {
			continue
		}
		e, _ := ParseElement(x.element)
		if q.Kind == AskKillAll || q.Kind == AskKillAuthID && e.AuthID == q.Who || q.Kind == AskKillAuthRole && e.AuthRole == q.Who {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Silence lets the sessions of the realm leave without a word, but for the one that asks: all of a realm is ended, and nobody is left to be
// told (SMA-13).
func (d *Directory) Silence(q *Ask) {
	r := d.realm(q.Realm)
	if r == nil {
		return
	}
	l := &d.list[r.index]
	for id, x := range l.byID {
		if id != q.Caller && x.counts() {
			x.silent = true
			l.byID[id] = x
		}
	}
}

// Unsilence takes that back for the sessions that are still there.
func (d *Directory) Unsilence(q *Ask) {
	r := d.realm(q.Realm)
	if r == nil {
		return
	}
	l := &d.list[r.index]
	for id, x := range l.byID {
		if x.silent {
			x.silent = false
			l.byID[id] = x
		}
	}
}
