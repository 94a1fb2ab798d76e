package gossip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// healTime bounds how long the tables may differ once everything works again: a lost answer costs a timeout, a lost delta a
// comparison, and each may happen to the one who would have helped.
const healTime = 5 * time.Second

// TestNetwork: whatever happens, effects and parts agree, each copy is what its owner's part was at that life and version, versions never
// go back unless a part was forgotten, nothing of a buried life is routed, sessions are given up once each, digests are equal exactly
// where tables are, and all is equal soon after all works.
func TestNetwork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d"}[:rapid.IntRange(2, 4).Draw(t, "nodes")]
		w := newNetwork(t, rapid.Uint64().Draw(t, "seed"), names...)
		if rapid.Bool().Draw(t, "hasty") {
			w.cfg = Config{
				LeaveGrace: 500 * time.Millisecond, Retain: 2 * time.Second, HideAfter: time.Second,
				RetainBytes: rapid.SampledFrom([]int{1, 400, 1 << 20}).Draw(t, "retain"),
			}
		}
		w.cfg.Portion = rapid.SampledFrom([]int{1, 3, defaultPortion}).Draw(t, "portion")
		w.past = map[moment]string{}
		for _, h := range w.hosts {
			w.start(h, w.epoch)
		}
		who := func(label string) string { return rapid.SampledFrom(names).Draw(t, label) }
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.IntRange(0, 12).Draw(t, "what") {
			case 0, 1, 2, 3, 4:
				for range rapid.IntRange(1, 5).Draw(t, "changes") {
					w.propose(who("proposer"), rapid.IntRange(0, 2).Draw(t, "add") > 0, rapid.StringMatching("[a-f]").Draw(t, "element"))
				}
			case 5, 6:
				w.cut(who("from"), who("to"))
			case 7:
				w.heal(who("from"), who("to"))
			case 8:
				w.restart(who("restarted"))
			case 9:
				w.loss = rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "loss")
			case 10:
				h := w.host(who("rival"))
				life := Life{Epoch: h.m.Self().Life.Epoch + uint64(rapid.IntRange(0, 2).Draw(t, "ahead")), Nonce: 7}
				w.feed(h, Input{Kind: InMember, Name: h.name, Life: life})
			case 11:
				w.probe(w.host(who("prober")), w.host(who("probed")))
			case 12:
				name := who("retired")
				w.feed(w.host(name), Input{Kind: InRetire})
				w.run(20 * time.Millisecond)
				w.restart(name)
			}
			w.run(time.Duration(rapid.SampledFrom([]int{0, 5, 20, 100, 700, 3000, 32000}).Draw(t, "ms")) * time.Millisecond)
			w.check()
		}
		w.healAll()
		w.loss = 0
		w.within(healTime)
		for _, h := range w.hosts {
			if h.alarms > 0 {
				t.Fatalf("%s has raised an alarm", h.name)
			}
		}
	})
}

// TestSplitHeal (P5): a split of ten minutes with churn on both sides. Each side goes on; after the heal all live routes are back within
// a second, and no dead ones.
func TestSplitHeal(t *testing.T) {
	left, right := []string{"a", "b"}, []string{"c", "d", "e"}
	w := newNetwork(t, 5, append(left, right...)...)
	churn := func() {
		for _, h := range w.hosts {
			for range 3 {
				w.propose(h.name, w.rng.IntN(5) > 1, fmt.Sprint("topic-", w.rng.IntN(50)))
			}
		}
	}
	churn()
	w.within(healTime)
	for _, a := range left {
		for _, b := range right {
			w.cut(a, b)
		}
	}
	for i := range 300 {
		churn()
		w.run(2 * time.Second)
		if i == 20 {
			w.check()
			if len(w.host("a").routed) != 1 || len(w.host("c").routed) != 2 {
				t.Fatalf("routed to over the split: %v", w.dump())
			}
		}
	}
	w.healAll()
	t.Log("converged after", w.within(time.Second))
}

// TestThreeParty: a's news reach c by b when c does not reach a, whether c still routes to a or not.
func TestThreeParty(t *testing.T) {
	w := newNetwork(t, 7, "a", "b", "c")
	w.propose("a", true, "before")
	w.within(healTime)
	w.cut("a", "c")
	w.run(time.Second)
	w.propose("a", true, "suspect")
	w.run(2 * time.Second)
	if c := w.host("c"); !c.routed["a"]["suspect"] || c.m.nodes["a"].state != Suspect {
		t.Fatal("no news by a third party", w.dump())
	}
	w.run(time.Minute)
	w.propose("a", true, "hidden")
	w.run(3 * time.Second)
	c := w.host("c")
	if c.routed["a"] != nil || !c.m.nodes["a"].part.Contains("hidden") {
		t.Fatal("a hidden part does not go on", w.dump())
	}
	w.check()
	w.healAll()
	w.within(time.Second)
}

