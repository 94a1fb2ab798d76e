package link

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// feed sends one frame with a fresh id and remembers it.
func (n *simNode) feed(hash uint64, size int, call bool) {
	lane := n.m.LaneOf(hash)
	id := uint64(n.incarnation)<<56 | uint64(lane)<<48 | uint64(len(n.sent[lane])+1)
	n.sent[lane] = append(n.sent[lane], sentFrame{id, size})
	n.input(Input{Kind: InData, Lane: hash, Call: call, Bytes: payload(id, size)})
}

// watch checks everything that n receives: intact, in order per lane, none twice; it returns how many came per sender
// incarnation.
func (n *simNode) watch() *[16]uint64 {
	var last [16][allLanes]uint64
	counts := new([16]uint64)
	n.got = func(lane uint8, b []byte) {
		id, ok := readPayload(b)
		if !ok {
			n.s.fail("%s: damaged frame of %d bytes on lane %d", n.name, len(b), lane)
		}
		inc, l, k := id>>56, id>>48&0xff, id&(1<<48-1)
		if uint64(lane) != l {
			n.s.fail("%s: frame of lane %d came on %d", n.name, l, lane)
		}
		if k <= last[inc][l] {
			n.s.fail("%s: lane %d: %d after %d", n.name, l, k, last[inc][l])
		}
		if n.lost == 0 && n.peer.lost == 0 && k != last[inc][l]+1 {
			n.s.fail("%s: lane %d: %d after %d without any loss", n.name, l, k, last[inc][l])
		}
		last[inc][l] = k
		counts[inc]++
	}
	return counts
}

func count(lanes [allLanes][]sentFrame) (n uint64) {
	for _, l := range lanes {
		n += uint64(len(l))
	}
	return n
}

// sizes of frames: mostly small, some that need several records, few large.
var sizes = rapid.Custom(func(t *rapid.T) int {
	switch k := rapid.IntRange(0, 19).Draw(t, "class"); {
	case k < 17:
		return rapid.IntRange(16, 400).Draw(t, "small")
	case k < 19:
		return rapid.IntRange(10_000, 70_000).Draw(t, "middle")
	default:
		return rapid.IntRange(100_000, 300_000).Draw(t, "large")
	}
})

// TestP8_EveryLaneArrivesInOrderOnce: whatever the network does, as long as both lives live and the outage fits the window.
func TestP8_EveryLaneArrivesInOrderOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim()
		s.fail = t.Fatalf
		lat := rapid.SampledFrom([]int64{1, 1e5, 5e6}).Draw(t, "latency")
		rnd := seeded(rapid.Uint64().Draw(t, "seed"))
		s.latency = func() int64 { return lat + int64(rnd()%uint64(lat)) }
		ca, cb := testConfig("a", "b"), testConfig("b", "a")
		cb.Dialer = rapid.Bool().Draw(t, "both dial")
		a, b := s.addPair(ca, cb)
		atB, atA := b.watch(), a.watch()
		for _, n := range []*simNode{a, b} {
			n.input(Input{Kind: InMember, Alive: true})
		}
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			chaosStep(t, s, a, b)
		}
		calm(s, a, b)
		s.run(20e9)
		if a.lost+b.lost > 0 {
			t.Fatalf("lossy reset although both lived and no outage was long")
		}
		if atB[0] != count(a.sent) || atA[0] != count(b.sent) {
			t.Fatalf("%d of %d, %d of %d arrived", atB[0], count(a.sent), atA[0], count(b.sent))
		}
		if n := len(s.live()); n != 1 || s.halfOpen() != 0 {
			t.Fatalf("%d connections, %d superseded ones never closed", n, s.halfOpen())
		}
		if st := a.m.Stats(); st.WindowBytes != 0 || st.Faults+st.Lost != 0 {
			t.Fatalf("afterwards: %+v", st)
		}
	})
}

func calm(s *sim, ns ...*simNode) {
	s.hole, s.refuse = false, false
	for _, n := range ns {
		if n.stalled {
			n.resume()
		}
		n.input(Input{Kind: InCredit, On: true})
	}
}

