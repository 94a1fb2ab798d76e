package link

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func meshOf(t interface {
	Fatalf(string, ...any)
}, names ...string) *mesh {
	w := newMesh(nil, names...)
	w.fail = t.Fatalf
	w.meet()
	w.run(2e9)
	return w
}

func (w *mesh) allUp(t interface{ Fatalf(string, ...any) }, relayed int) {
	if s := w.links(); strings.Count(s, " up") != len(w.nodes)*(len(w.nodes)-1) || strings.Count(s, "(over ") != relayed {
		t.Fatalf("links: %s", s)
	}
}

func (w *mesh) cutBoth(a, b string, on bool) {
	w.cut(a, b, on)
	w.cut(b, a, on)
}

// TestARelayCarriesWhatADirectPathCannot: and once there is a direct one again the relay carries nothing more.
func TestARelayCarriesWhatADirectPathCannot(t *testing.T) {
	for _, oneWay := range []bool{false, true} {
		w := meshOf(t, "a", "b", "c")
		w.allUp(t, 0)
		a, b := w.node("a"), w.node("b")
		w.cut("a", "b", true)
		w.cut("b", "a", !oneWay)
		for range 600 {
			a.publish("b", 1, 100)
			b.publish("a", 2, 100)
			w.run(1e7)
		}
		w.allUp(t, 2)
		w.run(1e9)
		if a.got["b"][3] != 600 || b.got["a"][2] != 600 {
			t.Fatalf("one way %v: %v %v", oneWay, a.got["b"], b.got["a"])
		}
		w.cutBoth("a", "b", false)
		w.run(10e9)
		w.allUp(t, 0)
		frames := w.node("c").d.Stats().Frames
		a.publish("b", 1, 100)
		w.run(5e9)
		if s := w.node("c").d.Stats(); b.got["a"][2] != 601 || s.Frames != frames || frames < 100 || s.Strange != 0 {
			t.Fatalf("%v: %d, %+v", oneWay, frames, s)
		}
		if a.lost+b.lost+w.node("c").lost != 0 || len(a.d.conns)+len(b.d.conns) != 0 {
			t.Fatalf("lost %d %d, %d and %d virtual connections", a.lost, b.lost, len(a.d.conns), len(b.d.conns))
		}
	}
}

// TestCallsLiveWhereARelayIsFoundInTheirGrace, and fail where there is none.
func TestCallsLiveWhereARelayIsFoundInTheirGrace(t *testing.T) {
	for _, names := range [][]string{{"a", "b", "c"}, {"a", "b"}} {
		w := meshOf(t, names...)
		w.cutBoth("a", "b", true)
		w.run(3e9)
		if failed := w.node("a").calls + w.node("b").calls; (failed == 0) != (len(names) == 3) {
			t.Errorf("%v: calls failed %d times", names, failed)
		}
	}
}

// TestCallsToADeadProcessFailAtOnce: a refused redial says enough. A neighbour that has not noticed yet is asked in vain, and meanwhile the
// search for a direct path goes on: whoever comes back is found at once.
func TestCallsToADeadProcessFailAtOnce(t *testing.T) {
	w := meshOf(t, "a", "b", "c")
	a, dials := w.node("a"), 0
	a.on = func(peer string, e *Effect) {
		if peer == "b" && e.Kind == FxDial {
			dials++
		}
	}
	w.kill("b", "a")
	w.run(10e6)
	if a.calls == 0 {
		t.Error("calls wait although the redial was refused")
	}
	w.run(700e6)
	if dials < 3 {
		t.Errorf("%d dials while a neighbour was asked", dials)
	}
}

// TestOldBytesAreNoSignOfLife: where one way is cut a stream is not acknowledged, and its sender's system repeats pieces of it for seconds.
// Calls fail as soon as in a cut that silences both ends, whenever it comes.
func TestOldBytesAreNoSignOfLife(t *testing.T) {
	for phase := int64(0); phase < int64(2*beatEvery); phase += 30e6 {
		w := meshOf(t, "a", "b")
		a := w.node("a")
		w.run(phase)
		w.cutBoth("a", "b", true)
		for range 15 {
			if c := a.m["b"].cur; c != nil {
				a.feed("b", Input{Kind: InBytes, Conn: c.id, Bytes: []byte{c.version, kindBatch}})
			}
			w.run(100e6)
		}
		if a.calls == 0 {
			t.Errorf("calls wait for a peer that has told of nothing for 1.5 s: %s (cut after %d ms)", w.links(), phase/1e6)
		}
	}
}

