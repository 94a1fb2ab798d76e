package pattern

import (
	"bytes"
	"strings"
)

// depthMax is how many components of a wildcard pattern become levels of the trie. It bounds recursion and the memory that
// a pattern of nothing but dots can cost (a level is some 50 times the dot). Longer patterns keep the rest in one piece and
// are compared one by one: correct, slow, and met by URIs of as many components alone.
const depthMax = 64

// tnode is a node of a persistent trie of components from wildcard patterns to *V; nil is the empty trie. It is immutable.
// An empty component of a pattern matches any one component (advanced/pubsub_pattern_based_subscription.md).
type tnode[V any] struct {
	val  *V             // the pattern that ends here
	any  *tnode[V]      // behind an empty component
	kids hamt[tnode[V]] // behind a component of that text
	deep hamt[V]        // at depthMax only: the rests of longer patterns
}

// cut splits the first component off rest; more is false if there was no other.
func cut(rest []byte) (head, tail []byte, more bool) {
	if i := bytes.IndexByte(rest, '.'); i >= 0 {
		return rest[:i], rest[i+1:], true
	}
	return rest, nil, false
}

// get is the value of the pattern.
func (n *tnode[V]) get(pattern []byte) *V {
	for depth, more := 0, true; n != nil; depth++ {
		if !more {
			return n.val
		}
		if depth == depthMax {
			return n.deep.get(pattern)
		}
		var head []byte
		head, pattern, more = cut(pattern)
		if len(head) == 0 {
			n = n.any
		} else {
			n = n.kids.get(head)
		}
	}
	return nil
}

// match appends the values of all patterns that rest matches, in the order of precedence of best. more is false where the
// URI has no component left.
func (n *tnode[V]) match(rest []byte, more bool, depth int, dst []*V) []*V {
	if n == nil {
		return dst
	}
	if !more {
		if n.val != nil {
			dst = append(dst, n.val)
		}
		return dst
	}
	if depth == depthMax {
		return n.matchDeep(rest, dst)
	}
	head, tail, more := cut(rest)
	if len(head) > 0 && n.kids.root != nil {
		dst = n.kids.get(head).match(tail, more, depth+1, dst)
	}
	return n.any.match(tail, more, depth+1, dst)
}

// best is the value of the pattern that takes precedence among those that rest matches: at the first component in which two
// of them differ, one has the text and one has nothing, and the text wins. That is the order by the number of components before the
// first wildcard, then between it and the second, and so on (advanced/rpc_pattern_based_registration.md).
func (n *tnode[V]) best(rest []byte, more bool, depth int) *V {
	if n == nil {
		return nil
	}
	if !more {
		return n.val
	}
	if depth == depthMax {
		return n.bestDeep(rest)
	}
	head, tail, more := cut(rest)
	if len(head) > 0 && n.kids.root != nil {
		if v := n.kids.get(head).best(tail, more, depth+1); v != nil {
			return v
		}
	}
	return n.any.best(tail, more, depth+1)
}

// matchDeep appends what matches among the rests of long patterns, in the order of precedence.
func (n *tnode[V]) matchDeep(rest []byte, dst []*V) []*V {
	var found []leaf[V]
	n.deep.each(func(l leaf[V]) bool {
		if covers(l.key, rest) {
			i := len(found)
			for i > 0 && precedes(l.key, found[i-1].key) {
				i--
			}
			found = inserted(found, i, l)
		}
		return true
	})
	for _, l := range found {
		dst = append(dst, l.val)
	}
	return dst
}

func (n *tnode[V]) bestDeep(rest []byte) *V {
	var best leaf[V]
	n.deep.each(func(l leaf[V]) bool {
		if covers(l.key, rest) && (best.val == nil || precedes(l.key, best.key)) {
			best = l
		}
		return true
	})
	return best.val
}

// covers reports whether the wildcard pattern matches the URI.
func covers(pattern string, uri []byte) bool {
	for {
		i := strings.IndexByte(pattern, '.')
		head, tail, more := cut(uri)
		if more != (i >= 0) {
			return false
		}
		if !more {
			return pattern == "" || pattern == string(head)
		}
		if i > 0 && pattern[:i] != string(head) {
			return false
		}
		pattern, uri = pattern[i+1:], tail
	}
}

// precedes reports whether a takes precedence over b; both match one URI.
func precedes(a, b string) bool {
	i := commonPrefix(a, b)
	// The texts of equal components are equal, so the first difference is a component's text against none.
	return i < len(a) && a[i] != '.'
}

// with is the trie in which l stands.
func (n *tnode[V]) with(l leaf[V]) *tnode[V] { return n.put(l, l.key, true, 0) }

func (n *tnode[V]) put(l leaf[V], rest string, more bool, depth int) *tnode[V] {
	var c tnode[V]
	if n != nil {
		c = *n
	}
	switch {
	case !more:
		c.val = l.val
	case depth == depthMax:
		c.deep = c.deep.with(strings.Clone(rest), l.val)
	default:
		head, tail, more := strings.Cut(rest, ".")
		if head == "" {
			c.any = c.any.put(l, tail, more, depth+1)
		} else {
			kid := c.kids.get([]byte(head)).put(l, tail, more, depth+1)
			c.kids = c.kids.with(strings.Clone(head), kid)
		}
	}
	return &c
}

// without is the trie without the pattern: n itself if it was not there, nil if it was the only one.
func (n *tnode[V]) without(rest string, more bool, depth int) (m *tnode[V], found bool) {
	if n == nil {
		return nil, false
	}
	c := *n
	switch {
	case !more:
		c.val, found = nil, n.val != nil
	case depth == depthMax:
		c.deep = n.deep.without(rest)
		found = c.deep.n < n.deep.n
	default:
		head, tail, more := strings.Cut(rest, ".")
		if head == "" {
			c.any, found = n.any.without(tail, more, depth+1)
			break
		}
		var kid *tnode[V]
		kid, found = n.kids.get([]byte(head)).without(tail, more, depth+1)
		switch {
		case !found:
		case kid == nil:
			c.kids = n.kids.without(head)
		default:
			c.kids = n.kids.with(head, kid)
		}
	}
	switch {
	case !found:
		return n, false
	case c.val == nil && c.any == nil && c.kids.n == 0 && c.deep.n == 0:
		return nil, true
	}
	return &c, true
}

// each yields all values, in an order that follows from the set of patterns alone, and reports whether it came to the end.
func (n *tnode[V]) each(yield func(*V) bool) bool {
	if n == nil {
		return true
	}
	if n.val != nil && !yield(n.val) {
		return false
	}
	return n.kids.each(func(l leaf[tnode[V]]) bool { return l.val.each(yield) }) &&
		n.deep.each(func(l leaf[V]) bool { return yield(l.val) }) &&
		n.any.each(yield)
}
