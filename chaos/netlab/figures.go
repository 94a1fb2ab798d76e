package netlab

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Figure is what was measured of one thing, and the goal that it is held against.
type Figure struct {
	Name  string
	P50   time.Duration // the goal, 0 for none
	P99   time.Duration // likewise
	Exact bool          // the p99 is a bound for each one of them
	all   []time.Duration
}

// Add notes one more.
func (f *Figure) Add(d time.Duration) { f.all = append(f.all, d) }

// Of is the p-th part, by the nearest rank: at least that many of all are not above it. 0 where there are none.
func (f *Figure) Of(p float64) time.Duration {
	if len(f.all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f.all))
	rank := int(p * float64(len(sorted)))
	if float64(rank) < p*float64(len(sorted)) {
		rank++
	}
	return sorted[max(rank, 1)-1]
}

// upper is what is held against the goal of p99.
func (f *Figure) upper() time.Duration {
	if f.Exact {
		return f.Of(1)
	}
	return f.Of(0.99)
}

// Missed reports whether a goal is not reached.
func (f *Figure) Missed() bool {
	return f.P50 > 0 && f.Of(0.5) > f.P50 || f.P99 > 0 && f.upper() > f.P99
}

// Violation is a broken promise.
type Violation struct {
	Fault int    `json:"fault"` // during or after which it was seen, 0 before the first
	What  string `json:"what"`
}

// Report is what came of a run.
type Report struct {
	Seed       uint64
	Nodes      int
	Faults     []Kind
	Heal       Figure // from the end of a fault to equal tables and live routes
	Visible    Figure // from an answer to the last node that acts on it, without faults
	KillError  Figure // from kill -9 of a callee's node to the caller's error
	CutError   Figure // the same from a silent cut
	Late       Figure // our own timers, the worst of each fault: no goal, but what all others are read with
	Tally      Tally
	Counted    uint64 // losses by the nodes' own counts
	Violations []Violation
	Took       time.Duration
}

func newReport(seed uint64, nodes int) *Report {
	return &Report{
		Seed: seed, Nodes: nodes,
		Heal:      Figure{Name: "heal", P50: 3 * time.Second, P99: 15 * time.Second},
		Visible:   Figure{Name: "table change visible", P99: 20 * time.Millisecond},
		KillError: Figure{Name: "error after kill -9", P99: 100 * time.Millisecond, Exact: true},
		CutError:  Figure{Name: "error after silent cut", P99: 1500 * time.Millisecond, Exact: true},
		Late:      Figure{Name: "timers late"},
	}
}

func (r *Report) figures() []*Figure {
	return []*Figure{&r.Heal, &r.Visible, &r.KillError, &r.CutError}
}

// Missed are the goals that are not reached.
func (r *Report) Missed() (names []string) {
	for _, f := range r.figures() {
		if f.Missed() {
			names = append(names, f.Name)
		}
	}
	return names
}

// Text writes the summary for people.
func (r *Report) Text(w io.Writer) {
	fmt.Fprintf(w, "%d faults, %d nodes, seed %d, %v\n", len(r.Faults), r.Nodes, r.Seed, r.Took.Round(time.Second))
	for _, f := range r.figures() {
		goal := ""
		if f.P50 > 0 {
			goal = fmt.Sprintf("p50 <= %v, ", f.P50)
		}
		upper := "p99"
		if f.Exact {
			upper = "each"
		}
		verdict := "reached"
		switch {
		case len(f.all) == 0:
			verdict = "not measured"
		case f.Missed():
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%-23s p50 %-9v p99 %-9v max %-9v of %-5d goal: %s%s <= %v: %s\n",
			f.Name, short(f.Of(0.5)), short(f.Of(0.99)), short(f.Of(1)), len(f.all), goal, upper, f.P99, verdict)
	}
	fmt.Fprintf(w, "%-23s p50 %-9v p99 %-9v max %-9v for want of processors, if by much\n", r.Late.Name, short(r.Late.Of(0.5)), short(r.Late.Of(0.99)), short(r.Late.Of(1)))
	t := r.Tally
	fmt.Fprintf(w, "events                  %d published, %d received, %d duplicates, %d out of order, %d missing, %d counted as lost by the nodes\n",
		t.Published, t.Received, t.Duplicates, t.Disorder, t.Missing, r.Counted)
	fmt.Fprintf(w, "calls                   %d made, %d answered, %d failed, %d with their session, %d unanswered, %d answered twice, %d run twice, %d run out of order, %d run after their failure was told\n",
		t.Calls, t.Answered, t.Failed, t.Gone, t.Unanswered, t.AnsweredTwice, t.RunTwice, t.RunDisorder, t.RunAfterFailure)
	for _, v := range r.Violations {
		fmt.Fprintf(w, "BROKEN (fault %d): %s\n", v.Fault, v.What)
	}
	fmt.Fprintf(w, "broken promises: %d\n", len(r.Violations))
}

func short(d time.Duration) time.Duration {
	if d > 100*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

type figureJSON struct {
	Count  int     `json:"count"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
	Goal50 float64 `json:"goal_p50_ms,omitempty"`
	Goal99 float64 `json:"goal_p99_ms,omitempty"`
	Each   bool    `json:"goal_is_for_each,omitempty"`
	Missed bool    `json:"missed"`
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// JSON writes the summary for programs, as one line.
func (r *Report) JSON(w io.Writer) error {
	figures := map[string]figureJSON{}
	for key, f := range map[string]*Figure{"heal": &r.Heal, "visible": &r.Visible, "kill_error": &r.KillError, "cut_error": &r.CutError, "timers_late": &r.Late} {
		figures[key] = figureJSON{len(f.all), millis(f.Of(0.5)), millis(f.Of(0.99)), millis(f.Of(1)), millis(f.P50), millis(f.P99), f.Exact, f.Missed()}
	}
	kinds := map[Kind]int{}
	for _, k := range r.Faults {
		kinds[k]++
	}
	violations := r.Violations
	if violations == nil {
		violations = []Violation{}
	}
	return json.NewEncoder(w).Encode(map[string]any{
		"seed": r.Seed, "nodes": r.Nodes, "faults": len(r.Faults), "kinds": kinds, "seconds": r.Took.Seconds(),
		"figures": figures, "ledger": r.Tally, "counted_lost": r.Counted, "broken": violations,
	})
}
