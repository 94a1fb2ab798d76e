package router

import (
	"strings"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// registration is one that a session of this worker holds.
type registration struct {
	id             uint64
	uri            string
	slot           uint32
	prev, next     uint32 // in the session's list; 0: none
	concurrency    uint32 // 0: unlimited
	match          wamp.Match
	discloseCaller bool
	forwardTimeout bool // the callee is given the callers' timeouts
}

type registrationKey struct {
	id   uint64
	slot uint32
}

// registrations are those of all sessions of a worker, in one dense table; a session's are a list through it.
type registrations struct {
	all  []registration // place 0 is unused
	free []uint32
	byID map[registrationKey]uint32
	last [lastFound]uint32 // by slot: what was found last
}

// lastFound is for how many sessions a worker remembers the registration that was called last.
const lastFound = 16

// get finds what the session in that slot holds under the id.
func (r *registrations) get(slot uint32, id uint64) *registration {
	last := &r.last[slot%lastFound]
	if *last != 0 {
		if x := &r.all[*last]; x.id == id && x.slot == slot {
			return x
		}
	}
	if at := r.byID[registrationKey{id, slot}]; at != 0 {
		*last = at
		return &r.all[at]
	}
	return nil
}

// add puts x into its session's list.
func (r *registrations) add(s *session, x registration) {
	var at uint32
	if n := len(r.free); n > 0 {
		at, r.free = r.free[n-1], r.free[:n-1]
	} else {
		if r.all == nil {
			r.all = make([]registration, 1)
			r.byID = map[registrationKey]uint32{}
		}
		at = uint32(len(r.all))
		r.all = append(r.all, registration{})
	}
	x.next = s.registrations
	if x.next != 0 {
		r.all[x.next].prev = at
	}
	r.all[at] = x
	s.registrations = at
	s.registered++
	r.byID[registrationKey{x.id, x.slot}] = at
}

// remove takes x out and returns a copy.
func (r *registrations) remove(s *session, x *registration) registration {
	gone := *x
	k := registrationKey{gone.id, gone.slot}
	at := r.byID[k]
	delete(r.byID, k)
	if last := &r.last[gone.slot%lastFound]; *last == at {
		*last = 0
	}
	if gone.prev != 0 {
		r.all[gone.prev].next = gone.next
	} else {
		s.registrations = gone.next
	}
	if gone.next != 0 {
		r.all[gone.next].prev = gone.prev
	}
	s.registered--
	r.all[at] = registration{}
	r.free = append(r.free, at)
	return gone
}

// parseInvoke reads Options.invoke; absent means single.
func parseInvoke(o *codec.Options) (wamp.Invoke, bool) {
	if o.Has&codec.OptInvoke == 0 {
		return wamp.Single, true
	}
	return wamp.ParseInvoke(o.Invoke)
}

// onRegister asks the tables. REGISTERED precedes the first INVOCATION, since the session can be called only from then on (CAL-07).
func (w *Worker) onRegister(slot uint32, m *codec.Message) {
	s := &w.sessions[slot]
	refuse := func(uri, text string) { w.fail(slot, wamp.Register, m.Request, uri, text) }
	o := &m.Options
	match, ok := parseMatch(o)
	if !ok {
		refuse(wamp.ErrInvalidArgument, "unknown match policy")
		return
	}
	invoke, ok := parseInvoke(o)
	if !ok {
		refuse(wamp.ErrInvalidArgument, "unknown invocation policy")
		return
	}
	if !validURI(m.URI, match, s.realm.StrictURI) || wamp.Reserved(m.URI) {
		refuse(wamp.ErrInvalidURI, "")
		return
	}
	if _, may := w.authorized(slot, auth.Register, match, m); !may {
		return
	}
	if !s.known && !s.role.ruled() && w.config.Realms.guards(s.realm.Name, match, m.URI) {
		w.stats.NotAuthorized[auth.Register]++
		refuse(wamp.ErrNotAuthorized, "this procedure decides about others")
		return
	}
	disclose := o.Has&codec.OptDiscloseCaller != 0 && o.DiscloseCaller
	if disclose && s.realm.Disclosure == DiscloseNever {
		refuse(wamp.ErrDiscloseMeDisallowed, "")
		return
	}
	barrier, ok := parseBarrier(o)
	if !ok {
		refuse(wamp.ErrInvalidArgument, "x_barrier is too long")
		return
	}
	if int(s.registered)+int(s.waiting) >= s.role.Registrations || int(s.waiting) >= w.limits.Waiting {
		refuse(wamp.ErrUnavailable, "too many registrations in this session")
		return
	}
	op := Op{
		Kind: OpRegister, Realm: s.realm.Name, Match: match, URI: strings.Clone(text(m.URI)),
		Session: s.id, Invoke: invoke, DiscloseCaller: disclose, Barrier: barrier,
		// TMO-05: who does not say that it knows what to do with it is timed by the dealer.
		ForwardTimeout: o.Has&codec.OptForwardTimeout != 0 && o.ForwardTimeout && s.roles.CalleeFeatures&wamp.FeatureCallTimeout != 0,
	}
	if o.Has&codec.OptConcurrency != 0 {
		op.Concurrency = uint32(min(o.Concurrency, 1<<32-1))
	}
	s.waiting++
	p := w.proposals.open(proposalKey{}, op)
	p.waiting = append(p.waiting, waiter{slot: slot, session: s.id, request: m.Request})
	w.propose(op, p.token)
}

func (w *Worker) onRegisterApplied(p *proposal, in *Input) {
	q := &p.waiting[0]
	if !w.stillThere(q) {
		if in.Err == "" {
			p.op.Kind = OpUnregister
			w.propose(p.op, 0)
		}
		return
	}
	s := &w.sessions[q.slot]
	s.waiting--
	if in.Err != "" {
		w.fail(q.slot, wamp.Register, q.request, in.Err, "")
		return
	}
	if w.registrations.get(q.slot, in.ID) == nil { // else it registered twice in a shared registration: one entry
		w.registrations.add(s, registration{
			id: in.ID, uri: p.op.URI, slot: q.slot, match: p.op.Match,
			concurrency: p.op.Concurrency, discloseCaller: p.op.DiscloseCaller, forwardTimeout: p.op.ForwardTimeout,
		})
	}
	at := len(w.arena)
	w.arena = codec.AppendRegistered(w.arena, w.receivers[q.slot].serializer, q.request, in.ID)
	w.send(q.slot, at, true)
}

// onUnregister takes a registration that the session itself holds (REG-04, P16, P19). What runs may finish.
func (w *Worker) onUnregister(slot uint32, m *codec.Message) {
	x := w.registrations.get(slot, m.ID)
	if x == nil {
		w.fail(slot, wamp.Unregister, m.Request, wamp.ErrNoSuchRegistration, "")
		return
	}
	at := len(w.arena)
	w.arena = codec.AppendUnregistered(w.arena, w.receivers[slot].serializer, m.Request)
	w.send(slot, at, true)
	w.unregister(slot, x)
}

// onRevoked ends a registration that the tables have ended. The callee is told where it announced that it understands (RRV-01, RRV-02).
// What runs may finish.
func (w *Worker) onRevoked(in *Input) {
	slot, ok := w.sessionByID(in.Session)
	if !ok {
		return
	}
	x := w.registrations.get(slot, in.ID)
	if x == nil {
		return // the session has given it back itself
	}
	s := &w.sessions[slot]
	w.registrations.remove(s, x)
	if s.roles.CalleeFeatures&wamp.FeatureRegistrationRevocation == 0 {
		return
	}
	at := len(w.arena)
	w.arena = codec.AppendUnregisteredRevoked(w.arena, w.receivers[slot].serializer, in.ID, in.Err)
	w.send(slot, at, true)
}

func (w *Worker) unregister(slot uint32, x *registration) {
	s := &w.sessions[slot]
	gone := w.registrations.remove(s, x)
	w.propose(Op{Kind: OpUnregister, Realm: s.realm.Name, Match: gone.match, URI: gone.uri, Session: s.id}, 0)
}

// unregisterAll takes everything that the session registered, the newest first.
func (w *Worker) unregisterAll(slot uint32) {
	for w.sessions[slot].registrations != 0 {
		w.unregister(slot, &w.registrations.all[w.sessions[slot].registrations])
	}
}
