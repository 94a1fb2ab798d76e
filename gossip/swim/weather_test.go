package swim

import (
	"fmt"
	"testing"
	"time"
)

// F2: over a bad long-distance network, 300 ms ± 100 ms for a round trip and 2 % of the packets lost, nobody who lives is held for dead.
func TestF2SlowAndLossyNetwork(t *testing.T) {
	sizes, watch := []int{5}, 10*time.Minute
	if long() {
		sizes = []int{5, 16}
	}
	for _, nodes := range sizes {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newMemNet()
				net.slow(150*time.Millisecond, 50*time.Millisecond, 0.02)
				f := launch(t, net, 1, nodes)
				pass(watch)
				if d := f.died(); len(d) > 0 {
					t.Errorf("told dead though alive: %v", d)
				}
				f.allSee(0)
				f.ledgers()
			})
		})
	}
}

// What one node's gossip may send in bytes per second, with packet heads and without encryption. quietBudget: when nothing happens;
// that is probes, and the exchange of the membership, which grows with the cluster. againBudget: at rest after much was announced; the
// last heads are still in every exchange. busyBudget: whatever happens; a fifth of a line of 1 Mbit/s.
func quietBudget(nodes int) int64 { return 1000 + 40*int64(nodes) }
func againBudget(nodes int) int64 { return quietBudget(nodes) + 400*int64(nodes) }

const busyBudget = 1_000_000 / 8 / 5

// F3: gossip is bounded per node, in rest, while every node announces heads as fast as it can, and through a cut.
func TestF3BytesPerNode(t *testing.T) {
	sizes := []int{5}
	if long() {
		sizes = []int{20, 64}
	}
	for _, nodes := range sizes {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := launch(t, newMemNet(), 1, nodes)
				pass(10 * time.Second)
				measure := func(what string, budget int64, over time.Duration, do func()) {
					before := f.bytes()
					do()
					worst, sum := int64(0), int64(0)
					for i, b := range f.bytes() {
						worst, sum = max(worst, b-before[i]), sum+b-before[i]
					}
					s := int64(over / time.Second)
					t.Logf("%s: %d bytes/s per node, the most %d", what, sum/s/int64(nodes), worst/s)
					if worst/s > budget {
						t.Errorf("%s: a node sent %d bytes/s, the budget is %d", what, worst/s, budget)
					}
				}
				measure("at rest", quietBudget(nodes), time.Minute, func() { pass(time.Minute) })
				measure("with heads", busyBudget, time.Minute, func() {
					for v := range uint64(600) {
						for _, s := range f.seats {
							s.Announce(v + 1)
						}
						pass(100 * time.Millisecond)
					}
				})
				measure("at rest again", againBudget(nodes), time.Minute, func() { pass(time.Minute) })
				measure("cut and healed", busyBudget, time.Minute, func() {
					f.net.split(addrs(f.seats[:nodes/2])...)
					pass(40 * time.Second)
					f.net.heal()
					pass(20 * time.Second)
				})
				f.allSee(0)
				f.ledgers()
			})
		})
	}
}
