package pattern

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"

	"pgregory.net/rapid"
)

// drawURI draws from few components, so that patterns and topics meet, and now and then from the odd corners.
func drawURI(t *rapid.T, name string) string {
	if rapid.IntRange(0, 9).Draw(t, name+" odd") == 0 {
		return rapid.SampledFrom([]string{
			"", ".", "..", "...", "a.", ".a", "a..", clash(1), clash(2), clash(3), clash(1)[:8],
			strings.Repeat(".", depthMax), strings.Repeat("a.", depthMax), strings.Repeat("a.", depthMax) + "a",
			strings.Repeat("a.", depthMax) + ".b", strings.Repeat("a.", depthMax) + "a.b",
			strings.Repeat(".", depthMax) + "a.", strings.Repeat("a.", depthMax-1) + "a",
		}).Draw(t, name)
	}
	n := rapid.IntRange(1, 5).Draw(t, name+" components")
	parts := make([]string, n)
	for i := range parts {
		parts[i] = rapid.SampledFrom([]string{"a", "b", "ab", "abc", ""}).Draw(t, name)
	}
	return strings.Join(parts, ".")
}

func drawVal(t *rapid.T) *val {
	return &val{wamp.Match(rapid.IntRange(0, 2).Draw(t, "match")), drawURI(t, "pattern")}
}

// clash makes keys whose hashes are all equal: the second word takes away what the first one left.
func clash(i uint64) string {
	b := binary.LittleEndian.AppendUint64(nil, i)
	state := fold(uint64(mix0)^20^i, mix1)
	b = binary.LittleEndian.AppendUint64(b, state)
	return string(append(b, "tail"...))
}

func TestClashesHaveOneHash(t *testing.T) {
	if len(clash(1)) != 20 || clash(1) == clash(2) || hashOf([]byte(clash(1))) != hashOf([]byte(clash(2))) {
		t.Fatal("the tests have lost their colliding keys: adapt clash to the hash")
	}
}

func checkAgainst(t interface{ Fatalf(string, ...any) }, m *Map[val], tw twin, uri string) {
	want := tw.matching(uri)
	got := m.Match([]byte(uri), nil)
	best := m.Best([]byte(uri))
	if len(want) == 0 && best != nil || len(want) > 0 && best != want[0] {
		t.Fatalf("%q: best is %v of %v", uri, best, show(want))
	}
	if !slices.Equal(got, byMatch(want)) {
		t.Fatalf("%q: matches %v, want %v", uri, show(got), show(want))
	}
}

func show(l []*val) (s []string) {
	for _, v := range l {
		s = append(s, fmt.Sprintf("%v %.40q", v.match, v.uri))
	}
	return s
}

func checkContents(t interface{ Fatalf(string, ...any) }, m *Map[val], tw twin) {
	if m.Len() != len(tw) {
		t.Fatalf("%d patterns, want %d", m.Len(), len(tw))
	}
	n := 0
	for v := range m.All {
		n++
		if tw.get(*v) != v {
			t.Fatalf("%v is not in the twin", v)
		}
	}
	for _, v := range tw {
		if m.Get(v.match, v.uri) != v {
			t.Fatalf("%v is not in the map", v)
		}
	}
	if n != len(tw) {
		t.Fatalf("All yields %d of %d", n, len(tw))
	}
}

// The map does what a linear scan does; every version keeps doing it while later ones are made.
func TestMapAgainstLinearScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			m  Map[val]
			tw twin
		}
		var now version
		var history []version
		for range rapid.IntRange(1, 60).Draw(t, "edits") {
			v := drawVal(t)
			if len(now.tw) > 0 && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
				v = rapid.SampledFrom(now.tw).Draw(t, "which")
				now = version{now.m.Without(v.match, v.uri), now.tw.without(*v)}
			} else {
				now = version{now.m.With(v.match, v.uri, v), now.tw.with(v)}
			}
			absent := drawVal(t)
			if now.tw.get(*absent) == nil {
				if m := now.m.Without(absent.match, absent.uri); m.Len() != now.m.Len() {
					t.Fatalf("removing what was not there changed the length")
				}
				if now.m.Get(absent.match, absent.uri) != nil {
					t.Fatalf("%v is there", absent)
				}
			}
			history = append(history, now)
		}
		for range 5 {
			history = append(history, rapid.SampledFrom(history).Draw(t, "version"))
		}
		for _, h := range history {
			checkAgainst(t, &h.m, h.tw, drawURI(t, "uri"))
		}
		checkContents(t, &now.m, now.tw)
		checkContents(t, &history[len(history)/2].m, history[len(history)/2].tw)
	})
}

// The order of All follows from the contents alone, whatever the history.
func TestOrderIsOfContentsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vals := rapid.SliceOfN(rapid.Custom(drawVal), 1, 40).Draw(t, "vals")
		gone := rapid.SliceOfN(rapid.Custom(drawVal), 0, 40).Draw(t, "gone")
		var a, b Map[val]
		var tw twin
		for _, v := range vals {
			a = a.With(v.match, v.uri, v)
			tw = tw.with(v)
		}
		for _, v := range gone {
			b = b.With(v.match, v.uri, v)
		}
		for _, v := range rapid.Permutation(tw).Draw(t, "order") {
			b = b.With(v.match, v.uri, v)
		}
		for _, v := range gone {
			if tw.get(*v) == nil {
				b = b.Without(v.match, v.uri)
			}
		}
		if x, y := slices.Collect(a.All), slices.Collect(b.All); !slices.Equal(x, y) {
			t.Fatalf("%v\n%v", show(x), show(y))
		}
	})
}

