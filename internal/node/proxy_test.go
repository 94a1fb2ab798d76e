package node

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// proxy stands between a node's link port and those that dial it, and plays a bad network.
type proxy struct {
	ln     net.Listener
	target string
	work   sync.WaitGroup

	mu      sync.Mutex
	moved   *sync.Cond
	conns   map[net.Conn]bool
	stalled bool // bytes wait
	refuses bool // new connections are closed at once
	closed  bool
}

func newProxy(t *testing.T, network, target string) *proxy {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "p")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, target: target, conns: map[net.Conn]bool{}}
	p.moved = sync.NewCond(&p.mu)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		p.ln.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cut()
		p.work.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial(p.ln.Addr().Network(), p.target)
		if err != nil || !p.hold(near, far) {
			near.Close()
			if err == nil {
				far.Close()
			}
			continue
		}
		p.work.Go(func() { p.pipe(near, far) })
		p.work.Go(func() { p.pipe(far, near) })
	}
}

func (p *proxy) hold(near, far net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses || p.closed {
		return false
	}
	p.conns[near], p.conns[far] = true, true
	return true
}

func (p *proxy) pipe(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		for p.stalled && p.conns[from] {
			p.moved.Wait()
		}
		p.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			break
		}
	}
	p.mu.Lock()
	delete(p.conns, from)
	p.mu.Unlock()
}

// set changes what the network does from now on.
func (p *proxy) set(f func(p *proxy)) {
	p.mu.Lock()
	f(p)
	p.moved.Broadcast()
	p.mu.Unlock()
}

// cut ends all connections; what is on the way is lost.
func (p *proxy) cut() {
	p.set(func(p *proxy) {
		for c := range p.conns {
			c.Close()
			delete(p.conns, c)
		}
	})
}

// network is the proxies of two nodes.
type network []*proxy

func (n network) each(f func(p *proxy)) {
	for _, p := range n {
		f(p)
	}
}
func (n network) cut()           { n.each((*proxy).cut) }
func (n network) stall(on bool)  { n.each(func(p *proxy) { p.set(func(p *proxy) { p.stalled = on }) }) }
func (n network) refuse(on bool) { n.each(func(p *proxy) { p.set(func(p *proxy) { p.refuses = on }) }) }

// runBehindProxies starts nodes whose links of that kind (tcp, unix) go through proxies.
func runBehindProxies(t *testing.T, kind string, count int) (nodes []*Node, net network) {
	t.Helper()
	for i := range count {
		through := func(target string) string {
			p := newProxy(t, kind, target)
			net = append(net, p)
			return p.ln.Addr().String()
		}
		h := hooks{linkAddr: through, noUnix: true}
		if kind == "unix" {
			h = hooks{linkUnix: through}
		}
		words := []string{"--name", []string{"n1", "n2", "n3"}[i], "--workers", "2"}
		if i > 0 {
			words = append(words, "--join", nodes[0].GossipAddr())
		}
		nodes = append(nodes, run(t, h, words...))
	}
	settle(t, nodes...)
	for _, n := range nodes {
		for _, m := range n.Status().Members {
			if m.Link != kind {
				t.Fatalf("%s is linked with %s by %s", n.name, m.Name, m.Link)
			}
		}
	}
	return nodes, net
}
