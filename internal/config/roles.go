package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// Role is what those who have it may do, and how much.
type Role struct {
	Name       string
	Rules      []auth.Rule // empty: nothing; nil: everything, or what the authorizer says
	Authorizer *Authorizer // who is asked where no rule speaks; nil: nobody
	Limits     SessionLimits
	Trust      *uint32 // the trust level of what it publishes and calls; nil: none is told
}

// Authorizer is a WAMP procedure that says what a role may do. Zero times are the defaults of package router.
type Authorizer struct {
	Procedure string
	Realm     string        // where it is registered; "": the realm of who is asked about
	Timeout   time.Duration // that it has to answer
	Cache     time.Duration // how long an answer holds that may be remembered
}

// rolesKey is the key of the roles' rules; they stand in the file alone.
const rolesKey = "roles"

// ruleKeys are those of a rule, discloseNames what its disclose names, and for which action.
var (
	roleKeys       = []string{"rules", "authorizer", "limits", "trustlevel"}
	authorizerKeys = []string{"procedure", "realm", "timeout", "cache"}
	ruleKeys       = []string{"uri", "match", "allow", "deny", "disclose"}
	matchNames     = []string{wamp.Exact.String(), wamp.Prefix.String(), wamp.Wildcard.String()}
	discloseNames  = []string{"caller", "publisher"}
	discloseFor    = []auth.Action{auth.Call, auth.Publish}
)

// ruleURIMax bounds a rule's URI, in bytes, like those that the router takes.
const ruleURIMax = 4096

// roles reads the mapping of roles to their rules.
func (r *yamlReader) roles(at place, n ast.Node) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.p.fail(at, "roles has the names of roles as its keys, each with a list of rules: NAME: [{uri: URI, allow: [call]}]")
		return
	}
	r.p.rolesAt = map[string]place{}
	for it := m.MapRange(); it.Next(); {
		name, at := r.key(it.KeyValue())
		if name == "" {
			if _, ok := scalar(it.KeyValue().Key); ok {
				r.p.fail(at, "a role needs a name")
			}
			continue
		}
		if first, twice := r.p.rolesAt[name]; twice {
			r.p.fail(at, "roles.%s is given twice, first in line %d", name, first.line)
			continue
		}
		r.p.rolesAt[name] = at
		r.role(name, at, it.Value())
	}
}

func (r *yamlReader) role(name string, at place, n ast.Node) {
	role := Role{Name: name}
	if _, ok := n.(ast.MapNode); ok {
		r.keys(n, "a role", roleKeys, func(k string, at place, v ast.Node) {
			switch k {
			case "rules":
				role.Rules = r.rules(name, at, v)
			case "authorizer":
				role.Authorizer = r.authorizer(at, v)
			case "limits":
				role.Limits = r.limits(v)
			case "trustlevel":
				role.Trust = r.trust(at, v)
			}
		})
	} else {
		role.Rules = r.rules(name, at, n)
	}
	r.p.config.Roles = append(r.p.config.Roles, role)
}

func (r *yamlReader) trust(at place, n ast.Node) *uint32 {
	level, err := strconv.ParseUint(r.text("trustlevel", at, n), 10, 31)
	if err != nil {
		r.p.fail(at, "trustlevel: a number from 0 is needed here")
	}
	trust := uint32(level)
	return &trust
}

func (r *yamlReader) rules(role string, at place, n ast.Node) []auth.Rule {
	seq, ok := n.(*ast.SequenceNode)
	switch {
	case !ok:
		r.p.fail(at, "role %s takes a list of rules: - {uri: URI, allow: [call]}; [] lets it do nothing", role)
		return nil
	case len(seq.Values) > auth.RulesMax:
		r.p.fail(at, "role %s has %d rules, more than %d", role, len(seq.Values), auth.RulesMax)
		return nil
	}
	rules := []auth.Rule{}
	for _, v := range seq.Values {
		rules = append(rules, r.rule(v))
	}
	return rules
}

// authorizer reads a procedure, or {procedure: URI, realm: NAME, timeout: TIME, cache: TIME}.
func (r *yamlReader) authorizer(at place, n ast.Node) *Authorizer {
	a := &Authorizer{}
	r.asked("authorizer", at, n, authorizerKeys, &a.Procedure, &a.Realm, &a.Timeout, func(k string, at place, v ast.Node) {
		a.Cache = r.duration(k, at, v, cacheTimeMax)
	})
	return a
}

// asked reads who is asked: a procedure, or a mapping with it, its realm and how long it has to answer; more reads what else there is in it.
func (r *yamlReader) asked(key string, at place, n ast.Node, keys []string, procedure, realm *string, timeout *time.Duration, more func(k string, at place, v ast.Node)) {
	if _, ok := n.(ast.MapNode); !ok {
		*procedure = r.text(key, at, n)
	} else {
		r.keys(n, "an "+key, keys, func(k string, at place, v ast.Node) {
			switch k {
			case "procedure":
				*procedure = r.text(k, at, v)
			case "realm":
				*realm = r.text(k, at, v)
			case "timeout":
				*timeout = r.duration(k, at, v, inquiryTimeMax)
			default:
				more(k, at, v)
			}
		})
	}
	r.procedure(at, key, *procedure)
}