// TestTheBestNeighbourRelays: the least sum of round trips, the least name among equals, another one when it fails, none that cannot.
func TestTheBestNeighbourRelays(t *testing.T) {
	over := func(w *mesh, want string) {
		t.Helper()
		if s := w.links(); !strings.Contains(s, "a>b up(over "+want+")") {
			t.Fatalf("not over %s: %s", want, s)
		}
	}
	w := newMesh(nil, "a", "b", "c", "d", "e")
	w.fail = t.Fatalf
	for _, p := range []string{"a", "b"} {
		for n, d := range map[string]int64{"c": 40e6, "d": 10e6, "e": 20e6} {
			w.delay[[2]string{p, n}], w.delay[[2]string{n, p}] = d, d
		}
	}
	w.meet()
	w.run(20e9)
	w.allUp(t, 0)
	w.cutBoth("a", "b", true)
	w.run(3e9)
	over(w, "d")
	w.cutBoth("d", "b", true)
	w.run(4e9)
	over(w, "e")
	w.cutBoth("e", "a", true)
	w.run(4e9)
	over(w, "c")

	w = meshOf(t, "a", "b", "d", "c")
	w.cutBoth("a", "b", true)
	w.run(3e9)
	if s := w.links(); !strings.Contains(s, "a>b up(over ") {
		t.Fatal(s)
	}
}

// TestWhoDoesNotKnowRelayItemsGetsNone: an end or a neighbour of the version before.
func TestWhoDoesNotKnowRelayItemsGetsNone(t *testing.T) {
	w := newMesh(func(self, peer string, c *Config) { c.Relay = self != "c" }, "a", "b", "c")
	w.fail = t.Fatalf
	for _, n := range w.nodes[:2] {
		n.on = func(peer string, e *Effect) {
			if e.Kind == FxWrite && peer == "c" && e.Bytes[1] == kindBatch {
				for _, item := range itemsOf(e.Bytes[2:]) {
					if item == itemRelay || item == itemNear {
						t.Errorf("item %#x for a node that does not know it", item)
					}
				}
			}
		}
	}
	w.meet()
	w.run(2e9)
	w.cutBoth("a", "b", true)
	w.run(5e9)
	if s := w.links(); strings.Contains(s, "over") || !strings.Contains(s, "a>b suspect") {
		t.Fatal(s)
	}
}

// itemsOf lists the types of a batch's items.
func itemsOf(b []byte) (types []byte) {
	for len(b) > 0 {
		item := b[0]
		b = b[1:]
		if item&itemData != 0 {
			_, n := uvarint(b)
			b = b[n:]
		}
		size, n := uvarint(b)
		b = b[n+int(size):]
		types = append(types, item)
	}
	return types
}

