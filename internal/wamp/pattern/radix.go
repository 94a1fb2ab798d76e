package pattern

import "strings"

// rnode is a node of a persistent radix tree from strings to *V; nil is the empty tree. It is immutable. Its structure
// depends on its contents alone: a node without a value has two kids or more.
type rnode[V any] struct {
	label string      // the bytes between its parent and here; never empty but at the root
	leaf  leaf[V]     // the key that ends here, if leaf.val is not nil
	heads string      // the first bytes of the kids' labels, ascending
	kids  []*rnode[V] // in the order of heads
}

// step follows rest from n: the kid it leads to and what is left behind that kid's label; nil where it leads nowhere.
func (n *rnode[V]) step(rest []byte) (kid *rnode[V], left []byte) {
	if len(rest) == 0 {
		return nil, nil
	}
	i := strings.IndexByte(n.heads, rest[0])
	if i < 0 {
		return nil, nil
	}
	kid = n.kids[i]
	return kid.enter(rest)
}

// enter is n itself and what is left of rest behind its label, nil if rest does not begin with the label.
func (n *rnode[V]) enter(rest []byte) (*rnode[V], []byte) {
	if n == nil || len(rest) < len(n.label) || string(rest[:len(n.label)]) != n.label {
		return nil, nil
	}
	return n, rest[len(n.label):]
}

// get is the value of key, nil if there is none.
func (n *rnode[V]) get(key []byte) *V {
	for n, key = n.enter(key); n != nil; n, key = n.step(key) {
		if len(key) == 0 {
			return n.leaf.val
		}
	}
	return nil
}

// prefixes appends the values of all keys that are prefixes of text, the shortest first.
func (n *rnode[V]) prefixes(text []byte, dst []*V) []*V {
	for n, text = n.enter(text); n != nil; n, text = n.step(text) {
		if n.leaf.val != nil {
			dst = append(dst, n.leaf.val)
		}
	}
	return dst
}

// longest is the value of the longest key that is a prefix of text, nil if there is none.
func (n *rnode[V]) longest(text []byte) (v *V) {
	for n, text = n.enter(text); n != nil; n, text = n.step(text) {
		if n.leaf.val != nil {
			v = n.leaf.val
		}
	}
	return v
}

// each yields all leaves in ascending order of their keys and reports whether it came to the end.
func (n *rnode[V]) each(yield func(leaf[V]) bool) bool {
	if n == nil {
		return true
	}
	if n.leaf.val != nil && !yield(n.leaf) {
		return false
	}
	for _, kid := range n.kids {
		if !kid.each(yield) {
			return false
		}
	}
	return true
}

// with is the tree in which l stands.
func (n *rnode[V]) with(l leaf[V]) *rnode[V] { return n.put(l, l.key) }

// put is with; rest is the part of the key from n's label on.
func (n *rnode[V]) put(l leaf[V], rest string) *rnode[V] {
	if n == nil {
		return &rnode[V]{label: strings.Clone(rest), leaf: l}
	}
	common := commonPrefix(n.label, rest)
	rest = rest[common:]
	if common < len(n.label) {
		return n.split(common, l, rest)
	}
	c := *n
	if rest == "" {
		c.leaf = l
		return &c
	}
	i := strings.IndexByte(n.heads, rest[0])
	if i >= 0 {
		c.kids = replaced(n.kids, i, n.kids[i].put(l, rest))
		return &c
	}
	for i = 0; i < len(n.heads) && n.heads[i] < rest[0]; i++ {
	}
	c.heads = n.heads[:i] + rest[:1] + n.heads[i:]
	c.kids = inserted(n.kids, i, (*rnode[V])(nil).put(l, rest))
	return &c
}

// split is n cut after the first at bytes of its label, with l on the upper half or, rest bytes away, beside the lower.
// Labels are copied, lest a short piece keep a long and forgotten key alive.
func (n *rnode[V]) split(at int, l leaf[V], rest string) *rnode[V] {
	upper := &rnode[V]{label: strings.Clone(n.label[:at])}
	lower := *n
	lower.label = strings.Clone(n.label[at:])
	if rest == "" {
		upper.leaf = l
		upper.heads = lower.label[:1]
		upper.kids = []*rnode[V]{&lower}
		return upper
	}
	other := (*rnode[V])(nil).put(l, rest)
	if lower.label[0] < rest[0] {
		upper.heads = lower.label[:1] + rest[:1]
		upper.kids = []*rnode[V]{&lower, other}
	} else {
		upper.heads = rest[:1] + lower.label[:1]
		upper.kids = []*rnode[V]{other, &lower}
	}
	return upper
}

// without is the tree without key: n itself if it was not there.
func (n *rnode[V]) without(key string) (m *rnode[V], found bool) {
	if n == nil || !strings.HasPrefix(key, n.label) {
		return n, false
	}
	rest := key[len(n.label):]
	c := *n
	if rest == "" {
		if n.leaf.val == nil {
			return n, false
		}
		c.leaf = leaf[V]{}
		return c.tidy(), true
	}
	i := strings.IndexByte(n.heads, rest[0])
	if i < 0 {
		return n, false
	}
	kid, found := n.kids[i].without(rest)
	if !found {
		return n, false
	}
	if kid == nil {
		c.heads = n.heads[:i] + n.heads[i+1:]
		c.kids = removed(n.kids, i)
	} else {
		c.kids = replaced(n.kids, i, kid)
	}
	return c.tidy(), true
}

// tidy is n, which lost a leaf or a kid, in the form that its contents demand.
func (n *rnode[V]) tidy() *rnode[V] {
	if n.leaf.val != nil || len(n.kids) > 1 {
		return n
	}
	if len(n.kids) == 0 {
		return nil
	}
	c := *n.kids[0]
	c.label = n.label + c.label
	return &c
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
