package bench

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kleeblatt/internal/wamp"
)

// TestTracker compares the tracker with one that remembers everything, for numbers that come at most a window late.
func TestTracker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k tracker
		twin, next := map[uint32]bool{}, uint32(0)
		for range rapid.IntRange(0, 400).Draw(t, "messages") {
			low := next - min(next, trackerWindow)
			seq := rapid.Uint32Range(low, next+2*trackerWindow).Draw(t, "seq")
			if rapid.Bool().Draw(t, "near") {
				seq = rapid.Uint32Range(next-min(next, 3), next+1).Draw(t, "seq")
			}
			want := late
			switch {
			case twin[seq]:
				want = doubled
			case seq >= next:
				want, next = fresh, seq+1
			}
			twin[seq] = true
			if got := k.take(seq); got != want || int(k.distinct) != len(twin) {
				t.Fatalf("%d is %d, want %d; %d different ones, want %d", seq, got, want, k.distinct, len(twin))
			}
		}
	})
}

func TestStamp(t *testing.T) {
	for s := wamp.JSON; s < wamp.SerializerBound; s++ {
		for _, size := range []int{PayloadMin, 128, 70_000} {
			p := newPayload(s, size)
			for _, want := range []stamp{{}, {SessionsMax - 1, math.MaxUint32, 1<<48 - 1}, {1, 2, 3}} {
				p.set(want)
				if got, ok := readStamp(p.Raw); !ok || got != want {
					t.Errorf("%v, %d bytes: %+v, %v, want %+v", s, size, got, ok, want)
				}
			}
		}
	}
}

func FuzzStamp(f *testing.F) {
	f.Add([]byte("[\"kb:0000000000000000000000000\"]"))
	f.Add([]byte("kb:"))
	f.Fuzz(func(t *testing.T, b []byte) { readStamp(b) })
}

func TestBottleneck(t *testing.T) {
	for want, g := range map[string]Generator{
		"":                                 {Processors: 2, Busy: 0.5, Waiting: 100, Late: 100},
		"it used 92 % of its 2 processors": {Processors: 2, Busy: 0.92},
		"waited longer than 3ms":           {Processors: 2, Busy: 0.5, Waiting: 3000},
		"left more than 4ms after their":   {Processors: 2, Busy: -1, Late: 4000},
	} {
		if got := bottleneck(&Report{Generator: g}); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%+v: %q", g, got)
		}
	}
}

func TestGate(t *testing.T) {
	g := newGate(2)
	a, b := g.send(2, 10), g.send(1, 20)
	if g.free() {
		t.Error("a third of two")
	}
	if at, known, done := g.answer(b); at != 20 || !known || !done || g.free() {
		t.Error("the later one is done, the first is not")
	}
	g.answer(a)
	if _, known, done := g.answer(a); !known || !done || !g.free() {
		t.Error("two answers do not end it")
	}
	if _, known, _ := g.answer(a); known || g.belated() {
		t.Error("a third answer is known")
	}
	c := g.send(1, time.Second.Nanoseconds())
	g.abandon()
	if _, known, _ := g.answer(c); known || !g.belated() || g.belated() {
		t.Error("the answer to what was given up is belated, once")
	}
}
