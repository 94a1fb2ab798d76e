package netlab

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	talks = party{"talker.n1.1", "n1"}
	hears = party{"listener.n2.1", "n2"}
)

// hearing is a ledger of which one stream has come, with that many sent.
func hearing(sent uint64, events ...uint64) (*ledger, []string) {
	g := newLedger()
	for seq := range sent {
		g.published(talks, seq+1)
	}
	var wrong []string
	for _, seq := range events {
		if w := g.received(talks, hears, seq); w != "" {
			wrong = append(wrong, w)
		}
	}
	return g, wrong
}

func TestLedgerJudgesEvents(t *testing.T) {
	for _, c := range []struct {
		name                          string
		events                        []uint64
		duplicates, disorder, missing uint64
	}{
		{"all", []uint64{1, 2, 3, 4, 5, 6}, 0, 0, 0},
		{"a late begin", []uint64{4, 5, 6}, 0, 0, 0},
		{"a gap", []uint64{1, 2, 5, 6}, 0, 0, 2},
		{"none at the end", []uint64{1, 2, 3, 4}, 0, 0, 2},
		{"one twice", []uint64{1, 2, 2, 3, 4, 5, 6}, 1, 0, 0},
		{"the first one twice", []uint64{1, 2, 3, 1, 4, 5, 6}, 1, 0, 0},
		{"a late one", []uint64{1, 3, 2, 4, 5, 6}, 0, 1, 0},
		{"a late one twice", []uint64{1, 3, 2, 2, 4, 5, 6}, 1, 1, 0},
		{"one before the begin", []uint64{3, 2, 4, 5, 6}, 0, 1, 0},
	} {
		g, wrong := hearing(6, c.events...)
		g.close()
		if got := g.tally; got.Duplicates != c.duplicates || got.Disorder != c.disorder || got.Missing != c.missing {
			t.Errorf("%s: %+v", c.name, got)
		}
		if uint64(len(wrong)) != c.duplicates+c.disorder {
			t.Errorf("%s: complaints %q", c.name, wrong)
		}
		if n := g.missing()[[2]string{"n1", "n2"}]; n != c.missing {
			t.Errorf("%s: %d missing between the two", c.name, n)
		}
	}
}

// TestLedgerExcusesTheDead: what was under way when a session ended is no loss, a gap before it is.
func TestLedgerExcusesTheDead(t *testing.T) {
	for _, dead := range []party{talks, hears} {
		g, _ := hearing(9, 1, 2, 4, 5)
		if g.behind() != 4 {
			t.Errorf("behind by %d", g.behind())
		}
		g.left(dead)
		g.close()
		if g.behind() != 0 || g.tally.Missing != 1 {
			t.Errorf("%s has left: behind by %d, %d missing", dead.name, g.behind(), g.tally.Missing)
		}
	}
}

// TestLedgerAddsUp: whatever comes, in whatever order, received = different ones + duplicates, and what is missing has not come.
func TestLedgerAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Uint64Range(1, 12), 1, 30).Draw(t, "events")
		g, _ := hearing(12, events...)
		g.close()
		came := map[uint64]bool{}
		var duplicates, disorder, missing, last uint64
		for _, seq := range events {
			switch {
			case seq < events[0] || seq < last && !came[seq]:
				disorder++
			case came[seq]:
				duplicates++
			}
			came[seq], last = true, max(last, seq)
		}
		for seq := events[0]; seq <= 12; seq++ {
			if !came[seq] {
				missing++
			}
		}
		if g.tally.Duplicates != duplicates || g.tally.Disorder != disorder || g.tally.Missing != missing || g.missing()[[2]string{"n1", "n2"}] != missing {
			t.Errorf("%+v, want %d duplicates, %d out of order and %d missing", g.tally, duplicates, disorder, missing)
		}
	})
}

func TestLedgerJudgesCalls(t *testing.T) {
	const second = time.Second
	g := newLedger()
	for seq := uint64(1); seq <= 6; seq++ {
		g.called("c", seq, 0)
	}
	g.answered("c", 1, false, second)
	g.answered("c", 1, true, second)  // twice
	g.answered("c", 2, true, second)  // failed
	g.abandoned("c", 3, second)       // its session has ended
	g.abandoned("c", 2, second)       // too late to be so
	g.answered("c", 99, true, second) // nobody asked
	if n := g.overdue(10*second, 11*second); n != 0 {
		t.Errorf("%d overdue too early", n)
	}
	if n := g.overdue(12*second, 11*second); n != 3 {
		t.Errorf("%d overdue, want calls 4, 5, 6", n)
	}
	g.answered("c", 4, false, 13*second)
	want := Tally{Calls: 6, Answered: 2, Failed: 1, Gone: 1, Unanswered: 2, AnsweredTwice: 2}
	if g.tally != want {
		t.Errorf("%+v, want %+v", g.tally, want)
	}
	if g.overdue(2*remembered, 11*second); len(g.calls) != 2 {
		t.Errorf("%d calls are remembered, want those without an answer", len(g.calls))
	}
}

func TestLedgerJudgesRuns(t *testing.T) {
	g := newLedger()
	for seq := uint64(1); seq <= 5; seq++ {
		g.called("c", seq, 0)
	}
	g.answered("c", 5, true, 1)
	for _, step := range []struct {
		callee string
		seq    uint64
		want   string
	}{
		{"a", 1, ""}, {"a", 3, ""}, {"b", 2, ""}, {"a", 3, "run twice"}, {"b", 3, "run twice"},
		{"b", 4, ""}, {"b", 1, "run twice"}, {"a", 7, "an invocation of no call"}, {"b", 5, ""},
	} {
		if got := g.ran("c", step.callee, step.seq); got != step.want {
			t.Errorf("call %d at %s: %q, want %q", step.seq, step.callee, got, step.want)
		}
	}
	if g.tally.RunTwice != 3 || g.tally.RunAfterFailure != 1 {
		t.Errorf("%+v", g.tally)
	}
	g.called("d", 1, 0)
	g.called("d", 2, 0)
	g.ran("d", "a", 2)
	if got := g.ran("d", "a", 1); got != "run out of order" || g.tally.RunDisorder != 1 {
		t.Errorf("%q, %+v", got, g.tally)
	}
}
