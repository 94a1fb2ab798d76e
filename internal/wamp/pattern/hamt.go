package pattern

import "math/bits"

// The trie takes the hash five bits a level, lowest first. hashLevels levels use it up; one further level holds the clashes.
const (
	levelBits  = 5
	levelMask  = 1<<levelBits - 1
	hashLevels = (64 + levelBits - 1) / levelBits
)

// hamt is a persistent hash array mapped trie from strings to *V. Its structure depends on its contents alone, not on the
// order in which they came: a node below the root always holds two keys or more.
type hamt[V any] struct {
	root *hnode[V]
	n    int
}

// hnode is immutable. Exactly one of two: leaves and kids, or, at level hashLevels, clash.
type hnode[V any] struct {
	leafBits, kidBits uint32      // which of the 32 places hold a leaf, which a kid: disjoint
	leaves            []leaf[V]   // in order of place
	kids              []*hnode[V] // in order of place
	clash             *rnode[V]   // keys whose hashes are equal
}

// leaf is one key with its value, which is never nil.
type leaf[V any] struct {
	key string
	val *V
}

// rank is the index of the place bit among the set bits.
func rank(set, bit uint32) int { return bits.OnesCount32(set & (bit - 1)) }

// get is the value of key, nil if there is none.
func (t *hamt[V]) get(key []byte) *V {
	if t.root == nil {
		return nil
	}
	h := hashOf(key)
	for n := t.root; ; h >>= levelBits {
		bit := uint32(1) << (h & levelMask)
		switch {
		case n.leafBits&bit != 0:
			if l := &n.leaves[rank(n.leafBits, bit)]; l.key == string(key) {
				return l.val
			}
			return nil
		case n.kidBits&bit != 0:
			n = n.kids[rank(n.kidBits, bit)]
		default: // a clash node has no bits
			return n.clash.get(key)
		}
	}
}

// with is the trie in which key has the value v.
func (t hamt[V]) with(key string, v *V) hamt[V] {
	h := hashOf([]byte(key))
	l := leaf[V]{key, v}
	if t.root == nil {
		return hamt[V]{lone(l, h), 1}
	}
	root, added := t.root.with(l, h, 0)
	if added {
		t.n++
	}
	t.root = root
	return t
}

// without is the trie without key.
func (t hamt[V]) without(key string) hamt[V] {
	if t.root == nil {
		return t
	}
	root, removed := t.root.without(key, hashOf([]byte(key)))
	if removed {
		t.root, t.n = root, t.n-1
	}
	return t
}

// each yields all leaves, in an order that follows from the set of keys alone, and reports whether it came to the end.
func (t *hamt[V]) each(yield func(leaf[V]) bool) bool {
	return t.root == nil || t.root.each(yield)
}

func (n *hnode[V]) each(yield func(leaf[V]) bool) bool {
	for rest := n.leafBits | n.kidBits; rest != 0; rest &= rest - 1 {
		bit := rest & -rest
		if n.leafBits&bit != 0 {
			if !yield(n.leaves[rank(n.leafBits, bit)]) {
				return false
			}
		} else if !n.kids[rank(n.kidBits, bit)].each(yield) {
			return false
		}
	}
	return n.clash.each(yield)
}

// lone is a node with one leaf; h is what is left of its hash at this level.
func lone[V any](l leaf[V], h uint64) *hnode[V] {
	return &hnode[V]{leafBits: 1 << (h & levelMask), leaves: []leaf[V]{l}}
}

// pair is the node at the given level with two leaves of different keys; ha and hb are what is left of their hashes.
func pair[V any](a, b leaf[V], ha, hb uint64, level int) *hnode[V] {
	if level == hashLevels {
		return &hnode[V]{clash: (*rnode[V])(nil).with(a).with(b)}
	}
	bitA, bitB := uint32(1)<<(ha&levelMask), uint32(1)<<(hb&levelMask)
	switch {
	case bitA == bitB:
		return &hnode[V]{kidBits: bitA, kids: []*hnode[V]{pair(a, b, ha>>levelBits, hb>>levelBits, level+1)}}
	case bitA < bitB:
		return &hnode[V]{leafBits: bitA | bitB, leaves: []leaf[V]{a, b}}
	default:
		return &hnode[V]{leafBits: bitA | bitB, leaves: []leaf[V]{b, a}}
	}
}

