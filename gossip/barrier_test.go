package gossip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wanted is the version that a barrier waits for since then.
type wanted struct {
	version uint64
	since   int64
}

// settle tells a host that its workers route by all that came.
func (w *network) settle(h *host) {
	for _, e := range h.settled {
		w.feed(h, Input{Kind: InSettled, Name: e.Name, Life: e.Life, Version: e.Version})
	}
	h.settled = h.settled[:0]
}

func (w *network) barrier(name string, d time.Duration) {
	h := w.host(name)
	h.token++
	h.barriers[h.token] = wanted{h.m.own.Version(), w.now}
	w.feed(h, Input{Kind: InBarrier, Token: h.token, Until: w.now + int64(d)})
}

// checkBarrier proves that whoever is counted has what the barrier waited for, or had it and was restarted since.
func (w *network) checkBarrier(h *host, e *Effect) {
	b, open := h.barriers[e.Token]
	if !open {
		w.t.Fatalf("%s: %s, which is not under way", h.name, describe(e))
	}
	delete(h.barriers, e.Token)
	have := 0
	for _, o := range w.hosts {
		if o == h {
			continue
		}
		if p := o.m.partOf(h.name, h.m.own.Life()); o.born > b.since || p != nil && (p.Version() >= b.version || h.reborn > 0) {
			have++
		}
	}
	if e.Acked > have && !w.forged || e.Acked > e.Of {
		w.t.Fatalf("%s: %s, but %d have it", h.name, describe(e), have)
	}
}

// TestBarriers: whatever happens, each barrier ends exactly once, in time, and counts nobody who does not have the change; while all
// is well, everybody has it.
func TestBarriers(t *testing.T) {
	const limit = time.Second
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(t, "nodes")]
		w := newNetwork(t, rapid.Uint64().Draw(t, "seed"), names...)
		w.acks = true
		who := func(label string) string { return rapid.SampledFrom(names).Draw(t, label) }
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2, 3, 4:
				a := who("proposer")
				w.propose(a, rapid.Bool().Draw(t, "add"), rapid.StringMatching("[a-f]").Draw(t, "element"))
				w.barrier(a, limit)
			case 5:
				w.cut(who("from"), who("to"))
			case 6:
				w.healAll()
			case 7:
				w.restart(who("restarted"))
			case 8:
				w.loss = rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "loss")
			case 9:
				h := w.host(who("rival"))
				w.feed(h, Input{Kind: InMember, Name: h.name, Life: Life{Epoch: h.m.Self().Life.Epoch, Nonce: 7}})
			}
			w.run(time.Duration(rapid.SampledFrom([]int{0, 5, 20, 100, 700, 3000}).Draw(t, "ms")) * time.Millisecond)
			w.check()
		}
		w.run(limit + time.Duration(2*step))
		for _, h := range w.hosts {
			if len(h.barriers) > 0 || len(h.m.cohorts) > 0 || h.m.barrierBy != 0 {
				t.Fatalf("%s: barriers that never end: %v", h.name, h.barriers)
			}
		}
		w.healAll()
		w.loss = 0
		w.within(healTime)
		for _, h := range w.hosts {
			w.propose(h.name, true, "last")
			w.barrier(h.name, time.Hour)
		}
		w.run(100 * time.Millisecond)
		for _, h := range w.hosts {
			if len(h.barriers) > 0 {
				t.Fatalf("%s: a barrier is not over although everybody has the change: %v\n%s", h.name, h.barriers, w.dump())
			}
			if !h.m.Settled() {
				t.Fatalf("%s is not settled\n%s", h.name, w.dump())
			}
		}
	})
}