// Those who are asked may not let others wait for longer, and what was remembered of them does not hold for longer.
const (
	inquiryTimeMax = time.Minute
	cacheTimeMax   = day
)

func (r *yamlReader) procedure(at place, key, uri string) {
	if len(uri) > ruleURIMax || !wamp.ValidURI([]byte(uri), wamp.Exact, false) || wamp.Reserved([]byte(uri)) {
		r.p.fail(at, "%s: %q is no procedure that a client could register", key, uri)
	}
}

func (r *yamlReader) duration(key string, at place, n ast.Node, most time.Duration) time.Duration {
	s := r.text(key, at, n)
	d, err := time.ParseDuration(s)
	if err != nil || d < ms || d > most {
		r.p.fail(at, "%s: %q is no time from %s to %s, with ms, s, m or h", key, s, ms, most)
	}
	return d
}

func (r *yamlReader) rule(n ast.Node) (x auth.Rule) {
	before := len(r.p.problems)
	given := false
	r.keys(n, "a rule", ruleKeys, func(k string, at place, v ast.Node) {
		switch k {
		case "uri":
			if x.URI, given = scalar(v); !given { // "" is a prefix
				r.p.fail(at, "uri: a plain value is needed here")
			}
		case "match":
			x.Match = r.matchPolicy(at, v)
		case "allow":
			x.Allow = r.actions(k, at, v)
		case "deny":
			x.Deny = r.actions(k, at, v)
		case "disclose":
			x.Disclose = r.disclosed(at, v)
		}
	})
	if len(r.p.problems) > before {
		return x
	}
	at := r.at(n)
	switch {
	case !given:
		r.p.fail(at, "a rule needs a uri")
	case len(x.URI) > ruleURIMax || !wamp.ValidURI([]byte(x.URI), x.Match, false):
		r.p.fail(at, "uri: %q is not valid for match: %s", x.URI, x.Match)
	case x.Allow|x.Deny == 0:
		r.p.fail(at, "a rule has to allow or deny something: %s", strings.Join(auth.ActionNames[:], ", "))
	case x.Allow&x.Deny != 0:
		r.p.fail(at, "a rule cannot both allow and deny the same")
	case x.Disclose&^x.Allow != 0:
		r.p.fail(at, "disclose: caller goes with allow: call, publisher with allow: publish")
	}
	return x
}

func (r *yamlReader) matchPolicy(at place, n ast.Node) wamp.Match {
	s := r.text("match", at, n)
	m, ok := wamp.ParseMatch([]byte(s))
	if !ok && s != "" {
		r.p.fail(at, "match: %q is none of %s%s", s, strings.Join(matchNames, ", "), didYouMean(s, matchNames))
	}
	return m
}

func (r *yamlReader) actions(key string, at place, n ast.Node) (set auth.Actions) {
	for i := range r.chosen(key, at, n, auth.ActionNames[:]) {
		set |= auth.Of(auth.Action(i))
	}
	return set
}

func (r *yamlReader) disclosed(at place, n ast.Node) (set auth.Actions) {
	for i := range r.chosen("disclose", at, n, discloseNames) {
		set |= auth.Of(discloseFor[i])
	}
	return set
}

// chosen are the places in names of what is said.
func (r *yamlReader) chosen(key string, at place, n ast.Node, names []string) map[int]bool {
	out := map[int]bool{}
	for _, s := range r.texts(key, at, n) {
		if i := slices.Index(names, s); i >= 0 {
			out[i] = true
		} else if s != "" {
			r.p.fail(at, "%s: %q is none of %s%s", key, s, strings.Join(names, ", "), didYouMean(s, names))
		}
	}
	return out
}

// roleRules warns of rules for a role that nobody has: most likely one of the two names is misspelt, and who was meant may do everything.
func (p *parser) roleRules() {
	if len(p.config.Authenticators) > 0 {
		return // they may give it
	}
	has := map[string]bool{p.config.Anonymous: true}
	names := []string{}
	for _, u := range p.config.Users {
		has[u.Role] = true
		names = append(names, u.Role)
	}
	if p.config.Anonymous != "" {
		names = append(names, p.config.Anonymous)
	}
	for _, r := range p.config.Roles {
		if !has[r.Name] {
			p.config.Warnings = append(p.config.Warnings, fmt.Sprintf("%v: nobody has the role %s that these rules are for%s", p.rolesAt[r.Name], r.Name, didYouMean(r.Name, names)))
		}
	}
}
