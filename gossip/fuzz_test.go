package gossip

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"kleeblatt/crdt"
)

func someFrames() [][]byte {
	a := partOf(life(1), "x", "y")
	a.Remove("x")
	s := a.Snapshot()
	h := head{Head: crdt.Head{Owner: "a", Life: life(1), Version: 3, Hash: a.Hash()}}
	return [][]byte{
		appendDigest(nil, a.Hash()),
		appendHeads(nil, []head{h, {Head: crdt.Head{Owner: "me", Life: life(10), Version: 1}, buried: true}}),
		appendAsk(nil, &frame{owner: "me", life: life(10)}),
		appendAsk(nil, &frame{owner: "me", life: life(10), have: 1, version: 2, offset: 1, full: true}),
		deltaOf("a", a, 0),
		deltaOf("a", a, 1),
		appendChunk(nil, "a", s, 0, s.Chunk(0, 1000)),
		appendRetire(nil, "a", life(1), 3),
		appendAck(nil, life(10), 1),
		appendRefusal(nil, life(10), "x"),
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, b := range someFrames() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := parseFrame(b)
		if err != nil {
			return
		}
		_ = Describe(b)
		var again []byte
		switch fr.kind {
		case kindHeads:
			again = appendHeads(nil, fr.heads)
		case kindAsk:
			again = appendAsk(nil, &fr)
		case kindDelta:
			again = appendDelta(nil, fr.owner, &fr.delta, fr.hash, fr.hasHash)
		case kindRetire:
			again = appendRetire(nil, fr.owner, fr.life, fr.version)
		case kindAck:
			again = appendAck(nil, fr.life, fr.version)
		case kindRefusal:
			again = appendRefusal(nil, fr.life, fr.element)
		default:
			return
		}
		second, err := parseFrame(again)
		if err != nil || !slices.Equal(second.heads, fr.heads) || !slices.Equal(second.delta.Ops, fr.delta.Ops) ||
			second.owner != fr.owner || second.life != fr.life || second.version != fr.version || second.hash != fr.hash || second.element != fr.element {
			t.Fatalf("%+v read as %+v, %v", fr, second, err)
		}
	})
}

func TestTruncated(t *testing.T) {
	for _, b := range someFrames() {
		for i := range b {
			if _, err := parseFrame(b[:i]); err == nil {
				t.Errorf("%d of %d bytes read as %s", i, len(b), Describe(b[:i]))
			}
		}
		if _, err := parseFrame(append(bytes.Clone(b), "later version"...)); err != nil {
			t.Errorf("what a later version appends to %s makes it unreadable", Describe(b))
		}
	}
}

func FuzzProbeDigest(f *testing.F) {
	m := New(Config{Name: "me", Life: life(10)})
	f.Add(m.AppendDigest(nil))
	f.Add(make([]byte, rootBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, heads, err := parseProbeDigest(b); err != nil && heads != nil {
			t.Fatal("heads and an error")
		}
	})
}

// FuzzStep (P19): a machine takes any inputs in any state. The bytes choose inputs; some are frames of their own, bent by other bytes.
func FuzzStep(f *testing.F) {
	f.Add([]byte{2, 0, 1, 3, 0, 5, 3, 0, 6, 3, 0, 7, 0, 1, 9, 6, 0, 0, 8, 0, 0})
	f.Add(bytes.Repeat([]byte{2, 0, 0, 3, 4, 1, 1, 2, 3, 0, 1, 1, 7, 40, 200}, 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newNetwork(t, 1, "me")
		w.forged = true
		h := w.hosts[0]
		h.m = New(Config{Name: "me", Life: life(10), Rand: rand.New(rand.NewPCG(1, 1)).Uint64, Nodes: 4, BufferedBytes: 100})
		frames := someFrames()
		names := []string{"a", "b", "c", "me", "d", "e", ""}
		for len(b) >= 3 {
			what, x, y := b[0], b[1], b[2]
			b = b[3:]
			in := Input{
				Kind: InputKind(what%14) + 1, Name: names[int(x)%len(names)], Life: life(uint64(y % 4)), Version: uint64(x % 5),
				Up: y&1 == 0, On: y&2 == 0, Alive: y&4 == 0, Add: x&1 == 0, Element: string(rune('x' + y%3)), Token: uint64(what),
			}
			if in.Kind == InPropose {
				h.ops[in.Token] = Op{Element: in.Element, Add: in.Add}
			}
			if in.Name == "me" && x > 100 {
				in.Life = life(uint64(y))
			}
			if in.Kind == InControl || in.Kind == InDigest {
				in.Bytes = bytes.Clone(frames[int(y)%len(frames)])
				if x > 127 && len(b) > 0 {
					in.Bytes[int(b[0])%len(in.Bytes)] ^= 1 << (x % 8)
				}
			}
			w.now += int64(y) * ms * 8
			if in.Kind == InBarrier { // each has a token of its own
				h.token++
				in.Token, in.Until = h.token, w.now+int64(x)*ms
				h.barriers[h.token] = wanted{h.m.own.Version(), w.now}
			}
			w.feed(h, in)
			h.fx = h.m.Flush(w.now, h.fx[:0])
			w.perform(h, h.fx)
			_ = h.m.AppendDigest(nil)
			if len(h.m.nodes) > 4 {
				t.Fatal("too many names")
			}
		}
		w.check()
	})
}
