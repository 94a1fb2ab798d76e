package swim

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Bounds of virtual time.
const (
	joinBound  = 15 * time.Second // all started at once see all
	deathBound = 30 * time.Second // who is cut off is held for dead by all, at 64 nodes too
	healBound  = 10 * time.Second // after a cut of any length all see all again (F5)
)

// A cut of any length heals by itself, also when it was longer than serf remembers: nobody is lost for good, no life is taken for
// another, and no side falls apart meanwhile. The longest cuts of many nodes run with slower gossip, and bounds that much wider; what goes on
// for all that time, rejoin and serf's own reconnecting and reaping, keeps its pace.
func TestCuts(t *testing.T) {
	type run struct {
		nodes     int
		cut, calm time.Duration
	}
	runs := []run{{5, 30 * time.Second, 1}, {5, 5 * time.Minute, 1}, {5, time.Hour, 10}, {50, 30 * time.Second, 1}}
	if long() {
		runs = []run{
			{5, 25 * time.Hour, 10},
			{50, 5 * time.Minute, 1}, {50, time.Hour, 10}, {50, 25 * time.Hour, 100},
			{64, 30 * time.Second, 1}, {64, 5 * time.Minute, 1}, {64, time.Hour, 10}, {64, 25 * time.Hour, 100},
		}
	}
	for _, r := range runs {
		t.Run(fmt.Sprintf("%d nodes, %v", r.nodes, r.cut), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFleet(t, newMemNet(), 3)
				f.calm = r.calm
				f.add(1, r.nodes)
				f.allSee(joinBound * r.calm)
				near, far := f.seats[:(r.nodes+1)/2], f.seats[(r.nodes+1)/2:] // all seeds are near
				f.net.split(addrs(near)...)
				cut := time.Now()
				f.await(deathBound*r.calm, "each side holds the other for dead", func() bool { return lost(near, far) && lost(far, near) })
				pass(r.cut - time.Since(cut))
				for _, side := range [][]*seat{near, far} {
					if a, b := unseen(side); a != nil {
						t.Errorf("during the cut %s lost %s, which is on its side", a.name, b.name)
					}
				}
				f.net.heal()
				t.Logf("healed after %v", f.allSee(healBound*r.calm))
				f.ledgers()
			})
		})
	}
}

// lost reports whether each of these holds each of those for dead.
func lost(these, those []*seat) bool {
	for _, a := range these {
		for _, b := range those {
			if !a.isDead(b.name) {
				return false
			}
		}
	}
	return true
}

// After a break too short to be agreed on, all see all as they are by the time that any suspicion of it is over: what was wrongly held for
// dead was refuted.
func TestShortBreaks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := launch(t, newMemNet(), 1, 9)
		for i := range 10 {
			f.net.split(f.seats[i%9].addr)
			pass(time.Duration(500+i*137%1500) * time.Millisecond)
			f.net.heal()
			pass(2 * suspicionMult * suspicionMax * probeInterval) // any suspicion of that time is over by then
			f.allSee(0)
		}
		f.ledgers()
	})
}

// A node that nobody can reach, though it reaches all, is held for dead at most as long as that lasts; so is one that reaches nobody. Who
// sees whom meanwhile is left open: only one half of each conversation arrives.
func TestOneWay(t *testing.T) {
	cuts := []time.Duration{4 * time.Second, 20 * time.Second, 2 * time.Minute}
	if long() {
		cuts = append(cuts, 10*time.Minute)
	}
	for _, nodes := range []int{5, 16} {
		for _, deaf := range []bool{true, false} {
			for _, cut := range cuts {
				t.Run(fmt.Sprintf("%d nodes, deaf %v, %v", nodes, deaf, cut), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						f := launch(t, newMemNet(), 1, nodes)
						one, rest := f.seats[nodes-1:], f.seats[:nodes-1]
						if deaf {
							f.net.deafen(addrs(one)...)
						} else {
							f.net.deafen(addrs(rest)...)
						}
						pass(cut)
						if a, b := unseen(rest); a != nil {
							t.Errorf("%s lost %s, both on the good side", a.name, b.name)
						}
						f.net.heal()
						t.Logf("healed after %v", f.allSee(healBound))
						f.ledgers()
					})
				})
			}
		}
	}
}

// Cuts that come and go faster than anybody can agree leave no trace.
func TestFlapping(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := launch(t, newMemNet(), 1, 7)
		for i := range 40 {
			side := f.seats[i%7 : min(7, i%7+1+i%3)]
			if i%5 == 0 {
				f.net.deafen(addrs(side)...)
			} else {
				f.net.split(addrs(side)...)
			}
			pass(time.Duration(1+i*5%11) * time.Second)
			f.net.heal()
			pass(time.Duration(i*3%7) * time.Second / 2)
		}
		t.Logf("healed after %v", f.allSee(healBound))
		f.ledgers()
	})
}

// A crash is seen by all within the bound, whatever the size, and nobody else is thought dead for it.
func TestCrashIsSeenByAll(t *testing.T) {
	for _, nodes := range []int{5, 50} {
		bubble(t, func(t *testing.T) {
			f := launch(t, newMemNet(), 1, nodes)
			f.died()
			dead := f.seats[nodes-1]
			f.net.split(dead.addr) // the power fails: nothing is refused either
			f.kill(dead)
			t.Logf("%d nodes: seen by all after %v", nodes, f.await(crashBound, "all see the crash", func() bool { return lost(f.up(), f.seats[nodes-1:]) }))
			if d := f.died(); len(d) != nodes-1 || slices.ContainsFunc(d, func(s string) bool { return s[len(s)-len(dead.name):] != dead.name }) {
				t.Errorf("%d deaths told: %v", len(d), d)
			}
			f.ledgers()
		})
	}
}

// crashBound is suspicionMult × max(1, log10 n) × probeInterval until a confirmed suspicion ends, and a few probes before.
const crashBound = 8 * time.Second
