package netlab

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestFigureByCounting holds the nearest rank against its definition.
func TestFigureByCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f Figure
		for _, d := range rapid.SliceOfN(rapid.Int64Range(0, 20), 1, 120).Draw(t, "all") {
			f.Add(time.Duration(d))
		}
		for _, p := range []float64{0, 0.5, 0.99, 1} {
			notAbove := func(d time.Duration) (n int) {
				for _, x := range f.all {
					if x <= d {
						n++
					}
				}
				return n
			}
			got, need := f.Of(p), p*float64(len(f.all))
			if float64(notAbove(got)) < need || got > 0 && float64(notAbove(got-1)) >= max(need, 1) {
				t.Errorf("p%v of %v: %d", p*100, f.all, got)
			}
		}
	})
}

func TestFigureGoals(t *testing.T) {
	f := Figure{P50: 3, P99: 15}
	if f.Missed() {
		t.Error("nothing measured is missed")
	}
	for range 99 {
		f.Add(3)
	}
	f.Add(1000)
	if f.Missed() {
		t.Error("one of a hundred is beyond p99")
	}
	if f.Exact = true; !f.Missed() {
		t.Error("a bound for each is not held")
	}
	f = Figure{P50: 3, P99: 15, all: []time.Duration{4, 4, 4}}
	if !f.Missed() {
		t.Error("the median is above its goal")
	}
}

func TestReport(t *testing.T) {
	r := newReport(9, 5)
	r.Faults = []Kind{Split, KillOne, Split}
	r.Heal.Add(400 * time.Millisecond)
	r.CutError.Add(4 * time.Second)
	r.Violations = []Violation{{2, "an event came twice"}}
	var text, line strings.Builder
	r.Text(&text)
	for _, want := range []string{"3 faults, 5 nodes, seed 9", "each <= 1.5s: MISSED", "p99 <= 15s: reached", "p99 <= 20ms: not measured", "BROKEN (fault 2): an event came twice", "broken promises: 1"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	if err := r.JSON(&line); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Seed    uint64
		Kinds   map[Kind]int
		Figures map[string]struct {
			Count  int
			Max    float64 `json:"max_ms"`
			Missed bool
		}
		Broken []Violation
	}
	if err := json.Unmarshal([]byte(line.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Seed != 9 || got.Kinds[Split] != 2 || got.Figures["heal"].Max != 400 || !got.Figures["cut_error"].Missed || len(got.Broken) != 1 {
		t.Errorf("%+v from %s", got, line.String())
	}
}
