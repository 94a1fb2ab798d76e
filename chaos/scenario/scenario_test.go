package scenario

import (
	"slices"
	"testing"
	"time"

	"kleeblatt/chaos/raw"
)

// Every system has its turn in a round before any has its next one; one that is a single process has no other number of nodes.
func TestPlan(t *testing.T) {
	cells, err := Plan(raw.Full, "abc", 2)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	round := 1
	for _, c := range cells {
		if seen[c.File()] {
			t.Errorf("%s is planned twice", c.File())
		}
		seen[c.File()] = true
		if c.Repeat < round {
			t.Errorf("%s comes after runs of round %d", c.File(), round)
		}
		round = c.Repeat
		if c.Seed != uint64(c.Repeat) || c.Commit != "abc" || c.For != c.Spec.Full {
			t.Errorf("%s: %+v", c.File(), c)
		}
		if (c.System == "single" || c.System == "crossbar") && c.Nodes != 1 {
			t.Errorf("%s has %d nodes", c.System, c.Nodes)
		}
	}
	if round != 2 || !seen["L1-gossip-n5-full-r2.jsonl"] || !seen["A1-raft-lan-n3-full-r1.jsonl"] {
		t.Errorf("%d rounds of %d cells", round, len(cells))
	}
}

// The short runs of all cells take less than 15 minutes.
func TestShortPlan(t *testing.T) {
	cells, err := Plan(raw.Short, "abc", 0)
	if err != nil {
		t.Fatal(err)
	}
	var sum time.Duration
	for _, c := range cells {
		sum += c.For + 5*time.Second // start and end
	}
	if sum > 15*time.Minute {
		t.Errorf("%d short runs take %v", len(cells), sum)
	}
}

func TestComplete(t *testing.T) {
	dir := t.TempDir()
	c := Cell{Spec: Find("A1"), System: "gossip", Nodes: 3, Seed: 2, Repeat: 2, Length: raw.Short, For: time.Second, Commit: "abc"}
	write := func(end func(*raw.Writer) error) {
		w, err := raw.Create(dir+"/"+c.File(), raw.Header{Commit: "abc", Seed: 2, Seconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := end(w); err != nil {
			t.Fatal(err)
		}
	}
	if c.Complete(dir) {
		t.Error("without a file")
	}
	write((*raw.Writer).Break)
	if c.Complete(dir) {
		t.Error("broken off")
	}
	write(func(w *raw.Writer) error { return w.End("a client") })
	if c.Complete(dir) {
		t.Error("void")
	}
	write(func(w *raw.Writer) error { return w.End("") })
	if !c.Complete(dir) {
		t.Error("a complete one is not seen")
	}
	if c.Commit = "abd"; c.Complete(dir) {
		t.Error("of another commit")
	}
}

// What never came counts, and an outage is as long as attempts fail that begin in it.
func TestRecoveries(t *testing.T) {
	tries := []try{{1, 5, true}, {10.5, 0, false}, {12, 0, false}, {12.5, 1, true}, {30, 0, false}}
	if got := recoveries(tries, []float64{10, 20}, 29); !slices.Equal(got, []float64{2, 0}) {
		t.Errorf("%v", got)
	}
	if got := quantile([]float64{4, 1, 3, 2}, 0.5); got != 2 {
		t.Errorf("median %v", got)
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing %v", got)
	}
}
