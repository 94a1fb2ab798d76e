package broker

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"kleeblatt/internal/wamp"

	"pgregory.net/rapid"
)

func matched(x *Index, topic string) (l []Key) {
	for _, e := range x.Match([]byte(topic), nil) {
		l = append(l, e.Key)
	}
	return l
}

func wantMatch(t *testing.T, k Key, yes, no []string) {
	t.Helper()
	x := (*Index)(nil).WithWorker(k, 1, 0, true)
	for _, topic := range yes {
		if !slices.Equal(matched(x, topic), []Key{k}) {
			t.Errorf("%v does not match %q", k, topic)
		}
	}
	for _, topic := range no {
		if len(matched(x, topic)) != 0 {
			t.Errorf("%v matches %q", k, topic)
		}
	}
}

func TestPBS02PrefixOfTheString(t *testing.T) {
	wantMatch(t, Key{wamp.Prefix, "com.myapp.topic.emergency"},
		[]string{"com.myapp.topic.emergency.11", "com.myapp.topic.emergency-low", "com.myapp.topic.emergency.category.severe",
			"com.myapp.topic.emergency"},
		[]string{"com.myapp.topic.emerge", "", "x"})
}

func TestPBS03WildcardIsOneComponent(t *testing.T) {
	wantMatch(t, Key{wamp.Wildcard, "com.myapp..userevent"},
		[]string{"com.myapp.foo.userevent", "com.myapp.bar.userevent", "com.myapp.a12.userevent"},
		[]string{"com.myapp.foo.userevent.bar", "com.myapp.foo.user", "com.myapp2.foo.userevent", "com.myapp.userevent"})
}

func TestPBS04WildcardsAtTheEdges(t *testing.T) {
	wantMatch(t, Key{wamp.Wildcard, "a.b."}, []string{"a.b.c"}, []string{"a.b", "a.b.c.d", "b.a.c"})
	wantMatch(t, Key{wamp.Wildcard, ".a"}, []string{"x.a"}, []string{"a", "x.a.b", "a.x"})
	wantMatch(t, Key{wamp.Wildcard, ".."}, []string{"a.b.c"}, []string{"a.b", "a.b.c.d"})
	wantMatch(t, Key{wamp.Wildcard, ""}, []string{"a"}, []string{"a.b"})
}

func TestPBS05OncePerSubscription(t *testing.T) {
	x := new(Index)
	keys := []Key{{wamp.Exact, "a.b.c"}, {wamp.Prefix, "a."}, {wamp.Wildcard, "a..c"}}
	for i, k := range keys {
		x = x.WithWorker(k, uint64(i+1), 0, true)
		x = x.WithWorker(k, uint64(i+1), 1, true)
	}
	if got := matched(x, "a.b.c"); !slices.Equal(got, keys) {
		t.Fatal(got)
	}
}

func TestP7TopicsAreNotTheirHashes(t *testing.T) {
	x := (*Index)(nil).WithWorker(Key{wamp.Exact, "a.b"}, 1, 0, true)
	for _, topic := range []string{"b.a", "a.a", "b.b", "ab.", "a.b.", "ba"} {
		if got := matched(x, topic); got != nil {
			t.Errorf("%q: %v", topic, got)
		}
	}
}

// P6: what is routed follows from the last word, in whatever order the words came before.
func TestP6TheLastWordCounts(t *testing.T) {
	k := Key{wamp.Exact, "t"}
	rapid.Check(t, func(t *rapid.T) {
		var x *Index
		on := false
		for range rapid.IntRange(1, 20).Draw(t, "words") {
			on = rapid.Bool().Draw(t, "on")
			x = x.WithNode(k, 1, 5, on)
		}
		if (len(matched(x, "t")) == 1) != on {
			t.Fatalf("on is %v, matched %v", on, matched(x, "t"))
		}
	})
}

func TestIndexEditsThatChangeNothing(t *testing.T) {
	k := Key{wamp.Prefix, "p"}
	var x *Index
	if x.WithNode(k, 1, 2, false) != x || x.WithWorker(k, 1, 2, false) != x || x.Len() != 0 || x.Get(k) != nil {
		t.Fatal("the empty index")
	}
	x = x.WithNode(k, 7, 2, true)
	if x.WithNode(k, 8, 2, true) != x || x.WithoutNode(3) != x {
		t.Fatal("an edit without a change made a new index")
	}
	if y := x.WithWorker(k, 8, 0, true); y.Get(k).ID != 7 || x.Get(k).Workers != 0 {
		t.Fatal("a subscription keeps its id, an index its contents")
	}
}

