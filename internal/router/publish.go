package router

import (
	"kleeblatt/broker"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// noSlot is no session of this worker.
const noSlot = ^uint32(0)

// onPublish routes one publication: to the receivers of this worker, once to each other worker and once to each other node that has any.
// Nobody passes it on further.
func (w *Worker) onPublish(slot uint32, m *codec.Message) {
	s := &w.sessions[slot]
	o := &m.Options
	if passesThrough(o) && s.roles.PublisherFeatures&wamp.FeaturePayloadPassthru == 0 { // PVI-16, PPT-02
		w.violate(slot, notPassthru)
		return
	}
	acknowledge := o.Has&codec.OptAcknowledge != 0 && o.Acknowledge
	x := w.cache.current(s.realm)
	to := w.cache.cached(x, m.URI)
	if to == nil && (!validURI(m.URI, wamp.Exact, s.realm.StrictURI) || wamp.Reserved(m.URI)) {
		w.failPublish(slot, m, acknowledge, wamp.ErrInvalidURI, "")
		return
	}
	named, may := w.authorized(slot, auth.Publish, wamp.Exact, m)
	if !may {
		return
	}
	if to == nil {
		to = w.cache.lookup(x, m.URI)
	}
	f := &w.request
	f.kind = framePublish
	disclose, allowed := s.discloses(o)
	if !allowed {
		w.failPublish(slot, m, acknowledge, wamp.ErrDiscloseMeDisallowed, "")
		return
	}
	f.flags = publishFlags(o, disclose || named)
	f.realm, f.uri = octets(s.realm.Name), m.URI
	f.id = w.randomID()
	f.from = s.identity()
	f.serializer, f.pass, f.payload = w.receivers[slot].serializer, m.Pass, m.Payload
	f.filter.Has = 0
	if o.Has&codec.OptFilters != 0 {
		f.filter = filterOf(o)
	}
	w.stats.Published++
	if to.workers&w.me != 0 {
		if err := w.deliver(f, to, slot, 0); err != nil {
			if !acknowledge { // nobody is told
				w.stats.EventsUncarriable++
			}
			w.failPublish(slot, m, acknowledge, wamp.ErrInvalidArgument, err.Error())
			return
		}
	}
	w.handOver(f, to, slot)
	if f.flags&flagRetain != 0 {
		w.retain(f, s.realm)
	}
	if acknowledge {
		at := len(w.arena)
		w.arena = codec.AppendPublished(w.arena, w.receivers[slot].serializer, m.Request, f.id)
		w.send(slot, at, true)
	}
}

// publishFlags are the flags of a publication with these options.
func publishFlags(o *codec.Options, disclose bool) (flags uint16) {
	if o.Has&codec.OptExcludeMe == 0 || o.ExcludeMe {
		flags |= flagExcludeMe
	}
	if disclose {
		flags |= flagDisclose
	}
	if o.Has&codec.OptRetain != 0 && o.Retain {
		flags |= flagRetain
	}
	return flags
}

// handOver sends a publication of this worker to the other workers and nodes that have receivers: the same bytes to all.
func (w *Worker) handOver(f *frame, to *matches, slot uint32) {
	others := to.workers &^ w.me
	if others == 0 && to.nodes.Empty() {
		return
	}
	at := len(w.arena)
	w.arena = appendFrame(w.arena, f)
	b := w.arena[at:len(w.arena):len(w.arena)]
	for i := range others.Each {
		w.post(i, b)
	}
	for n := range to.nodes.Each {
		if slot != noSlot && w.lagging.Has(n) {
			w.pauseForNode(slot, n)
		}
		w.relay(n, f.from.session, b)
	}
}

// failPublish answers a PUBLISH that wants an answer; others fail in silence (PUB-04).
func (w *Worker) failPublish(slot uint32, m *codec.Message, acknowledge bool, uri, text string) {
	if acknowledge {
		w.fail(slot, wamp.Publish, m.Request, uri, text)
	}
}

// onPublishFrame delivers to this worker's receivers what a session of another worker published.
func (w *Worker) onPublishFrame(node NodeSlot, f *frame) {
	realm := w.config.Realms.get(f.realm)
	if realm == nil {
		return
	}
	x := w.cache.current(realm)
	to := w.cache.cached(x, f.uri)
	if to == nil {
		if !validURI(f.uri, wamp.Exact, realm.StrictURI) {
			w.stats.BadFrames++
			return
		}
		to = w.cache.lookup(x, f.uri)
	}
	if to.workers&w.me != 0 {
		w.deliver(f, to, noSlot, node)
	}
}

// discloses says whether the session is to be named to others, and whether it may ask for it.
func (s *session) discloses(o *codec.Options) (disclose, allowed bool) {
	asks := o.Has&codec.OptDiscloseMe != 0 && o.DiscloseMe
	switch s.realm.Disclosure {
	case DiscloseAlways:
		return true, true
	case DiscloseNever:
		return false, !asks
	}
	return asks, true
}

func (s *session) identity() identity {
	return identity{session: s.id, authID: octets(s.authID), authRole: octets(s.authRole), trust: s.role.trust}
}

// filterOf is the PUBLISH options' six lists.
func filterOf(o *codec.Options) broker.Filter {
	f := broker.Filter{
		Exclude: o.Exclude, Eligible: o.Eligible,
		ExcludeAuthID: o.ExcludeAuthID, ExcludeAuthRole: o.ExcludeAuthRole,
		EligibleAuthID: o.EligibleAuthID, EligibleAuthRole: o.EligibleAuthRole,
	}
	for _, b := range [...]struct {
		opt  codec.Opt
		list broker.Lists
	}{
		{codec.OptExclude, broker.HasExclude},
		{codec.OptEligible, broker.HasEligible},
		{codec.OptExcludeAuthID, broker.HasExcludeAuthID},
		{codec.OptExcludeAuthRole, broker.HasExcludeAuthRole},
		{codec.OptEligibleAuthID, broker.HasEligibleAuthID},
		{codec.OptEligibleAuthRole, broker.HasEligibleAuthRole},
	} {
		if o.Has&b.opt != 0 {
			f.Has |= b.list
		}
	}
	f.Sort()
	return f
}
