package broker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/internal/wamp"
)

// The twin keeps all events that were ever retained, and finds the latest of each topic by looking at all.
func TestRetainedAgainstAListOfAll(t *testing.T) {
	topics := []string{"a", "a.b", "a.b.c", "b", "b.b.c"}
	roles := []string{"user", "admin"}
	rapid.Check(t, func(t *rapid.T) {
		var r *Retained
		var all []*RetainedEvent
		for i := range rapid.IntRange(1, 30).Draw(t, "events") {
			e := &RetainedEvent{
				Topic: rapid.SampledFrom(topics).Draw(t, "topic"), ID: uint64(i + 1), Publisher: rapid.Uint64Range(1, 3).Draw(t, "publisher"),
				ExcludeMe: rapid.Bool().Draw(t, "exclude me"), Clock: rapid.Uint64Range(1, 20).Draw(t, "clock"), Node: fmt.Sprint(i),
			}
			if rapid.Bool().Draw(t, "by role") {
				e.Filter.Has |= HasEligibleAuthRole
				for _, x := range rapid.Permutation(roles).Draw(t, "roles")[:rapid.IntRange(0, 2).Draw(t, "n")] {
					e.Filter.EligibleAuthRole = append(e.Filter.EligibleAuthRole, []byte(x))
				}
			}
			if rapid.Bool().Draw(t, "by id") {
				e.Filter.Has |= HasExclude
				e.Filter.Exclude = rapid.SliceOfN(rapid.Uint64Range(1, 3), 0, 2).Draw(t, "ids")
			}
			all = append(all, e)
			if old := r.Get(e.Topic, &e.Filter); old == nil || e.Newer(old) {
				r = r.With(e)
			}
		}
		// latest are what may be found: of each topic and set of lists the latest.
		latest := map[string]*RetainedEvent{}
		for _, e := range all {
			k := e.Topic + " " + e.Filter.key()
			if x := latest[k]; x == nil || e.Newer(x) {
				latest[k] = e
			}
		}
		size := 0
		for _, e := range latest {
			size += e.Size()
		}
		if r.Len() != len(latest) || r.Bytes() != size || len(slices.Collect(r.All)) != len(latest) {
			t.Fatalf("%d events of %d bytes, not %d of %d", r.Len(), r.Bytes(), len(latest), size)
		}
		session, role := rapid.Uint64Range(1, 3).Draw(t, "session"), rapid.SampledFrom(roles).Draw(t, "role")
		k := rapid.SampledFrom([]Key{
			{wamp.Exact, "a.b"}, {wamp.Exact, "none"}, {wamp.Prefix, ""}, {wamp.Prefix, "a"}, {wamp.Prefix, "a."}, {wamp.Wildcard, ".b"}, {wamp.Wildcard, "..c"},
		}).Draw(t, "subscription")
		matches := map[Key]func(string) bool{
			{wamp.Exact, "a.b"}: func(s string) bool { return s == "a.b" }, {wamp.Exact, "none"}: func(string) bool { return false },
			{wamp.Prefix, ""}: func(string) bool { return true }, {wamp.Prefix, "a"}: func(s string) bool { return s[0] == 'a' },
			{wamp.Prefix, "a."}:   func(s string) bool { return strings.HasPrefix(s, "a.") },
			{wamp.Wildcard, ".b"}: func(s string) bool { return s == "a.b" }, {wamp.Wildcard, "..c"}: func(s string) bool { return strings.HasSuffix(s, ".c") },
		}[k]
		want := map[string]*RetainedEvent{}
		for _, e := range latest {
			if x := want[e.Topic]; matches(e.Topic) && e.Admits(session, "", role) && (x == nil || e.Newer(x)) {
				want[e.Topic] = e
			}
		}
		got := r.AppendFor(nil, k, session, "", role)
		if !slices.IsSortedFunc(got, func(a, b *RetainedEvent) int { return strings.Compare(a.Topic, b.Topic) }) || len(got) != len(want) {
			t.Fatalf("%d events, not %d", len(got), len(want))
		}
		for _, e := range got {
			if want[e.Topic] != e {
				t.Fatalf("of %s: %+v, not %+v", e.Topic, e, want[e.Topic])
			}
		}
	})
}

// An edit leaves what others read as it was.
func TestRetainedIsImmutable(t *testing.T) {
	var r *Retained
	for i := range uint64(10) {
		before := slices.Collect(r.All)
		next := r.With(&RetainedEvent{Topic: fmt.Sprint("t", i%3), Clock: i, ID: i})
		if !slices.Equal(before, slices.Collect(r.All)) {
			t.Fatal("an edit has changed it")
		}
		r = next
	}
	if r.Len() != 3 {
		t.Errorf("%d events", r.Len())
	}
}

// Each of some nodes is preferred for its share, and one that goes gives up its own alone.
func TestPrefersSpreads(t *testing.T) {
	nodes := []string{"n1", "n2", "n3", "n4", "n5"}
	best := func(what string, of []string) string {
		return slices.MaxFunc(of, func(a, b string) int {
			if Prefers(a, what) < Prefers(b, what) {
				return -1
			}
			return 1
		})
	}
	share := map[string]int{}
	for i := range 1000 {
		what := fmt.Sprint("com.topic.", i)
		b := best(what, nodes)
		share[b]++
		if now := best(what, nodes[1:]); b != nodes[0] && now != b {
			t.Errorf("%s moves from %s to %s", what, b, now)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(share)) {
		if share[n] < 140 || share[n] > 260 { // 200 expected, standard deviation 13
			t.Errorf("%s is preferred for %d of 1000", n, share[n])
		}
	}
}
