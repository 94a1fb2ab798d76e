package swim

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/serf/serf"
)

// probe is a node under test and what it was told.
type probe struct {
	*Swim
	t    *testing.T
	name string
	addr string
	mu   sync.Mutex
	all  []Event
}

// start runs a node on the network in memory. change may alter its configuration.
func start(t *testing.T, m *memNet, name, addr string, seeds []string, change func(*Config)) *probe {
	t.Helper()
	p := &probe{t: t, name: name, addr: addr}
	cfg := Config{
		Name: name, BindAddr: addr, Seeds: seeds, transport: m.listen(addr),
		Tags:    Tags{Life: Life{Epoch: uint64(time.Now().UnixMilli()), Nonce: 7}, LinkAddr: "0.0.0.0:7947", Proto: 1},
		OnEvent: p.record,
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if p.Swim, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Shutdown() })
	return p
}

func (p *probe) record(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, e)
}

func (p *probe) events(kind EventKind) []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.all), func(e Event) bool { return e.Kind != kind })
}

// forget starts the record anew.
func (p *probe) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = nil
}

// sees reports whether the last word about that name was that this life is alive.
func (p *probe) sees(name string, life Life) bool {
	es := p.events(EvMember)
	for i := len(es) - 1; i >= 0; i-- {
		if es[i].Name == name {
			return es[i].Alive && es[i].Life == life
		}
	}
	return false
}

func (p *probe) life() Life {
	p.Swim.mu.Lock()
	defer p.Swim.mu.Unlock()
	return p.tags.Life
}

func (p *probe) joined() bool {
	return slices.ContainsFunc(p.events(EvJoined), func(e Event) bool { return !e.Alone })
}

// eventually waits in virtual time.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	if !ok() {
		t.Fatalf("not within %v: %s", within, what)
	}
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// allSee waits until each of the nodes sees all others.
func allSee(t *testing.T, within time.Duration, ps ...*probe) {
	t.Helper()
	eventually(t, within, "all see each other", func() bool {
		for _, a := range ps {
			for _, b := range ps {
				if a != b && !a.sees(b.name, b.life()) {
					return false
				}
			}
		}
		return true
	})
}

// bubble runs f in virtual time, and lets what the libraries still wait for end before time stops.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { pass(time.Minute) }) // the last of all
		f(t)
	})
}

const (
	addrA = "10.0.0.1:7946"
	addrB = "10.0.0.2:7946"
	addrC = "10.0.0.3:7946"
	addrD = "10.0.0.4:7946"
)

func TestJoin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		eventually(t, time.Second, "ready at once without seeds", a.joined)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		c := start(t, m, "c", addrC, []string{addrA, addrB, addrC}, nil) // itself is passed over
		allSee(t, 2*time.Second, a, b, c)
		eventually(t, time.Second, "first exchange told", func() bool { return b.joined() && c.joined() })
		es := a.events(EvMember)
		e := es[slices.IndexFunc(es, func(e Event) bool { return e.Name == "b" })]
		if e.Addr != addrB || e.LinkAddr != "10.0.0.2:7947" || e.Proto != 1 {
			t.Errorf("member told as %+v", e)
		}
		if n := len(c.events(EvJoined)); n != 1 {
			t.Errorf("joined told %d times", n)
		}
	})
}

// A seed that comes late is found; meanwhile the node serves alone.
func TestLateSeed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		pass(AloneAfter - time.Second)
		if len(b.events(EvJoined)) != 0 {
			t.Error("joined without anybody before the time was over")
		}
		eventually(t, 3*time.Second, "alone", func() bool {
			es := b.events(EvJoined)
			return len(es) == 1 && es[0].Alone
		})
		pass(10 * time.Minute)
		a := start(t, m, "a", addrA, nil, nil)
		allSee(t, 5*time.Second, a, b)
		eventually(t, time.Second, "joined after all", b.joined)
	})
}

