package pattern

import (
	"slices"
	"strings"

	"kleeblatt/internal/wamp"
)

// val is what the tests map patterns to: the pattern itself.
type val struct {
	match wamp.Match
	uri   string
}

// twin is the Map's dumb twin: a list, matched by the words of the specification.
type twin []*val

func (t twin) with(v *val) twin {
	for i, o := range t {
		if *o == *v {
			t = slices.Clone(t)
			t[i] = v
			return t
		}
	}
	return append(slices.Clip(t), v)
}

func (t twin) without(v val) twin {
	return slices.DeleteFunc(slices.Clone(t), func(o *val) bool { return *o == v })
}

func (t twin) get(v val) *val {
	for _, o := range t {
		if *o == v {
			return o
		}
	}
	return nil
}

func (v *val) matches(uri string) bool {
	switch v.match {
	case wamp.Exact:
		return v.uri == uri
	case wamp.Prefix:
		return strings.HasPrefix(uri, v.uri)
	}
	p, u := strings.Split(v.uri, "."), strings.Split(uri, ".")
	if len(p) != len(u) {
		return false
	}
	for i := range p {
		if p[i] != "" && p[i] != u[i] {
			return false
		}
	}
	return true
}

// portions is how many components stand before the first wildcard, between it and the second, and so on.
func portions(pattern string) []int {
	l := []int{0}
	for _, c := range strings.Split(pattern, ".") {
		if c == "" {
			l = append(l, 0)
		} else {
			l[len(l)-1]++
		}
	}
	return l
}

// compare is the order of precedence of two patterns that match one URI.
func (v *val) compare(o *val) int {
	if v.match != o.match {
		return int(v.match) - int(o.match)
	}
	if v.match == wamp.Prefix {
		return len(o.uri) - len(v.uri)
	}
	return slices.Compare(portions(o.uri), portions(v.uri))
}

// matching is all that match, by precedence.
func (t twin) matching(uri string) (l []*val) {
	for _, v := range t {
		if v.matches(uri) {
			l = append(l, v)
		}
	}
	slices.SortFunc(l, (*val).compare)
	return l
}

// byMatch is l in the order of Map.Match: as by precedence, but prefixes from the shortest.
func byMatch(l []*val) []*val {
	lo := slices.IndexFunc(l, func(v *val) bool { return v.match == wamp.Prefix })
	if lo >= 0 {
		hi := lo
		for hi < len(l) && l[hi].match == wamp.Prefix {
			hi++
		}
		slices.Reverse(l[lo:hi])
	}
	return l
}
