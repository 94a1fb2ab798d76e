package scenario

import (
	"maps"
	"slices"
	"sync"

	"kleeblatt/chaos/raw"
)

// tally holds what clients tried, of each kind.
type tally struct {
	lab *lab
	mu  sync.Mutex
	of  map[string][]try
}

// try is one thing that was due.
type try struct {
	at, ms float64 // s, ms
	ok     bool
}

func (l *lab) newTally() *tally { return &tally{lab: l, of: map[string][]try{}} }

// add notes one, and writes it down.
func (t *tally) add(c, node int, what string, at, ms float64, ok bool) {
	t.lab.raw.Add(raw.Row{Kind: raw.Attempt, T: at, Client: c, Node: node, What: what, OK: ok, Ms: ms})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of[what] = append(t.of[what], try{at, ms, ok})
}

// kinds are those that there are, in order.
func (t *tally) kinds() []string { return slices.Sorted(maps.Keys(t.of)) }

// figures writes, for each kind, the share that succeeded, the longest outage and the latency of what succeeded.
func (t *tally) figures(faults []float64, until float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, what := range t.kinds() {
		tries := t.of[what]
		good := 0
		var ms []float64
		for _, x := range tries {
			if x.ok {
				good++
				ms = append(ms, x.ms)
			}
		}
		t.lab.figure(what+" ok", 100*float64(good)/float64(len(tries)), "%", len(tries))
		t.lab.figure(what+" p99", quantile(ms, 0.99), "ms", len(ms))
		if len(faults) > 0 {
			after := recoveries(tries, faults, until)
			t.lab.figure(what+" back after a fault, median", quantile(after, 0.5), "s", len(after))
			t.lab.figure(what+" back after a fault, longest", quantile(after, 1), "s", len(after))
		}
	}
}

// recoveries is, for each fault, how long after it the last attempt began that failed before the next one; 0: none did.
func recoveries(tries []try, faults []float64, until float64) (all []float64) {
	for i, at := range faults {
		end := until
		if i+1 < len(faults) {
			end = faults[i+1]
		}
		worst := 0.0
		for _, x := range tries {
			if !x.ok && x.at >= at && x.at < end {
				worst = max(worst, x.at-at)
			}
		}
		all = append(all, worst)
	}
	return all
}

// quantile is the value of rank ⌈q·n⌉; 0 where there is none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(q * float64(len(sorted)))
	if float64(rank) < q*float64(len(sorted)) {
		rank++
	}
	return sorted[max(rank, 1)-1]
}
