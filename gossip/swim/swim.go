package swim

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/serf/serf"
)

// Swim is this process's place in the cluster's membership. Its methods may be called from any goroutine.
type Swim struct {
	cfg    Config
	log    *libraryLog
	serf   *serf.Serf
	self   netip.AddrPort
	events chan serf.Event // serf → drain
	box    *mailbox
	lookup resolver

	ctx    context.Context // ends rejoin and speak
	cancel context.CancelFunc
	told   chan struct{} // ends deliver
	work   sync.WaitGroup
	talk   sync.WaitGroup

	yielded atomic.Bool // a rival was first: say nothing more under this name

	mu         sync.Mutex
	tags       tags   // what we are to say of ourselves
	said       tags   // what serf has been given
	head       uint64 // newest version to tell
	toTell     bool   // head has not been told
	members    map[string]*member
	known      []netip.AddrPort // of an earlier run
	rivals     map[Life]rival   // by the life that they were born with
	seen       bool             // the last exchange still knew a ghost of ours elsewhere
	gone       bool             // somebody has gone since rejoin looked who is missing
	apart      int              // answers to probes in a row whose view differs from ours
	apartFrom  string           // the last of them
	alone      bool             // Alone has been told, and nobody has answered since
	toldJoined bool             // EvJoined has been told
	over       bool             // Shutdown was called

	refused map[netip.AddrPort]time.Time // of rejoin: when a refusal was told; at most one for each of seedsMax and knownMax addresses

	speakUp chan struct{} // one token: tags or head changed
	joinUp  chan struct{} // one token: something for rejoin
	keepUp  chan struct{} // one token: members have changed
}

// member is what drain knows of another node.
type member struct {
	tags  tags
	addr  netip.AddrPort
	alive bool
	left  bool
	stale bool    // another life than this one answered the last probe
	claim *member // an older life under this name, of which there was a word but no answer yet
	back  bool    // it was thought dead, or had another life: it may have come by a mere packet, and know nobody
}

// New starts to gossip. It returns an error when the configuration is wrong or the address is taken; all else is told through
// OnEvent.
func New(cfg Config) (*Swim, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("swim: %w", err)
	}
	if cfg.reconnectTimeout == 0 {
		cfg.reconnectTimeout = reconnectTimeout
	}
	cfg.calm = max(1, cfg.calm)
	cfg.Seeds, cfg.Key = slices.Clone(cfg.Seeds), slices.Clone(cfg.Key)
	n := &Swim{
		cfg: cfg, log: newLibraryLog(cfg.Log), lookup: cfg.lookup,
		events: make(chan serf.Event, eventChLen), box: newMailbox(), told: make(chan struct{}),
		members: map[string]*member{}, rivals: map[Life]rival{}, refused: map[netip.AddrPort]time.Time{},
		speakUp: make(chan struct{}, 1), joinUp: make(chan struct{}, 1), keepUp: make(chan struct{}, 1),
	}
	if n.lookup == nil {
		n.lookup = systemResolver{}
	}
	n.known = parseKnown(cfg.Known)
	n.tags = tags{Tags: cfg.Tags, born: cfg.Tags.Life, joined: len(cfg.Seeds) == 0 && len(n.known) == 0}
	n.said = n.tags
	sc, err := n.cfg.serfConfig(n)
	if err != nil {
		return nil, fmt.Errorf("swim: %w", err)
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	drained := make(chan struct{})
	serfOver := make(chan struct{})
	go func() { n.drain(serfOver); close(drained) }()
	if n.serf, err = serf.Create(sc); err != nil {
		n.cancel()
		close(serfOver)
		<-drained
		return nil, fmt.Errorf("swim: %s cannot be used for gossip: %w: stop what uses it, or choose another with --gossip", cfg.BindAddr, err)
	}
	me := n.serf.LocalMember()
	n.mu.Lock()
	n.self = addrPort(me.Addr, me.Port)
	n.mu.Unlock()
	n.talk.Go(func() { n.box.deliver(cfg.OnEvent, n.told) })
	n.work.Go(func() { <-n.serf.ShutdownCh(); close(serfOver); <-drained })
	n.work.Go(n.speak)
	n.work.Go(n.rejoin)
	if cfg.Keep != nil {
		n.work.Go(n.keep)
	}
	return n, nil
}

// Addr is the host:port under which others know us; with port 0 in BindAddr it tells the port.
func (n *Swim) Addr() string { return n.self.String() }

// SetTags replaces what the others see of us, soon.
func (n *Swim) SetTags(t Tags) {
	n.mu.Lock()
	n.tags.Tags = t
	n.mu.Unlock()
	poke(n.speakUp)
}

// Announce tells the others, within the budget and only the newest, that our table has reached version.
func (n *Swim) Announce(version uint64) {
	n.mu.Lock()
	n.head, n.toTell = version, true
	n.mu.Unlock()
	poke(n.speakUp)
}

// Leave says goodbye, so that the others know at once. It blocks until the word is out, at most for about 2.5 s. Shutdown follows.
// After EvConflict with Yield it does nothing: the goodbye would be taken for our rival's.
func (n *Swim) Leave() error {
	n.cancel()
	n.mu.Lock()
	over := n.over
	n.mu.Unlock()
	if over || n.yielded.Load() {
		return nil
	}
	return n.serf.Leave()
}

// Shutdown ends gossip and returns when everything has ended; OnEvent is not called afterwards. It may wait for a join that is
// under way, at most 2 s for each address of its seed. It must not be called from OnEvent.
func (n *Swim) Shutdown() error {
	n.mu.Lock()
	over := n.over
	n.over = true
	n.mu.Unlock()
	if over {
		return nil
	}
	n.cancel()
	err := n.serf.Shutdown()
	n.work.Wait()
	close(n.told)
	n.talk.Wait()
	return err
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
