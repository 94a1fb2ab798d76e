package router

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kleeblatt/broker"
	"kleeblatt/internal/wamp"
)

// The slot table against a map.
func TestSlotTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var numbers []uint64 // by slot
		table := slotTable{key: func(slot uint32) uint64 { return numbers[slot] }}
		twin := map[uint64]uint32{}
		key := rapid.Uint64Range(0, 40)
		if rapid.Bool().Draw(t, "wide") {
			key = rapid.Uint64()
		}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			k := key.Draw(t, "key")
			if slot, ok := twin[k]; !ok {
				numbers = append(numbers, k)
				twin[k] = uint32(len(numbers) - 1)
				table.add(twin[k])
			} else if rapid.Bool().Draw(t, "remove") {
				table.remove(slot)
				delete(twin, k)
			}
			for k, slot := range twin {
				if got, ok := table.get(k); !ok || got != slot {
					t.Fatalf("%d is at %d, %v; want %d", k, got, ok, slot)
				}
			}
			if _, ok := table.get(k + 1<<63); ok {
				t.Fatal("found what was never there")
			}
			if table.n != len(twin) {
				t.Fatalf("%d entries, want %d", table.n, len(twin))
			}
		}
	})
}

// The heap against a sorted list.
func TestTimersComeInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h timers
		var twin []int64
		for range rapid.IntRange(0, 100).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "what") > 0 {
				at := rapid.Int64Range(1, 50).Draw(t, "at")
				h.add(timer{at: at})
				twin = append(twin, at)
				slices.Sort(twin)
			} else {
				now := rapid.Int64Range(0, 60).Draw(t, "now")
				for {
					got, ok := h.due(now)
					if want := len(twin) > 0 && twin[0] <= now; ok != want {
						t.Fatalf("due at %d: %v, want %v", now, ok, want)
					}
					if !ok {
						break
					}
					if got.at != twin[0] {
						t.Fatalf("%d, want %d", got.at, twin[0])
					}
					twin = twin[1:]
				}
			}
			next := int64(0)
			if len(twin) > 0 {
				next = twin[0]
			}
			if h.next() != next {
				t.Fatalf("next is %d, want %d", h.next(), next)
			}
		}
	})
}

// The match cache against the index itself, while the tables change.
func TestMatchCacheTellsWhatTheIndexTells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		realms, err := NewRealms(RealmConfig{Name: "r"}, RealmConfig{Name: "s"})
		if err != nil {
			t.Fatal(err)
		}
		var c matchCache
		topic := rapid.SampledFrom([]string{"a", "a.b", "a.c", "b.b", "b"})
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			r := realms.at(rapid.IntRange(0, 1).Draw(t, "realm"))
			name := topic.Draw(t, "topic")
			if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				s := *r.Cell.Load()
				k := broker.Key{Match: wamp.Match(rapid.IntRange(0, 1).Draw(t, "match")), Topic: name}
				s.Broker = s.Broker.WithWorker(k, uint64(len(name)), rapid.IntRange(0, 2).Draw(t, "worker"), rapid.Bool().Draw(t, "on"))
				r.Cell.Store(&s)
				continue
			}
			x := c.current(r)
			m := c.cached(x, []byte(name))
			if m == nil {
				m = c.lookup(x, []byte(name))
			}
			want := r.Cell.Load().Broker.Match([]byte(name), nil)
			var workers broker.WorkerSet
			for _, e := range want {
				workers |= e.Workers
			}
			if !slices.Equal(m.entries, want) || m.workers != workers {
				t.Fatalf("%s: %v, want %v", name, m.entries, want)
			}
		}
	})
}
