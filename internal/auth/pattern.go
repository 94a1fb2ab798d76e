package auth

import (
	"strings"

	"kleeblatt/internal/wamp"
)

// pattern is a set of URIs. Of what is no URI (empty components, say) it may hold anything: rules are never asked about that.
type pattern struct {
	uri   string
	match wamp.Match
}

// Holds says whether a URI is one of those that a pattern stands for.
func Holds(m wamp.Match, pattern, uri string) bool { return patternOf(m, pattern).matches(uri) }

// patternOf is the pattern in the form that covers and meets expect: a wildcard without an empty component is one URI.
func patternOf(m wamp.Match, uri string) pattern {
	if m == wamp.Wildcard && !blank(uri) {
		m = wamp.Exact
	}
	return pattern{uri, m}
}

// blank says whether a wildcard has a component that stands for any.
func blank(uri string) bool {
	return uri == "" || uri[0] == '.' || uri[len(uri)-1] == '.' || strings.Contains(uri, "..")
}

// matches says whether the URI is in the set.
func (p pattern) matches(uri string) bool {
	switch p.match {
	case wamp.Exact:
		return p.uri == uri
	case wamp.Prefix:
		return strings.HasPrefix(uri, p.uri)
	}
	return sameLength(p.uri, uri, func(a, b string) bool { return a == "" || a == b })
}

// covers says whether every URI of q is in p.
func (p pattern) covers(q pattern) bool {
	switch {
	case q.match == wamp.Exact:
		return p.matches(q.uri)
	case p.match == wamp.Exact: // q is many
		return false
	case p.match == wamp.Prefix && q.match == wamp.Prefix:
		return strings.HasPrefix(q.uri, p.uri)
	case p.match == wamp.Prefix: // what stands ahead of q's first empty component is all that its URIs share from the beginning
		return strings.HasPrefix(q.uri[:fixed(q.uri)], p.uri)
	case q.match == wamp.Prefix: // q has URIs of any number of components
		return false
	}
	return sameLength(p.uri, q.uri, func(a, b string) bool { return a == "" || a == b })
}

// meets says whether some URI is in both.
func (p pattern) meets(q pattern) bool {
	switch {
	case q.match == wamp.Exact:
		return p.matches(q.uri)
	case p.match == wamp.Exact:
		return q.matches(p.uri)
	case p.match == wamp.Prefix && q.match == wamp.Prefix:
		return strings.HasPrefix(p.uri, q.uri) || strings.HasPrefix(q.uri, p.uri)
	case p.match == wamp.Prefix:
		return begins(q.uri, p.uri)
	case q.match == wamp.Prefix:
		return begins(p.uri, q.uri)
	}
	return sameLength(p.uri, q.uri, func(a, b string) bool { return a == "" || b == "" || a == b })
}

// fixed is the length of what stands ahead of a wildcard's first empty component.
func fixed(wildcard string) int {
	if wildcard == "" || wildcard[0] == '.' {
		return 0
	}
	if i := strings.Index(wildcard, ".."); i >= 0 {
		return i + 1
	}
	return len(wildcard) // the empty one is the last
}

// sameLength says whether a and b have equally many components, and each pair of them suits.
func sameLength(a, b string, suits func(a, b string) bool) bool {
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		if moreA != moreB || !suits(x, y) {
			return false
		}
		if !moreA {
			return true
		}
		a, b = restA, restB
	}
}

// begins says whether a URI of the wildcard begins with the prefix.
func begins(wildcard, prefix string) bool {
	for {
		x, restX, moreX := strings.Cut(wildcard, ".")
		y, restY, moreY := strings.Cut(prefix, ".")
		if !moreY { // the last component of the prefix may be the beginning of one
			return x == "" || strings.HasPrefix(x, y)
		}
		if !moreX || x != "" && x != y {
			return false
		}
		wildcard, prefix = restX, restY
	}
}