// The index does what a map of sets does, version by version.
func TestIndexAgainstTwin(t *testing.T) {
	type holders struct {
		w WorkerSet
		n NodeSet
	}
	topics := []string{"", "a", "b", "a.b", "a.", ".b", "."}
	rapid.Check(t, func(t *rapid.T) {
		var x *Index
		twin := map[Key]holders{}
		for range rapid.IntRange(1, 80).Draw(t, "edits") {
			k := Key{wamp.Match(rapid.IntRange(0, 2).Draw(t, "match")), rapid.SampledFrom(topics).Draw(t, "topic")}
			n, on := rapid.IntRange(0, 63).Draw(t, "holder"), rapid.Bool().Draw(t, "on")
			h := twin[k]
			switch rapid.IntRange(0, 9).Draw(t, "edit") {
			case 0:
				x = x.WithoutNode(uint8(n))
				for k, h := range twin {
					h.n.Remove(uint8(n))
					twin[k] = h
				}
				h = twin[k]
			case 1, 2, 3, 4:
				x = x.WithWorker(k, idOf(k), n, on)
				if h.w.Remove(n); on {
					h.w.Add(n)
				}
			default:
				n = 2*n + 1
				x = x.WithNode(k, idOf(k), uint8(n), on)
				if h.n.Remove(uint8(n)); on {
					h.n.Add(uint8(n))
				}
			}
			if twin[k] = h; h == (holders{}) {
				delete(twin, k)
			}
			for k, h := range twin {
				if h == (holders{}) {
					delete(twin, k)
				}
			}
			if x.Len() != len(twin) {
				t.Fatalf("%d subscriptions, want %d", x.Len(), len(twin))
			}
		}
		for e := range x.All {
			if h := twin[e.Key]; h.w != e.Workers || h.n != e.Nodes || e.ID != idOf(e.Key) || x.Get(e.Key) != e {
				t.Fatalf("%v, want %v", e, h)
			}
		}
	})
}

func TestSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var n NodeSet
		var w WorkerSet
		nodes, workers := map[uint8]bool{}, map[int]bool{}
		for range rapid.IntRange(0, 40).Draw(t, "edits") {
			i := rapid.IntRange(1, MaxNodes-1).Draw(t, "i")
			if rapid.Bool().Draw(t, "add") {
				n.Add(uint8(i))
				w.Add(i % MaxWorkers)
				nodes[uint8(i)], workers[i%MaxWorkers] = true, true
			} else {
				n.Remove(uint8(i))
				w.Remove(i % MaxWorkers)
				delete(nodes, uint8(i))
				delete(workers, i%MaxWorkers)
			}
		}
		for i := range uint8(255) {
			if n.Has(i) != nodes[i] {
				t.Fatal("node ", i)
			}
			if w.Has(int(i)) != workers[int(i)] {
				t.Fatal("worker ", i)
			}
		}
		ns, ws := slices.Collect(n.Each), slices.Collect(w.Each)
		if len(ns) != n.Len() || len(ws) != w.Len() || !slices.IsSorted(ns) || !slices.IsSorted(ws) ||
			n.Empty() != (len(nodes) == 0) || w.Empty() != (len(workers) == 0) {
			t.Fatal(ns, ws)
		}
		var both NodeSet
		both.Or(n)
		both.Add(1)
		both.AndNot(n)
		if both.Has(1) == n.Has(1) || both.Len() > 1 {
			t.Fatal(both)
		}
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	x := (*Index)(nil).WithWorker(Key{wamp.Exact, "a.b"}, 1, 0, true).WithNode(Key{wamp.Prefix, "a"}, 2, 1, true).
		WithWorker(Key{wamp.Wildcard, "a."}, 3, 0, true)
	dst := make([]*Entry, 0, 8)
	topic := []byte("a.b")
	if n := testing.AllocsPerRun(1000, func() {
		dst = x.Match(topic, dst[:0])
		var nodes NodeSet
		for _, e := range dst {
			nodes.Or(e.Nodes)
		}
		for n := range nodes.Each {
			if n != 1 {
				t.Fatal(n)
			}
		}
	}); n != 0 || len(dst) != 3 {
		t.Fatal(n, dst)
	}
}

// indexOf holds n topics; some of them are returned.
func indexOf(n int) (x *Index, topics [][]byte) {
	for i := range n {
		topic := fmt.Sprintf("com.example.sensor.%07d.value", i*7919%n)
		x = x.WithWorker(Key{wamp.Exact, topic}, uint64(i), 0, true)
		if i < 1<<12 {
			topics = append(topics, []byte(topic))
		}
	}
	return x, topics
}

func BenchmarkIndexMatch(b *testing.B) {
	for _, n := range []int{1, 1000, 1_000_000} {
		once := sync.OnceValues(func() (*Index, [][]byte) { return indexOf(n) }) // a million takes seconds, and -count runs this several times
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, topics := once()
			dst := make([]*Entry, 0, 8)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				dst = x.Match(topics[i%len(topics)], dst[:0])
			}
		})
	}
}

// P18: readers on any goroutine go on with the version they loaded while the writer makes the next.
func TestP18ReadersWhileWriting(t *testing.T) {
	var now atomic.Pointer[Index]
	keep := Key{wamp.Prefix, "a"}
	now.Store(now.Load().WithWorker(keep, 1, 0, true))
	var done sync.WaitGroup
	for range 3 {
		done.Go(func() {
			var dst []*Entry
			for range 2000 {
				x := now.Load()
				if dst = x.Match([]byte("a.b"), dst[:0]); len(dst) == 0 || dst[0].Key != keep && dst[0].Match != wamp.Exact {
					t.Error("lost ", keep)
					return
				}
			}
		})
	}
	x := now.Load()
	for i := range 2000 {
		x = x.WithNode(Key{wamp.Match(i % 3), "a.b"}, 2, 1, i%2 == 0)
		x = x.WithWorker(Key{wamp.Match(i % 3), fmt.Sprint("a.", i)}, 3, i%MaxWorkers, true)
		now.Store(x)
	}
	done.Wait()
}