// TestRefusalAheadOfAck: an owner hears of an objection before it hears that everybody has its change, also when the link breaks in between.
func TestRefusalAheadOfAck(t *testing.T) {
	s := newSolo(t)
	a := partOf(life(1), "x", "y")
	s.up("a", life(1), 2)
	s.control("a", deltaOf("a", a, 0))
	fx := s.step(Input{Kind: InRefuse, Name: "a", Element: "y"})
	s.step(Input{Kind: InSettled, Name: "a", Life: life(1), Version: 1})
	s.step(Input{Kind: InSettled, Name: "a", Life: life(1), Version: 2})
	fx = s.m.Flush(s.now, fx)
	s.want("first", fx, "→a refusal 1.1 y", "→a ack 1.1:2")
	if s.m.Unsent() {
		t.Fatal("still something to say")
	}
	s.step(Input{Kind: InLink, Name: "a", Life: life(1)})
	fx = s.m.Flush(s.now, s.up("a", life(1), 2))
	all := lines(fx)
	if r, k := strings.Index(all, "refusal 1.1 y"), strings.Index(all, "ack 1.1:2"); r < 0 || k < r {
		t.Fatalf("after the link broke:\n%s", all)
	}
	a.Remove("y")
	s.control("a", deltaOf("a", a, 2))
	s.step(Input{Kind: InLink, Name: "a", Life: life(1)})
	if all := lines(s.up("a", life(1), 3)); strings.Contains(all, "refusal") {
		t.Fatalf("what is withdrawn is refused once more:\n%s", all)
	}
}

// TestAckOfAnotherLife: only what is said of our present life, and of versions that exist, counts.
func TestAckOfAnotherLife(t *testing.T) {
	s := newSolo(t)
	s.up("a", life(1), 0)
	s.step(Input{Kind: InPropose, Add: true, Element: "x"})
	barriers := func(fx []Effect) (n int) {
		for i := range fx {
			if fx[i].Kind == FxBarrier {
				n++
			}
		}
		return n
	}
	n := barriers(s.step(Input{Kind: InBarrier, Token: 1, Until: s.now + int64(time.Second)}))
	n += barriers(s.control("a", appendAck(nil, life(9), 1)))
	n += barriers(s.control("a", appendAck(nil, life(10), 2)))
	n += barriers(s.control("a", appendAck(nil, life(10), 0)))
	if n != 0 {
		t.Fatal("over although nobody has the change")
	}
	if barriers(s.control("a", appendAck(nil, life(10), 1))) != 1 {
		t.Fatal("not over although all have the change")
	}
	refusals := func(b []byte) int {
		return len(slices.DeleteFunc(s.control("a", b), func(e Effect) bool { return e.Kind != FxRefusal }))
	}
	if refusals(appendRefusal(nil, life(9), "x"))+refusals(appendRefusal(nil, life(10), "z")) != 0 || refusals(appendRefusal(nil, life(10), "x")) != 1 {
		t.Fatal("a refusal of what we do not have, or none of what we have")
	}
}

// TestLaterKind: a frame of a kind that a later version adds is skipped and counted; it is no reason for alarm.
func TestLaterKind(t *testing.T) {
	s := newSolo(t)
	s.up("a", life(1), 0)
	for kind := byte(kindBound); kind != 0; kind++ {
		s.want("nothing", s.control("a", []byte{wireVersion, kind, 1, 2, 3}))
	}
	if got := s.m.Stats().Unknown; got != 256-kindBound {
		t.Fatalf("%d frames counted", got)
	}
	if all := lines(s.control("a", []byte{wireVersion, kindAck})); !strings.Contains(all, "alarm") {
		t.Fatalf("a broken ack passes: %s", all)
	}
}

// TestManyBarriers: they cost what they are, not what there are nodes.
func TestManyBarriers(t *testing.T) {
	s := newSolo(t)
	for i := range 60 {
		s.up(fmt.Sprint("node", i), life(1), 0)
	}
	const many = 10_000
	for i := range many {
		s.step(Input{Kind: InPropose, Add: true, Element: fmt.Sprint(i)})
		s.step(Input{Kind: InBarrier, Token: uint64(i), Until: s.now + int64(time.Second)})
	}
	if len(s.m.cohorts) != 1 {
		t.Fatalf("%d cohorts", len(s.m.cohorts))
	}
	ended := 0
	for i := range 60 {
		for _, e := range s.control(fmt.Sprint("node", i), appendAck(nil, life(10), many)) {
			if e.Kind == FxBarrier {
				ended++
			}
		}
	}
	if ended != many || len(s.m.cohorts) != 0 {
		t.Fatalf("%d over", ended)
	}
}