func chaosStep(t *rapid.T, s *sim, a, b *simNode) {
	n := a
	if rapid.Bool().Draw(t, "node") {
		n = b
	}
	switch rapid.IntRange(0, 11).Draw(t, "what") {
	case 0, 1, 2, 3:
		for range rapid.IntRange(1, 30).Draw(t, "frames") {
			n.feed(rapid.Uint64Range(0, 5).Draw(t, "hash"), sizes.Draw(t, "size"), false)
		}
	case 4, 5, 6:
		s.run(rapid.Int64Range(1, 2e7).Draw(t, "for"))
	case 7:
		if cs := s.live(); len(cs) > 0 {
			c := cs[rapid.IntRange(0, len(cs)-1).Draw(t, "conn")]
			s.cut(c, [2]bool{rapid.Bool().Draw(t, "dialer hears"), rapid.Bool().Draw(t, "acceptor hears")})
		}
	case 8:
		s.refuse, s.hole = rapid.Bool().Draw(t, "refuse"), rapid.Bool().Draw(t, "hole")
		s.run(rapid.Int64Range(1, 3e9).Draw(t, "for"))
		cutAll(s)
		s.refuse, s.hole = false, false
	case 9:
		if !n.stalled {
			n.stalled = true
			s.run(rapid.Int64Range(1, 3e9).Draw(t, "for"))
			n.resume()
		}
	case 10:
		if n.cfg.Dialer {
			s.connect(n) // a duplicate, or simultaneous with the other end's
			if rapid.Bool().Draw(t, "both") {
				s.connect(n.peer)
			}
		}
	case 11:
		n.input(Input{Kind: InCredit, On: rapid.Bool().Draw(t, "credit")})
	}
	if rapid.Bool().Draw(t, "stamp") {
		n.input(Input{Kind: InVersion, Version: n.m.version + 1})
		if rapid.Bool().Draw(t, "reached") {
			n.peer.input(Input{Kind: InReached, Version: n.m.version})
		}
	}
}

func cutAll(s *sim) {
	for _, c := range s.live() {
		s.cut(c, [2]bool{true, true})
	}
}

// TestLossyResetCountsMatch: with restarts and outages beyond every bound nothing comes twice or out of order, and once the
// pair has met again sent = delivered + counted lost.
func TestLossyResetCountsMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim()
		s.fail = t.Fatalf
		ca, cb := testConfig("a", "b"), testConfig("b", "a")
		ca.Window, cb.Window = 300_000, 300_000
		ca.Inflight, cb.Inflight = 100_000, 100_000
		ca.MaxMessage, cb.MaxMessage = 100_000, 100_000
		a, b := s.addPair(ca, cb)
		atB, atA := b.watch(), a.watch()
		for _, n := range []*simNode{a, b} {
			n.input(Input{Kind: InMember, Alive: true})
		}
		sent := uint64(0)
		for range rapid.IntRange(3, 25).Draw(t, "rounds") {
			for range rapid.IntRange(0, 20).Draw(t, "frames") {
				a.feed(rapid.Uint64Range(0, 3).Draw(t, "hash"), rapid.IntRange(16, 90_000).Draw(t, "size"), false)
				if rapid.Bool().Draw(t, "answer") {
					b.feed(0, 100, false)
				}
				sent++
			}
			s.run(rapid.SampledFrom([]int64{0, 1, 5e5, 1e6, 15e5, 5e6, 1e8}).Draw(t, "for"))
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				cutAll(s)
			case 1:
				s.hole = true
				s.run(rapid.Int64Range(0, 40e9).Draw(t, "outage"))
				cutAll(s)
				s.hole = false
			case 2:
				if b.incarnation < 10 {
					b.restart(Life{Epoch: b.cfg.Life.Epoch + 1})
					b.input(Input{Kind: InMember, Alive: true})
				}
			}
		}
		calm(s, a, b)
		s.run(20e9)
		sa := a.m.Stats()
		arrived := uint64(0)
		for _, n := range atB {
			arrived += n
		}
		// What a restarted b took with it is unknown to both; a counts what b had not acknowledged.
		if b.incarnation == 0 && sent != arrived+sa.Lost || arrived > sent || sa.WindowBytes != 0 {
			t.Fatalf("sent %d, arrived %d, lost %d (%+v)", sent, arrived, sa.Lost, sa)
		}
		if sent > arrived+sa.Lost && b.incarnation > 0 {
			t.Fatalf("sent %d, arrived %d, lost only %d", sent, arrived, sa.Lost)
		}
		if sb := b.m.Stats(); b.incarnation == 0 && count(b.sent) != atA[0]+sb.Lost {
			t.Fatalf("b sent %d, arrived %d, lost %d", count(b.sent), atA[0], sb.Lost)
		}
		if a.m.State() != Up || b.m.State() != Up {
			t.Fatalf("a is %v, b is %v", a.m.State(), b.m.State())
		}
	})
}

// TestP8_TenThousandOnFourLanes: 10,000 frames of four senders through cuts: in order, none twice, on 4 lanes.
func TestP8_TenThousandOnFourLanes(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	a, b := s.addPair(testConfig("a", "b"), testConfig("b", "a"))
	got := b.watch()
	a.input(Input{Kind: InMember, Alive: true})
	rnd := seeded(8)
	for i := range 10_000 {
		a.feed(uint64(i%4), 16+int(rnd()%300), false)
		if i%50 == 49 {
			s.run(int64(rnd() % 3e6))
		}
		if i%1000 == 999 {
			cutAll(s)
		}
	}
	s.run(5e9)
	if got[0] != 10_000 {
		t.Fatalf("%d arrived", got[0])
	}
	for lane := 1; lane <= 4; lane++ {
		if len(a.sent[lane]) != 2500 {
			t.Fatalf("lane %d carried %d", lane, len(a.sent[lane]))
		}
	}
	if fmt.Sprint(a.m.State()) != "up" {
		t.Fatal(a.m.State())
	}
}