func TestAllStopsWhenTold(t *testing.T) {
	var m Map[val]
	for _, uri := range []string{"a", "b", clash(1), clash(2), "a.b.", strings.Repeat("a.", depthMax+3), ".a", "."} {
		for match := wamp.Exact; match <= wamp.Wildcard; match++ {
			m = m.With(match, uri, &val{match, uri})
		}
	}
	for want := 1; want <= m.Len(); want++ {
		n := 0
		for range m.All {
			if n++; n == want {
				break
			}
		}
		if n != want {
			t.Fatalf("%d of %d", n, want)
		}
	}
}

// P7: identity is never a hash alone.
func TestP7IdentityIsTheWholeKey(t *testing.T) {
	var m Map[val]
	var tw twin
	uris := []string{"a.b", "b.a", "a.a", "ab", "a.b.", ".a.b"}
	for i := range uint64(100) {
		uris = append(uris, clash(i))
	}
	for _, uri := range uris {
		v := &val{wamp.Exact, uri}
		m, tw = m.With(v.match, uri, v), tw.with(v)
	}
	for i, uri := range uris {
		checkAgainst(t, &m, tw, uri)
		v := val{wamp.Exact, uri}
		m, tw = m.Without(wamp.Exact, uri), tw.without(v)
		if got := m.Match([]byte(uri), nil); len(got) != 0 {
			t.Fatalf("%q removed, yet matched by %v", uri, show(got))
		}
		if i%10 == 0 {
			checkContents(t, &m, tw)
		}
	}
}

// A pattern of nothing but dots must cost a bounded number of levels.
func TestDeepWildcards(t *testing.T) {
	var m Map[val]
	dots := strings.Repeat(".", 1<<20)
	v := &val{wamp.Wildcard, dots}
	m = m.With(v.match, v.uri, v)
	if got := m.Match([]byte(dots), nil); len(got) != 1 {
		t.Fatal("not matched")
	}
	if m.Best([]byte(dots[1:])) != nil {
		t.Fatal("one component too few, yet matched")
	}
	if m = m.Without(v.match, v.uri); m.Len() != 0 || m.wild != nil {
		t.Fatal("not removed")
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	var m Map[val]
	for _, v := range []*val{{wamp.Exact, "a.b.c"}, {wamp.Prefix, "a."}, {wamp.Prefix, ""}, {wamp.Wildcard, "a..c"}, {wamp.Wildcard, ".b."}} {
		m = m.With(v.match, v.uri, v)
	}
	uri, other := []byte("a.b.c"), []byte("x.y.z.w")
	dst := make([]*val, 0, 8)
	if n := testing.AllocsPerRun(1000, func() {
		dst = m.Match(uri, dst[:0])
		dst = m.Match(other, dst)
		if m.Best(uri) == nil || m.Best(other) == nil {
			t.Fatal("no match")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if len(dst) != 6 {
		t.Fatal(show(dst))
	}
}

// FuzzMap reads its input as edits, one a line, and matches every line against every version of the map.
func FuzzMap(f *testing.F) {
	f.Add("+0a.b\n+1a\n+2a.\n+2.b\n-1a\n+1\n+2")
	f.Add("+0" + clash(1) + "\n+0" + clash(2) + "\n-0" + clash(1))
	f.Add("+2" + strings.Repeat(".", depthMax+1) + "\n+2" + strings.Repeat("a.", depthMax+1))
	f.Fuzz(func(t *testing.T, edits string) {
		var m Map[val]
		var tw twin
		lines := strings.Split(edits, "\n")
		if len(lines) > 40 {
			lines = lines[:40]
		}
		for _, line := range lines {
			if len(line) < 2 {
				continue
			}
			v := &val{wamp.Match(line[1] % 3), line[2:]}
			if line[0] == '-' {
				m, tw = m.Without(v.match, v.uri), tw.without(*v)
			} else {
				m, tw = m.With(v.match, v.uri, v), tw.with(v)
			}
			for _, other := range lines {
				checkAgainst(t, &m, tw, other[min(2, len(other)):])
			}
		}
		checkContents(t, &m, tw)
	})
}

// A change copies the way to it, not the map: the number of allocations hardly grows with the number of patterns.
func TestEditsCopyLittle(t *testing.T) {
	for match := wamp.Exact; match <= wamp.Wildcard; match++ {
		m := build(match, topics(30_000))
		v := &val{match, "com.example.sensor.new.value"}
		n := testing.AllocsPerRun(10, func() { x := m.With(match, v.uri, v); _ = x.Without(match, v.uri) })
		if n > 80 { // some 6 levels with 2 or 3 allocations each, there and back; for wildcards a node of each component, too
			t.Errorf("%v: %v allocations", match, n)
		}
	}
}