// with is the node in which l stands; added says whether its key is new. h is what is left of its hash.
func (n *hnode[V]) with(l leaf[V], h uint64, level int) (m *hnode[V], added bool) {
	if n.clash != nil {
		return &hnode[V]{clash: n.clash.with(l)}, n.clash.get([]byte(l.key)) == nil
	}
	c := *n
	bit := uint32(1) << (h & levelMask)
	switch {
	case n.leafBits&bit != 0:
		i := rank(n.leafBits, bit)
		old := n.leaves[i]
		if old.key == l.key {
			c.leaves = replaced(n.leaves, i, l)
			return &c, false
		}
		c.leafBits &^= bit
		c.leaves = removed(n.leaves, i)
		c.kidBits |= bit
		hOld := hashOf([]byte(old.key)) >> (levelBits * (level + 1))
		kid := pair(old, l, hOld, h>>levelBits, level+1)
		c.kids = inserted(n.kids, rank(n.kidBits, bit), kid)
		return &c, true
	case n.kidBits&bit != 0:
		i := rank(n.kidBits, bit)
		kid, added := n.kids[i].with(l, h>>levelBits, level+1)
		c.kids = replaced(n.kids, i, kid)
		return &c, added
	default:
		c.leafBits |= bit
		c.leaves = inserted(n.leaves, rank(n.leafBits, bit), l)
		return &c, true
	}
}

// without is the node without key: nil if it was the only one, n itself if it was not there.
func (n *hnode[V]) without(key string, h uint64) (m *hnode[V], found bool) {
	if n.clash != nil {
		rest, found := n.clash.without(key)
		if !found {
			return n, false
		}
		return &hnode[V]{clash: rest}, true
	}
	c := *n
	bit := uint32(1) << (h & levelMask)
	switch {
	case n.leafBits&bit != 0:
		i := rank(n.leafBits, bit)
		if n.leaves[i].key != key {
			return n, false
		}
		c.leafBits &^= bit
		c.leaves = removed(n.leaves, i)
	case n.kidBits&bit != 0:
		i := rank(n.kidBits, bit)
		kid, found := n.kids[i].without(key, h>>levelBits)
		if !found {
			return n, false
		}
		if l, ok := kid.only(); ok {
			c.kidBits &^= bit
			c.kids = removed(n.kids, i)
			c.leafBits |= bit
			c.leaves = inserted(n.leaves, rank(n.leafBits, bit), l)
		} else {
			c.kids = replaced(n.kids, i, kid)
		}
	default:
		return n, false
	}
	if c.leafBits|c.kidBits == 0 {
		return nil, true
	}
	return &c, true
}

// only is the one leaf of a node that has a single one.
func (n *hnode[V]) only() (l leaf[V], ok bool) {
	switch {
	case n.clash != nil:
		return n.clash.leaf, len(n.clash.kids) == 0
	case len(n.kids) == 0 && len(n.leaves) == 1:
		return n.leaves[0], true
	}
	return l, false
}

// replaced, inserted and removed are copies of s with the one change.

func replaced[T any](s []T, i int, x T) []T {
	c := make([]T, len(s))
	copy(c, s)
	c[i] = x
	return c
}

func inserted[T any](s []T, i int, x T) []T {
	c := make([]T, len(s)+1)
	copy(c, s[:i])
	c[i] = x
	copy(c[i+1:], s[i:])
	return c
}

func removed[T any](s []T, i int) []T {
	if len(s) == 1 {
		return nil
	}
	c := make([]T, len(s)-1)
	copy(c, s[:i])
	copy(c[i:], s[i+1:])
	return c
}
