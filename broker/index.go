package broker

import "kleeblatt/internal/wamp/pattern"

// Index holds the subscriptions of one realm: which topics they match, and where their subscribers are. It is immutable;
// nil and the zero Index are empty. Any goroutine may read it for as long as it likes; its edits belong to the one owner of
// the tables, and an edit that changes nothing returns the Index itself.
type Index struct {
	entries pattern.Map[Entry]
}

// Match appends every subscription that the topic matches: the exact one, then prefixes from the shortest to the longest, then
// wildcards. A subscription stands there once; a session that holds several gets the event once for each
// (advanced/pubsub_pattern_based_subscription.md). The entries belong to the Index and must not be changed. Nothing is
// allocated beyond the growth of dst.
func (x *Index) Match(topic []byte, dst []*Entry) []*Entry {
	if x == nil {
		return dst
	}
	return x.entries.Match(topic, dst)
}

// Get is the subscription of that very key, nil if there is none.
func (x *Index) Get(k Key) *Entry {
	if x == nil {
		return nil
	}
	return x.entries.Get(k.Match, k.Topic)
}

// Len is the number of subscriptions.
func (x *Index) Len() int {
	if x == nil {
		return 0
	}
	return x.entries.Len()
}

// All yields all subscriptions in an order that follows from the set of keys alone. It is a range function.
func (x *Index) All(yield func(*Entry) bool) {
	if x != nil {
		x.entries.All(yield)
	}
}

// WithNew is the Index with an entry of its own for a key that it has none of. e needs a worker or a node.
func (x *Index) WithNew(e Entry) *Index {
	if x.Get(e.Key) != nil || e.Workers == 0 && e.Nodes.Empty() {
		panic("broker: that is no new subscription")
	}
	return x.put(e, false)
}

// WithWorker is the Index in which the worker has (on) or has no (off) subscribers of k. A subscription comes with its first
// worker or node, under the id, and goes with its last; in between it keeps its id. k.Topic is kept.
func (x *Index) WithWorker(k Key, id uint64, worker int, on bool) *Index {
	e, found := x.edit(k, id)
	if e.Workers.Has(worker) == on {
		return x
	}
	if on {
		e.Workers.Add(worker)
	} else {
		e.Workers.Remove(worker)
	}
	return x.put(e, found)
}

// WithNode is the Index in which another node has (on) or has no (off) interest in k; see WithWorker.
func (x *Index) WithNode(k Key, id uint64, node uint8, on bool) *Index {
	e, found := x.edit(k, id)
	if e.Nodes.Has(node) == on {
		return x
	}
	if on {
		e.Nodes.Add(node)
	} else {
		e.Nodes.Remove(node)
	}
	return x.put(e, found)
}

// WithoutNode is the Index in which the node has no interest in anything. It looks at every subscription.
func (x *Index) WithoutNode(node uint8) *Index {
	y := x
	for e := range x.All {
		if e.Nodes.Has(node) {
			y = y.WithNode(e.Key, e.ID, node, false)
		}
	}
	return y
}

// edit is a copy of the entry of k, a new one if there is none.
func (x *Index) edit(k Key, id uint64) (e Entry, found bool) {
	if old := x.Get(k); old != nil {
		return *old, true
	}
	return Entry{Key: k, ID: id}, false
}

// put is the Index with e in the place of its key's entry, or with neither if e has nobody left.
func (x *Index) put(e Entry, found bool) *Index {
	var y Index
	if x != nil {
		y = *x
	}
	switch {
	case e.Workers != 0 || !e.Nodes.Empty():
		y.entries = y.entries.With(e.Match, e.Topic, &e)
	case found:
		y.entries = y.entries.Without(e.Match, e.Topic)
	}
	return &y
}
