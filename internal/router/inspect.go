package router

import (
	"bytes"

	"kleeblatt/broker"
	"kleeblatt/internal/wamp"
)

// What checks of a whole node look at.

// Publication reads of a relay frame which publication it is; false where it is none.
func Publication(b []byte) (id uint64, ok bool) {
	var f frame
	if !IsEvent(b) || f.parse(b) != nil {
		return 0, false
	}
	return f.id, true
}

// Owed counts the EVENTs that the worker owes its sessions for a publication that comes in a relay frame: one for each subscription that matches
// the topic, where the publication's lists admit the session. It walks over all sessions and all that they hold, and compares component by
// component. 0 for other frames.
func (w *Worker) Owed(b []byte) (n int) {
	var f frame
	if !IsEvent(b) || f.parse(b) != nil {
		return 0
	}
	for slot := range w.sessions {
		s := &w.sessions[slot]
		if s.state != stateOpen || s.realm.Name != string(f.realm) || f.filter.Has != 0 && !w.admits(&f, uint32(slot)) {
			continue
		}
		w.local.EachHeld(broker.Slot(slot), func(id uint64) bool {
			if t := w.topics[id]; t.covers(f.uri) {
				n++
			}
			return true
		})
	}
	return n
}

// covers says whether the subscription's topic covers a URI.
func (t *subscription) covers(uri []byte) bool {
	switch t.match {
	case wamp.Prefix:
		return bytes.HasPrefix(uri, []byte(t.topic))
	case wamp.Wildcard:
		want, got := bytes.Split([]byte(t.topic), []byte(".")), bytes.Split(uri, []byte("."))
		for i := range want {
			if len(want) != len(got) || len(want[i]) > 0 && !bytes.Equal(want[i], got[i]) {
				return false
			}
		}
		return true
	}
	return string(uri) == t.topic
}
