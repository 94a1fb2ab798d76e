package router

import (
	"kleeblatt/dealer"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Testaments (advanced/pubsub_testament.md): what a session has published when it is over, however it ends. A testament is checked and given
// its publication id when it is added. Its worker keeps it and has it in the directory; the session's end publishes it in the session's own
// lane, behind all that the session has published before, and takes it out of the directory. Where a node is gone, each of the others
// publishes what the directory still has of its sessions to its own subscribers (directory.go). Should one have got both, the
// publication id is the same.

// Scope says when a testament is due. There is no resumption, so both are due at the same time.
type Scope uint8

const (
	Detached  Scope = iota // when the session loses its connection; ahead of
	Destroyed              // when it is over
	scopes
)

// testamentBytesMax bounds one testament, encoded: it is an element of the tables, which take 32 KiB.
const testamentBytesMax = 24 << 10

// will is what one session leaves behind.
type will struct {
	scopes [scopes][]string // elements of the directory, in the order in which they were added
	places uint64           // how many there have been
	bytes  int
}

func (l *will) count() int { return len(l.scopes[Detached]) + len(l.scopes[Destroyed]) }

// readScope reads the keyword scope, destroyed where it is not given (TST-02).
func readScope(s wamp.Serializer, p codec.Payload) (Scope, bool) {
	b := codec.Keyword(s, p, "scope")
	if b == nil {
		return Destroyed, true
	}
	switch name, _ := codec.Text(s, b); name {
	case "detached":
		return Detached, true
	case "destroyed":
		return Destroyed, true
	}
	return 0, false
}

// addTestament answers wamp.session.add_testament(topic, args, kwargs; publish_options, scope).
func (w *Worker) addTestament(c *dealer.Call, m *codec.Message) {
	slot := uint32(c.Caller)
	s := &w.sessions[slot]
	f := &w.last
	scope, err, text := w.readTestament(f, slot, m)
	if err != "" {
		w.endCall(c, err, text)
		return
	}
	l := w.wills[slot]
	if l == nil {
		l = &will{}
	}
	if l.count() >= w.limits.Testaments {
		w.endCall(c, wamp.ErrUnavailable, "too many testaments in this session")
		return
	}
	b := appendFrame(nil, f)
	if len(b) > testamentBytesMax {
		w.endCall(c, wamp.ErrPayloadSizeExceeded, "a testament is kept by every node: it has to be small")
		return
	}
	e := string(AppendTestament(nil, &Element{Realm: s.realm.Name, Session: s.id, Scope: scope, Place: l.places, Frame: string(b)}))
	if l.bytes+len(e) > w.limits.TestamentBytes {
		w.endCall(c, wamp.ErrUnavailable, "the testaments of this session are too large")
		return
	}
	l.places++
	l.bytes += len(e)
	l.scopes[scope] = append(l.scopes[scope], e)
	w.wills[slot] = l
	w.proposeSession(Op{Kind: OpTestament, Realm: s.realm.Name, Session: s.id, Element: e})
	w.returnNothing(c)
}

// mayLeave says whether the session may publish what the call is to leave behind, and whether it is named then, as authorized does. It says
// yes to arguments that are none.
func (w *Worker) mayLeave(slot uint32, m *codec.Message) (disclose, ok bool) {
	ser := w.receivers[slot].serializer
	values := codec.Arguments(ser, m.Payload)
	if len(values) == 0 {
		return false, true
	}
	topic, ok := codec.Text(ser, values[0])
	if !ok || !validURI(octets(topic), wamp.Exact, w.sessions[slot].realm.StrictURI) {
		return false, true
	}
	q := codec.Message{Type: m.Type, Request: m.Request, URI: octets(topic), Options: codec.Options{Has: codec.OptAcknowledge, Acknowledge: true}}
	return w.authorized(slot, auth.Publish, wamp.Exact, &q)
}

// mayAdd says whether the session may leave behind what the call says.
func (w *Worker) mayAdd(slot uint32, m *codec.Message) bool {
	_, may := w.mayLeave(slot, m)
	return may
}

// readTestament makes f the publication that the arguments describe, as far as the session may publish it.
func (w *Worker) readTestament(f *frame, slot uint32, m *codec.Message) (scope Scope, err, why string) {
	s, ser := &w.sessions[slot], w.receivers[slot].serializer
	values := codec.Arguments(ser, m.Payload)
	var topic string
	ok := len(values) > 0
	if ok {
		topic, ok = codec.Text(ser, values[0])
	}
	if !ok {
		return 0, wamp.ErrInvalidArgument, "a topic is needed"
	}
	if scope, ok = readScope(ser, m.Payload); !ok {
		return 0, wamp.ErrInvalidArgument, "the scope is detached or destroyed"
	}
	if !validURI(octets(topic), wamp.Exact, s.realm.StrictURI) || wamp.Reserved(octets(topic)) {
		return 0, wamp.ErrInvalidURI, ""
	}
	named, _ := w.mayLeave(slot, m) // it may: onCall has asked
	var o codec.Options
	var pass codec.Pass
	if b := codec.Keyword(ser, m.Payload, "publish_options"); b != nil {
		var p codec.Parser
		var bad error
		if o, pass, bad = p.PublishOptions(ser, b); bad != nil || passesThrough(&o) && s.roles.PublisherFeatures&wamp.FeaturePayloadPassthru == 0 {
			return 0, wamp.ErrInvalidArgument, "publish_options are those of a PUBLISH"
		}
	}
	disclose, allowed := s.discloses(&o)
	if !allowed {
		return 0, wamp.ErrDiscloseMeDisallowed, ""
	}
	*f = frame{
		kind: frameTestament, flags: publishFlags(&o, disclose || named), realm: octets(s.realm.Name), uri: octets(topic), id: w.randomID(),
		from: s.identity(), serializer: ser, pass: pass,
	}
	if o.Has&codec.OptFilters != 0 {
		f.filter = filterOf(&o)
	}
	values = append(values, nil, nil)
	var bad error
	if _, f.payload, bad = codec.JoinPayload(nil, ser, values[1], values[2]); bad != nil || len(values) > 5 {
		return 0, wamp.ErrInvalidArgument, "the arguments are a topic, a list and a dict"
	}
	return scope, "", ""
}

// flushTestaments answers wamp.session.flush_testaments(; scope): those of that scope are void (TST-06).
func (w *Worker) flushTestaments(c *dealer.Call, m *codec.Message) {
	slot := uint32(c.Caller)
	scope, ok := readScope(w.receivers[slot].serializer, m.Payload)
	if !ok {
		w.endCall(c, wamp.ErrInvalidArgument, "the scope is detached or destroyed")
		return
	}
	if l := w.wills[slot]; l != nil {
		w.forgetTestaments(slot, l, scope)
		if l.count() == 0 {
			delete(w.wills, slot)
		}
	}
	w.returnNothing(c)
}

// forgetTestaments takes those of a scope out of the directory.
func (w *Worker) forgetTestaments(slot uint32, l *will, scope Scope) {
	s := &w.sessions[slot]
	for _, e := range l.scopes[scope] {
		w.proposeSession(Op{Kind: OpTestamentOver, Realm: s.realm.Name, Session: s.id, Element: e})
		l.bytes -= len(e)
	}
	l.scopes[scope] = nil
}

// publishWill publishes what a session that is over leaves behind: detached first (TST-05).
func (w *Worker) publishWill(slot uint32) {
	l := w.wills[slot]
	if l == nil {
		return
	}
	delete(w.wills, slot)
	realm := w.sessions[slot].realm
	for scope := range scopes {
		for _, element := range l.scopes[scope] {
			e, _ := ParseElement(element)
			f := &w.last
			if err := f.parse(octets(e.Frame)); err != nil {
				panic("router: a testament of our own cannot be read: " + err.Error())
			}
			f.filter.Sort()
			to := w.matchesOf(realm, f.uri)
			if to.workers&w.me != 0 {
				w.deliver(f, to, noSlot, 0)
			}
			w.handOver(f, to, noSlot)
			if f.flags&flagRetain != 0 {
				w.retain(f, realm)
			}
			w.stats.Testaments++
		}
	}
	for scope := range scopes {
		w.forgetTestaments(slot, l, scope)
	}
}

// dropWill lets a session end without its testaments.
func (w *Worker) dropWill(slot uint32) {
	if l := w.wills[slot]; l != nil {
		delete(w.wills, slot)
		for scope := range scopes {
			w.forgetTestaments(slot, l, scope)
		}
	}
}

// returnNothing is the answer of a procedure that does not return a value.
func (w *Worker) returnNothing(c *dealer.Call) {
	slot, at := uint32(c.Caller), len(w.arena)
	w.arena = codec.AppendResult(w.arena, w.receivers[slot].serializer, c.Request, false, codec.Payload{})
	w.caller.Close(c)
	w.send(slot, at, true)
}
