package dealer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"

	"pgregory.net/rapid"
)

func register(x *Index, match wamp.Match, procedures ...string) *Index {
	for i, p := range procedures {
		x = x.WithCallee(Key{match, p}, uint64(i+1), wamp.Single, Callee{Session: uint64(i + 1)})
	}
	return x
}

func wantRouted(t *testing.T, x *Index, procedure, want string) {
	t.Helper()
	got := "none"
	if r := x.Match([]byte(procedure)); r != nil {
		got = fmt.Sprintf("%v %s", r.Match, r.Procedure)
	}
	if got != want {
		t.Errorf("%s is routed to %s, want %s", procedure, got, want)
	}
}

func TestPBR01PrefixOfTheString(t *testing.T) {
	x := register(nil, wamp.Prefix, "com.myapp.myobject1")
	for _, p := range []string{"com.myapp.myobject1.myprocedure1", "com.myapp.myobject1-mysubobject1",
		"com.myapp.myobject1.mysubobject1.myprocedure1", "com.myapp.myobject1"} {
		wantRouted(t, x, p, "prefix com.myapp.myobject1")
	}
	wantRouted(t, x, "com.myapp.myobject2", "none")
	wantRouted(t, x, "com.myapp.myobject", "none")
}

func TestPBR02WildcardIsOneComponent(t *testing.T) {
	x := register(nil, wamp.Wildcard, "com.myapp..myprocedure1")
	wantRouted(t, x, "com.myapp.myobject1.myprocedure1", "wildcard com.myapp..myprocedure1")
	wantRouted(t, x, "com.myapp.myobject2.myprocedure1", "wildcard com.myapp..myprocedure1")
	wantRouted(t, x, "com.myapp.myobject1.myprocedure1.mysubprocedure1", "none")
	wantRouted(t, x, "com.myapp.myobject1.myprocedure2", "none")
	wantRouted(t, x, "com.myapp2.myobject1.myprocedure1", "none")
}

// specTable is the registrations of the specification's precedence example.
func specTable() *Index {
	x := register(nil, wamp.Exact, "a1.b2.c3.d4.e55")
	x = register(x, wamp.Prefix, "a1.b2.c3", "a1.b2.c3.d4")
	return register(x, wamp.Wildcard, "a1.b2..d4.e5", "a1.b2.c33..e5", "a1.b2..d4.e5..g7", "a1.b2..d4..f6.g7")
}

func TestPBR03Precedence(t *testing.T) {
	x := specTable()
	wantRouted(t, x, "a1.b2.c3.d4.e55", "exact a1.b2.c3.d4.e55")
	wantRouted(t, x, "a1.b2.c3.d98.e74", "prefix a1.b2.c3")
	wantRouted(t, x, "a1.b2.c3.d4.e325", "prefix a1.b2.c3.d4")
	wantRouted(t, x, "a1.b2.c55.d4.e5", "wildcard a1.b2..d4.e5")
	wantRouted(t, x, "a1.b2.c33.d4.e5", "prefix a1.b2.c3") // A-49; the table says wildcard 5
	wantRouted(t, x, "a1.b2.c88.d4.e5.f6.g7", "wildcard a1.b2..d4.e5..g7")
	wantRouted(t, x, "a2.b2.c2.d2.e2", "none")
}

func TestPBR04WildcardTies(t *testing.T) {
	x := register(nil, wamp.Wildcard, "a1...d4", "a1.b2..d4")
	wantRouted(t, x, "a1.b2.c3.d4", "wildcard a1.b2..d4")
	wantRouted(t, x, "a1.b9.c3.d4", "wildcard a1...d4")
	x = register(nil, wamp.Wildcard, "a1.b2..d4.e5", "a1.b2.c33..e5")
	wantRouted(t, x, "a1.b2.c33.d4.e5", "wildcard a1.b2.c33..e5")
	x = register(nil, wamp.Wildcard, "a..c.d.", "a.b...")
	wantRouted(t, x, "a.b.c.d.e", "wildcard a.b...") // the first portion decides, not the sum
	x = register(nil, wamp.Wildcard, "....", "...d.", "..c..", ".b...", "....e")
	wantRouted(t, x, "a.b.c.d.e", "wildcard .b...")
}

func TestPBR05OneRegistration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uri := rapid.SampledFrom([]string{"a.b.c", "a.b", "a"})
		x := register(nil, wamp.Exact, rapid.SliceOf(uri).Draw(t, "exact")...)
		x = register(x, wamp.Prefix, rapid.SliceOf(uri).Draw(t, "prefix")...)
		if r := x.Match([]byte("a.b.c")); r != nil && r.Pick(0, nil) == nil {
			t.Fatal("matched, and nobody to call")
		}
	})
}

// PBR-06 and PBR-07 are said by the match policy: of a pattern, the router tells the procedure that was called.
func TestPBR06PatternsAreTold(t *testing.T) {
	x := specTable()
	for _, p := range []string{"a1.b2.c3.d4.e55", "a1.b2.c3.x", "a1.b2.q.d4.e5"} {
		if r := x.Match([]byte(p)); (r.Match == wamp.Exact) != (r.Procedure == p) {
			t.Errorf("%s: %v", p, r.Key)
		}
	}
}

