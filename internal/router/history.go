package router

import (
	"time"

	"kleeblatt/broker"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"

	"github.com/tinylib/msgp/msgp"
)

// Event history (advanced/pubsub_event_history.md): of each subscription that the configuration names, historyKeepers nodes hold the latest
// events. On a keeper worker 0, which the home loop steps, is a subscriber of it: so events come there as to anybody, the index tells the other
// nodes of it, and the subscription is there before it has a subscriber (EVH-14). Which nodes keep what the home loop says (InHistory); it asks
// them for what they have, and merges that.

// History is one subscription whose events are kept. A zero bound means its default.
type History struct {
	Match  wamp.Match
	Topic  string
	Events int
	Bytes  int
}

const (
	defaultHistoryEvents = 1000    // a screen's scrolling back, and some
	defaultHistoryBytes  = 1 << 20 // of one subscription: what a keeper sends when it is asked
	// historyBytesMax is the most that Bytes may be: an answer fits a frame of the link.
	historyBytesMax = 8 << 20
	// historyEventMax bounds one event, encoded. A larger one is delivered, and not kept.
	historyEventMax = 256 << 10
)

// WithDefaults is h with its bounds.
func (h History) WithDefaults() History {
	if h.Events == 0 {
		h.Events = defaultHistoryEvents
	}
	if h.Bytes == 0 {
		h.Bytes = defaultHistoryBytes
	}
	h.Bytes = min(h.Bytes, historyBytesMax)
	return h
}

// Levels of InHistory.
const (
	HistoryDrop  uint8 = iota // forget what is kept
	HistoryKeep               // keep what comes
	HistoryLapse              // nothing more comes: others keep it
)

// historyKey names a history on its worker.
type historyKey struct {
	realm *Realm
	match wamp.Match
	topic string
}

// keptHistory is a history on its keeper.
type keptHistory struct {
	broker.History
	id    uint64 // of the subscription, 0: the tables have not answered yet
	keeps bool
}

func (k historyKey) proposal() proposalKey { return proposalKey{k.realm.index, k.match, k.topic} }

// onHistory begins to keep, or stops.
func (w *Worker) onHistory(in *Input) {
	realm := w.config.Realms.Get(in.Realm)
	if realm == nil {
		return
	}
	h := in.History.WithDefaults()
	k := historyKey{realm, h.Match, h.Topic}
	x := w.histories[k]
	if in.Level != HistoryKeep {
		if x != nil && x.keeps {
			x.keeps = false
			w.stopKeeping(x)
		}
		if in.Level == HistoryDrop {
			delete(w.histories, k)
		}
		return
	}
	if x == nil {
		x = &keptHistory{}
		w.histories[k] = x
	}
	x.EventsMax, x.BytesMax = h.Events, h.Bytes
	if x.keeps {
		return
	}
	x.keeps = true
	p := w.proposals.open(k.proposal(), Op{Kind: OpSubscribe, Realm: realm.Name, Match: h.Match, URI: h.Topic})
	p.history = x
	w.propose(p.op, p.token)
}

// keepingApplied is called when the tables have answered: events come from now on.
func (w *Worker) keepingApplied(x *keptHistory, id uint64) {
	if x.keeps {
		x.id = id
		w.keptByID[id] = x
	}
}

func (w *Worker) stopKeeping(x *keptHistory) {
	id := x.id
	x.id = 0
	delete(w.keptByID, id)
	if id != 0 && w.local.Count(id) == 0 {
		w.unsubscribed(id)
	}
}

// record notes a publication for the histories of the subscriptions that it matches. What was for or not for certain sessions is not kept
// (EVH-10): they are not there when it is asked for.
func (w *Worker) record(f *frame, entries []*broker.Entry) {
	if f.filter.Has&(broker.HasExclude|broker.HasEligible) != 0 {
		return
	}
	var e *broker.HistoryEvent
	for _, entry := range entries {
		x := w.keptByID[entry.ID]
		if x == nil {
			continue
		}
		if e == nil {
			body := appendFrame(nil, f)
			if len(body) > historyEventMax {
				w.stats.HistoryTooLarge++
				return
			}
			e = historyEvent(w.config.Epoch+w.now/int64(time.Millisecond), string(body))
		}
		x.Add(e)
	}
}

