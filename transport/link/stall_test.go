package link

import (
	"testing"
	"time"
)

// TestAStallIsNoRoundTrip: what was under way while one end slept says nothing of the path. Taken for a round trip it would make the dead
// time grow to several seconds, just when the next failure may come.
func TestAStallIsNoRoundTrip(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
	for _, n := range []*simNode{a, b} {
		n.input(Input{Kind: InMember, Alive: true})
	}
	s.run(int64(2 * time.Second))
	for _, stall := range []time.Duration{300 * time.Millisecond, 900 * time.Millisecond, 3 * time.Second} {
		b.stalled = true
		s.run(int64(stall))
		b.resume()
		s.run(int64(20 * time.Millisecond))
		for _, n := range []*simNode{a, b} {
			if d := time.Duration(n.m.deadTime()); n.m.State() != Up || d > 1200*time.Millisecond {
				t.Errorf("after %v: %s is %v, its dead time %v", stall, n.name, n.m.State(), d)
			}
		}
	}
}
