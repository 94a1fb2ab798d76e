package broker

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"kleeblatt/internal/wamp"
	"kleeblatt/internal/wamp/pattern"
)

// RetainedEvent is a publication that is kept for those who subscribe later (advanced/pubsub_event_retention.md).
type RetainedEvent struct {
	Topic     string
	ID        uint64 // of the publication
	Publisher uint64
	ExcludeMe bool // the publisher itself does not get it
	Filter    Filter
	Body      string // the rest of it, as the caller has encoded it

	// When it was retained, by a hybrid clock, and where: the greatest of both counts.
	Clock uint64
	Node  string
}

// Newer says that e takes the place of x, which has the same topic and filter.
func (e *RetainedEvent) Newer(x *RetainedEvent) bool {
	return cmp.Or(cmp.Compare(e.Clock, x.Clock), strings.Compare(e.Node, x.Node)) > 0
}

// Admits says whether that subscriber would have got the event had it been there.
func (e *RetainedEvent) Admits(session uint64, authID, authRole string) bool {
	return !(e.ExcludeMe && session == e.Publisher) && e.Filter.Admits(session, authID, authRole)
}

// retainedBytes is what an event takes beside its texts: the struct and its places in lists.
const retainedBytes = 400

// Size is what the event takes of memory, about.
func (e *RetainedEvent) Size() int { return retainedBytes + len(e.Topic) + len(e.Body) }

// Retained holds the retained events of one realm: of each topic the latest for each filter, so that who may not see the latest of all gets
// the latest that it may see (RET-04). It is immutable; nil and the zero Retained are empty. Any goroutine may read it; its edits belong to
// one owner.
type Retained struct {
	topics pattern.Map[retainedTopic]
	events int
	bytes  int
}

// retainedTopic are the events of one topic, the latest first.
type retainedTopic struct {
	topic  string
	events []*RetainedEvent
}

// Len is the number of events, Bytes what they take.
func (r *Retained) Len() int {
	if r == nil {
		return 0
	}
	return r.events
}

// Bytes is what the events take of memory, about.
func (r *Retained) Bytes() int {
	if r == nil {
		return 0
	}
	return r.bytes
}

// Get is the event of that topic with an equal filter, nil if there is none.
func (r *Retained) Get(topic string, f *Filter) *RetainedEvent {
	if r == nil {
		return nil
	}
	t := r.topics.Get(wamp.Exact, topic)
	if t == nil {
		return nil
	}
	key := f.key()
	for _, e := range t.events {
		if e.Filter.key() == key {
			return e
		}
	}
	return nil
}

// With is the Retained in which e has taken the place of the event of its topic and an equal filter. The filter of e is sorted, and e kept.
func (r *Retained) With(e *RetainedEvent) *Retained {
	e.Filter.Sort()
	out := &Retained{}
	if r != nil {
		*out = *r
	}
	next := &retainedTopic{topic: e.Topic}
	old := r.Get(e.Topic, &e.Filter)
	if t := out.topics.Get(wamp.Exact, e.Topic); t != nil {
		next.events = slices.Clone(t.events)
	}
	if old != nil {
		next.events = slices.DeleteFunc(next.events, func(x *RetainedEvent) bool { return x == old })
		out.events--
		out.bytes -= old.Size()
	}
	at := slices.IndexFunc(next.events, e.Newer)
	if at < 0 {
		at = len(next.events)
	}
	next.events = slices.Insert(next.events, at, e)
	out.events++
	out.bytes += e.Size()
	out.topics = out.topics.With(wamp.Exact, e.Topic, next)
	return out
}

// AppendFor appends what a new subscriber is to get: of each topic that the subscription matches the latest event that it would have got, by
// topic. It looks at one topic for an exact subscription, and at all topics for a pattern.
func (r *Retained) AppendFor(dst []*RetainedEvent, k Key, session uint64, authID, authRole string) []*RetainedEvent {
	if r == nil {
		return dst
	}
	if k.Match == wamp.Exact {
		return r.topics.Get(wamp.Exact, k.Topic).appendFor(dst, session, authID, authRole)
	}
	at := len(dst)
	var one pattern.Map[Key]
	one = one.With(k.Match, k.Topic, &k)
	var found [1]*Key
	for t := range r.topics.All {
		if len(one.Match([]byte(t.topic), found[:0])) > 0 {
			dst = t.appendFor(dst, session, authID, authRole)
		}
	}
	slices.SortFunc(dst[at:], func(a, b *RetainedEvent) int { return strings.Compare(a.Topic, b.Topic) })
	return dst
}

func (t *retainedTopic) appendFor(dst []*RetainedEvent, session uint64, authID, authRole string) []*RetainedEvent {
	if t == nil {
		return dst
	}
	for _, e := range t.events {
		if e.Admits(session, authID, authRole) {
			return append(dst, e)
		}
	}
	return dst
}

// All yields all events, in an order that follows from them alone. It is a range function.
func (r *Retained) All(yield func(*RetainedEvent) bool) {
	if r == nil {
		return
	}
	for t := range r.topics.All {
		for _, e := range t.events {
			if !yield(e) {
				return
			}
		}
	}
}

// key is equal for filters that admit the same subscribers by having the same lists, in whatever order.
func (f *Filter) key() string {
	if f.Has == 0 {
		return ""
	}
	b := []byte{byte(f.Has)}
	for _, l := range [...][]uint64{f.Exclude, f.Eligible} {
		l = slices.Clone(l)
		slices.Sort(l)
		b = binary.AppendUvarint(b, uint64(len(l)))
		for _, id := range l {
			b = binary.AppendUvarint(b, id)
		}
	}
	for _, l := range [...][][]byte{f.ExcludeAuthID, f.ExcludeAuthRole, f.EligibleAuthID, f.EligibleAuthRole} {
		l = slices.Clone(l)
		slices.SortFunc(l, bytes.Compare)
		b = binary.AppendUvarint(b, uint64(len(l)))
		for _, t := range l {
			b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
		}
	}
	return string(b)
}

// Prefers says how much a node is preferred to keep something: of several nodes that know of each other the one with the highest number
// (rendezvous hashing). Each node comes to the same result by itself, and a node that goes or comes changes as little as can be.
func Prefers(node, what string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, s := range [...]string{what, "\x00", node} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9 // the finalizer of splitmix64: names differ in their last letters
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
