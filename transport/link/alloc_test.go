package link

import "testing"

// pairUp is two machines with an open connection and nothing between them: what one writes the other reads at once.
type pairUp struct {
	a, b *Machine
	now  int64
	out  []Effect
	n    int
}

func newPairUp(tb testing.TB) *pairUp {
	tb.Helper()
	p := &pairUp{a: New(testConfig("a", "b")), b: New(testConfig("b", "a")), now: 1e9}
	p.step(p.a, p.b, Input{Kind: InUp, Conn: 1, Dialed: true})
	if p.a.State() != Up || p.b.State() != Up {
		tb.Fatal("handshake failed")
	}
	p.turn()
	return p
}

func (p *pairUp) step(m, peer *Machine, in Input) {
	in.Now = p.now
	var out []Effect
	if in.Kind == InUp {
		out = p.b.Step(&Input{Kind: InUp, Conn: 1, Now: p.now}, nil)
	}
	for _, e := range m.Step(&in, out) {
		if e.Kind == FxWrite {
			p.step(peer, m, Input{Kind: InBytes, Conn: 1, Bytes: e.Bytes})
		}
	}
}

// turn is one turn of both loops.
func (p *pairUp) turn() {
	p.now += 1e6
	p.move(p.a, p.b)
	p.move(p.b, p.a)
}

func (p *pairUp) move(from, to *Machine) {
	p.out = from.Flush(p.now, p.out[:0])
	k := len(p.out)
	for i := range k {
		e := p.out[i]
		if e.Kind != FxWrite {
			continue
		}
		in := Input{Kind: InBytes, Conn: 1, Now: p.now, Bytes: e.Bytes}
		p.out = to.Step(&in, p.out)
	}
	for _, e := range p.out[k:] {
		if e.Kind == FxData || e.Kind == FxControl {
			p.n++
		}
	}
}

func (p *pairUp) send(m *Machine, lane uint64, frame []byte) {
	in := Input{Kind: InData, Lane: lane, Now: p.now, Bytes: frame}
	p.out = m.Step(&in, p.out[:0])
}

func checkAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	for range 300 {
		f()
	}
	if a := testing.AllocsPerRun(500, f); a != 0 {
		t.Errorf("%s: %v allocations", what, a)
	}
}

func TestAllocDataFrames(t *testing.T) {
	p := newPairUp(t)
	frame := make([]byte, 150)
	checkAllocs(t, "64 frames out, in and acknowledged", func() {
		for i := range 64 {
			p.send(p.a, uint64(i), frame)
		}
		p.turn()
	})
	checkAllocs(t, "both ways", func() {
		for i := range 640 {
			p.send(p.a, uint64(i), frame)
			p.send(p.b, uint64(i), frame)
		}
		p.turn()
	})
	control := Input{Kind: InControl, Bytes: frame}
	checkAllocs(t, "control", func() {
		control.Now = p.now
		p.out = p.a.Step(&control, p.out[:0])
		p.turn()
	})
	checkAllocs(t, "idle turns with heartbeats", func() { p.turn() })
}

func TestAllocHeldAndLargeFrames(t *testing.T) {
	p := newPairUp(t)
	frame := make([]byte, 150)
	version := uint64(1)
	checkAllocs(t, "frames held for a version", func() {
		version++
		p.out = p.a.Step(&Input{Kind: InVersion, Version: version}, p.out[:0])
		for i := range 64 {
			p.send(p.a, uint64(i), frame)
		}
		p.turn()
		before := p.n
		p.out = p.b.Step(&Input{Kind: InReached, Version: version, Now: p.now}, p.out[:0])
		if len(p.out) != 64 || before != p.n {
			t.Fatalf("%d released", len(p.out))
		}
	})
	large := make([]byte, 200_000)
	checkAllocs(t, "a frame of several records", func() {
		p.send(p.a, 1, large)
		p.turn()
	})
}

func BenchmarkDataFrame150(b *testing.B) {
	for _, per := range []int{1, 64, 1024} {
		b.Run(map[int]string{1: "per1", 64: "per64", 1024: "per1024"}[per], func(b *testing.B) {
			p := newPairUp(b)
			frame := make([]byte, 150)
			b.ReportAllocs()
			b.SetBytes(150)
			b.ResetTimer()
			for i := 0; i < b.N; i++ {
				p.send(p.a, uint64(i), frame)
				if i%per == per-1 {
					p.turn()
				}
			}
		})
	}
}
