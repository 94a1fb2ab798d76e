package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// politeRefusals is how many connections above ConnectionsMax are still told why they are refused.
const politeRefusals = 64

// Server is the loops, their acceptor and the ports of one node.
type Server struct {
	cfg        Config
	loops      []*loop
	http       *bridge // nil without Config.HTTP
	goroutines sync.WaitGroup

	open     atomic.Int64
	accepted atomic.Uint64
	outbox   atomic.Int64 // bytes kept for full sockets by all loops
	refused  [refusals]atomic.Uint64

	mu        sync.Mutex
	addresses map[uint64]int32 // connections per address key
	listeners []*listener
	started   bool
	deaf      bool // accepts no more
	stopped   bool
}

// listener is one bound port.
type listener struct {
	ln      net.Listener
	fd      int    // where an epoll loop accepts, else -1
	path    string // of WebSocket requests; "" is any: a Unix socket's URL names the file
	origins []string
	tls     *tls.Config
	raw     bool // RawSocket only
	link    bool
	addr    net.Addr
}

// New makes the loops and their handlers. Nothing runs and no port is bound before Start.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if cfg.NewHandler == nil || cfg.Loops < 0 {
		return nil, errors.New("transport: Config needs NewHandler and a number of Loops that is not negative")
	}
	if err := cfg.Limits.validate(); err != nil {
		return nil, fmt.Errorf("transport: limits: %w", err)
	}
	s := &Server{cfg: cfg, addresses: map[uint64]int32{}}
	if cfg.HTTP != nil {
		s.http = newBridge(cfg.HTTP, &s.cfg.Limits)
	}
	for i := range cfg.Loops {
		l := newLoop(s, i)
		if err := l.poll.open(); err != nil {
			s.closePolls()
			return nil, fmt.Errorf("transport: loop %d: %w", i, err)
		}
		s.loops = append(s.loops, l)
	}
	for i, l := range s.loops {
		l.h = cfg.NewHandler(i, l)
	}
	return s, nil
}

func (s *Server) closePolls() {
	for _, l := range s.loops {
		l.poll.close()
	}
}

