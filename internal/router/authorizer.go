package router

import (
	"strings"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// grantsMax bounds the answers of authorizers that a worker remembers; above it all are forgotten, and asked for again as they are needed.
const grantsMax = 4096

// grantKey is what an answer was about. An authorizer may say something else of each name, but not of each session of a name.
type grantKey struct {
	realm        *Realm
	role, authID string
	action       auth.Action
	match        wamp.Match
	uri          string
}

// grant is an answer that may be remembered.
type grant struct {
	decision
	until int64 // on the worker's clock
}

// decision is what an authorizer said of one action of one message.
type decision struct {
	auth.Verdict
	failed bool // nobody answered, or nothing that can be read
	action auth.Action
	match  wamp.Match
	uri    string
}

// decided is what the authorizer of the session's role says of an action: with the message that is looked at again, remembered, or nil after it
// was asked.
func (w *Worker) decided(slot uint32, a auth.Action, match wamp.Match, m *codec.Message) *decision {
	for i := range w.again {
		if d := &w.again[i]; d.action == a && d.match == match && d.uri == text(m.URI) {
			return d
		}
	}
	s := &w.sessions[slot]
	if g := w.grants[grantKey{s.realm, s.authRole, s.authID, a, match, text(m.URI)}]; g != nil && w.now < g.until {
		return &g.decision
	}
	w.askAuthorizer(slot, a, match, string(m.URI))
	return nil
}

// askAuthorizer asks; the message under way waits until it is answered, and all behind it.
func (w *Worker) askAuthorizer(slot uint32, a auth.Action, match wamp.Match, uri string) {
	s := &w.sessions[slot]
	by := s.role.Authorizer
	realm := s.realm
	if by.Realm != "" {
		realm = w.config.Realms.Get(by.Realm)
	}
	who := codec.Dict{{Key: "session", Value: s.id}, {Key: "realm", Value: s.realm.Name}, {Key: "authid", Value: s.authID}, {Key: "authrole", Value: s.authRole}}
	options := codec.Dict{}
	if match != wamp.Exact {
		options = codec.Dict{{Key: "match", Value: match.String()}}
	}
	var x *wait
	x = w.inquire(slot, realm, by.Procedure, by.timeout(), []any{who, uri, auth.ActionNames[a], options}, func(r *reply) {
		d := decision{action: a, match: match, uri: uri}
		cache := d.read(r)
		if d.failed {
			w.stats.Unanswered++
		}
		if w.answered(slot, x) {
			if cache && len(uri) <= verdictURIMax {
				w.remember(slot, by, d)
			}
			x.decided = append(x.decided, d)
			w.lookAgain(slot, x)
		}
	})
	x.decided = append(x.decided, w.again...)
	x.message = append([]byte(nil), w.raw...)
	x.bytes = len(x.message)
	w.inquiries.bytes += x.bytes
}

// remember keeps what an authorizer said of the session's name, for a while.
func (w *Worker) remember(slot uint32, by *Authorizer, d decision) {
	if len(w.grants) >= grantsMax {
		clear(w.grants)
	}
	s := &w.sessions[slot]
	w.grants[grantKey{s.realm, s.authRole, strings.Clone(s.authID), d.action, d.match, d.uri}] = &grant{d, w.now + int64(by.lifetime())}
}

// lookAgain handles the message that waited, and then those behind it.
func (w *Worker) lookAgain(slot uint32, x *wait) {
	if m := &w.message; w.parser.Parse(w.receivers[slot].serializer, x.message, m) == nil {
		w.raw, w.again, w.isAgain = x.message, x.decided, true
		w.dispatch(slot, m)
		w.raw, w.again, w.isAgain = nil, nil, false
	}
	w.goOn(slot, x)
}

// read takes the authorizer's answer: a bool, or a dict with allow, and perhaps disclose and cache. An ERROR is a no.
func (d *decision) read(r *reply) (cache bool) {
	switch {
	case r.failed != "":
		d.failed = true
		return false
	case r.err != "":
		return false
	}
	if len(r.args) == 1 {
		switch v := r.args[0].(type) {
		case bool:
			d.Allowed = v
			return false
		case codec.Dict:
			return d.readDict(v)
		}
	}
	d.failed = true
	return false
}

func (d *decision) readDict(dict codec.Dict) (cache bool) {
	d.failed = true // without allow it says nothing
	for _, p := range dict {
		yes, ok := p.Value.(bool)
		switch p.Key {
		case "allow":
			d.Allowed, d.failed = yes, !ok
		case "disclose":
			d.Disclose = yes
		case "cache":
			cache = yes
		}
	}
	d.Disclose = d.Disclose && d.Allowed
	return cache && !d.failed
}