// TestNewsBySwim: c is told by membership that a has news, and does not wait for a comparison.
func TestNewsBySwim(t *testing.T) {
	w := newNetwork(t, 7, "a", "b", "c")
	w.within(healTime)
	w.cut("a", "c")
	w.run(time.Second)
	w.propose("a", true, "x")
	w.run(50 * time.Millisecond)
	self := w.host("a").m.Self()
	w.feed(w.host("c"), Input{Kind: InHead, Name: "a", Life: self.Life, Version: self.Version})
	w.run(100 * time.Millisecond)
	if !w.host("c").routed["a"]["x"] {
		t.Fatal("the news did not come", w.dump())
	}
}

// TestJoinLarge (P12): 200,000 elements reach a node that joins, while they change, also from a third party, and each served copy is
// given up afterwards.
func TestJoinLarge(t *testing.T) {
	w := newNetwork(t, 9, "a", "b", "c")
	w.cut("a", "c")
	w.cut("b", "c")
	size := atScale(200_000)
	for i := range size {
		w.propose("a", true, fmt.Sprint("com.example.topic-", i))
	}
	for !w.host("b").m.shows("a") || w.host("b").m.nodes["a"].part.Len() != size {
		w.run(20 * time.Millisecond)
	}
	for _, way := range []string{"from its owner", "by a third party"} {
		w.restart("c")
		w.healAll()
		if way != "from its owner" {
			w.cut("a", "c")
		}
		c, begin := w.host("c"), w.now
		for i := 0; ; i++ {
			w.propose("a", i%2 == 0, "com.example.flapping")
			w.run(20 * time.Millisecond)
			if n := c.m.nodes["a"]; n != nil && n.part != nil && n.part.Len() >= size {
				break
			}
			if w.now-begin > int64(20*time.Second) {
				t.Fatal(way, "not after 20 s", w.dump())
			}
		}
		t.Log(way, "after", time.Duration(w.now-begin))
	}
	w.healAll()
	w.run(3 * time.Second)
	if !w.converged() {
		t.Fatal("not converged", w.dump())
	}
	w.run(15 * time.Second)
	for _, h := range w.hosts {
		if len(h.m.served) != 0 {
			t.Errorf("%s keeps %d frozen copies", h.name, len(h.m.served))
		}
	}
}

func (m *Machine) shows(name string) bool { n := m.nodes[name]; return n != nil && n.shown() }

// TestFarBehind: a node that missed more than the log holds gets a snapshot, and is told the differences, not everything.
func TestFarBehind(t *testing.T) {
	w := newNetwork(t, 3, "a", "b")
	for i := range 1000 {
		w.propose("a", true, fmt.Sprint("stays-", i))
	}
	w.propose("a", true, "goes")
	w.within(healTime)
	w.loss = 1
	w.propose("a", false, "goes")
	for i := range 20_000 {
		w.propose("a", i%2 == 0, "flaps")
	}
	w.propose("a", true, "comes")
	w.run(50 * time.Millisecond)
	w.loss = 0
	var told []string
	w.trace = func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	w.within(2 * time.Second)
	told = slices.DeleteFunc(told, func(s string) bool { return !strings.HasPrefix(s, "b: ") })
	want := "b: remove a goes, b: add a comes, b: reached a:"
	if got := strings.Join(told, ", "); !strings.HasPrefix(got, want) || len(told) != 3 {
		t.Errorf("got %.200s, want %s", got, want)
	}
}

// TestF2bSnapshotAside: while a snapshot is built the old part is routed by.
func TestF2bSnapshotAside(t *testing.T) {
	w := newNetwork(t, 3, "a", "b")
	for i := range 3000 {
		w.propose("a", true, fmt.Sprint("old-", i))
	}
	w.within(healTime)
	b := w.host("b")
	w.loss = 1
	for i := range 40_000 {
		w.propose("a", i%2 == 0, "flaps")
	}
	w.propose("a", true, "new")
	w.run(20 * time.Millisecond)
	w.loss = 0
	for !b.routed["a"]["new"] {
		if len(b.routed["a"]) < 3000 {
			t.Fatal("the old part was dropped early")
		}
		w.run(time.Duration(step))
	}
	w.within(time.Second)
}
