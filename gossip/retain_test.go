package gossip

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRetainBytesOfNodesNeverShown: the part of a node that membership knows and nobody has linked with counts against the budget as soon as
// the time for it has come, though no session of it has to be given up then.
func TestRetainBytesOfNodesNeverShown(t *testing.T) {
	c := Config{Name: "me", Life: life(10), Rand: rand.New(rand.NewPCG(1, 1)).Uint64, LeaveGrace: 5 * time.Second, RetainBytes: 1}
	c.CompareEvery = time.Hour // no other tick helps
	s := &solo{t, New(c), int64(time.Hour)}
	s.up("b", life(1), 0)
	s.step(Input{Kind: InMember, Name: "c", Life: life(1), Alive: true})
	s.control("b", deltaOf("c", partOf(life(1), "x", "y"), 0))
	if len(s.m.Elements("c")) != 2 {
		t.Fatal("the part of c has not come by way of b")
	}
	begun := s.now
	s.step(Input{Kind: InLink, Name: "b", Life: life(1), Up: false}) // nor any other news
	for s.m.Elements("c") != nil {
		next := s.m.deadline()
		if next == 0 || next > begun+int64(c.LeaveGrace) {
			t.Fatalf("it is kept, and looked at again %v after it came", time.Duration(next-begun))
		}
		s.now = max(next, s.now+1)
		s.step(Input{Kind: InTick})
	}
}

// TestAnOldSnapshotOfAForgottenPart: what an owner has frozen for others may be older than what we once had of it. It is taken, not routed
// by, and brought on by the owner's deltas; to refuse it would be to ask for it again for ever.
func TestAnOldSnapshotOfAForgottenPart(t *testing.T) {
	c := Config{Name: "me", Life: life(10), Rand: rand.New(rand.NewPCG(1, 1)).Uint64, HideAfter: time.Second, LeaveGrace: time.Second, Retain: time.Second}
	s := &solo{t, New(c), int64(time.Hour)}
	a := partOf(life(1), "x", "y")
	old := a.Snapshot()
	_, _ = a.Add("z")
	s.up("a", life(1), 0)
	s.control("a", deltaOf("a", a, 0))
	s.step(Input{Kind: InLink, Name: "a", Life: life(1), Up: false})
	s.step(Input{Kind: InMember, Name: "a", Life: life(1), Alive: false})
	s.after(2 * time.Second)
	s.after(2 * time.Second)
	if n := s.m.nodes["a"]; n.state != Forgotten || n.floor != 3 {
		t.Fatalf("%v, at least %d", n.state, n.floor)
	}
	_, _ = a.Add("w")
	s.up("a", life(1), 4)
	s.want("the snapshot", s.control("a", appendChunk(nil, "a", old, 0, old.Chunk(0, math.MaxInt))), "→a ask a@1.1 have 2")
	if n := s.m.nodes["a"]; n.state != Hidden {
		t.Errorf("%v by what is older than it was", n.state)
	}
	s.control("a", deltaOf("a", a, 2))
	if n := s.m.nodes["a"]; n.state != Reachable || n.part.Version() != 4 {
		t.Errorf("%v at version %d", n.state, n.part.Version())
	}
}
