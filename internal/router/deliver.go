package router

import (
	"math"

	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// delivery is one EVENT that is the same for all of its receivers: one subscription, one serializer.
type delivery struct {
	entry      *broker.Entry
	from, to   int    // its receivers in the worker's group of the serializer
	limit      uint32 // the least of what they take, bytes
	serializer wamp.Serializer
}

// deliver sends f to this worker's receivers: gathers them, makes sure that every serializer among them can say the payload, and
// encodes each EVENT once. The publisher is this worker's session in slot, or noSlot and lives on node.
//
// An error means that some receiver's serializer cannot carry the payload; nobody has got anything then. It is told to a publisher of
// this worker; for one elsewhere those receivers are left out and counted.
func (w *Worker) deliver(f *frame, to *matches, slot uint32, node NodeSlot) error {
	w.deliveries = w.deliveries[:0]
	for _, e := range to.entries {
		if e.Workers&w.me != 0 {
			w.gather(f, e, slot, node)
		}
	}
	var payloads [wamp.SerializerBound]codec.Payload
	var passes [wamp.SerializerBound]codec.Pass
	for s := wamp.JSON; s < wamp.SerializerBound; s++ {
		if s != f.serializer && len(w.groups[s]) == 0 {
			continue
		}
		var err error
		if payloads[s], passes[s], err = w.carryAll(f, s); err != nil {
			if slot != noSlot {
				return err
			}
			w.leaveOut(s)
		}
	}
	for i := range w.deliveries {
		if d := &w.deliveries[i]; d.serializer != 0 {
			w.sendEvents(f, d, passes[d.serializer], payloads[d.serializer])
		}
	}
	if len(w.keptByID) > 0 {
		w.record(f, to.entries)
	}
	return nil
}

// gather appends the entry's receivers of this worker to the groups of their serializers.
func (w *Worker) gather(f *frame, e *broker.Entry, slot uint32, node NodeSlot) {
	skip := slot
	if f.flags&flagExcludeMe == 0 {
		skip = noSlot
	}
	var start [wamp.SerializerBound]int
	var limit [wamp.SerializerBound]uint32
	for s := range start {
		start[s] = len(w.groups[s])
		limit[s] = math.MaxUint32
	}
	filtered, retain := f.filter.Has != 0, f.flags&flagRetain != 0
	for _, at := range w.local.Subscribers(e.ID) {
		if uint32(at) == skip || uint32(at) >= uint32(len(w.receivers)) {
			continue
		}
		r := &w.receivers[at]
		if filtered && !w.admits(f, uint32(at)) {
			continue
		}
		if retain && w.wasReplayed(uint32(at), e.ID, f.id) {
			continue
		}
		if r.flags != 0 {
			w.hold(uint32(at), f, slot, node)
		}
		s := r.serializer
		w.groups[s] = append(w.groups[s], r.conn)
		limit[s] = min(limit[s], r.maxMessage)
	}
	for s := wamp.JSON; s < wamp.SerializerBound; s++ {
		if n := len(w.groups[s]); n > start[s] {
			w.deliveries = append(w.deliveries, delivery{entry: e, from: start[s], to: n, limit: limit[s], serializer: s})
		}
	}
}

// admits applies the publication's lists where the receiver's identity is known (BWL-09).
func (w *Worker) admits(f *frame, slot uint32) bool {
	s := &w.sessions[slot]
	return f.filter.Admits(s.id, s.authID, s.authRole)
}

// leaveOut drops the deliveries of a serializer that cannot say the payload.
func (w *Worker) leaveOut(s wamp.Serializer) {
	for i := range w.deliveries {
		if d := &w.deliveries[i]; d.serializer == s {
			w.stats.EventsUncarriable += uint64(d.to - d.from)
			d.serializer = 0
		}
	}
}

// carry is the payload in the serializer that it is to go to; it lives until the next payload is carried there.
func (w *Worker) carry(from, to wamp.Serializer, p codec.Payload) (codec.Payload, error) {
	if from == to || p.N == 0 {
		return p, nil
	}
	b, err := w.transcoder.Payload(w.transcoded[to][:0], from, to, p)
	if err != nil {
		return codec.Payload{}, err
	}
	w.transcoded[to] = b
	return codec.Payload{N: p.N, Raw: b}, nil
}

// sendEvents encodes one EVENT and fans it out.
func (w *Worker) sendEvents(f *frame, d *delivery, pass codec.Pass, p codec.Payload) {
	w.describeEvent(f, d.entry.Match)
	w.event.Pass = pass
	at := len(w.arena)
	w.arena = codec.AppendEvent(w.arena, d.serializer, d.entry.ID, f.id, &w.event, p)
	body := w.arena[at:len(w.arena):len(w.arena)]
	conns := w.groups[d.serializer][d.from:d.to:d.to]
	if uint64(len(body)) > uint64(d.limit) {
		conns = w.ableToTake(conns, len(body))
	}
	if len(conns) == 0 {
		return
	}
	w.stats.Events += uint64(len(conns))
	w.stats.Sent += uint64(len(conns))
	w.emit(Effect{Kind: FxFanout, Conns: conns, Bytes: body})
}

// describeEvent fills w.event with what an EVENT for a subscription of that policy says of the publication.
func (w *Worker) describeEvent(f *frame, match wamp.Match) {
	w.event = codec.EventDetails{Trust: uint64(f.from.trust)}
	if match != wamp.Exact { // PBS-06
		w.event.Topic = f.uri
	}
	if f.flags&flagDisclose != 0 {
		w.event.Publisher = f.from.session
		w.event.PublisherAuthID, w.event.PublisherAuthRole = text(f.from.authID), text(f.from.authRole)
	}
}

// ableToTake keeps, in place, the connections whose other end takes a message of that size (PUB-09).
func (w *Worker) ableToTake(conns []Conn, size int) []Conn {
	kept := conns[:0]
	for _, c := range conns {
		slot, ok := w.byConn.get(uint64(c))
		if ok && uint64(size) <= uint64(w.receivers[slot].maxMessage) {
			kept = append(kept, c)
		} else {
			w.stats.EventsTooLarge++
		}
	}
	return kept
}
