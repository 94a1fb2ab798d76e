package link

import (
	"testing"

	"pgregory.net/rapid"
)

// TestLostIsCountedByKind: once the two have met again, what was sent of each kind has arrived or is counted, also where the
// acknowledgement alone was lost.
func TestLostIsCountedByKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim()
		s.fail = t.Fatalf
		a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
		var sent, arrived [LostKinds]uint64
		b.got = func(_ uint8, f []byte) { arrived[f[0]]++ }
		for _, n := range []*simNode{a, b} {
			n.input(Input{Kind: InMember, Alive: true})
		}
		s.run(1e8)
		for range rapid.IntRange(1, 8).Draw(t, "rounds") {
			for range rapid.IntRange(0, 30).Draw(t, "frames") {
				kind := rapid.IntRange(0, LostKinds-1).Draw(t, "kind")
				cancelled := a.m.Stats().Cancelled
				frame := make([]byte, rapid.SampledFrom([]int{16, 16, 70_000}).Draw(t, "size"))
				frame[0] = byte(kind)
				a.input(Input{Kind: InData, Lane: rapid.Uint64Range(0, 3).Draw(t, "hash"), Call: kind == LostCall, Event: kind == LostEvent, Bytes: frame})
				if a.m.Stats().Cancelled == cancelled {
					sent[kind]++
				}
			}
			s.run(rapid.SampledFrom([]int64{0, 1e6, 15e5, 1e7}).Draw(t, "for"))
			if rapid.Bool().Draw(t, "cut") {
				s.hole = true
				cutAll(s)
				s.run(rapid.SampledFrom([]int64{1e8, 1e9, 35e9}).Draw(t, "outage"))
				s.hole = false
				s.run(15e9)
			}
		}
		s.run(20e9)
		st := a.m.Stats()
		for _, kind := range []int{LostEvent, LostOther} {
			if sent[kind] != arrived[kind]+st.LostKinds[kind] {
				t.Fatalf("%s: %d sent, %d arrived, %d lost", LostNames[kind], sent[kind], arrived[kind], st.LostKinds[kind])
			}
		}
		if c := LostCall; sent[c] > arrived[c]+st.LostKinds[c]+st.Cancelled || sent[c] < arrived[c]+st.LostKinds[c] {
			t.Fatalf("calls: %d sent, %d arrived, %d lost, %d cancelled", sent[c], arrived[c], st.LostKinds[c], st.Cancelled)
		}
	})
}

// TestLossesWithAPeerThatTellsNoKinds: the sum is exact all the same.
func TestLossesWithAPeerThatTellsNoKinds(t *testing.T) {
	l := sendLane{finals: tally{5, 4, 3, 0}, lost: tally{3, 2, 1, 1}}
	l.learn(&laneState{done: 8})
	if l.lost.all() != 4 || l.lost != (tally{3, 0, 0, 1}) {
		t.Fatalf("%v", l.lost)
	}
	l.learn(&laneState{done: 13}) // of another machine of ours
	if l.lost.all() != 4 {
		t.Fatalf("%v", l.lost)
	}
}
