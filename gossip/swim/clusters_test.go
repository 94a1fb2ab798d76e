package swim

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// meet lets two clusters on one network learn of each other: the name of each one's first seed gives an address of the other too.
func meet(a, b *fleet) {
	for _, f := range [][2]*fleet{{a, b}, {b, a}} {
		var ips []netip.Addr
		for _, of := range f {
			ips = append(ips, netip.MustParseAddrPort(of.seats[0].addr).Addr())
		}
		f[0].dns.set("seed0.example", ips...)
	}
}

// Two clusters with different keys, or only one of which has a key, that learn of each other's addresses stay two, and nobody is disturbed; they
// say why.
func TestClustersWithOtherKeysStayTwo(t *testing.T) {
	for what, keys := range map[string][2][]byte{
		"two keys": {DeriveKey([]byte("one")), DeriveKey([]byte("two"))},
		"one key":  {DeriveKey([]byte("one")), nil},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				net := newMemNet()
				a, b := newFleet(t, net, 3), newFleet(t, net, 3)
				a.key, b.key = keys[0], keys[1]
				a.add(1, 5)
				b.add(2, 5)
				a.allSee(joinBound)
				b.allSee(joinBound)
				meet(a, b)
				pass(90 * time.Second)
				// A node moves to where one of the other cluster was, as addresses in a container network do.
				gone, moved := a.seats[4], b.seats[4]
				a.kill(gone)
				b.kill(moved)
				pass(time.Minute)
				b.move(moved, gone.addr)
				b.boot(moved)
				b.allSee(rejoinBound)
				pass(90 * time.Second)
				for _, f := range []*fleet{a, b} {
					f.ledgers()
					f.allSee(0)
					told := 0
					for _, s := range f.up() {
						if want := len(f.seats) - 1; len(s.entries) != want {
							t.Errorf("%s knows %d members, not %d", s.name, len(s.entries), want)
						}
						told += s.heard(EvRefused)
					}
					if told == 0 {
						t.Error("nobody was told that the other cluster has another key")
					}
				}
				for _, s := range a.up() {
					if slices.Contains(s.died(), moved.name) || s.knows(moved.name) {
						t.Errorf("%s knows %s, which is another cluster's", s.name, moved.name)
					}
				}
			})
		})
	}
}

// Two of the same key that grew apart become one as soon as one knows an address of the other.
func TestClustersWithOneKeyBecomeOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newMemNet()
		a, b := newFleet(t, net, 3), newFleet(t, net, 3)
		a.key = DeriveKey([]byte("one"))
		b.key = a.key
		a.add(1, 6)
		b.add(2, 5)
		a.allSee(joinBound)
		b.allSee(joinBound)
		pass(5 * time.Minute)
		meet(a, b)
		both := &fleet{t: t, net: net, seats: slices.Concat(a.seats, b.seats)}
		t.Logf("one after %v", both.allSee(2*tryIdle))
		if d := both.died(); len(d) > 0 {
			t.Errorf("told dead meanwhile: %v", d)
		}
		both.ledgers()
	})
}