// historyEvent is the event of a relay frame, nil where it is none.
func historyEvent(at int64, body string) *broker.HistoryEvent {
	var f frame
	if err := f.parse(octets(body)); err != nil || !f.kind.publishes() {
		return nil
	}
	f.filter.Sort()
	return &broker.HistoryEvent{ID: f.id, At: at, Topic: text(f.uri), Filter: f.filter, Body: body}
}

// AppendHistory appends what this worker keeps of a history, for another keeper or for who asks: ParseHistory reads it.
func (w *Worker) AppendHistory(dst []byte, realm string, h *History) []byte {
	r := w.config.Realms.Get(realm)
	if r == nil {
		return dst
	}
	x := w.histories[historyKey{r, h.Match, h.Topic}]
	if x == nil {
		return dst
	}
	for _, e := range x.Events() {
		dst = msgp.AppendInt64(dst, e.At)
		dst = msgp.AppendString(dst, e.Body)
	}
	return dst
}

// MergeHistory takes in what another keeper has.
func (w *Worker) MergeHistory(realm string, h *History, events []*broker.HistoryEvent) {
	if r := w.config.Realms.Get(realm); r != nil {
		if x := w.histories[historyKey{r, h.Match, h.Topic}]; x != nil {
			x.Merge(events)
		}
	}
}

// ParseHistory reads what AppendHistory has written, as far as it can be read. Nothing of b is kept.
func ParseHistory(b []byte) (events []*broker.HistoryEvent) {
	for len(b) > 0 {
		at, rest, err := msgp.ReadInt64Bytes(b)
		if err != nil {
			return events
		}
		var body string
		if body, b, err = msgp.ReadStringBytes(rest); err != nil {
			return events
		}
		if e := historyEvent(at, body); e != nil {
			events = append(events, e)
		}
	}
	return events
}

// AppendHistoryName appends which history is asked for, ParseHistoryName reads it.
func AppendHistoryName(dst []byte, realm string, h *History) []byte {
	dst = msgp.AppendString(dst, realm)
	dst = msgp.AppendUint64(dst, uint64(h.Match))
	return msgp.AppendString(dst, h.Topic)
}

// ParseHistoryName reads what AppendHistoryName has written.
func ParseHistoryName(b []byte) (realm string, h History, ok bool) {
	r := frameReader{b: b}
	realm = string(r.text())
	h.Match = wamp.Match(r.num(uint64(wamp.Wildcard)))
	h.Topic = string(r.text())
	return realm, h, !r.bad && len(r.b) == 0
}

// historyOf is the history of a subscription of the realm.
func (r *Realm) historyOf(subscription uint64) *History {
	index := r.Cell.Load().Broker
	for i := range r.Histories {
		h := &r.Histories[i]
		if e := index.Get(broker.Key{Match: h.Match, Topic: h.Topic}); e != nil && e.ID == subscription {
			return h
		}
	}
	return nil
}

// mayRead says whether the session may read the history that it asks for: whether it may subscribe to it (EVH-12), as authorized does.
func (w *Worker) mayRead(slot uint32, m *codec.Message) bool {
	ser := w.receivers[slot].serializer
	if len(m.Payload.Raw) > askBytesMax {
		return true // it is refused for that
	}
	var q Ask
	args, _ := codec.ReadPayload(ser, m.Payload)
	if err, _ := readID(&q, args, nil); err != "" {
		return true
	}
	h := w.sessions[slot].realm.historyOf(q.ID)
	if h == nil {
		return true
	}
	topic := codec.Message{Type: m.Type, Request: m.Request, URI: octets(h.Topic)}
	_, may := w.authorized(slot, auth.Subscribe, h.Match, &topic)
	return may
}
