package gossip

import (
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
