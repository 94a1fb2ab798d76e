package chaos

import (
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/codec"
)

// The toy's meta events, and what may be wrong with them.

func (t *toy) joined(e *toyEnd) {
	switch {
	case t.flaw == "no on_join" && t.rnd.IntN(10) == 0:
		return
	case t.flaw == "on_join twice" && t.rnd.IntN(10) == 0:
		t.tellOf(topicJoin, e.id, e)
	case t.flaw == "on_join of nobody":
		t.tellOf(topicJoin, e.id+1<<40, e)
	case t.flaw == "on_join of oneself":
		e = nil
		t.tellOf(topicJoin, t.ends[0].id, e)
		return
	case t.flaw == "on_join after the end" && t.rnd.IntN(10) == 0:
		id := e.id
		t.later(30*time.Second, func() { t.tellOf(topicJoin, id, nil) })
		return
	}
	t.tellOf(topicJoin, e.id, e)
	if t.flaw == "on_leave of the living" && t.rnd.IntN(10) == 0 {
		t.tellOf(topicLeave, e.id, e)
	}
}

func (t *toy) left(e *toyEnd) {
	switch {
	case t.flaw == "no on_leave" && t.rnd.IntN(10) == 0:
		return
	case t.flaw == "on_leave twice" && t.rnd.IntN(10) == 0:
		t.tellOf(topicLeave, e.id, e)
	}
	t.tellOf(topicLeave, e.id, e)
}

// tellOf publishes to all but the session that it is about.
func (t *toy) tellOf(topic string, session uint64, about *toyEnd) {
	t.publics++
	id := t.publics
	for _, o := range t.ends {
		if !o.open || o.gone || o == about {
			continue
		}
		for _, sub := range o.order {
			if o.subs[sub].uri != topic {
				continue
			}
			if t.flaw == "ids of meta events differ" {
				t.publics++
				id = t.publics
			}
			args := []any{session, "who", "role"}
			if topic == topicJoin {
				args = []any{codec.Dict{{Key: "authid", Value: "who"}, {Key: "session", Value: session}}}
			}
			_, p := codec.AppendPayload(nil, o.s.serializer, args, nil)
			o.tell(codec.AppendEvent(nil, o.s.serializer, sub, id, &codec.EventDetails{}, p))
		}
	}
}

// TestWatchersFindEachFlaw: what is wrong with meta events is found out, by what says so.
func TestWatchersFindEachFlaw(t *testing.T) {
	for _, c := range []struct{ flaw, rule, text string }{
		{"no on_join", ruleBrackets, "was never told that"},
		{"no on_join", ruleBrackets, "and never that it had joined"},
		{"no on_leave", ruleBrackets, "still believes in"},
		{"on_join twice", ruleBrackets, "told twice that session"},
		{"on_leave twice", ruleBrackets, "told twice that session"},
		{"on_join of nobody", ruleBrackets, "sessions that are nobody's"},
		{"on_join of oneself", "exclusion", "told of itself"},
		{"on_join after the end", ruleBrackets, "which was over at"},
		{"on_leave of the living", ruleBrackets, "whose node was not given up"},
		{"on_leave of the living", ruleBrackets, "which is there"},
		{"ids of meta events differ", "ids are unique", "of session"},
	} {
		t.Run(c.flaw+", "+c.text, func(t *testing.T) {
			for seed := range uint64(5) {
				for _, v := range play(seed, c.flaw).violations {
					if v.rule == c.rule && strings.Contains(v.text, c.text) {
						return
					}
				}
			}
			t.Errorf("not found by %q", c.rule)
		})
	}
}