// TestAFullNeighbourEndsThePath: it neither waits nor grows; another one carries on, and nothing is lost.
func TestAFullNeighbourEndsThePath(t *testing.T) {
	w := meshOf(t, "a", "b", "c", "d")
	a, b := w.node("a"), w.node("b")
	w.cutBoth("a", "b", true)
	w.run(3e9)
	w.allUp(t, 2)
	via := a.d.Via(a.m["b"].cur.id)
	w.node(via).full["b"] = true
	for range 100 {
		a.publish("b", 1, 1000)
		w.run(1e7)
	}
	w.run(2e9)
	if now := a.d.Via(a.m["b"].cur.id); now == via || now == "" || b.got["a"][2] != 100 {
		t.Fatalf("over %s, then %s: %d arrived", via, now, b.got["a"][2])
	}
	if s := w.node(via).d.Stats(); s.Crowded == 0 || a.lost+b.lost != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestANodeThatCameDuringTheCutIsLinkedOverANeighbour: there never was a direct path.
func TestANodeThatCameDuringTheCutIsLinkedOverANeighbour(t *testing.T) {
	w := newMesh(nil, "a", "b", "c")
	w.fail = t.Fatalf
	w.cutBoth("a", "b", true)
	w.meet()
	w.run(6e9)
	w.allUp(t, 2)
}

// TestRelayItemsThatLieAreNotPassedOn: from others than they say, to themselves, to nobody, or none at all.
func TestRelayItemsThatLieAreNotPassedOn(t *testing.T) {
	w := meshOf(t, "a", "b", "c")
	c := w.node("c")
	item := func(from, to string) []byte {
		return appendRelay(nil, &relayHead{dialer: true, number: 7, from: []byte(from), to: []byte(to)}, []byte("x"))
	}
	for _, bad := range [][]byte{item("b", "a"), item("a", "a"), item("a", "nobody"), item("b", "b"), item("nobody", "b"), {0}, nil} {
		for _, f := range c.d.Item("a", bad, nil) {
			h, _, ok := readRelay(f.In.Bytes)
			if f.Peer != "a" || f.In.Kind != InRelay || !ok || !h.end {
				t.Errorf("%x became %+v", bad, f)
			}
		}
	}
	if fs := c.d.Item("a", item("a", "b"), nil); len(fs) != 1 || fs[0].Peer != "b" {
		t.Errorf("an honest item became %+v", fs)
	}
	if s := c.d.Stats(); s.Frames != 1 {
		t.Errorf("%+v", s)
	}
}

// TestP8_RelaysLoseDoubleAndReorderNothing: whatever is cut, one way or both, as long as no outage is long.
func TestP8_RelaysLoseDoubleAndReorderNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d"}[:rapid.IntRange(3, 4).Draw(t, "nodes")]
		w := newMesh(nil, names...)
		w.fail = t.Fatalf
		lat := rapid.SampledFrom([]int64{1e5, 5e6}).Draw(t, "latency")
		rnd := seeded(rapid.Uint64().Draw(t, "seed"))
		w.latency = func() int64 { return lat + int64(rnd()%uint64(lat)) }
		w.meet()
		w.run(1e9)
		some := func(what string) *meshNode { return w.nodes[rapid.IntRange(0, len(names)-1).Draw(t, what)] }
		for range rapid.IntRange(5, 30).Draw(t, "steps") {
			n, p := some("node"), some("peer")
			if n == p {
				w.run(rapid.Int64Range(1, 5e8).Draw(t, "for"))
				continue
			}
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0, 1, 2:
				for range rapid.IntRange(1, 20).Draw(t, "frames") {
					n.publish(p.name, rapid.Uint64Range(0, 3).Draw(t, "hash"), sizes.Draw(t, "size"))
				}
			case 3:
				w.cut(n.name, p.name, true)
				w.run(rapid.Int64Range(1, 25e8).Draw(t, "for"))
			case 4:
				w.cutBoth(n.name, p.name, true)
				w.run(rapid.Int64Range(1, 25e8).Draw(t, "for"))
			case 5:
				clear(w.cuts)
			case 6:
				n.full[p.name] = !n.full[p.name]
			}
			if w.now > 25e9 { // no outage may outlast the window
				break
			}
		}
		clear(w.cuts)
		for _, n := range w.nodes {
			clear(n.full)
		}
		w.run(30e9)
		w.allUp(t, 0)
		for _, n := range w.nodes {
			if n.lost != 0 || len(n.d.conns) != 0 {
				t.Fatalf("%s: %d resets, %d virtual connections left", n.name, n.lost, len(n.d.conns))
			}
			for _, p := range n.peers() {
				if got := w.node(p).got[n.name]; *n.sent[p] != *got {
					t.Fatalf("%s>%s: sent %v, arrived %v", n.name, p, *n.sent[p], *got)
				}
			}
		}
	})
}

// TestAHelloOfTheVersionBefore has one field less, and speaks of no features.
func TestAHelloOfTheVersionBefore(t *testing.T) {
	h := hello{min: 1, max: 1, name: "a", challenge: make([]byte, challengeLen), have: 7, features: featureRelay}
	b := appendHello(nil, &h)
	b[0]-- // one field less
	got, ok := readHello(b[:len(b)-1])
	if !ok || got.have != 7 || got.features != 0 {
		t.Fatalf("%v %+v", ok, got)
	}
}

// TestFailuresOfOneNeighbourAreRememberedOnce, however often a neighbour begins and ends what nobody asked for.
func TestFailuresOfOneNeighbourAreRememberedOnce(t *testing.T) {
	w := meshOf(t, "a", "b", "c")
	a := w.node("a")
	hello := appendHello([]byte{0, kindHello}, &hello{min: 1, max: 1, name: "b", challenge: make([]byte, challengeLen)})
	for n := range uint64(1000) {
		h := relayHead{dialer: true, number: n, from: []byte("b"), to: []byte("a")}
		a.feeds(a.d.Item("c", appendRelay(nil, &h, hello), nil))
		h.end = true
		a.feeds(a.d.Item("c", appendRelay(nil, &h, nil), nil))
	}
	if p := a.d.peers["b"]; len(p.tried) > 1 || len(p.conns) != 0 || len(a.d.conns) != 0 {
		t.Fatalf("%d failures, %d connections", len(p.tried), len(p.conns))
	}
}
