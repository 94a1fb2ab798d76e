package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/admin"
	"kleeblatt/internal/bridge"
	"kleeblatt/internal/config"
	"kleeblatt/internal/frame"
	"kleeblatt/internal/longpoll"
	"kleeblatt/internal/router"
	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

const (
	// drainTimeout is how long a leaving node waits for its clients to answer GOODBYE and be closed; their workers give up sooner.
	drainTimeout = 3 * time.Second
	// retireTimeout is how long it waits for the links to take its last frames: a little more than they take by themselves.
	retireTimeout = 2500 * time.Millisecond
	// stopTimeout is how long the loops may take to flush and close what is left.
	stopTimeout = 2 * time.Second
	// Agent is what WELCOME says of us.
	Agent = "kleeblatt"
	// linkProtocol is told to the others in our tags.
	linkProtocol = link.ProtocolMax
)

// Node is one running node.
type Node struct {
	cfg     config.Config
	name    string
	log     *slog.Logger
	data    *config.Data
	workers int
	realms  *router.Realms
	pool    frame.Pool
	hubs    []*hub
	server  *transport.Server
	swim    *swim.Swim
	world   world
	admin   *admin.Server
	bridge  *bridge.Bridge // nil: no HTTP

	longpoll *longpoll.Server // nil: none
	link     string           // the address of our links, as the others dial it
	unix     string           // and where those on the same host find them, see unixlink.go
	unixDir  string           // removed at the end
	tables   string           // what our replicator, where there is one, says of itself
	count    counters
	hooks    hooks

	replicator Replicator // the home hub's, to be closed; nil: none

	life   atomic.Pointer[gossip.Life]
	digest atomic.Pointer[[]byte] // for the answers to probes

	ready  atomic.Pointer[readiness]
	opened chan struct{} // closed when the client ports are open
	failed chan error    // why the node has to end by itself; holds one
	left   bool          // swim has said goodbye
	ending atomic.Bool   // Close was called: what a session held is of no interest any more
	once   sync.Once
	closed chan struct{} // closed when Close is done
}

const (
	reasonReady   = "ready"
	reasonAlone   = "alone: neither a seed nor a node that was known answered; serving clients all the same, and trying on"
	reasonPartial = "partial: not all members are reached; serving clients all the same, and trying on"
)

// readiness is whether clients are welcome, and why not.
type readiness struct {
	ready   bool
	leaving bool // for good
	reason  string
}

// hooks are what tests and simulations change of a node.
type hooks struct {
	linkAddr func(bound string) string // what the others are told of our links' address
	linkUnix func(path string) string  // likewise of their Unix socket
	noUnix   bool                      // no link over Unix sockets

	replicator func(ReplicatorConfig) (Replicator, string, error)

	worker func(*router.WorkerConfig)
	tables func(*router.TablesConfig)
	gossip func(*gossip.Config)
	link   func(*link.Config)
}

// world is what a node takes from outside of it but for its connections. Production fills it from the system, a simulation from a seed.
type world struct {
	random func() func() uint64 // a new stream of random numbers, for one state machine
	wall   func() int64         // wall-clock milliseconds
	open   func()               // opens the client ports; called once, on the home hub, which it does not block
	keep   func(gossip.Life) error
}

// system is the world of production.
func (n *Node) system() world {
	return world{
		random: seeded,
		wall:   func() int64 { return time.Now().UnixMilli() },
		open:   func() { go n.openPorts() },
		keep: func(life gossip.Life) error {
			_, err := n.data.NextEpoch(life.Epoch-1, time.UnixMilli(0))
			return err
		},
	}
}

// Start brings a node up: links and gossip first, the client ports as soon as it knows the tables of the others (or that there are
// none). It returns when everything that it can know by itself is all right; why the node has to end later comes by Failed.
func Start(cfg config.Config, log *slog.Logger) (*Node, error) { return startWith(cfg, log, hooks{}) }