// P24, second part: the seed's restart does not found a second cluster.
func TestSeedRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		c := start(t, m, "c", addrC, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b, c)
		old := a.life()
		for _, down := range []time.Duration{10 * time.Millisecond, time.Second, time.Minute, 10 * time.Minute} {
			a.Shutdown()
			pass(down)
			a = start(t, m, "a", addrA, nil, nil)
			allSee(t, 15*time.Second, a, b, c)
		}
		es := b.events(EvMember)
		died := slices.IndexFunc(es, func(e Event) bool { return e.Name == "a" && e.Life == old && !e.Alive })
		born := slices.IndexFunc(es, func(e Event) bool { return e.Name == "a" && e.Life != old && e.Alive })
		if died < 0 || born < died {
			t.Errorf("the old life's end is told at %d, the new life at %d", died, born)
		}
		if len(a.events(EvConflict))+len(b.events(EvConflict)) != 0 {
			t.Error("a restart was taken for a conflict")
		}
	})
}

// The cluster tells a node that comes back which lives of its name were known, before it says that it has joined.
func TestGhostIsToldBeforeJoined(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b)
		old := b.life()
		b.Shutdown()
		pass(50 * time.Millisecond)
		b = start(t, m, "b", addrB, []string{addrA}, nil)
		eventually(t, 3*time.Second, "joined", b.joined)
		b.mu.Lock()
		defer b.mu.Unlock()
		ghost := slices.IndexFunc(b.all, func(e Event) bool { return e.Kind == EvGhost && e.Life == old })
		joined := slices.IndexFunc(b.all, func(e Event) bool { return e.Kind == EvJoined })
		if ghost < 0 || ghost > joined {
			t.Errorf("ghost told at %d, joined at %d", ghost, joined)
		}
	})
}

// A cut that outlasts serf's memory heals all the same, with and without seeds.
func TestCutAndHeal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		quick := func(c *Config) { c.reconnectTimeout = time.Minute }
		a := start(t, m, "a", addrA, nil, quick)
		b := start(t, m, "b", addrB, []string{addrA}, quick)
		c := start(t, m, "c", addrC, []string{addrA}, quick)
		d := start(t, m, "d", addrD, []string{addrC}, quick)
		allSee(t, 3*time.Second, a, b, c, d)
		m.split(addrA, addrB)
		eventually(t, 20*time.Second, "both sides see the cut", func() bool {
			return !a.sees("c", c.life()) && !b.sees("d", d.life()) && !c.sees("a", a.life()) && !d.sees("b", b.life())
		})
		pass(10 * time.Minute)
		if !a.sees("b", b.life()) || !c.sees("d", d.life()) {
			t.Error("the sides fell apart")
		}
		m.heal()
		allSee(t, 15*time.Second, a, b, c, d)
	})
}

// A crash is seen within a few seconds, and a goodbye at once.
func TestFailureAndLeave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		c := start(t, m, "c", addrC, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b, c)
		b.Shutdown()
		eventually(t, 5*time.Second, "a and c see the crash", func() bool {
			return !a.sees("b", b.life()) && !c.sees("b", b.life())
		})
		a.forget()
		if err := c.Leave(); err != nil {
			t.Fatal(err)
		}
		c.Shutdown()
		eventually(t, time.Second, "a sees the goodbye", func() bool {
			es := a.events(EvMember)
			return len(es) == 1 && es[0].Name == "c" && !es[0].Alive && es[0].Left
		})
	})
}

func TestKeys(t *testing.T) {
	right, wrong := DeriveKey([]byte("the right one")), DeriveKey([]byte("another"))
	for _, c := range []struct{ of, joiner []byte }{{right, wrong}, {right, nil}, {nil, right}} {
		t.Run(fmt.Sprintf("%v,%v", c.of != nil, c.joiner != nil), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMemNet()
				a := start(t, m, "a", addrA, nil, func(cfg *Config) { cfg.Key = c.of })
				b := start(t, m, "b", addrB, []string{addrA}, func(cfg *Config) { cfg.Key = c.joiner })
				eventually(t, 5*time.Second, "refused", func() bool { return len(b.events(EvRefused)) > 0 })
				pass(5 * time.Second)
				if len(a.events(EvMember))+len(b.events(EvMember)) != 0 || b.joined() {
					t.Error("joined with another key")
				}
			})
		})
	}
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		withKey := func(cfg *Config) { cfg.Key = right }
		a := start(t, m, "a", addrA, nil, withKey)
		b := start(t, m, "b", addrB, []string{addrA}, withKey)
		allSee(t, 2*time.Second, a, b)
	})
}

