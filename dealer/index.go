package dealer

import (
	"kleeblatt/internal/wamp"
	"kleeblatt/internal/wamp/pattern"
)

// Index holds the registrations of one realm. It is immutable (but for the round robins' turns); nil and the zero Index are
// empty. Any goroutine may read it for as long as it likes; its edits belong to the one owner of the tables, and an edit
// that changes nothing returns the Index itself.
type Index struct {
	registrations pattern.Map[Registration]
}

// Match is the one registration that a call of the procedure goes to: the exact one, else the longest prefix, else the
// wildcard that takes precedence; nil if there is none (advanced/rpc_pattern_based_registration.md: the
// longest prefix in bytes, A-49: a prefix goes before any wildcard). Nothing is allocated.
func (x *Index) Match(procedure []byte) *Registration {
	if x == nil {
		return nil
	}
	return x.registrations.Best(procedure)
}

// Get is the registration of that very key, nil if there is none.
func (x *Index) Get(k Key) *Registration {
	if x == nil {
		return nil
	}
	return x.registrations.Get(k.Match, k.Procedure)
}

// Len is the number of registrations.
func (x *Index) Len() int {
	if x == nil {
		return 0
	}
	return x.registrations.Len()
}

// All yields all registrations in an order that follows from the set of keys alone. It is a range function.
func (x *Index) All(yield func(*Registration) bool) {
	if x != nil {
		x.registrations.All(yield)
	}
}

// WithCallee is the Index in which the session c has registered k under the policy. An entry that the session has already is
// replaced: it never has two. A registration comes with its first callee, under the id, and goes with its last; in between it
// keeps its id. Which policies may meet is the caller's business; here the first callee's holds. k.Procedure is kept. The cost
// grows with the number of the registration's callees.
func (x *Index) WithCallee(k Key, id uint64, invoke wamp.Invoke, c Callee) *Index {
	c.Invoke = invoke
	old := x.Get(k)
	if old == nil {
		return x.put(k, first(k, id, c))
	}
	if r := old.with(c); r != old {
		return x.put(k, r)
	}
	return x
}

// WithoutCallee is the Index in which the session has not registered k.
func (x *Index) WithoutCallee(k Key, node uint8, session uint64) *Index {
	return x.without(k, func(c *Callee) bool { return c.Session == session && c.Node == node })
}

// WithoutNode is the Index without the callees of a node. It looks at every registration.
func (x *Index) WithoutNode(node uint8) *Index {
	y := x
	for r := range x.All {
		y = y.without(r.Key, func(c *Callee) bool { return c.Node == node })
	}
	return y
}

func (x *Index) without(k Key, gone func(*Callee) bool) *Index {
	old := x.Get(k)
	if old == nil {
		return x
	}
	if r := old.without(gone); r != old {
		return x.put(k, r)
	}
	return x
}

// put is the Index with r, or nothing if r is nil, in the place of k.
func (x *Index) put(k Key, r *Registration) *Index {
	var y Index
	if x != nil {
		y = *x
	}
	if r == nil {
		y.registrations = y.registrations.Without(k.Match, k.Procedure)
	} else {
		y.registrations = y.registrations.With(k.Match, k.Procedure, r)
	}
	return &y
}
