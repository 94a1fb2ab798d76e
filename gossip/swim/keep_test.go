package swim

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// disk is what a node keeps between its runs.
type disk struct {
	mu     sync.Mutex
	known  []string
	writes int
}

func (d *disk) keep(known []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = known
	d.writes++
}

func (d *disk) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known
}

func (d *disk) in(c *Config) { c.Known, c.Keep = d.read(), d.keep }

// TestF5RestartWithoutSeeds: a node finds the others again by where they were in its last run, its seeds being none or all dead.
func TestF5RestartWithoutSeeds(t *testing.T) {
	for _, seeds := range [][]string{nil, {addrD}} {
		bubble(t, func(t *testing.T) {
			m, d := newMemNet(), &disk{}
			a := start(t, m, "a", addrA, nil, nil)
			b := start(t, m, "b", addrB, []string{addrA}, nil)
			c := start(t, m, "c", addrC, []string{addrA}, d.in)
			allSee(t, 5*time.Second, a, b, c)
			eventually(t, 3*time.Second, "kept", func() bool { return slices.Equal(d.read(), []string{addrA, addrB}) })
			c.Shutdown()
			a.Shutdown() // the seed of then is gone for good
			eventually(t, time.Minute, "b misses both", func() bool { return !b.sees("a", a.life()) && !b.sees("c", c.life()) })
			b.forget()
			again := start(t, m, "c", addrC, seeds, d.in)
			if es := again.events(EvJoined); len(es) != 0 {
				t.Fatalf("ready before anybody could answer: %+v", es)
			}
			eventually(t, 5*time.Second, "found again", func() bool { return again.joined() && again.sees("b", b.life()) && b.sees("c", again.life()) })
			if known := d.read(); !slices.Contains(known, addrA) {
				t.Errorf("where the dead one was is no longer known: %v", known)
			}
			writes := d.writes
			pass(10 * time.Minute)
			if d.writes != writes {
				t.Errorf("written %d times while nothing changed", d.writes-writes)
			}
		})
	}
}

// TestKnownGoneForGood: nobody answers any more: alone after ten seconds, and trying on. Who said goodbye is not asked again.
func TestKnownGoneForGood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, d := newMemNet(), &disk{known: []string{addrB, addrA, "nonsense", addrC}}
		begin := time.Now()
		a := start(t, m, "a", addrA, nil, d.in) // itself is passed over
		eventually(t, 20*time.Second, "alone", func() bool { return len(a.events(EvJoined)) > 0 })
		if e := a.events(EvJoined)[0]; !e.Alone || time.Since(begin) < AloneAfter {
			t.Fatalf("%+v after %v", e, time.Since(begin))
		}
		pass(time.Hour)
		b := start(t, m, "b", addrB, nil, nil)
		eventually(t, 10*time.Second, "found at last", func() bool { return a.joined() && a.sees("b", b.life()) })
		b.Leave()
		eventually(t, 10*time.Second, "goodbye", func() bool { return !slices.Contains(d.read(), addrB) })
		if known := d.read(); !slices.Equal(known, []string{addrC}) && !slices.Equal(known, []string{addrA, addrC}) {
			t.Errorf("known: %v", known)
		}
	})
}

// TestKnownBounded: a mesh larger than the bound keeps those that are alive.
func TestKnownBounded(t *testing.T) {
	n := &Swim{members: map[string]*member{}, known: parseKnown(slices.Repeat([]string{addrD}, 2*KnownMax))}
	for i := range 2 * KnownMax {
		m := &member{addr: parseKnown([]string{addrA})[0], alive: i%2 == 0}
		m.addr = parseKnown([]string{m.addr.Addr().String() + ":" + portOf(i)})[0]
		n.members[portOf(i)] = m
	}
	known := n.knownAddrs()
	if len(known) != KnownMax || len(n.known) != KnownMax {
		t.Fatalf("%d of %d", len(known), len(n.known))
	}
	for _, k := range known {
		if m := n.members[k[len("10.0.0.1:"):]]; !m.alive {
			t.Errorf("%s is kept, and is not alive", k)
		}
	}
}

func portOf(i int) string {
	return string([]byte{'1', '0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})
}
