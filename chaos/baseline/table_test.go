package baseline

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

func interest(topic string) string {
	return string(router.AppendInterest(nil, "realm1", wamp.Exact, topic))
}

func registered(procedure string, session uint64, invoke wamp.Invoke) string {
	return string(router.AppendRegistration(nil, &router.Element{Realm: "realm1", URI: procedure, Session: session, Invoke: invoke}))
}

func TestTableDecides(t *testing.T) {
	x := newTable()
	put := func(node string, epoch, seq uint64, ops ...op) effects {
		return x.apply(&entry{kind: change, node: node, epoch: epoch, seq: seq, ops: ops})
	}
	single, shared := registered("a.single", 1, wamp.Single), registered("a.shared", 1, wamp.RoundRobin)
	put("a", 1, 1, op{true, single}, op{true, shared}, op{true, interest("t")})
	fx := put("b", 1, 1, op{true, single}, op{true, shared}, op{true, registered("a.shared", 2, wamp.First)})
	if !slices.Equal(fx.refused, []int{0, 2}) {
		t.Errorf("refused %v: the second owner and the other policy, but not who shares", fx.refused)
	}
	if fx := put("a", 1, 1, op{false, single}); fx.counted || len(fx.changes) > 0 {
		t.Error("an entry counts twice")
	}
	if fx := x.apply(&entry{kind: purge, node: "a", epoch: 2}); fx.counted {
		t.Error("a purge of another life counts")
	}
	if fx := x.apply(&entry{kind: purge, node: "a", epoch: 1}); len(fx.changes) != 3 {
		t.Errorf("purged %d of 3", len(fx.changes))
	}
	if fx := put("b", 1, 2, op{true, single}); len(fx.refused) > 0 {
		t.Error("a purged registration is in the way")
	}
	if fx := put("b", 2, 1); len(fx.changes) != 2 {
		t.Errorf("a new life takes %d of 2 with it", len(fx.changes))
	}
	if fx := put("b", 1, 9, op{true, single}); fx.counted {
		t.Error("a former life counts")
	}
}

// TestTableIsTotal: any entries, in any order, are carried out, alike by each of two tables of which one comes out of a snapshot on the way,
// and amount to what a map would hold.
func TestTableIsTotal(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		elements := []string{interest("x"), interest("y"), "rubbish", ""}
		for s := range uint64(3) {
			elements = append(elements, registered("p", s+1, wamp.Single), registered("q", s+1, wamp.RoundRobin), registered("q", s+1, wamp.Last))
		}
		a, b := newTable(), newTable()
		twin := map[string]map[string]struct{}{}
		for range 300 {
			e := entry{kind: change, node: string('a' + rune(r.IntN(3))), epoch: 1 + r.Uint64N(2), seq: r.Uint64N(40)}
			if r.IntN(10) == 0 {
				e.kind = purge
			}
			for range r.IntN(4) {
				e.ops = append(e.ops, op{r.IntN(2) == 0, elements[r.IntN(len(elements))]})
			}
			for _, c := range a.apply(&e).changes {
				if twin[e.node] == nil {
					twin[e.node] = map[string]struct{}{}
				}
				if _, has := twin[e.node][c.element]; has == c.add {
					t.Fatalf("seed %d: a change that is none", seed)
				}
				if c.add {
					twin[e.node][c.element] = struct{}{}
				} else {
					delete(twin[e.node], c.element)
				}
			}
			b.apply(&e)
			if r.IntN(20) == 0 {
				var err error
				if b, err = restore(b.snapshot()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !bytes.Equal(a.snapshot(), b.snapshot()) {
			t.Fatalf("seed %d: a snapshot is not the table that it was taken of", seed)
		}
		for name, x := range a.nodes {
			if len(x.elements)+len(twin[name]) > 0 && !maps.Equal(x.elements, twin[name]) {
				t.Fatalf("seed %d: the changes do not amount to the rows of %s", seed, name)
			}
		}
	}
}

func FuzzEntry(f *testing.F) {
	e := entry{kind: change, node: "n1", epoch: 3, seq: 4, ops: []op{{true, "x"}, {false, ""}}}
	f.Add(e.append(nil))
	f.Add((&entry{kind: purge, node: "n1", epoch: 3}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(b)
		if err != nil {
			return
		}
		again, err := parseEntry(e.append(nil))
		if err != nil || !bytes.Equal(again.append(nil), e.append(nil)) {
			t.Fatal("what was read cannot be written")
		}
		newTable().apply(&e)
		restore(b)
	})
}
