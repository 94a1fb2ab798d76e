package transport

import "testing"

// A wait that keeps the processor ends by itself, is not woken by the tick of an earlier one as by an event, and ends early for what happens.
func TestLingerEnds(t *testing.T) {
	var p poller
	if err := p.open(); err != nil {
		t.Fatal(err)
	}
	defer p.close()
	began := Nanotime()
	for first := true; first || p.tickAt != 0; first = false { // a signal may end it early
		if n := p.linger(Nanotime(), -1); n != 0 {
			t.Fatalf("%d events, but nothing has happened", n)
		}
	}
	if waited := Nanotime() - began; waited < lingerTime {
		t.Errorf("it ended after %d ns", waited)
	}
	p.setTick(lingerTime)
	p.tickAt = Nanotime() + lingerTime
	p.wake()
	if n := p.linger(Nanotime(), -1); n != 1 || uint32(p.events[0].Fd) != slotWake {
		t.Fatalf("%d events, want the bell", n)
	}
	if p.tickAt == 0 {
		t.Error("the tick that is set is forgotten")
	}
	if n := p.linger(Nanotime(), 1); n != 0 {
		t.Fatalf("%d events after its deadline", n)
	}
}