// A second node of a name gives way, whatever its clock says, and disturbs nobody.
func TestNameConflict(t *testing.T) {
	for name, epoch := range map[string]uint64{"younger": 1 << 50, "older by its clock": 5} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMemNet()
				a := start(t, m, "a", addrA, nil, nil)
				b := start(t, m, "b", addrB, []string{addrA}, nil)
				c := start(t, m, "c", addrC, []string{addrA}, nil)
				allSee(t, 2*time.Second, a, b, c)
				pass(2 * time.Second) // that it has joined has gone round
				a.forget()
				c.forget()
				b2 := start(t, m, "b", addrD, []string{addrA}, func(cfg *Config) { cfg.Tags.Life = Life{epoch, 1} })
				eventually(t, 5*time.Second, "the newcomer is told to end", func() bool {
					es := b2.events(EvConflict)
					return len(es) == 1 && es[0].Yield && es[0].Addr == addrB && es[0].Text != ""
				})
				if b2.joined() {
					t.Error("the newcomer joined before it gave way")
				}
				if err := b2.Leave(); err != nil {
					t.Error(err)
				}
				b2.Shutdown()
				pass(30 * time.Second)
				if len(a.events(EvMember))+len(c.events(EvMember)) != 0 || !c.sees0("b", b.life()) {
					t.Error("the others noticed")
				}
				if es := b.events(EvConflict); len(es) > 1 || len(es) == 1 && es[0].Yield {
					t.Errorf("the first was told %+v", es)
				}
				if len(b.events(EvGhost)) != 0 {
					t.Error("the first was told to take a higher epoch, which would end its calls")
				}
			})
		})
	}
}

// sees0 asks the node's own view, not its record.
func (p *probe) sees0(name string, life Life) bool {
	p.Swim.mu.Lock()
	defer p.Swim.mu.Unlock()
	m := p.members[name]
	return m != nil && m.alive && m.tags.Life == life
}

// A node that crashed and comes back at another address is no conflict: its name is its own as soon as the others hold the old
// process for dead.
func TestGhostElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		c := start(t, m, "c", addrC, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b, c)
		b.Shutdown()
		b = start(t, m, "b", addrD, []string{addrA}, nil)
		allSee(t, 15*time.Second, a, b, c)
		if es := b.events(EvConflict); len(es) != 0 {
			t.Errorf("conflict with its own ghost: %+v", es)
		}
	})
}

// Two of a name that met only after a cut: the younger gives way.
func TestNameConflictAfterCut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		m.split(addrA, addrB)
		a := start(t, m, "a", addrA, nil, nil)
		x1 := start(t, m, "x", addrB, []string{addrA}, nil)
		pass(time.Second)
		c := start(t, m, "c", addrC, []string{addrA}, nil)
		x2 := start(t, m, "x", addrD, []string{addrC}, nil)
		allSee(t, 3*time.Second, a, x1)
		allSee(t, 3*time.Second, c, x2)
		pass(AloneAfter + 5*time.Second)
		m.heal()
		// Who stands between them ignores the second address, so that they meet only when one of them exchanges the membership with
		// a node of the other side.
		eventually(t, 3*time.Minute, "the younger gives way", func() bool {
			return slices.ContainsFunc(x2.events(EvConflict), func(e Event) bool { return e.Yield })
		})
		if slices.ContainsFunc(x1.events(EvConflict), func(e Event) bool { return e.Yield }) {
			t.Error("the older gave way")
		}
		x2.Shutdown()
		allSee(t, 40*time.Second, a, x1, c)
	})
}

func TestSetTags(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b)
		pass(2 * time.Second)
		a.forget()
		old, reborn := b.life(), Life{b.life().Epoch + 1000, 99}
		b.SetTags(Tags{Life: reborn, LinkAddr: "10.9.9.9:1", Proto: 2})
		allSee(t, 2*time.Second, a, b)
		es := a.events(EvMember)
		if len(es) != 2 || es[0].Alive || es[0].Life != old || es[1].LinkAddr != "10.9.9.9:1" || es[1].Proto != 2 {
			t.Errorf("told %+v", es)
		}
		pass(30 * time.Second)
		if len(b.events(EvGhost))+len(b.events(EvConflict)) != 0 {
			t.Error("its own former life was taken for another's")
		}
	})
}

