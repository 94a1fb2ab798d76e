package router

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"kleeblatt/broker"
)

// Retention keeps the retained events of all realms on this node, the same on every node of the cluster: of each topic the latest for each
// filter, by hybrid clock and node. It belongs to the home loop, like the Tables; what the workers read of it is a realm's Retained, which
// never changes.
//
// An event travels and is caught up on as an element of the part of a node that carries it: at first the one that its publisher was on. But it
// counts on whatever becomes of that node: nothing is taken back, only replaced. An element whose event was replaced is removed by its
// carrier. One whose carrier is gone for good is carried on by the node that is preferred among those that are left (broker.Prefers), so that
// nodes that join learn of it.
//
//	PUBLISH retain ─▶ Retain ─▶ TxPropose +element ┌─▶ RemoteAdd on the others: newer? ─▶ it counts; our own older one: TxPropose -element
//	                                               └─▶ (…) ─▶ Gone(carrier) ─▶ Tick: are we preferred? ─▶ TxPropose +element
type Retention struct {
	config RetentionConfig
	kept   map[*broker.RetainedEvent]*keeping // those that count
	byItem map[string]*broker.RetainedEvent   // the same by element
	token  uint64
	wakeAt int64
	stats  RetentionStats
}

// RetentionConfig is what a Retention has to know. A zero bound means its default.
type RetentionConfig struct {
	NodeName string
	Realms   *Realms
	Events   int // of one realm
	Bytes    int // of one realm
}

const (
	defaultRetainedEvents = 1 << 16  // of a realm: one for each of as many devices or documents
	defaultRetainedBytes  = 32 << 20 // of a realm: each node holds them, and sends them to each node that joins
	// retainedBytesMax bounds one event, encoded: it is an element of the tables, which take 32 KiB.
	retainedBytesMax = 28 << 10
	// orphanGrace is how long an event may be without a carrier before another node carries it on: who shows its part again does so within
	// it, and no event is lost meanwhile.
	orphanGrace = int64(2 * time.Second)
)

// RetentionStats are its counters, all since its start but for the first two.
type RetentionStats struct {
	Events  int
	Bytes   int    // that they take, about
	Refused uint64 // publications that were not retained: too large, or too many are
	Adopted uint64 // events of nodes that are gone that this node carries on
}

// keeping is what is known of one event that counts.
type keeping struct {
	element string
	realm   *Realm
	nodes   broker.NodeSet // other nodes that carry it
	own     bool           // we carry it
	orphan  int64          // since when nobody does, 0: somebody does, or it has not been looked at yet
}

// retentionToken marks tokens of changes that nobody waits for; they are among the Directory's, which ignores those that it does not know.
const retentionToken = directoryToken | 1<<62

// NewRetention returns an empty one.
func NewRetention(c RetentionConfig) *Retention {
	c.Events, c.Bytes = cmp.Or(c.Events, defaultRetainedEvents), cmp.Or(c.Bytes, defaultRetainedBytes)
	return &Retention{config: c, kept: map[*broker.RetainedEvent]*keeping{}, byItem: map[string]*broker.RetainedEvent{}}
}

// Retained are the events that new subscribers of the realm may ask for. Any goroutine may call it.
func (r *Realm) Retained() *broker.Retained { return r.retained.Load() }

// Stats returns the counters.
func (t *Retention) Stats() RetentionStats { return t.stats }

// Retain takes a publication of this node that is to be kept, as a relay frame. clock is later than all that this node has seen.
func (t *Retention) Retain(realm string, publication []byte, clock uint64, out []TablesEffect) []TablesEffect {
	r := t.config.Realms.Open(realm)
	if r == nil || len(publication) > retainedBytesMax {
		t.stats.Refused++
		return out
	}
	x := Element{Realm: realm, Order: clock, Node: t.config.NodeName, Frame: string(publication)}
	e, err := x.retained()
	if err != nil {
		t.stats.Refused++
		return out
	}
	old := r.Retained().Get(e.Topic, &e.Filter)
	events, bytes := r.Retained().Len()+1, r.Retained().Bytes()+e.Size()
	if old != nil {
		events, bytes = events-1, bytes-old.Size()
	}
	if old == nil && events > t.config.Events || bytes > t.config.Bytes {
		t.stats.Refused++
		return out
	}
	element := string(AppendRetained(nil, &x))
	out = t.put(r, e, element, out)
	t.kept[e].own = true
	return t.propose(true, element, out)
}

