package node

import (
	"fmt"
	"log/slog"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/config"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

// SimConfig describes a node whose loops, clocks, chance and membership are played by a simulation.
type SimConfig struct {
	Name     string
	Life     gossip.Life
	LinkAddr string   // what the others dial
	Realms   []string // default: realm1
	Conflict router.ConflictPolicy
	Rules    *auth.Rules      // of sessions that prove nothing, in realms that are named; nil: they may do all but end what others have
	Loops    []transport.Loop // one for each worker, in order
	Log      *slog.Logger     // default: discard

	// Rand seeds each state machine's stream of random numbers, in the order in which they are made.
	Rand func() uint64
	Wall func() int64 // wall-clock milliseconds

	// Ready is called when the client ports would open, Reborn when the node has taken a higher epoch, which a data directory would keep.
	// Tags and Announce are what membership is told. All of them may be nil, and are called inside of a turn of the first loop.
	Ready    func()
	Reborn   func(gossip.Life)
	Tags     func(swim.Tags)
	Announce func(version uint64)

	// Frame, which may be nil, is called for each relay frame that a worker has taken.
	Frame func(SimFrame)

	// What the rooms are told of the configuration may be changed before they are made.
	Config func(*config.Config)
	Worker func(*router.WorkerConfig)
	Tables func(*router.TablesConfig)
	Gossip func(*gossip.Config)
	Link   func(*link.Config)
}

// Sim is a node without sockets, goroutines and clocks of its own: the hubs of production on loops that are handed in. Its owner calls
// the handlers as transport does, all on one goroutine; between two of their calls the node may be looked at by View and Realm.
type Sim struct{ n *Node }

// NewSim makes a node. It panics where the configuration cannot be.
func NewSim(c SimConfig) *Sim {
	cfg, err := config.Parse([]string{"--name", c.Name, "--admin", "off", "--workers", fmt.Sprint(len(c.Loops))})
	if err != nil {
		panic(err)
	}
	if c.Config != nil {
		c.Config(&cfg)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		cfg: cfg, name: c.Name, log: c.Log, workers: len(c.Loops), link: c.LinkAddr,
		opened: make(chan struct{}), failed: make(chan error, 1), closed: make(chan struct{}),
		hooks: hooks{worker: c.Worker, tables: c.Tables, gossip: c.Gossip, link: c.Link, noUnix: true},
	}
	n.world = world{
		random: func() func() uint64 { return stream(c.Rand()) },
		wall:   c.Wall,
		open: func() {
			if c.Ready != nil {
				c.Ready()
			}
		},
		keep: func(l gossip.Life) error {
			if c.Reborn != nil {
				c.Reborn(l)
			}
			return nil
		},
	}
	n.ready.Store(&readiness{reason: "starting"})
	n.life.Store(&c.Life)
	if n.realms, err = simRealms(c.Realms, c.Conflict, c.Rules); err != nil {
		panic(err)
	}
	for i, l := range c.Loops {
		n.newHandler(i, l)
		if c.Frame != nil {
			n.hubs[i].m.step = watched(n.hubs[i].worker, i, c.Frame)
		}
	}
	n.hubs[0].home = newHome(n, n.hubs[0])
	if c.Tags != nil || c.Announce != nil {
		n.hubs[0].home.meet(&simMembership{c.Tags, c.Announce})
	}
	return &Sim{n}
}

// simOnDemand is how many realms a simulation may make by templates.
const simOnDemand = 64

func simRealms(names []string, conflict router.ConflictPolicy, rules *auth.Rules) (*router.Realms, error) {
	if names == nil {
		names = []string{"realm1"}
	}
	var configs []router.RealmConfig
	var templates []router.RealmTemplate
	for _, name := range names {
		if wamp.IsRealmTemplate(name) {
			templates = append(templates, router.RealmTemplate{Pattern: name})
		} else {
			c := router.RealmConfig{Name: name, Conflict: conflict}
			if rules != nil {
				c.Roles = map[string]*router.RoleConfig{auth.RoleAnonymous: {Rules: rules}}
			}
			configs = append(configs, c)
		}
	}
	return router.NewRealmsOf(configs, templates, simOnDemand)
}

// stream is a small and quick generator (splitmix64): a simulation makes thousands, and nobody tries to guess them.
func stream(seed uint64) func() uint64 {
	return func() uint64 {
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
}

type simMembership struct {
	tags     func(swim.Tags)
	announce func(uint64)
}

func (m *simMembership) SetTags(t swim.Tags) {
	if m.tags != nil {
		m.tags(t)
	}
}

func (m *simMembership) Announce(v uint64) {
	if m.announce != nil {
		m.announce(v)
	}
}

// Handler is the worker on loop i as transport sees it.
func (s *Sim) Handler(i int) transport.Handler { return s.n.hubs[i] }

// SwimEvent is membership's word; it waits in the first hub's mailbox.
func (s *Sim) SwimEvent(e swim.Event) { s.n.onSwim(e) }

// ProbeDigest is what the node adds to its answer to a probe.
func (s *Sim) ProbeDigest() []byte { return s.n.probeDigest() }

// Tags are what membership tells the others of this node.
func (s *Sim) Tags() swim.Tags { return s.n.tags() }

// Life is the node's present life.
func (s *Sim) Life() gossip.Life { return *s.n.life.Load() }

// Failed returns why the node has to end by itself, nil as long as it has not.
func (s *Sim) Failed() error {
	select {
	case err := <-s.n.failed:
		s.n.fail(err)
		return err
	default:
		return nil
	}
}

// Drain begins a graceful leave, as in Node.Drain: sessions are told. When they are closed, or time is up, Retire follows, then
// Retired is asked for until it holds, or time is up; then the node leaves membership and ends.
func (s *Sim) Drain() {
	s.n.ready.Store(&readiness{leaving: true, reason: "shutting down"})
	for _, h := range s.n.hubs {
		h.deliver(letter{kind: letterInput, input: router.Input{Kind: router.InDrain}})
	}
}

// Retire makes the node say goodbye to the others on its next turn.
func (s *Sim) Retire() {
	s.n.hubs[0].deliver(letter{kind: letterDo, do: s.n.hubs[0].home.retire})
}

// Retired reports whether nothing waits for a link any more.
func (s *Sim) Retired() bool { return s.n.hubs[0].home.retired() }