// Start binds the ports and runs the loops. After an error nothing runs; the Server is then of no more use.
func (s *Server) Start() error {
	for _, cfg := range s.cfg.Listeners {
		n, err := s.bindURL(cfg)
		if err != nil {
			s.closeListeners()
			s.closePolls()
			return fmt.Errorf("transport: listen on %s: %w", cfg.URL, err)
		}
		s.mu.Lock()
		s.listeners = append(s.listeners, n)
		s.mu.Unlock()
	}
	if s.http != nil {
		s.goroutines.Go(func() { s.http.server.Serve(s.http) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	for _, n := range s.listeners {
		s.accept(n)
	}
	for _, l := range s.loops {
		go l.run()
	}
	return nil
}

// ListenLink binds a port for link connections and returns its address: "tcp://host:port", "unix:///path", "unix://@name", "tls://host:port"
// (with Config.LinkTLS) or plain "host:port". They open on loop 0 with Framing Link. It may be called before and after Start.
func (s *Server) ListenLink(addr string) (net.Addr, error) {
	network, address, err := splitLinkAddress(addr)
	if err != nil {
		return nil, err
	}
	var conf *tls.Config
	if network == "tls" {
		if network, conf = "tcp", s.cfg.LinkTLS; conf == nil {
			return nil, fmt.Errorf("transport: link address %q needs Config.LinkTLS", addr)
		}
	}
	n, err := s.bind(network, address, conf)
	if err != nil {
		return nil, fmt.Errorf("transport: listen for links on %s: %w", addr, err)
	}
	n.link = true
	return s.listen(n)
}

func splitLinkAddress(addr string) (network, address string, err error) {
	if name, ok := strings.CutPrefix(addr, "unix://"); ok {
		return "unix", name, nil // which may begin with @, Linux's abstract names; a URL has something else there
	}
	u, err := url.Parse(addr)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Path == "" {
		return "tcp", addr, nil // plain host:port, which url.Parse takes for something else or for nothing
	}
	switch u.Scheme {
	case "tcp", "tls":
		return u.Scheme, u.Host, nil
	}
	return "", "", fmt.Errorf("transport: link address %q: scheme must be tcp, tls or unix", addr)
}

// bindURL binds a client port.
func (s *Server) bindURL(cfg Listener) (*listener, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	network, address, conf := "tcp", u.Host, cfg.TLS
	switch u.Scheme {
	case "ws", "rs":
		conf = nil
	case "wss", "rss":
		if conf == nil {
			return nil, errors.New("needs a TLS configuration")
		}
	case "unix":
		network, address, conf = "unix", u.Host+u.Path, nil
	default:
		return nil, fmt.Errorf("unknown scheme %q: ws, wss, rs, rss or unix", u.Scheme)
	}
	n, err := s.bind(network, address, conf)
	if err != nil {
		return nil, err
	}
	n.path, n.origins = or(u.Path, "/"), cfg.AllowedOrigins
	n.raw = u.Scheme == "rs" || u.Scheme == "rss"
	if network == "unix" {
		n.path = ""
	}
	return n, nil
}

func (s *Server) bind(network, address string, conf *tls.Config) (*listener, error) {
	if network == "unix" {
		removeStale(address)
	}
	lc := net.ListenConfig{KeepAlive: keepAlive}
	ln, err := lc.Listen(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	n := &listener{ln: ln, fd: -1, tls: conf, addr: ln.Addr()}
	if conf == nil && !s.cfg.streams {
		if err := n.prepare(); err != nil {
			ln.Close()
			return nil, err
		}
	}
	return n, nil
}

// accept begins accepting from n: on loop 0 where it can, else on a goroutine.
func (s *Server) accept(n *listener) {
	if n.fd >= 0 {
		s.loops[0].post(mail{kind: mailListen, listener: n})
		return
	}
	s.goroutines.Go(func() { s.acceptStreams(n) })
}

// acceptPause is waited after an accept that failed for want of something, most likely descriptors.
const acceptPause = 100 * time.Millisecond

func (s *Server) acceptStreams(n *listener) {
	for {
		nc, err := n.ln.Accept()
		switch {
		case err == nil:
			s.adoptStream(n, nc)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.refuse(RefusedDescriptors)
			time.Sleep(acceptPause)
		}
	}
}

func (s *Server) adoptStream(n *listener, nc net.Conn) {
	o := origin{listener: n, local: true}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		o.address, o.local = AddressKey(a.AddrPort().Addr())
	}
	if !s.admit(&o) {
		nc.Close()
		return
	}
	if n.tls != nil {
		nc = tls.Server(nc, n.tls)
	}
	st := newStream(nc)
	l := s.leastLoaded(n)
	st.loop = l
	l.conns.Add(1)
	if !l.post(mail{kind: mailAdopt, stream: st, origin: o}) {
		l.conns.Add(-1)
		s.left(o.address)
		st.raw.Close()
	}
}

// leastLoaded is the loop with the fewest connections; link connections go to loop 0.
func (s *Server) leastLoaded(n *listener) *loop {
	best := s.loops[0]
	if n.link {
		return best
	}
	for _, l := range s.loops[1:] {
		if l.conns.Load() < best.conns.Load() {
			best = l
		}
	}
	return best
}

// AddressKey is what [Limits.ConnectionsPerAddress] counts connections by: an IPv4 address or an IPv6 /64, which is what one site has. Loopback
// addresses are local and not counted: their key is 0.
func AddressKey(a netip.Addr) (key uint64, local bool) {
	a = a.Unmap()
	if a.IsLoopback() {
		return 0, true
	}
	b := a.As16()
	if a.Is4() {
		return 0xffff<<32 | uint64(b[12])<<24 | uint64(b[13])<<16 | uint64(b[14])<<8 | uint64(b[15]), false
	}
	for _, x := range b[:8] {
		key = key<<8 | uint64(x)
	}
	return key, false
}

// admit counts a connection in, or refuses it. One that is a little above ConnectionsMax is admitted to be told so.
func (s *Server) admit(o *origin) bool {
	n, limit := s.open.Add(1), int64(s.cfg.Limits.ConnectionsMax)
	if n > limit {
		s.refuse(RefusedConnections)
		if o.over = true; n > limit+politeRefusals || o.listener.link {
			s.open.Add(-1)
			return false
		}
	}
	if !s.countAddress(o.address, 1) {
		s.open.Add(-1)
		s.refuse(RefusedAddress)
		return false
	}
	s.accepted.Add(1)
	return true
}

func (s *Server) countAddress(key uint64, by int32) bool {
	limit := s.cfg.Limits.ConnectionsPerAddressMax
	if key == 0 || limit < 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.addresses[key] + by
	switch {
	case n > int32(limit) && by > 0:
		return false
	case n <= 0:
		delete(s.addresses, key)
	default:
		s.addresses[key] = n
	}
	return true
}

// left counts an admitted connection out.
func (s *Server) left(key uint64) {
	s.countAddress(key, -1)
	s.open.Add(-1)
}

func (s *Server) refuse(why Refusal) { s.refused[why].Add(1) }

func (s *Server) serves() bool { return s.http != nil }

// Addrs are the addresses of Config.Listeners, in order, with the ports that were taken for port 0. Valid after Start.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []net.Addr
	for _, n := range s.listeners {
		if !n.link {
			out = append(out, n.addr)
		}
	}
	return out
}

// StopAccepting closes all ports; connections go on. It waits for loop 0, so it must not be called by a Handler.
func (s *Server) StopAccepting() {
	s.mu.Lock()
	again, started := s.deaf, s.started
	s.deaf = true
	s.mu.Unlock()
	if again {
		return
	}
	if started {
		ack := make(chan struct{})
		if s.loops[0].post(mail{kind: mailUnlisten, ack: ack}) {
			<-ack
		}
	}
	s.closeListeners()
}

func (s *Server) closeListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.listeners {
		n.close()
	}
}

// Stop stops accepting, closes all connections orderly (WebSocket code 1001) until ctx is done, then at once, and ends the
// loops. Each Handler has seen Closed for all its connections when Stop returns. The error is that of ctx if it was needed.
func (s *Server) Stop(ctx context.Context) error {
	s.StopAccepting()
	s.mu.Lock()
	again, started := s.stopped, s.started
	s.stopped = true
	s.mu.Unlock()
	if again {
		return nil
	}
	if !started {
		s.closePolls()
		return nil
	}
	for _, l := range s.loops {
		l.post(mail{kind: mailStop, linger: s.cfg.Limits.Linger})
	}
	if s.http != nil {
		s.http.stop(ctx)
	}
	var err error
	for _, l := range s.loops {
		select {
		case <-l.done:
			continue
		case <-ctx.Done():
			err = ctx.Err()
			l.post(mail{kind: mailStop})
		}
		<-l.done
	}
	s.goroutines.Wait()
	return err
}
