package router

import "kleeblatt/broker"

// matches is who gets the events of a topic, as far as the tables say.
type matches struct {
	entries []*broker.Entry
	workers broker.WorkerSet // all workers of this node with receivers
	nodes   broker.NodeSet   // all other nodes with receivers
	version uint64           // of the realm's snapshot
}

func (m *matches) fill(s *Snapshot, topic []byte, version uint64) {
	m.entries = s.Broker.Match(topic, m.entries[:0])
	m.workers, m.nodes, m.version = 0, broker.NodeSet{}, version
	for _, e := range m.entries {
		m.workers |= e.Workers
		m.nodes.Or(e.Nodes)
	}
}

// doorSize is how many topics are remembered as seen once. A topic is cached when it is seen again soon, so that a stream of topics that
// are used once neither fills the cache nor allocates.
const doorSize = 1024

// matchCache remembers the matches of the topics that are in use, by realm, as long as the realm's snapshot stays the same. It holds valid,
// unreserved topics only: a hit saves looking at the topic's text.
type matchCache struct {
	realms []realmCache
	size   int // topics in all realms
	door   [doorSize]uint32
	single matches // of a topic that is not cached
}

type realmCache struct {
	snapshot *Snapshot
	version  uint64
	topics   map[string]*matches
}

// current notes the realm's snapshot and returns the realm's part of the cache.
func (c *matchCache) current(r *Realm) *realmCache {
	for r.index >= len(c.realms) {
		c.realms = append(c.realms, realmCache{})
	}
	x := &c.realms[r.index]
	if s := r.Cell.Load(); s != x.snapshot {
		x.snapshot = s
		x.version++
	}
	return x
}

// cached returns the topic's matches if they are remembered, brought up to date.
func (c *matchCache) cached(x *realmCache, topic []byte) *matches {
	m := x.topics[string(topic)]
	if m != nil && m.version != x.version {
		m.fill(x.snapshot, topic, x.version)
	}
	return m
}

// lookup computes the matches of a valid topic that is not cached. They are valid until the next lookup.
func (c *matchCache) lookup(x *realmCache, topic []byte) *matches {
	m := &c.single
	h := fingerprint(topic)
	if c.door[h%doorSize] != h {
		c.door[h%doorSize] = h
	} else {
		c.door[h%doorSize] = 0
		m = c.admit(x, topic)
	}
	m.fill(x.snapshot, topic, x.version)
	return m
}

// matchesOf are the matches of a valid topic, remembered or not.
func (w *Worker) matchesOf(r *Realm, topic []byte) *matches {
	x := w.cache.current(r)
	if m := w.cache.cached(x, topic); m != nil {
		return m
	}
	return w.cache.lookup(x, topic)
}

func (c *matchCache) admit(x *realmCache, topic []byte) *matches {
	if c.size >= matchCacheMax {
		c.size = 0
		for i := range c.realms {
			c.realms[i].topics = nil
		}
	}
	if x.topics == nil {
		x.topics = map[string]*matches{}
	}
	c.size++
	m := &matches{}
	x.topics[string(topic)] = m
	return m
}

// fingerprint is FNV-1a, never 0.
func fingerprint(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h | 1
}
