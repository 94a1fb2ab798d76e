package chaos

import (
	"strings"
	"testing"
	"time"
)

// run plays a world and reports what went wrong.
func run(t *testing.T, o Options) Result {
	t.Helper()
	r := NewWorld(o).Run()
	for _, v := range r.Violations {
		t.Errorf("seed %d: %s", o.Seed, v)
	}
	return r
}

// TestSameSeedSameRun: the digest over all events is a function of the seed.
func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(3) {
		o := Options{Seed: seed, Duration: 30 * time.Second}
		a, b := NewWorld(o).Run(), NewWorld(o).Run()
		if a.Digest != b.Digest || a.Count != b.Count {
			t.Errorf("seed %d gives two runs: %x and %x", seed, a.Digest, b.Digest)
		}
		o.Seed += 1000
		if c := NewWorld(o).Run(); c.Digest == a.Digest {
			t.Errorf("seeds %d and %d give the same run", seed, o.Seed)
		}
	}
}

// TestCalmWorlds: where nothing is broken, nothing goes wrong.
func TestCalmWorlds(t *testing.T) {
	for seed := range uint64(3) {
		run(t, Options{Seed: seed, Duration: 40 * time.Second, Calm: true})
	}
}

// TestSim: what the command prints and returns.
func TestSim(t *testing.T) {
	for _, c := range []struct {
		words  []string
		status int
		out    string
	}{
		{[]string{"--calm", "--seeds", "2", "--nodes", "3", "--duration", "20s"}, 0, "2 runs, 0 violations, 0.0 simulated hours, 0 partitions, 0 crashes, "},
		{[]string{"--calm", "--nodes", "3", "--duration", "20s", "--enough"}, 1, "not enough: 1 runs"},
		{[]string{"--nodes", "2"}, 2, ""},
		{[]string{"--mode", "hope"}, 2, ""},
		{[]string{"more"}, 2, ""},
	} {
		var out, complaints strings.Builder
		if status := Sim(c.words, &out, &complaints); status != c.status || !strings.Contains(out.String(), c.out) {
			t.Errorf("%q: status %d, out %q", c.words, status, out.String())
		}
	}
}

// TestEnough: every counter that has to be reached is one.
func TestEnough(t *testing.T) {
	var c Counters
	if got := len(c.lacking(0)); got != len(rare)+1 {
		t.Errorf("of runs that never were, %d things are lacking", got)
	}
}
