package auth

import (
	"cmp"
	"fmt"
	"slices"

	"kleeblatt/internal/wamp"
)

// Action is what a session wants to do with a URI.
type Action uint8

const (
	Call Action = iota
	Register
	Publish
	Subscribe
	ActionBound
)

// ActionNames are the actions in the configuration and in metrics.
var ActionNames = [ActionBound]string{Call: "call", Register: "register", Publish: "publish", Subscribe: "subscribe"}

// Actions is a set of them.
type Actions uint8

// Of returns a set.
func Of(actions ...Action) (s Actions) {
	for _, a := range actions {
		s |= 1 << a
	}
	return s
}

// Has says whether the action is in the set.
func (s Actions) Has(a Action) bool { return s&(1<<a) != 0 }

// RulesMax bounds the rules of a role: all of them are looked at for a URI that is not remembered.
const RulesMax = 1024

// Rule says what a role may do, and may not do, with a set of URIs.
type Rule struct {
	URI         string
	Match       wamp.Match
	Allow, Deny Actions
	Disclose    Actions // of Call and Publish, where allowed: who does it is named to others whether it asks for that or not
}

// Rules are those of a role. They are immutable.
//
// For one URI the most specific rule that speaks of the action decides: exact before prefix, a longer prefix before a shorter one, wildcards
// last; of two that are equally specific the one that denies. Where no rule speaks of it, it is denied. A pattern is a set of URIs: it is
// granted where one rule allows all of them and no rule denies any, so that nothing comes through a pattern that each URI alone would not give.
//
// Calls that end what others have (see Ends) are allowed only by a rule whose own URI stands in a reserved name space: one for "everything" does
// not speak of them, though it may deny them.
type Rules struct {
	list []ruled // the most specific first
}

type ruled struct {
	Rule
	set      pattern
	rank     int
	reserved bool // its URI begins with wamp. or kleeblatt.
}

// Verdict is what rules say of an action.
type Verdict struct {
	Allowed  bool
	Disclose bool // the session is to be named to others
	Silent   bool // no rule speaks of it; it is denied
}

// NewRules makes rules for a role; without any it may do nothing.
func NewRules(list []Rule) (*Rules, error) {
	if len(list) > RulesMax {
		return nil, fmt.Errorf("auth: %d rules are more than %d", len(list), RulesMax)
	}
	r := &Rules{list: make([]ruled, 0, len(list))}
	for _, x := range list {
		if !wamp.ValidURI([]byte(x.URI), x.Match, false) {
			return nil, fmt.Errorf("auth: %q is not valid for match %s", x.URI, x.Match)
		}
		set := patternOf(x.Match, x.URI)
		r.list = append(r.list, ruled{x, set, set.rank(), wamp.Reserved([]byte(x.URI))})
	}
	slices.SortStableFunc(r.list, func(a, b ruled) int { return cmp.Compare(b.rank, a.rank) })
	return r, nil
}

// Ends says whether a procedure ends what others have: their sessions, registrations or subscriptions. Nobody may call one who is not let by
// name, so that neither a role without rules nor one that may call everything comes by it unawares.
func Ends(procedure string) bool {
	switch procedure {
	case "wamp.session.kill", "wamp.session.kill_by_authid", "wamp.session.kill_by_authrole", "wamp.session.kill_all",
		"wamp.registration.remove_callee", "wamp.subscription.remove_subscriber":
		return true
	}
	return false
}

// rank is higher for what is more specific.
func (p pattern) rank() int {
	switch p.match {
	case wamp.Exact:
		return int(^uint(0) >> 1)
	case wamp.Prefix:
		return 1 + len(p.uri)
	}
	return 0
}

// Decide says whether the action is granted for a valid URI or pattern. It keeps nothing and allocates nothing.
func (r *Rules) Decide(a Action, m wamp.Match, uri string) Verdict {
	p := patternOf(m, uri)
	if p.match != wamp.Exact {
		return r.decidePattern(a, p)
	}
	var v Verdict
	rank := -1
	byName := a == Call && Ends(uri)
	for i := range r.list {
		x := &r.list[i]
		if v.Allowed && x.rank != rank {
			break
		}
		if !(x.Allow | x.Deny).Has(a) || !x.set.matches(uri) {
			continue
		}
		if x.Deny.Has(a) {
			return Verdict{}
		}
		if byName && !x.reserved {
			continue
		}
		v.Allowed, rank = true, x.rank
		v.Disclose = v.Disclose || x.Disclose.Has(a)
	}
	v.Silent = !v.Allowed
	return v
}

// decidePattern grants a pattern where all of its URIs are.
func (r *Rules) decidePattern(a Action, p pattern) (v Verdict) {
	for i := range r.list {
		x := &r.list[i]
		if x.Deny.Has(a) && x.set.meets(p) {
			return Verdict{}
		}
		v.Allowed = v.Allowed || x.Allow.Has(a) && x.set.covers(p)
	}
	v.Silent = !v.Allowed
	return v
}