func startWith(cfg config.Config, log *slog.Logger, hooks hooks) (*Node, error) {
	n := &Node{
		cfg: cfg, name: cfg.Name, log: log, workers: cfg.Workers, hooks: hooks,
		opened: make(chan struct{}), failed: make(chan error, 1), closed: make(chan struct{}),
	}
	n.world = n.system()
	n.ready.Store(&readiness{reason: "starting"})
	if err := n.start(); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func (n *Node) start() (err error) {
	for _, w := range n.cfg.Warnings {
		n.log.Warn(w)
	}
	if n.data, err = config.OpenData(n.cfg.Data, n.name); err != nil {
		return err
	}
	epoch, err := n.data.NextEpoch(0, time.Now())
	if err != nil {
		return err
	}
	n.life.Store(&gossip.Life{Epoch: epoch, Nonce: cryptoRand()})
	if n.realms, err = n.makeRealms(); err != nil {
		return err
	}
	if err := n.checkPorts(); err != nil {
		return err
	}
	if n.server, err = transport.New(n.transportConfig()); err != nil {
		return err
	}
	n.hubs[0].home = newHome(n, n.hubs[0])
	if n.cfg.Link != "" {
		addr, err := n.server.ListenLink(n.cfg.Link)
		if err != nil {
			return fmt.Errorf("%w: stop what uses it, or choose another with --link", err)
		}
		n.link = n.advertised(addr.String())
		if n.hooks.linkAddr != nil {
			n.link = n.hooks.linkAddr(n.link)
		}
		n.unix = n.listenUnix()
	}
	if err := n.startReplicator(); err != nil {
		return err
	}
	if err := n.server.Start(); err != nil {
		return err
	}
	if n.cfg.Admin != "" {
		if n.admin, err = admin.Start(admin.Config{Addr: n.cfg.Admin, Hosts: n.cfg.AdminHosts, Source: n, Log: n.log}); err != nil {
			return fmt.Errorf("admin port: %w: stop what uses it, choose another with --admin, or --admin off", err)
		}
	}
	if n.cfg.Gossip == "" {
		n.hubs[0].deliver(letter{kind: letterDo, do: func() { n.hubs[0].home.swimEvent(swim.Event{Kind: swim.EvJoined}) }})
		return nil
	}
	if n.swim, err = swim.New(n.swimConfig()); err != nil {
		return err
	}
	n.hubs[0].deliver(letter{kind: letterDo, do: func() { n.hubs[0].home.meet(n.swim) }})
	return nil
}

// newHandler is called by transport for each of its loops.
func (n *Node) newHandler(i int, l transport.Loop) transport.Handler {
	h := newHub(n, i, l)
	n.hubs = append(n.hubs, h)
	return h
}

// isReady reports whether clients are welcome.
func (n *Node) isReady() bool { return n.ready.Load().ready }

// becomeReady opens the client ports, or changes the reservation under which they are open. It runs on the home hub, which must not
// wait for them.
func (n *Node) becomeReady(reason string) {
	was := n.ready.Load()
	if was.leaving || was.ready && was.reason == reason || !n.ready.CompareAndSwap(was, &readiness{ready: true, reason: reason}) {
		return
	}
	if reason != reasonReady {
		n.log.Warn(reason)
	}
	if !was.ready {
		n.world.open()
	}
}

func (n *Node) openPorts() {
	for _, l := range n.cfg.Listen {
		addr, err := n.server.Listen(transport.Listener{URL: l.URL, TLS: n.cfg.TLS, AllowedOrigins: n.cfg.AllowedOrigins})
		if errors.Is(err, transport.ErrStopped) {
			return
		}
		if err != nil {
			n.fail(err)
			return
		}
		n.log.Info("clients are welcome", "url", clientURL(l, addr))
	}
	close(n.opened)
}

// fail makes the node end, for a reason that a person has to mend.
func (n *Node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

// refused is called when the cluster does not want this node, or its peer.
func (n *Node) refused(name, text string) {
	n.count.linkRefused.Add(1)
	if name == n.name {
		n.fail(errors.New(text))
		return
	}
	n.log.Error("a node refuses to link with us: "+text, "node", name)
}

// setLife is called at a rebirth, on the home hub.
func (n *Node) setLife(life gossip.Life) {
	n.life.Store(&life)
	if err := n.world.keep(life); err != nil {
		n.log.Error("the epoch could not be kept", "err", err)
	}
}

// Run starts a node and keeps it until ctx is done (then it drains and leaves) or something ends it.
func Run(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	n, err := Start(cfg, log)
	if err != nil {
		return err
	}
	return n.Serve(ctx)
}

// Serve keeps a node that has been started until ctx is done (then it drains and leaves) or something ends it. The node is closed then.
func (n *Node) Serve(ctx context.Context) error {
	select {
	case <-ctx.Done():
		n.log.Info("shutting down: sessions are told")
		n.Drain()
		n.Close()
		return nil
	case err := <-n.failed:
		n.Close()
		return err
	}
}

// Drain says goodbye to everybody: not ready any more, no new connection, GOODBYE to each session, the part retired, membership left.
func (n *Node) Drain() {
	n.ready.Store(&readiness{leaving: true, reason: "shutting down"})
	n.server.StopAccepting()
	for _, h := range n.hubs {
		h.deliver(letter{kind: letterInput, input: router.Input{Kind: router.InDrain}})
	}
	n.waitFor(drainTimeout, func() bool {
		var links int64
		n.hubs[0].ask(func() { links = n.hubs[0].home.connections() })
		return n.server.Stats().Connections <= links
	})
	for _, h := range n.hubs[1:] {
		h.ask(func() {}) // another turn: what it had for other nodes has reached the home hub by then
	}
	n.hubs[0].ask(n.hubs[0].home.retire)
	n.waitFor(retireTimeout, func() (done bool) {
		n.hubs[0].ask(func() { done = n.hubs[0].home.retired() })
		return done
	})
	if n.swim != nil {
		n.left = true
		if err := n.swim.Leave(); err != nil {
			n.log.Debug("membership did not take our goodbye", "err", err)
		}
	}
}

// waitFor polls done until it holds or the time is over.
func (n *Node) waitFor(limit time.Duration, done func() bool) {
	for end := time.Now().Add(limit); !done() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

// Close ends the node at once. It may be called more than once.
func (n *Node) Close() {
	n.once.Do(func() {
		n.ending.Store(true)
		if n.swim != nil {
			if err := n.swim.Shutdown(); err != nil {
				n.log.Debug("membership ended badly", "err", err)
			}
		}
		if n.admin != nil {
			n.admin.Close()
		}
		if n.server != nil {
			ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
			n.server.Stop(ctx)
			cancel()
		}
		if n.replicator != nil {
			n.replicator.Close()
		}
		if n.bridge != nil {
			n.bridge.Close()
		}
		if n.longpoll != nil {
			n.longpoll.Close()
		}
		if n.unixDir != "" {
			os.RemoveAll(n.unixDir)
		}
		if n.data != nil {
			n.data.Close()
		}
		close(n.closed)
	})
	<-n.closed
}

// ask runs f on the hub's loop and waits for it. It must not be called on a loop.
func (h *hub) ask(f func()) {
	done := make(chan struct{})
	h.deliver(letter{kind: letterDo, do: func() { f(); close(done) }})
	select {
	case <-done:
	case <-h.n.closed:
	}
}

func cryptoRand() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:])
}

// seeded is an unpredictable stream of random numbers for one state machine.
func seeded() func() uint64 {
	var seed [32]byte
	rand.Read(seed[:])
	return mathrand.NewChaCha8(seed).Uint64
}

var errNotReady = errors.New("the node is not ready")

// WaitReady waits until the client ports are open.
func (n *Node) WaitReady(limit time.Duration) error {
	select {
	case <-n.opened:
		return nil
	case err := <-n.failed:
		return err
	case <-time.After(limit):
		return fmt.Errorf("%w after %v: %s", errNotReady, limit, n.ready.Load().reason)
	}
}

// Failed tells why the node has to end by itself.
func (n *Node) Failed() <-chan error { return n.failed }
