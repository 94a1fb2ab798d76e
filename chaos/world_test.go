package chaos

import (
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
		o := Options{Seed: seed, Duration: 20 * time.Second}
		if a, b := run(t, o), run(t, o); a.Digest != b.Digest || a.Count != b.Count {
			t.Errorf("seed %d gives two runs: %x and %x", seed, a.Digest, b.Digest)
		}
	}
}
