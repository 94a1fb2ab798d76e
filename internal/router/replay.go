package router

import (
	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

const (
	// replayMax and replayBytesMax bound the retained events that one SUBSCRIBE brings: a quarter of an outbox. The others are counted.
	replayMax      = 4096
	replayBytesMax = 2 << 20
	// replayedMax bounds the events that are remembered to have been replayed: those that are also on their way as live ones, which takes
	// them milliseconds.
	replayedMax = 1 << 14
)

// replayed remembers which retained events new subscribers were given, so that the same event does not come a second time when its live
// copy arrives (P15): the tables' news are ahead of it.
type replayed struct {
	known map[replayKey]struct{}
	ring  []replayKey // the oldest at next, once it is full
	next  int
}

type replayKey struct{ session, subscription, publication uint64 }

func (r *replayed) note(k replayKey) {
	if _, known := r.known[k]; known {
		return
	}
	if r.known == nil {
		r.known = map[replayKey]struct{}{}
	}
	if len(r.ring) < replayedMax {
		r.ring = append(r.ring, k)
	} else {
		delete(r.known, r.ring[r.next])
		r.ring[r.next] = k
		r.next = (r.next + 1) % replayedMax
	}
	r.known[k] = struct{}{}
}

// wasReplayed says that the session has been given this publication as a retained event of the subscription.
func (w *Worker) wasReplayed(slot uint32, subscription, publication uint64) bool {
	if len(w.replayed.known) == 0 {
		return false
	}
	_, known := w.replayed.known[replayKey{w.sessions[slot].id, subscription, publication}]
	return known
}

// replay gives a new subscriber the retained events that it would have got, behind SUBSCRIBED (RET-07).
func (w *Worker) replay(slot uint32, id uint64) {
	sub := w.topics[id]
	s := &w.sessions[slot]
	w.retained = sub.realm.Retained().AppendFor(w.retained[:0], broker.Key{Match: sub.match, Topic: sub.topic}, s.id, s.authID, s.authRole)
	start := len(w.arena)
	for i, e := range w.retained {
		if i >= replayMax || len(w.arena)-start > replayBytesMax {
			w.stats.RetainedCut += uint64(len(w.retained) - i)
			break
		}
		w.replayed.note(replayKey{s.id, id, e.ID})
		w.sendRetained(slot, id, sub.match, e)
	}
	clear(w.retained)
}

func (w *Worker) sendRetained(slot uint32, id uint64, match wamp.Match, e *broker.RetainedEvent) {
	f, r := &w.last, &w.receivers[slot]
	if f.parse(octets(e.Body)) != nil {
		w.stats.BadFrames++
		return
	}
	p, pass, err := w.carryAll(f, r.serializer)
	if err != nil {
		w.stats.EventsUncarriable++
		return
	}
	w.describeEvent(f, match)
	w.event.Retained, w.event.Pass = true, pass
	at := len(w.arena)
	w.arena = codec.AppendEvent(w.arena, r.serializer, id, f.id, &w.event, p)
	if uint64(len(w.arena)-at) > uint64(r.maxMessage) {
		w.arena = w.arena[:at]
		w.stats.EventsTooLarge++
		return
	}
	w.stats.Events++
	w.send(slot, at, false)
}

// retain has a publication kept for those who subscribe later.
func (w *Worker) retain(f *frame, realm *Realm) {
	w.proposeSession(Op{Kind: OpRetain, Realm: realm.Name, Session: f.from.session, Element: string(w.encode(f))})
}
