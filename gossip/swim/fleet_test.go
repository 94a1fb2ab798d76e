package swim

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// long reports whether the runs of many nodes and many hours are wanted: minutes of a processor each.
func long() bool { return os.Getenv("KLEEBLATT_LONG") != "" }

// ledger is what one node was told of the others. It holds each word against the ones before: a name lives and dies in turns, under
// one life at a time, and lives only grow.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
	deaths  []string // who was told to be dead, in order
	count   map[EventKind]int
	joined  bool
	alone   bool
	wrong   []string
}

type entry struct {
	life        Life
	addr        string
	alive, left bool
}

func (l *ledger) hear(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[e.Kind]++
	switch e.Kind {
	case EvMember:
		l.member(e)
	case EvJoined:
		l.joined, l.alone = true, e.Alone
	case EvConflict:
		l.wrong = append(l.wrong, e.Text)
	}
}

func (l *ledger) member(e Event) {
	m := l.entries[e.Name]
	if m == nil {
		m = &entry{}
		l.entries[e.Name] = m
	}
	odd := func(what string) {
		l.wrong = append(l.wrong, fmt.Sprintf("%s: %s: told %v of life %v, knew %v of %v", e.Name, what, e.Alive, e.Life, m.alive, m.life))
	}
	switch {
	case e.Alive && m.alive && e.Life != m.life:
		odd("two lives at once")
	case e.Alive && e.Life.Less(m.life):
		odd("an older life after a newer")
	case !e.Alive && m.life != e.Life:
		odd("the death of a life that did not live")
	case !e.Alive && !m.alive && (!e.Left || m.left):
		odd("a second death")
	}
	if !e.Alive && m.alive {
		l.deaths = append(l.deaths, e.Name)
	}
	*m = entry{life: e.Life, addr: e.Addr, alive: e.Alive, left: e.Left}
}

func (l *ledger) sees(name string, life Life, addr string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.entries[name]
	return m != nil && *m == entry{life: life, addr: addr, alive: true}
}

func (l *ledger) isDead(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.entries[name]
	return m == nil || !m.alive
}

// knows reports whether anything was ever told of that name.
func (l *ledger) knows(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[name] != nil
}

// died tells who died since the last time it was asked.
func (l *ledger) died() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.deaths
	l.deaths = nil
	return d
}

func (l *ledger) heard(k EventKind) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count[k]
}

// seat is one node of a fleet: a name, whichever process and address has it.
type seat struct {
	*Swim
	*ledger
	name, addr string
	begun      Life
	down       bool
}

// fleet is a cluster on a network in memory.
type fleet struct {
	t     *testing.T
	net   *memNet
	dns   *fakeDNS
	seeds []string
	seats []*seat
	key   []byte
	calm  time.Duration // Config.calm
}

// newFleet makes a cluster of nobody yet. Its first nodes will be everybody's seeds, each by a DNS name of its own.
func newFleet(t *testing.T, net *memNet, seeds int) *fleet {
	f := &fleet{t: t, net: net, dns: &fakeDNS{hosts: map[string][]netip.Addr{}}}
	for i := range seeds {
		f.seeds = append(f.seeds, fmt.Sprintf("seed%d.example:7946", i))
	}
	return f
}

// launch starts count nodes, three of them seeds, and waits until they see each other.
func launch(t *testing.T, net *memNet, subnet, count int) *fleet {
	t.Helper()
	f := newFleet(t, net, 3)
	f.add(subnet, count)
	f.allSee(joinBound)
	return f
}

// add starts count nodes in 10.SUBNET.0.0/16, all at once.
func (f *fleet) add(subnet, count int) {
	for i := range count {
		s := &seat{name: fmt.Sprintf("n%d-%d", subnet, i), addr: fmt.Sprintf("10.%d.%d.%d:7946", subnet, i/250, 1+i%250)}
		f.seats = append(f.seats, s)
		f.name(s)
	}
	for _, s := range f.seats[len(f.seats)-count:] {
		f.boot(s)
	}
}

