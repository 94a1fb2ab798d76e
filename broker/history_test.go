package broker

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func namesOf(events []*HistoryEvent) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%d ", e.ID)
	}
	return strings.TrimSpace(b.String())
}

// The twin of a history is the list of all events, of which the last ones that fit are looked at.
func TestHistoryKeepsTheLatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := History{EventsMax: rapid.IntRange(1, 10).Draw(t, "events"), BytesMax: rapid.IntRange(0, 8000).Draw(t, "bytes")}
		var all []*HistoryEvent
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			e := &HistoryEvent{ID: rapid.Uint64Range(1, 40).Draw(t, "id"), Body: strings.Repeat("x", rapid.IntRange(0, 1000).Draw(t, "size"))}
			if slices.ContainsFunc(h.Events(), func(x *HistoryEvent) bool { return x.ID == e.ID }) {
				h.Add(e)
				continue
			}
			h.Add(e)
			all = append(all, e)
		}
		want, bytes := []*HistoryEvent{}, 0
		for i := len(all) - 1; i >= 0 && len(want) < h.EventsMax; i-- {
			if bytes += all[i].size(); bytes > h.BytesMax {
				break
			}
			want = slices.Insert(want, 0, all[i])
		}
		// One large event makes room by itself, so that there may be fewer.
		if got := h.Events(); len(got) > len(want) || !slices.Equal(got, want[len(want)-len(got):]) || len(h.known) != len(got) {
			t.Fatalf("%s, not %s", namesOf(got), namesOf(want))
		}
	})
}

// Two keepers that have each missed some of one sequence: merged it is in its order, each event once, whoever asks whom.
func TestMergedHistoriesKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all, a, b []*HistoryEvent
		var either []*HistoryEvent
		for i := range rapid.IntRange(0, 30).Draw(t, "n") {
			e := &HistoryEvent{ID: uint64(i + 1)}
			all = append(all, e)
			who := rapid.IntRange(0, 7).Draw(t, "who") // both, most of the time
			if who != 1 {
				a = append(a, e)
			}
			if who != 2 {
				b = append(b, e)
			}
		}
		for _, m := range [][]*HistoryEvent{MergeHistories(a, b), MergeHistories(b, a)} {
			ids := map[uint64]bool{}
			for _, e := range m {
				ids[e.ID] = true
			}
			if len(m) != len(all) || len(ids) != len(all) {
				t.Fatalf("%s of %s", namesOf(m), namesOf(all))
			}
			for _, part := range [][]*HistoryEvent{a, b} {
				either = slices.DeleteFunc(slices.Clone(m), func(e *HistoryEvent) bool { return !slices.Contains(part, e) })
				if !slices.Equal(either, part) {
					t.Fatalf("%s disturbs %s", namesOf(m), namesOf(part))
				}
			}
		}
	})
}

// Whatever two keepers have, each event comes once.
func TestMergedHistoriesOfAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.Custom(func(t *rapid.T) (l []*HistoryEvent) {
			for _, id := range rapid.SliceOfN(rapid.Uint64Range(1, 12), 0, 12).Draw(t, "ids") {
				l = append(l, &HistoryEvent{ID: id})
			}
			return l
		})
		h := History{EventsMax: 100, BytesMax: 1 << 20}
		for _, e := range some.Draw(t, "own") {
			h.Add(e)
		}
		want := map[uint64]bool{}
		for _, e := range h.Events() {
			want[e.ID] = true
		}
		others := some.Draw(t, "others")
		for _, e := range others {
			want[e.ID] = true
		}
		h.Merge(others)
		if len(h.Events()) != len(want) || len(h.known) != len(want) {
			t.Fatalf("%s", namesOf(h.Events()))
		}
	})
}

func TestHistoryQueries(t *testing.T) {
	var events []*HistoryEvent
	for i, id := range []uint64{50, 20, 90, 10, 70} { // ids are random: their place counts
		e := &HistoryEvent{ID: id, At: int64(i+1) * 10, Topic: "odd"}
		if i%2 == 1 {
			e.Topic = "even"
		}
		events = append(events, e)
	}
	events[2].Filter = Filter{Has: HasEligibleAuthRole, EligibleAuthRole: [][]byte{[]byte("admin")}}
	ms := int64(1_000_000)
	for _, c := range []struct {
		q    HistoryQuery
		want string
	}{
		{HistoryQuery{AuthRole: "admin"}, "50 20 90 10 70"},
		{HistoryQuery{}, "50 20 10 70"}, // EVH-11
		{HistoryQuery{Reverse: true}, "70 10 20 50"},
		{HistoryQuery{Limit: 2}, "50 20"},
		{HistoryQuery{Limit: 2, Reverse: true}, "70 10"},
		{HistoryQuery{From: 20 * ms}, "20 10 70"},
		{HistoryQuery{After: 20 * ms}, "10 70"},
		{HistoryQuery{Before: 20 * ms}, "50"},
		{HistoryQuery{Until: 20 * ms}, "50 20"},
		{HistoryQuery{Until: 20*ms + 1}, "50 20"},
		{HistoryQuery{From: 20*ms + 1}, "10 70"},
		{HistoryQuery{FromID: 10}, "10 70"},
		{HistoryQuery{AfterID: 10}, "70"},
		{HistoryQuery{BeforeID: 10}, "50 20"},
		{HistoryQuery{UntilID: 10}, "50 20 10"},
		{HistoryQuery{FromID: 20, UntilID: 10}, "20 10"},
		{HistoryQuery{AfterID: 20, BeforeID: 70, AuthRole: "admin"}, "90 10"},
		{HistoryQuery{FromID: 10, UntilID: 20}, ""},
		{HistoryQuery{AfterID: 7}, "50 20 10 70"},
		{HistoryQuery{Topic: "even"}, "20 10"},
		{HistoryQuery{Topic: "even", Limit: 1, Reverse: true, Before: 40 * ms}, "20"},
		{HistoryQuery{Topic: "none"}, ""},
	} {
		if got := namesOf(c.q.Select(events)); got != c.want {
			t.Errorf("%+v: %s, not %s", c.q, got, c.want)
		}
	}
}
