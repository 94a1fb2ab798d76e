package broker

import (
	"math"
	"slices"
)

// HistoryEvent is one publication of a subscription with a history (advanced/pubsub_event_history.md).
type HistoryEvent struct {
	ID     uint64 // of the publication
	At     int64  // when it arrived, wall-clock milliseconds
	Topic  string
	Filter Filter // its lists of authids and authroles
	Body   string // the rest of it, as the caller has encoded it
}

// historyEventBytes is what an event takes beside its texts: the struct and its places in lists.
const historyEventBytes = 400

func (e *HistoryEvent) size() int { return historyEventBytes + len(e.Topic) + len(e.Body) }

// History holds the latest events of one subscription, in the order in which they arrived. Above a bound the oldest go.
type History struct {
	EventsMax, BytesMax int

	events []*HistoryEvent
	known  map[uint64]struct{}
	bytes  int
}

// Events are the events, the oldest first. The slice is valid until the next change, the events never change.
func (h *History) Events() []*HistoryEvent { return h.events }

// Add appends an event, unless it is there already. It keeps e.
func (h *History) Add(e *HistoryEvent) {
	if _, known := h.known[e.ID]; known {
		return
	}
	if h.known == nil {
		h.known = map[uint64]struct{}{}
	}
	h.known[e.ID] = struct{}{}
	h.events = append(h.events, e)
	h.bytes += e.size()
	h.shrink()
}

// Merge takes in what another keeper of the same subscription has.
func (h *History) Merge(others []*HistoryEvent) {
	h.events = MergeHistories(h.events, others)
	h.bytes, h.known = 0, make(map[uint64]struct{}, len(h.events))
	for _, e := range h.events {
		h.known[e.ID] = struct{}{}
		h.bytes += e.size()
	}
	h.shrink()
}

func (h *History) shrink() {
	n := 0
	for ; n < len(h.events) && (len(h.events)-n > h.EventsMax || h.bytes > h.BytesMax); n++ {
		e := h.events[n]
		h.bytes -= e.size()
		delete(h.known, e.ID)
		h.events[n] = nil
	}
	h.events = h.events[n:]
}

// MergeHistories is what two keepers have, each event once. What both have stands in a's order; what only b has stands before the next that
// both have, so that neither's order is disturbed. Clocks are not looked at: they differ.
func MergeHistories(a, b []*HistoryEvent) []*HistoryEvent {
	at := make(map[uint64]int, len(a))
	for i, e := range a {
		at[e.ID] = i
	}
	out := make([]*HistoryEvent, 0, max(len(a), len(b)))
	next, seen := 0, map[uint64]struct{}{} // a[:next] is in out
	for _, e := range b {
		i, both := at[e.ID]
		if _, twice := seen[e.ID]; twice {
			continue
		}
		seen[e.ID] = struct{}{}
		switch {
		case !both:
			out = append(out, e)
		case i >= next:
			out = append(out, a[next:i+1]...)
			next = i + 1
		}
	}
	return append(out, a[next:]...)
}

// HistoryQuery is what is asked of a history; all that is given has to hold (EVH-08). The zero HistoryQuery asks for all. Times are wall-clock
// nanoseconds, 0 for none; ids are publications', 0 for none, and count by their place in the history.
type HistoryQuery struct {
	Reverse                            bool
	Limit                              int
	From, After, Before, Until         int64
	FromID, AfterID, BeforeID, UntilID uint64
	Topic                              string

	Session          uint64 // who asks
	AuthID, AuthRole string
}

// Select are the events that are asked for, in the order that is asked for. A publication that is not there (any more) bounds nothing.
func (q *HistoryQuery) Select(events []*HistoryEvent) (out []*HistoryEvent) {
	from, until := 0, len(events)
	for i, e := range events {
		switch e.ID {
		case q.FromID:
			from = max(from, i)
		case q.AfterID:
			from = max(from, i+1)
		}
		switch e.ID {
		case q.UntilID:
			until = min(until, i+1)
		case q.BeforeID:
			until = min(until, i)
		}
	}
	for i := from; i < until; i++ {
		if e := events[i]; q.admits(e) {
			out = append(out, e)
		}
	}
	if q.Reverse {
		slices.Reverse(out)
	}
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}

func (q *HistoryQuery) admits(e *HistoryEvent) bool {
	at := nanos(e.At)
	switch {
	case q.Topic != "" && e.Topic != q.Topic,
		q.From != 0 && at < q.From, q.After != 0 && at <= q.After,
		q.Before != 0 && at >= q.Before, q.Until != 0 && at > q.Until:
		return false
	}
	return e.Filter.Admits(q.Session, q.AuthID, q.AuthRole)
}

func nanos(millis int64) int64 {
	return max(min(millis, math.MaxInt64/1_000_000), math.MinInt64/1_000_000) * 1_000_000
}
