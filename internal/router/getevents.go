package router

import (
	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// readEvents reads the id of a subscription, and of the keywords what is asked of its history.
func readEvents(q *Ask, args []any, kwargs codec.Dict) (err, text string) {
	if err, text = readID(q, args, nil); err != "" {
		return err, text
	}
	h := &q.History
	for i := range kwargs {
		if v := kwargs[i].Value; v != nil && !readEventsOption(h, kwargs[i].Key, v) {
			return wamp.ErrInvalidArgument, kwargs[i].Key + " is not what it has to be"
		}
	}
	return "", ""
}

// readEventsOption reads one of the keywords; those that are not known are passed over.
func readEventsOption(h *broker.HistoryQuery, key string, v any) (ok bool) {
	id := map[string]*uint64{
		"from_publication": &h.FromID, "after_publication": &h.AfterID, "before_publication": &h.BeforeID, "until_publication": &h.UntilID,
	}[key]
	at := map[string]*int64{"from_time": &h.From, "after_time": &h.After, "before_time": &h.Before, "until_time": &h.Until}[key]
	switch {
	case id != nil:
		*id, ok = v.(uint64)
		return ok && wamp.ValidID(*id)
	case at != nil:
		text, _ := v.(string)
		n, read := parseTime(text)
		*at = max(n, 1)
		return read
	case key == "reverse":
		h.Reverse, ok = v.(bool)
		return ok
	case key == "limit": // EVH-04
		n, isNumber := v.(uint64)
		h.Limit = int(min(n, 1<<30))
		return isNumber && n > 0
	case key == "topic":
		h.Topic, ok = v.(string)
		return ok
	}
	return true
}

// HistoryOf is the history that is asked for, nil where the subscription has none.
func (r *Realms) HistoryOf(q *Ask) *History {
	if realm := r.Get(q.Realm); realm != nil {
		return realm.historyOf(q.ID)
	}
	return nil
}

// Events is the answer, given what the keepers have: the events are its arguments. t is the caller's.
func (q *Ask) Events(h *History, events []*broker.HistoryEvent, t *codec.Transcoder) Answer {
	list := []any{}
	for _, e := range q.History.Select(events) {
		if d := q.event(h, e, t); d != nil {
			list = append(list, d)
		}
	}
	_, p := codec.AppendPayload(nil, q.Serializer, list, nil)
	if len(p.Raw) > int(q.BytesMax) {
		return Answer{Err: wamp.ErrPayloadSizeExceeded, Text: "there are more events than fit in a message: ask for fewer by limit"}
	}
	return Answer{Payload: p}
}

// event is one event as the caller gets it, nil where its serializer cannot say it.
func (q *Ask) event(h *History, e *broker.HistoryEvent, t *codec.Transcoder) codec.Dict {
	var f frame
	if f.parse(octets(e.Body)) != nil {
		return nil
	}
	p := f.payload
	if f.serializer != q.Serializer && p.N > 0 {
		b, err := t.Payload(nil, f.serializer, q.Serializer, p)
		if err != nil {
			return nil
		}
		p = codec.Payload{N: p.N, Raw: b}
	}
	details := codec.Dict{}
	if h.Match != wamp.Exact {
		details = append(details, codec.Pair{Key: "topic", Value: e.Topic})
	}
	if f.flags&flagDisclose != 0 {
		details = append(details, codec.Pair{Key: "publisher", Value: f.from.session},
			codec.Pair{Key: "publisher_authid", Value: string(f.from.authID)}, codec.Pair{Key: "publisher_authrole", Value: string(f.from.authRole)})
	}
	d := codec.Dict{
		{Key: "timestamp", Value: timeText(e.At)}, {Key: "subscription", Value: q.ID}, {Key: "publication", Value: e.ID}, {Key: "details", Value: details},
	}
	args, kwargs := codec.Halves(q.Serializer, p)
	if args != nil {
		d = append(d, codec.Pair{Key: "args", Value: args})
	}
	if kwargs != nil {
		d = append(d, codec.Pair{Key: "kwargs", Value: kwargs})
	}
	return d
}