func TestPBR09OneTextThreeRegistrations(t *testing.T) {
	x := register(nil, wamp.Exact, "a.b")
	x = register(x, wamp.Prefix, "a.b")
	x = register(x, wamp.Wildcard, "a.b")
	if x.Len() != 3 {
		t.Fatal(x.Len())
	}
	for _, want := range []wamp.Match{wamp.Exact, wamp.Prefix, wamp.Wildcard} {
		wantRouted(t, x, "a.b", fmt.Sprintf("%v a.b", want))
		x = x.WithoutCallee(Key{want, "a.b"}, 0, 1)
	}
	wantRouted(t, x, "a.b", "none")
}

func TestPBR10LongestPrefixIsTheLongestString(t *testing.T) {
	x := register(nil, wamp.Prefix, "a.b", "a.bb", "a", "")
	wantRouted(t, x, "a.bbc", "prefix a.bb")
	wantRouted(t, x, "a.bc", "prefix a.b")
	wantRouted(t, x, "ab", "prefix a")
	wantRouted(t, x, "x", "prefix ")
}

func TestPBR11NoSetSemantics(t *testing.T) {
	x := register(nil, wamp.Prefix, "a", "a.b")
	x = x.WithoutCallee(Key{wamp.Prefix, "a.b"}, 0, 2)
	wantRouted(t, x, "a.b.c", "prefix a")
}

func TestP7ProceduresAreNotTheirHashes(t *testing.T) {
	x := register(nil, wamp.Exact, "a.b")
	for _, p := range []string{"b.a", "a.a", "a.b.", "ab"} {
		wantRouted(t, x, p, "none")
	}
}

func TestIndexEditsThatChangeNothing(t *testing.T) {
	k := Key{wamp.Exact, "p"}
	var x *Index
	if x.WithoutCallee(k, 0, 1) != x || x.Get(k) != nil || x.Len() != 0 || x.Match([]byte("p")) != nil {
		t.Fatal("the empty index")
	}
	c := Callee{Node: 1, NodeName: "n", Session: 5, Order: 9, Concurrency: 2}
	x = x.WithCallee(k, 3, wamp.Random, c)
	if x.WithCallee(k, 4, wamp.Random, c) != x || x.WithoutCallee(k, 0, 5) != x || x.WithoutNode(2) != x {
		t.Fatal("an edit without a change made a new index")
	}
	if y := x.WithCallee(k, 4, wamp.Random, Callee{Session: 6}); y.Get(k).ID != 3 || len(x.Get(k).Callees) != 1 {
		t.Fatal("a registration keeps its id, an index its contents")
	}
}

// The index holds what a map of lists holds; who is called follows from the callees alone, not from the order of the edits.
func TestIndexAgainstTwin(t *testing.T) {
	type who struct {
		k Key
		n uint8
		s uint64
	}
	rapid.Check(t, func(t *rapid.T) {
		var x *Index
		twin := map[who]Callee{}
		for range rapid.IntRange(1, 60).Draw(t, "edits") {
			k := Key{wamp.Match(rapid.IntRange(0, 2).Draw(t, "match")), rapid.SampledFrom([]string{"a", "a.b", ""}).Draw(t, "procedure")}
			n, s := uint8(rapid.IntRange(0, 3).Draw(t, "node")), rapid.Uint64Range(1, 4).Draw(t, "session")
			switch rapid.IntRange(0, 9).Draw(t, "edit") {
			case 0:
				x = x.WithoutNode(n)
				for w := range twin {
					if w.n == n {
						delete(twin, w)
					}
				}
			case 1, 2, 3:
				x = x.WithoutCallee(k, n, s)
				delete(twin, who{k, n, s})
			default:
				c := Callee{Node: n, NodeName: fmt.Sprint(n), Session: s, Order: rapid.Uint64Range(1, 5).Draw(t, "order"),
					Invoke: wamp.Invoke(rapid.IntRange(0, 4).Draw(t, "invoke"))}
				x = x.WithCallee(k, 1, c.Invoke, c)
				twin[who{k, n, s}] = c
			}
		}
		byKey := map[Key][]Callee{}
		for w, c := range twin {
			byKey[w.k] = append(byKey[w.k], c)
		}
		if x.Len() != len(byKey) {
			t.Fatalf("%d registrations, want %d", x.Len(), len(byKey))
		}
		for r := range x.All {
			want := byKey[r.Key]
			slices.SortFunc(want, func(a, b Callee) int { return a.compare(&b) })
			policy := want[0].Invoke
			called := slices.DeleteFunc(slices.Clone(want), func(c Callee) bool { return c.Invoke != policy })
			if policy == wamp.Single {
				called = called[:1]
			}
			if r.Invoke != policy || !slices.Equal(r.Called(), called) || len(r.Callees) != len(want) {
				t.Fatalf("%v: %v calls %v, want %v %v", r.Key, r.Invoke, r.Called(), policy, called)
			}
			for _, c := range want {
				if got := r.Callee(c.Node, c.Session); got == nil || *got != c {
					t.Fatalf("%v is not there", c)
				}
			}
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("a1.b2..d4.e5 a1.b2.c33..e5", "a1.b2.c33.d4.e5")
	f.Add(".. .a a. ", "a.b")
	f.Fuzz(func(t *testing.T, registered, called string) {
		patterns := strings.Split(registered, " ")
		x := register(register(nil, wamp.Wildcard, patterns...), wamp.Prefix, patterns...)
		r := x.Match([]byte(called))
		for _, p := range patterns {
			if strings.HasPrefix(called, p) && (r == nil || r.Match != wamp.Prefix || len(r.Procedure) < len(p)) {
				t.Fatalf("%q matches prefix %q, routed to %v", called, p, r)
			}
		}
		if r != nil && r.Pick(0, nil) == nil {
			t.Fatal("nobody to call")
		}
	})
}
