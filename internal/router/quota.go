package router

import (
	"sync/atomic"
	"time"

	"kleeblatt/internal/wamp"
)

// SessionLimits bounds what the sessions of a role, or of a realm, may use. A zero field says nothing: that of the realm counts then, and then
// that of the node.
type SessionLimits struct {
	Sessions      int // open on this node at a time: of the realm, or of the role in a realm
	Subscriptions int // per session, like all that follow
	Registrations int
	Calls         int // pending
	Invocations   int // pending
	MessageBytes  int
	Rate          int // messages per second that a session may send in the long run; one that changes the tables counts for tableWeight
	Burst         int // that it may be ahead of its rate; zero: one second's
}

const (
	// tableWeight is what a message counts for that changes the tables: every node hears of it.
	tableWeight = 20
	// rateSlice is how much of its rate a session gets at a time that is held up for it: less would wake the loop for every message.
	rateSlice = int64(100 * time.Millisecond)
)

// quota is a role, and what each of its sessions may use on this worker: all zero fields are filled in.
type quota struct {
	*role
	SessionLimits
	trust       uint32 // see identity
	cost, ahead int64  // of a message, and what a session may be ahead; ns, 0: there is no rate
}

// or fills the zero fields in.
func (l SessionLimits) or(d SessionLimits) SessionLimits {
	for _, f := range [...]struct {
		v *int
		d int
	}{
		{&l.Subscriptions, d.Subscriptions}, {&l.Registrations, d.Registrations}, {&l.Calls, d.Calls}, {&l.Invocations, d.Invocations},
		{&l.MessageBytes, d.MessageBytes},
	} {
		if *f.v == 0 {
			*f.v = f.d
		}
	}
	if l.Rate == 0 { // a burst goes with its rate
		l.Rate, l.Burst = d.Rate, d.Burst
	}
	return l
}

// quotaOf is the quota of a role, made when its first session comes.
func (w *Worker) quotaOf(realm *Realm, r *role) *quota {
	q := w.quotas[r]
	if q == nil {
		node := SessionLimits{
			Subscriptions: w.limits.Subscriptions, Registrations: w.limits.Registrations, Calls: w.limits.Calls,
			Invocations: w.limits.Invocations, MessageBytes: w.limits.MessageBytes, Rate: w.limits.Rate, Burst: w.limits.Burst,
		}
		q = &quota{role: r, SessionLimits: r.Limits.or(realm.Limits).or(node)}
		if r.Trust != nil {
			q.trust = min(*r.Trust, trustMax) + 1
		}
		q.MessageBytes = min(q.MessageBytes, w.limits.MessageBytes) // what the transport takes
		if q.Rate > 0 {
			if q.Burst == 0 {
				q.Burst = q.Rate
			}
			q.cost = max(1, int64(time.Second)/int64(q.Rate))
			q.ahead = q.cost * int64(max(q.Burst, 2*tableWeight))
		}
		w.quotas[r] = q
	}
	return q
}

// enter counts a session in, if its realm and its role have room for it.
func (r *role) enter(realm *Realm) bool {
	if !countIn(&realm.sessions, realm.Limits.Sessions) {
		return false
	}
	if !countIn(&r.sessions, r.Limits.Sessions) {
		realm.sessions.Add(-1)
		return false
	}
	return true
}

func (r *role) leave(realm *Realm) {
	realm.sessions.Add(-1)
	r.sessions.Add(-1)
}

func countIn(n *atomic.Int64, most int) bool {
	if n.Add(1) > int64(most) && most > 0 {
		n.Add(-1)
		return false
	}
	return true
}

// charge counts a message against its session's rate: a token bucket, kept as the time at which it will be full again. Who is too far ahead is
// not read until it is less so: it loses nothing by it, and its peer's own buffers tell it to be slower. Where there is a grace, who is held up
// for all of it, and has not once caught up, is closed; it is false then.
func (w *Worker) charge(slot uint32, t wamp.MessageType) bool {
	s := &w.sessions[slot]
	q := s.role
	if q.cost == 0 {
		return true
	}
	if s.due <= w.now {
		s.due = w.now
		if s.behind {
			s.behind = false
			delete(w.heldSince, slot)
		}
	}
	switch t {
	case wamp.Subscribe, wamp.Unsubscribe, wamp.Register, wamp.Unregister:
		s.due += tableWeight * q.cost
	default:
		s.due += q.cost
	}
	if s.due-w.now <= q.ahead || s.throttled {
		return true
	}
	if w.outlasts(slot) {
		w.stats.RateClosed++
		w.abort(slot, wamp.ErrUnavailable, "this session sends more messages than it may")
		return false
	}
	s.throttled = true
	w.stats.Throttled++
	w.pause(slot)
	w.timers.add(timer{at: s.due - q.ahead + min(rateSlice, q.ahead/2), kind: rateTimer, slot: slot, key: uint64(w.receivers[slot].conn)})
	return true
}

// outlasts says whether a session that is to be held up has been so for the whole grace.
func (w *Worker) outlasts(slot uint32) bool {
	grace := int64(w.limits.RateGrace)
	if grace <= 0 {
		return false
	}
	s := &w.sessions[slot]
	if !s.behind {
		s.behind = true
		w.heldSince[slot] = w.now
	}
	return w.now-w.heldSince[slot] >= grace
}

// caughtUp reads a session again that was held up for its rate.
func (w *Worker) caughtUp(slot uint32) {
	s := &w.sessions[slot]
	if s.state != stateOpen || !s.throttled {
		return
	}
	s.throttled = false
	w.unpause(slot, 1)
}
