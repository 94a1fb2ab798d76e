package config

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// SessionLimits are those of the sessions of a role, or of a realm; a zero field is none of its own. A role's come before its realm's, and
// these before the node's.
type SessionLimits struct {
	Sessions                                         int // at a time, on each node: of the realm, or of the role in a realm
	Subscriptions, Registrations, Calls, Invocations int // of each session
	MessageBytes                                     int
	Rate, Burst                                      int // messages per second, and how many a session may be ahead
}

var limitKeys = []string{"sessions", "subscriptions", "registrations", "calls", "invocations", "message", "rate", "burst"}

// countMax bounds what is counted: as many as there can be connections.
const countMax = 1 << 24

func (r *yamlReader) limits(n ast.Node) (l SessionLimits) {
	fields := map[string]*int{
		"sessions": &l.Sessions, "subscriptions": &l.Subscriptions, "registrations": &l.Registrations, "calls": &l.Calls,
		"invocations": &l.Invocations, "message": &l.MessageBytes, "rate": &l.Rate, "burst": &l.Burst,
	}
	before := len(r.p.problems)
	r.keys(n, "limits", limitKeys, func(k string, at place, v ast.Node) {
		s := r.text(k, at, v)
		if s == "" {
			return
		}
		if k == "message" {
			size, err := parseBytes(s)
			if err != nil || size < 512 || size > 16<<20 {
				r.p.fail(at, "message: %q is no size from 512B to 16MiB", s)
			}
			l.MessageBytes = int(size)
			return
		}
		count, err := strconv.Atoi(s)
		if err != nil || count < 1 || count > countMax {
			r.p.fail(at, "%s: %q is no number from 1 to %d", k, s, countMax)
		}
		*fields[k] = count
	})
	if l.Burst != 0 && l.Rate == 0 && len(r.p.problems) == before {
		r.p.fail(r.at(n), "a burst goes with a rate")
	}
	return l
}