// name lets DNS tell the present address of a seed.
func (f *fleet) name(s *seat) {
	if i := slices.Index(f.seats, s); i < len(f.seeds) {
		f.dns.set(fmt.Sprintf("seed%d.example", i), netip.MustParseAddrPort(s.addr).Addr())
	}
}

// boot starts the process of a seat, with a newer life than any before.
func (f *fleet) boot(s *seat) {
	f.t.Helper()
	s.ledger = &ledger{entries: map[string]*entry{}, count: map[EventKind]int{}}
	s.begun = Life{Epoch: max(uint64(time.Now().UnixMilli()), s.begun.Epoch+1), Nonce: 7}
	n, err := New(Config{
		Name: s.name, BindAddr: s.addr, Seeds: f.seeds, Key: f.key, Tags: Tags{Life: s.begun, LinkAddr: ":7947", Proto: 1},
		Digest: func() []byte { return make([]byte, 32) }, OnEvent: s.hear, transport: f.net.listen(s.addr), lookup: f.dns, calm: f.calm,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	s.Swim, s.down = n, false
	f.t.Cleanup(func() { n.Shutdown() })
}

// kill ends a seat's process without a goodbye.
func (f *fleet) kill(s *seat) {
	f.ledgers()
	s.Shutdown()
	s.down = true
}

// move gives a seat another address, behind its name in DNS if it is a seed. Its process is not running.
func (f *fleet) move(s *seat, addr string) {
	s.addr = addr
	f.name(s)
}

func (f *fleet) up() []*seat {
	return slices.DeleteFunc(slices.Clone(f.seats), func(s *seat) bool { return s.down })
}

// unseen gives some pair of which the first does not see the second as it is; nil, nil where all see all.
func unseen(seats []*seat) (a, b *seat) {
	for _, a := range seats {
		for _, b := range seats {
			if a != b && !a.sees(b.name, b.begun, b.addr) {
				return a, b
			}
		}
	}
	return nil, nil
}

// allSee waits until all that run see each other as they are, and tells how long that took.
func (f *fleet) allSee(within time.Duration) time.Duration {
	f.t.Helper()
	began, seats := time.Now(), f.up()
	for {
		a, b := unseen(seats)
		if a == nil {
			return time.Since(began)
		}
		if time.Since(began) > within {
			f.t.Fatalf("not within %v: %s sees %s as it is", within, a.name, b.name)
		}
		pass(50 * time.Millisecond)
	}
}

// await waits in virtual time.
func (f *fleet) await(within time.Duration, what string, ok func() bool) time.Duration {
	f.t.Helper()
	began := time.Now()
	eventually(f.t, within, what, ok)
	return time.Since(began)
}

// ledgers fails the test for every contradiction in what the nodes were told.
func (f *fleet) ledgers() {
	f.t.Helper()
	for _, s := range f.seats {
		if s.ledger == nil {
			continue
		}
		s.ledger.mu.Lock()
		if len(s.wrong) > 0 {
			f.t.Errorf("%s was told %d contradictions, the first: %s", s.name, len(s.wrong), s.wrong[0])
			s.wrong = nil
		}
		s.ledger.mu.Unlock()
	}
}

// died gives who was told dead by whom since the last time, sorted.
func (f *fleet) died() (list []string) {
	for _, s := range f.seats {
		for _, d := range s.died() {
			list = append(list, s.name+" lost "+d)
		}
	}
	slices.SortFunc(list, cmp.Compare)
	return list
}

func addrs(seats []*seat) (list []string) {
	for _, s := range seats {
		list = append(list, s.addr)
	}
	return list
}

// bytes is what each node has sent so far.
func (f *fleet) bytes() (list []int64) {
	for _, s := range f.seats {
		list = append(list, f.net.bytes(s.addr))
	}
	return list
}
