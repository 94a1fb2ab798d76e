package node

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"kleeblatt/transport/link"
)

// pairNet is the network between nodes whose links all go through proxies. It is cut for one pair at a time, in one direction or both.
type pairNet struct {
	mu      sync.Mutex
	moved   *sync.Cond
	conns   map[*pairConn]bool
	silent  map[[2]string]bool // bytes from the first to the second wait
	refuses map[[2]string]bool // connections that the first dials to the second end at once
	closed  bool
	work    sync.WaitGroup
}

// pairConn is one connection; near belongs to the node that dialed.
type pairConn struct {
	near, far     net.Conn
	dialer, owner string
}

func newPairNet(t *testing.T) *pairNet {
	n := &pairNet{conns: map[*pairConn]bool{}, silent: map[[2]string]bool{}, refuses: map[[2]string]bool{}}
	n.moved = sync.NewCond(&n.mu)
	t.Cleanup(func() {
		n.set(func() {
			n.closed = true
			for c := range n.conns {
				c.close()
			}
		})
		n.work.Wait()
	})
	return n
}

func (n *pairNet) set(f func()) {
	n.mu.Lock()
	f()
	n.moved.Broadcast()
	n.mu.Unlock()
}

// before returns the address of a new proxy that stands before the named node's link port.
func (n *pairNet) before(t *testing.T, owner, target string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.work.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			n.work.Go(func() { n.serve(near, owner, target) })
		}
	})
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

// serve learns from the dialer's hello who it is, then moves bytes both ways.
func (n *pairNet) serve(near net.Conn, owner, target string) {
	c := &pairConn{near: near, owner: owner}
	n.set(func() { n.conns[c] = true })
	defer n.set(func() {
		c.close()
		delete(n.conns, c)
	})
	var head [4]byte
	if _, err := io.ReadFull(near, head[:]); err != nil {
		return
	}
	hello := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(near, hello); err != nil {
		return
	}
	dialer, _, ok := link.ParseHello(hello)
	if !ok {
		return
	}
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	ended := false
	n.set(func() {
		c.far, c.dialer = far, dialer
		ended = n.closed || n.refuses[[2]string{dialer, owner}]
	})
	if ended {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { n.pipe(c, far, near, owner, dialer, nil) })
	n.pipe(c, near, far, dialer, owner, append(head[:], hello...))
	back.Wait()
}

func (n *pairNet) pipe(c *pairConn, from, to net.Conn, a, b string, first []byte) {
	defer c.near.Close()
	defer c.far.Close()
	buf := make([]byte, 16<<10)
	for k, err := copy(buf, first), error(nil); ; k, err = from.Read(buf) {
		n.mu.Lock()
		for n.silent[[2]string{a, b}] && !n.closed {
			n.moved.Wait()
		}
		n.mu.Unlock()
		if _, werr := to.Write(buf[:k]); err != nil || werr != nil {
			return
		}
	}
}

func (c *pairConn) close() {
	c.near.Close()
	if c.far != nil {
		c.far.Close()
	}
}

// silence lets nothing through from a to b, or lets it go on.
func (n *pairNet) silence(a, b string, on bool) { n.set(func() { n.silent[[2]string{a, b}] = on }) }

// refuse breaks the connections of the pair and lets none come up, or lets them.
func (n *pairNet) refuse(a, b string, on bool) {
	n.set(func() {
		n.refuses[[2]string{a, b}], n.refuses[[2]string{b, a}] = on, on
		for c := range n.conns {
			if on && (c.dialer == a && c.owner == b || c.dialer == b && c.owner == a) {
				c.close()
			}
		}
	})
}

// runOverPairNet starts n1, n2, … on it. Calls survive without a path for the grace.
func runOverPairNet(t *testing.T, count int, grace time.Duration, words ...string) (nodes []*Node, net *pairNet) {
	t.Helper()
	net = newPairNet(t)
	for i := range count {
		name := []string{"n1", "n2", "n3", "n4"}[i]
		w := append([]string{"--name", name, "--workers", "2"}, words...)
		if i > 0 {
			w = append(w, "--join", nodes[0].GossipAddr())
		}
		h := hooks{noUnix: true, linkAddr: func(bound string) string { return net.before(t, name, bound) }}
		h.link = func(c *link.Config) { c.CallGrace = grace }
		nodes = append(nodes, run(t, h, w...))
	}
	settle(t, nodes...)
	return nodes, net
}
