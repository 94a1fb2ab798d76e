package pattern

import "kleeblatt/internal/wamp"

// Map is a persistent map from (match policy, URI pattern) to values. The zero Map is empty. See the package comment.
type Map[V any] struct {
	exact  hamt[V]
	prefix *rnode[V]
	wild   *tnode[V]

	prefixes, wilds int
}

// Len is the number of patterns.
func (m *Map[V]) Len() int { return m.exact.n + m.prefixes + m.wilds }

// Get is the value of the pattern itself, nil if it is not in the map.
func (m *Map[V]) Get(match wamp.Match, uri string) *V {
	switch match {
	case wamp.Exact:
		return m.exact.get([]byte(uri))
	case wamp.Prefix:
		return m.prefix.get([]byte(uri))
	case wamp.Wildcard:
		return m.wild.get([]byte(uri))
	}
	return nil
}

// Match appends the values of all patterns that uri matches: the exact one, then prefixes from the shortest to the longest,
// then wildcards in their order of precedence. Nothing is allocated but to grow dst (and for wildcards of more than 64
// components).
func (m *Map[V]) Match(uri []byte, dst []*V) []*V {
	if v := m.exact.get(uri); v != nil {
		dst = append(dst, v)
	}
	if m.prefix != nil {
		dst = m.prefix.prefixes(uri, dst)
	}
	if m.wild != nil {
		dst = m.wild.match(uri, true, 0, dst)
	}
	return dst
}

// Best is the value of the one pattern that takes precedence for uri: the exact one, else the longest prefix (in bytes, for
// prefixes are strings), else the wildcard with the text in the first component in which two differ; nil if none matches
// (advanced/rpc_pattern_based_registration.md). Nothing is allocated.
func (m *Map[V]) Best(uri []byte) *V {
	if v := m.exact.get(uri); v != nil {
		return v
	}
	if v := m.prefix.longest(uri); v != nil {
		return v
	}
	return m.wild.best(uri, true, 0)
}

// With is the map in which the pattern has the value v, which must not be nil. uri is kept.
func (m Map[V]) With(match wamp.Match, uri string, v *V) Map[V] {
	if v == nil {
		panic("pattern: nil is no value")
	}
	l := leaf[V]{uri, v}
	switch match {
	case wamp.Exact:
		m.exact = m.exact.with(uri, v)
	case wamp.Prefix:
		if m.prefix.get([]byte(uri)) == nil {
			m.prefixes++
		}
		m.prefix = m.prefix.with(l)
	case wamp.Wildcard:
		if m.wild.get([]byte(uri)) == nil {
			m.wilds++
		}
		m.wild = m.wild.with(l)
	default:
		panic("pattern: there are three match policies")
	}
	return m
}

// Without is the map without the pattern.
func (m Map[V]) Without(match wamp.Match, uri string) Map[V] {
	var found bool
	switch match {
	case wamp.Exact:
		m.exact = m.exact.without(uri)
	case wamp.Prefix:
		if m.prefix, found = m.prefix.without(uri); found {
			m.prefixes--
		}
	case wamp.Wildcard:
		if m.wild, found = m.wild.without(uri, true, 0); found {
			m.wilds--
		}
	}
	return m
}

// All yields every value, exact patterns first, then prefixes, then wildcards, in an order that follows from the set of
// patterns alone: equal on every node, whatever the history. It is a range function.
func (m *Map[V]) All(yield func(*V) bool) {
	_ = m.exact.each(func(l leaf[V]) bool { return yield(l.val) }) &&
		m.prefix.each(func(l leaf[V]) bool { return yield(l.val) }) &&
		m.wild.each(yield)
}