func TestDigest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, func(c *Config) {
			c.Digest = func() []byte { return make([]byte, DigestMax) }
			c.Key = DeriveKey([]byte("k"))
		})
		b := start(t, m, "b", addrB, []string{addrA}, func(c *Config) {
			c.Digest = func() []byte { return make([]byte, DigestMax+1) } // too long: none is sent
			c.Key = DeriveKey([]byte("k"))
		})
		eventually(t, 3*time.Second, "digests come with probes", func() bool {
			return len(b.events(EvProbe)) > 1 && len(a.events(EvProbe)) > 1
		})
		if e := b.events(EvProbe)[0]; e.Name != "a" || len(e.Digest) != DigestMax || e.Life != a.life() || e.RTT != 2*memDelay {
			t.Errorf("probe told %s, %d bytes, %v", e.Name, len(e.Digest), e.RTT)
		}
		if e := a.events(EvProbe)[0]; len(e.Digest) != 0 {
			t.Errorf("a digest of %d bytes came", len(e.Digest))
		}
	})
}

// Heads: the newest arrives soon, and however many are announced, few travel.
func TestHeads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		b := start(t, m, "b", addrB, []string{addrA}, nil)
		c := start(t, m, "c", addrC, []string{addrA}, nil)
		allSee(t, 2*time.Second, a, b, c)
		const last = 5000
		for v := range uint64(last) {
			a.Announce(v + 1)
			if v%5 == 0 {
				pass(time.Millisecond)
			}
		}
		for _, p := range []*probe{b, c} {
			eventually(t, 2*time.Second, "the newest head", func() bool {
				es := p.events(EvHead)
				return len(es) > 0 && es[len(es)-1].Version == last
			})
			es := p.events(EvHead)
			if len(es) > 10 || es[0].Name != "a" || es[0].Life != a.life() {
				t.Errorf("%d heads were told, the first %+v", len(es), es[0])
			}
		}
		if len(a.events(EvHead)) != 0 {
			t.Error("its own heads were told to the announcer")
		}
	})
}

// Rolling restarts: each node in turn says goodbye and comes back, at its address and at another.
func TestRollingRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		seeds := []string{addrA, addrB, addrC}
		nodes := make([]*probe, 3)
		for i, name := range []string{"a", "b", "c"} {
			nodes[i] = start(t, m, name, seeds[i], seeds, nil)
		}
		allSee(t, 5*time.Second, nodes...)
		for round := range 6 {
			i := round % 3
			p := nodes[i]
			if err := p.Leave(); err != nil {
				t.Fatal(err)
			}
			p.Shutdown()
			pass([]time.Duration{time.Millisecond, 3 * time.Second}[round%2])
			addr := p.addr
			if round >= 3 {
				addr = fmt.Sprintf("10.0.1.%d:7946", round)
			}
			seeds[i] = addr // as DNS would have it
			nodes[i] = start(t, m, p.name, addr, seeds, nil)
			allSee(t, 20*time.Second, nodes...)
			if es := nodes[i].events(EvConflict); len(es) != 0 {
				t.Errorf("round %d: %+v", round, es)
			}
		}
	})
}

// Many at once: all find each other, and a failure is agreed on, within seconds.
func TestManyAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		const count = 12
		seeds := []string{"10.1.0.0:7946", "10.1.0.1:7946"}
		var nodes []*probe
		for i := range count {
			nodes = append(nodes, start(t, m, fmt.Sprintf("n%d", i), fmt.Sprintf("10.1.0.%d:7946", i), seeds, nil))
		}
		allSee(t, 10*time.Second, nodes...)
		last := nodes[count-1]
		last.Shutdown()
		eventually(t, 10*time.Second, "all see the crash", func() bool {
			return !slices.ContainsFunc(nodes[:count-1], func(p *probe) bool { return p.sees(last.name, last.life()) })
		})
	})
}

// Another program's serf is not taken in.
func TestStranger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMemNet()
		a := start(t, m, "a", addrA, nil, nil)
		sc := serf.DefaultConfig()
		sc.NodeName = "stranger"
		sc.Logger = newLibraryLog(nil).std
		sc.MemberlistConfig.Logger = sc.Logger
		sc.MemberlistConfig.Transport = m.listen(addrB)
		sc.MemberlistConfig.Label = label
		s, err := serf.Create(sc)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Shutdown()
		s.Join([]string{addrA}, false)
		pass(30 * time.Second)
		if es := a.events(EvMember); len(es) != 0 {
			t.Errorf("told %+v", es)
		}
	})
}
