package baseline

import (
	"maps"
	"slices"

	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

// table is what the log amounts to. It is the same on all nodes after the same entries: no clock, no order of maps. Every entry has a
// meaning, whatever came before it: a log that stops one node would stop them all.
type table struct {
	nodes map[string]*rows
	owned map[procedure]map[owner]wamp.Invoke // confirmed registrations, by what they can be in conflict about
}

// rows are a node's.
type rows struct {
	epoch, seq uint64
	elements   map[string]struct{}
}

type procedure struct {
	realm string
	match wamp.Match
	uri   string
}

type owner struct {
	node    string
	session uint64
}

func newTable() *table {
	return &table{nodes: map[string]*rows{}, owned: map[procedure]map[owner]wamp.Invoke{}}
}

// effects says what an entry changed, in order.
type effects struct {
	counted bool  // it was neither late nor of a former life
	refused []int // of its ops, ascending: registrations that are in conflict with another's
	changes []op  // elements that the node has and had not, or the reverse
}

// apply carries an entry out.
func (t *table) apply(e *entry) (fx effects) {
	r := t.nodes[e.node]
	switch {
	case e.kind == purge:
		if r != nil && r.epoch == e.epoch {
			fx = effects{true, nil, t.clear(e.node, r)}
		}
		return fx
	case r == nil:
		r = &rows{epoch: e.epoch, elements: map[string]struct{}{}}
		t.nodes[e.node] = r
	case e.epoch < r.epoch || e.epoch == r.epoch && e.seq <= r.seq:
		return fx
	case e.epoch > r.epoch:
		fx.changes = t.clear(e.node, r)
		r.epoch = e.epoch
	}
	r.seq = e.seq
	fx.counted = true
	for i, o := range e.ops {
		_, has := r.elements[o.element]
		switch {
		case has == o.add:
		case o.add && !t.register(e.node, o.element):
			fx.refused = append(fx.refused, i)
		case o.add:
			r.elements[o.element] = struct{}{}
			fx.changes = append(fx.changes, o)
		default:
			t.drop(e.node, r, o.element)
			fx.changes = append(fx.changes, o)
		}
	}
	return fx
}

// clear takes all elements of a node away.
func (t *table) clear(node string, r *rows) (out []op) {
	for _, x := range slices.Sorted(maps.Keys(r.elements)) {
		t.drop(node, r, x)
		out = append(out, op{element: x})
	}
	return out
}

func (t *table) drop(node string, r *rows, element string) {
	delete(r.elements, element)
	if p, o, _, ok := registration(node, element); ok {
		if delete(t.owned[p], o); len(t.owned[p]) == 0 {
			delete(t.owned, p)
		}
	}
}

// register notes a registration, unless another one excludes it. Other elements are never in conflict.
func (t *table) register(node, element string) bool {
	p, o, invoke, ok := registration(node, element)
	if !ok {
		return true
	}
	for other, policy := range t.owned[p] {
		if other != o && (policy != invoke || policy == wamp.Single) {
			return false
		}
	}
	if t.owned[p] == nil {
		t.owned[p] = map[owner]wamp.Invoke{}
	}
	t.owned[p][o] = invoke
	return true
}

func registration(node, element string) (procedure, owner, wamp.Invoke, bool) {
	e, err := router.ParseElement(element)
	if err != nil || e.Kind != router.Registration {
		return procedure{}, owner{}, 0, false
	}
	return procedure{e.Realm, e.Match, e.URI}, owner{node, e.Session}, e.Invoke, true
}

// snapshot encodes the table: for each node the one entry that makes its rows.
func (t *table) snapshot() (b []byte) {
	for _, name := range slices.Sorted(maps.Keys(t.nodes)) {
		r := t.nodes[name]
		e := entry{kind: change, node: name, epoch: r.epoch, seq: r.seq}
		for _, x := range slices.Sorted(maps.Keys(r.elements)) {
			e.ops = append(e.ops, op{true, x})
		}
		b = e.append(b)
	}
	return b
}

// restore reads what snapshot wrote.
func restore(b []byte) (*table, error) {
	t := newTable()
	for len(b) > 0 {
		e, rest, err := nextEntry(b)
		if err != nil {
			return nil, err
		}
		t.apply(&e)
		b = rest
	}
	return t, nil
}
