package swim

import (
	"fmt"
	"testing"
	"time"
)

// rejoinBound is how long after its return a node, or a whole cluster, is as one again.
const rejoinBound = 15 * time.Second

// A seed that dies and comes back at another address behind its DNS name is found, however long it was away, and its new life replaces the
// old one with all; so is one that comes back at the same address.
func TestSeedReturns(t *testing.T) {
	downs := []time.Duration{10 * time.Millisecond, time.Second, 3 * time.Second, 20 * time.Second, 2 * time.Minute}
	if long() {
		downs = append(downs, time.Hour)
	}
	for i, down := range downs {
		for _, moves := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v, moves %v", down, moves), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					f := launch(t, newMemNet(), 1, 5)
					s := f.seats[i%3]
					f.kill(s)
					pass(down)
					if moves {
						f.move(s, "10.9.0.1:7946")
					}
					f.boot(s)
					t.Logf("seen by all after %v", f.allSee(rejoinBound))
					f.ledgers()
				})
			})
		}
	}
}

// All seeds restart at once, at their addresses or at others: they find the cluster that is there, or it finds them; no second one is founded.
func TestAllSeedsRestartAtOnce(t *testing.T) {
	sizes := []int{5}
	if long() {
		sizes = []int{16, 50, 64}
	}
	for _, nodes := range sizes {
		for _, moves := range []bool{true, false} {
			for _, down := range []time.Duration{100 * time.Millisecond, 3 * time.Second, time.Minute} {
				t.Run(fmt.Sprintf("%d nodes, moves %v, %v", nodes, moves, down), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						f := launch(t, newMemNet(), 1, nodes)
						for _, s := range f.seats[:3] {
							f.kill(s)
						}
						pass(down)
						for i, s := range f.seats[:3] {
							if moves {
								f.move(s, fmt.Sprintf("10.9.0.%d:7946", i+1))
							}
							f.boot(s)
						}
						t.Logf("one cluster after %v", f.allSee(rejoinBound))
						f.ledgers()
					})
				})
			}
		}
	}
}

// The power of the whole cluster fails, and all come back at once at other addresses: only DNS knows them.
func TestAllRestartElsewhere(t *testing.T) {
	for _, nodes := range []int{3, 5, 20} {
		bubble(t, func(t *testing.T) {
			f := launch(t, newMemNet(), 1, nodes)
			for _, s := range f.seats {
				f.kill(s)
			}
			pass(10 * time.Second)
			for i, s := range f.seats {
				f.move(s, fmt.Sprintf("10.9.0.%d:7946", i+1))
			}
			for _, s := range f.seats {
				f.boot(s)
			}
			t.Logf("%d nodes are one cluster after %v", nodes, f.allSee(rejoinBound))
			f.ledgers()
		})
	}
}

// DNS fails during the restart and knows the old address for a while: the seed is found as soon as it tells the new one.
func TestSeedMovesBeforeDNS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := launch(t, newMemNet(), 1, 5)
		s := f.seats[0]
		old := s.addr
		f.kill(s)
		pass(5 * time.Second)
		f.dns.set("seed0.example") // no such host
		pass(time.Minute)
		s.addr = "10.9.0.1:7946"
		f.boot(s) // it finds the others by the other seeds
		f.allSee(rejoinBound)
		f.kill(s)
		pass(time.Minute)
		s.addr = old
		f.name(s)
		f.boot(s)
		f.allSee(rejoinBound)
		f.ledgers()
	})
}

// A node restarts, or moves to the other side, while the cluster is cut: after the heal everybody sees its newest life alone.
func TestReturnDuringCut(t *testing.T) {
	for _, cut := range []time.Duration{6 * time.Second, 40 * time.Second, 3 * time.Minute} {
		for _, where := range []string{"same address", "other address", "other side"} {
			t.Run(fmt.Sprintf("%v, %s", cut, where), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					f := launch(t, newMemNet(), 1, 7)
					near := addrs(f.seats[:4])
					f.net.split(near...)
					pass(cut / 3)
					s := f.seats[2]
					f.kill(s)
					pass(cut / 3)
					switch where {
					case "other address":
						f.move(s, "10.9.0.1:7946")
						f.net.split(append(near, s.addr)...)
					case "other side":
						f.move(s, "10.9.0.1:7946")
					}
					f.boot(s)
					pass(cut / 3)
					f.net.heal()
					t.Logf("healed after %v", f.allSee(rejoinBound))
					f.ledgers()
				})
			})
		}
	}
}