// put lets the event count in the place of the one before it.
func (t *Retention) put(r *Realm, e *broker.RetainedEvent, element string, out []TablesEffect) []TablesEffect {
	if old := r.Retained().Get(e.Topic, &e.Filter); old != nil {
		k := t.kept[old]
		delete(t.kept, old)
		delete(t.byItem, k.element)
		t.stats.Events--
		t.stats.Bytes -= old.Size()
		if k.own {
			out = t.propose(false, k.element, out)
		}
	}
	r.retained.Store(r.Retained().With(e))
	t.kept[e] = &keeping{element: element, realm: r}
	t.byItem[element] = e
	t.stats.Events++
	t.stats.Bytes += e.Size()
	return out
}

func (t *Retention) propose(add bool, element string, out []TablesEffect) []TablesEffect {
	t.token++
	return append(out, TablesEffect{Kind: TxPropose, Token: t.token | retentionToken, Op: TableOp{Add: add, Element: element}})
}

// RemoteAdd takes an element of another node. It returns the event's clock.
func (t *Retention) RemoteAdd(node NodeSlot, element string, out []TablesEffect) ([]TablesEffect, uint64, error) {
	if e := t.byItem[element]; e != nil {
		k := t.kept[e]
		k.nodes.Add(uint8(node))
		k.orphan = 0
		return out, e.Clock, nil
	}
	x, err := ParseElement(element)
	if err != nil || x.Kind != Retained {
		return out, 0, cmp.Or(err, ErrElement)
	}
	e, err := x.retained()
	if err != nil {
		return out, 0, err
	}
	r := t.config.Realms.Open(x.Realm)
	if r == nil {
		return out, e.Clock, nil // a realm that this node does not serve
	}
	if old := r.Retained().Get(e.Topic, &e.Filter); old != nil && !e.Newer(old) {
		return out, e.Clock, nil // its carrier is about to learn of it
	}
	out = t.put(r, e, element, out)
	t.kept[e].nodes.Add(uint8(node))
	return out, e.Clock, nil
}

// RemoteRemove says that the node does not carry the element any more. The event counts on until it is replaced.
func (t *Retention) RemoteRemove(node NodeSlot, element string) {
	if e := t.byItem[element]; e != nil {
		t.drop(t.kept[e], node)
	}
}

func (t *Retention) drop(k *keeping, node NodeSlot) {
	if !k.nodes.Has(uint8(node)) {
		return
	}
	k.nodes.Remove(uint8(node))
	if k.nodes.Empty() && !k.own && t.wakeAt == 0 {
		t.wakeAt = 1
	}
}

// Away says that what the node carries is about to be told anew, or never again. It looks at all events.
func (t *Retention) Away(node NodeSlot) {
	for _, k := range t.kept {
		t.drop(k, node)
	}
}

// WakeAt is when Tick has something to do, on the clock of its argument; 0 for never.
func (t *Retention) WakeAt() int64 { return t.wakeAt }

// Tick carries events on that nobody carries any more, where this node is preferred among those with these names, which all others are to be
// reachable. It looks at all events.
func (t *Retention) Tick(now int64, others []string, out []TablesEffect) []TablesEffect {
	if t.wakeAt == 0 || now < t.wakeAt {
		return out
	}
	t.wakeAt = 0
	var due []*keeping
	for _, k := range t.kept {
		if k.own || !k.nodes.Empty() {
			continue
		}
		if k.orphan == 0 {
			k.orphan = max(now, 1)
		}
		if rounds := (now - k.orphan) / orphanGrace; int64(t.before(k.element, others)) < rounds {
			due = append(due, k)
		} else {
			t.wakeAt = now + orphanGrace
		}
	}
	slices.SortFunc(due, func(a, b *keeping) int { return strings.Compare(a.element, b.element) })
	for _, k := range due {
		k.own, k.orphan = true, 0
		t.stats.Adopted++
		out = t.propose(true, k.element, out)
	}
	return out
}

// before is how many nodes are preferred to this one. Not all of them need to know of the event: who has joined since its carrier went does
// not. So it is taken on by the first, or, a grace later each, by the second and so on.
func (t *Retention) before(element string, others []string) (n int) {
	own := broker.Prefers(t.config.NodeName, element)
	for _, name := range others {
		if broker.Prefers(name, element) > own {
			n++
		}
	}
	return n
}

// retained is the event of an element.
func (x *Element) retained() (*broker.RetainedEvent, error) {
	var f frame
	if err := f.parse(octets(x.Frame)); err != nil {
		return nil, err
	}
	if !f.kind.publishes() || string(f.realm) != x.Realm {
		return nil, errFrame
	}
	return &broker.RetainedEvent{
		Topic: text(f.uri), ID: f.id, Publisher: f.from.session, ExcludeMe: f.flags&flagExcludeMe != 0, Filter: f.filter, Body: x.Frame,
		Clock: x.Order, Node: x.Node,
	}, nil
}
