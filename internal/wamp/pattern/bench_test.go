package pattern

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kleeblatt/internal/wamp"
)

func topics(n int) []string {
	l := make([]string, n)
	for i := range l {
		l[i] = fmt.Sprintf("com.example.sensor.%07d.value", i)
	}
	return l
}

func build(match wamp.Match, uris []string) (m Map[val]) {
	for _, uri := range uris {
		m = m.With(match, uri, &val{match, uri})
	}
	return m
}

// last is the map of the benchmark that ran last: one of a million takes seconds, and -count runs each several times.
var last struct {
	name string
	m    Map[val]
}

// buildOnce is build, where the benchmark is another than before.
func buildOnce(b *testing.B, match wamp.Match, uris []string) Map[val] {
	if last.name != b.Name() {
		last.m = Map[val]{} // the memory first
		last.name, last.m = b.Name(), build(match, uris)
	}
	return last.m
}

var sizes = []int{1, 1_000, 1_000_000}

// probes are keys in random order, in memory of their own, as a frame's bytes are.
func probes(uris []string) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	l := make([][]byte, min(len(uris), 1<<14))
	for i := range l {
		l[i] = []byte(uris[r.IntN(len(uris))])
	}
	return l
}

func BenchmarkMatch(b *testing.B) {
	for _, match := range []wamp.Match{wamp.Exact, wamp.Prefix, wamp.Wildcard} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%v/%d", match, n), func(b *testing.B) {
				uris := topics(n)
				keys := probes(uris)
				if match == wamp.Wildcard {
					for i := range uris {
						uris[i] = uris[i][:27] // "com.example.sensor.0000000.": the last component is a wildcard
					}
				}
				m := buildOnce(b, match, uris)
				dst := make([]*val, 0, 8)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					dst = m.Match(keys[i], dst[:0])
					if i++; i == len(keys) {
						i = 0
					}
				}
				if len(dst) != 1 {
					b.Fatal(len(dst))
				}
			})
		}
	}
}

// BenchmarkGoMap is the yardstick: a built-in map with the same keys and probes.
func BenchmarkGoMap(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			uris := topics(n)
			keys := probes(uris)
			m := make(map[string]*val, n)
			for _, uri := range uris {
				m[uri] = &val{wamp.Exact, uri}
			}
			i, found := 0, 0
			for b.Loop() {
				if m[string(keys[i])] != nil {
					found++
				}
				if i++; i == len(keys) {
					i = 0
				}
			}
			if found == 0 {
				b.Fatal("none found")
			}
		})
	}
}

func BenchmarkEdit(b *testing.B) {
	for _, match := range []wamp.Match{wamp.Exact, wamp.Prefix, wamp.Wildcard} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%v/%d", match, n), func(b *testing.B) {
				uris := topics(n)
				m := buildOnce(b, match, uris)
				v := &val{match, "com.example.sensor.new.value"}
				b.ReportAllocs()
				for b.Loop() {
					m = m.With(match, v.uri, v)
					m = m.Without(match, v.uri)
				}
			})
		}
	}
}
