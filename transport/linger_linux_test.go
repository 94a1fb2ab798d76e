package transport

import (
	"testing"
	"time"
)

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
	p.setTick(int64(time.Hour))
	p.tickAt = 1 // it is set, and comes after whatever holds this test up
	p.wake()
	if n := p.linger(Nanotime(), -1); n != 1 || uint32(p.events[0].Fd) != slotWake {
		t.Fatalf("%d events, want the bell", n)
	}
	if p.tickAt != 1 {
		t.Error("the tick that is set is forgotten")
	}
	p.tickAt = Nanotime() + int64(time.Hour) // later than the deadline: it is set anew
	if n := p.linger(Nanotime(), 1); n != 0 {
		t.Fatalf("%d events after its deadline", n)
	}
}
