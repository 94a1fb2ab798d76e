package link

import "testing"

// TestAnOlderLifeIsToldOfTheNewer: a node whose clock was set back comes with an older life than its peer has met. It is refused, and
// told what to outbid; that is no proof of anything to somebody who is not the peer, so only a peer that has proven itself is heard.
func TestAnOlderLifeIsToldOfTheNewer(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	ca, cb := testConfig("a", "b"), testConfig("b", "a")
	cb.Life = Life{Epoch: 100, Nonce: 1}
	a, b := s.addPair(ca, cb)
	a.input(Input{Kind: InMember, Alive: true})
	b.input(Input{Kind: InMember, Alive: true})
	s.run(1e9)
	if a.m.State() != Up {
		t.Fatalf("a is %v", a.m.State())
	}
	b.restart(Life{Epoch: 50, Nonce: 2})
	var told Life
	b.onEffect = func(e *Effect) {
		if e.Kind == FxOutlived {
			told = e.Life
		}
	}
	b.input(Input{Kind: InMember, Alive: true})
	s.run(10e9)
	if told != (Life{Epoch: 100, Nonce: 1}) {
		t.Fatalf("b was told of %v", told)
	}
	b.restart(Life{Epoch: 101, Nonce: 3})
	b.input(Input{Kind: InMember, Alive: true})
	s.run(10e9)
	if a.m.State() != Up || b.m.State() != Up {
		t.Errorf("a is %v, b is %v", a.m.State(), b.m.State())
	}
}

// TestAWishThatIsOverWakesNobody: a frame asks for a path to a node that is no member for a while. When the while is over, and a dial would
// have been due within it, there is nothing left to wake for.
func TestAWishThatIsOverWakesNobody(t *testing.T) {
	s := newSim()
	s.fail = t.Fatalf
	ca := testConfig("a", "b")
	ca.Relay = true
	a, _ := s.addPair(ca, testConfig("b", "a"))
	a.input(Input{Kind: InMember, Alive: true})
	s.run(1e9)
	s.hole = true
	cutAll(s)
	wakes := 0
	a.onEffect = func(e *Effect) {
		if e.Kind == FxWakeAt {
			wakes++
		}
	}
	a.input(Input{Kind: InMember, Alive: false})
	s.run(33e9)    // it is down
	for range 20 { // the loop is late when the while is over
		a.input(Input{Kind: InData, Bytes: []byte("x")})
		s.run(3e9)
		a.stalled = true
		s.run(3e9)
		a.resume()
	}
	wakes = 0
	s.run(60e9)
	if wakes > 100 {
		t.Errorf("%d wake-ups in a minute in which there is nothing to do", wakes)
	}
}
