package router

import (
	"strings"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

const (
	// verdictsMax bounds the verdicts that a worker remembers. Above it all are forgotten: those in use are soon there again.
	verdictsMax = 4096
	// verdictURIMax bounds the URIs of them, in bytes, and so the memory: a megabyte per worker. Longer ones are judged each time.
	verdictURIMax = 256
)

// verdictKey is what a verdict depends on. Rules never change, so the pointer stands for them and nothing that is remembered gets old.
type verdictKey struct {
	rules  *auth.Rules
	action auth.Action
	match  wamp.Match
	uri    string
}

// verdicts remembers what the rules of roles say of the URIs that are in use.
type verdicts map[verdictKey]auth.Verdict

// of asks the rules, or remembers what they said.
func (v verdicts) of(k verdictKey) auth.Verdict {
	if known, ok := v[k]; ok {
		return known
	}
	said := k.rules.Decide(k.action, k.match, k.uri)
	if len(k.uri) <= verdictURIMax {
		if len(v) >= verdictsMax {
			clear(v)
		}
		k.uri = strings.Clone(k.uri)
		v[k] = said
	}
	return said
}

// authorized says whether the session may do this with a URI that is valid, and whether it is named to others for it. Who is denied is
// answered not_authorized if it asked for an answer, and counted. A session whose role has neither rules nor an authorizer may do
// everything. Where an authorizer has to be asked, ok is false and m is looked at again when it has answered.
func (w *Worker) authorized(slot uint32, a auth.Action, match wamp.Match, m *codec.Message) (disclose, ok bool) {
	s := &w.sessions[slot]
	if !s.role.ruled() {
		return false, true
	}
	v := auth.Verdict{Silent: true}
	if s.role.Rules != nil {
		v = w.verdicts.of(verdictKey{s.role.Rules, a, match, text(m.URI)})
	}
	err := wamp.ErrNotAuthorized
	if v.Silent && s.role.Authorizer != nil {
		d := w.decided(slot, a, match, m)
		if d == nil {
			return false, false
		}
		v = d.Verdict
		if d.failed {
			err = wamp.ErrAuthorizationFailed // SUB-07
		}
	}
	if v.Allowed {
		return v.Disclose && s.realm.Disclosure == DiscloseOnRequest, true
	}
	w.stats.NotAuthorized[a]++
	if a != auth.Publish || m.Options.Has&codec.OptAcknowledge != 0 && m.Options.Acknowledge { // PUB-04
		w.fail(slot, m.Type, m.Request, err, "")
	}
	return false, false
}
