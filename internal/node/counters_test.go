package node

import (
	"testing"

	"kleeblatt/internal/admin"
	"kleeblatt/internal/wamp"
)

// TestCountersTellWhatHappened: what /metrics has a name for is counted.
func TestCountersTellWhatHappened(t *testing.T) {
	nodes := sharedCluster(t, 2)
	n := nodes[0]
	before := n.Counters()
	a, b := join(t, n), join(t, nodes[1])
	b.register("t.counted", nil)
	a.subscribe("t.counted", wamp.Exact)
	settle(t, nodes...)
	if m := a.call("t.nobody", 1); m.Type != wamp.Error {
		t.Fatalf("got %v", m.Type)
	}
	after := n.Counters()
	label := func(counts []admin.Count, label string) uint64 {
		for _, c := range counts {
			if c.Label == label {
				return c.Value
			}
		}
		return 0
	}
	for _, c := range []struct {
		what          string
		before, after uint64
	}{
		{"HELLOs", label(before.MessagesIn, "hello"), label(after.MessagesIn, "hello")},
		{"CALLs", label(before.MessagesIn, "call"), label(after.MessagesIn, "call")},
		{"messages out", before.MessagesOut, after.MessagesOut},
		{"calls without a procedure", label(before.CallsFailed, "no_such_procedure"), label(after.CallsFailed, "no_such_procedure")},
		{"deltas out", before.Gossip.DeltasOut, after.Gossip.DeltasOut},
		{"deltas in", before.Gossip.DeltasIn, after.Gossip.DeltasIn},
	} {
		if c.after <= c.before {
			t.Errorf("%s: %d before, %d after", c.what, c.before, c.after)
		}
	}
	if len(after.Lateness) != len(n.hubs) {
		t.Errorf("the lateness of %d loops is told, of %d", len(after.Lateness), len(n.hubs))
	}
}

// TestLatenessForgets: the worst of a window is shown until the next one is over.
func TestLatenessForgets(t *testing.T) {
	var l lateness
	now := int64(1)
	l.turned(now)
	l.due = now + 5
	now += 12
	l.turned(now)
	l.due = 0
	for _, c := range []struct{ later, worst int64 }{{0, 7}, {latenessWindow, 7}, {latenessWindow, 0}} {
		now += c.later
		if got := int64(l.worst(now)); got != c.worst {
			t.Errorf("%d ns later: %d, want %d", c.later, got, c.worst)
		}
	}
}
