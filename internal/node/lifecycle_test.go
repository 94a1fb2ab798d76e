package node

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"sync"
	"testing"

	"kleeblatt/internal/wamp"
)

// TestAskWhileTheNodeEnds: whoever asks a node anything gets an answer, or none, but never waits for ever: before, during and after its end,
// with or without a drain.
func TestAskWhileTheNodeEnds(t *testing.T) {
	t.Parallel()
	for _, drain := range []bool{false, true} {
		n := runCluster(t, 1)[0]
		c := join(t, n)
		c.subscribe("t.end", wamp.Exact)
		var work sync.WaitGroup
		asked := make(chan struct{}, 4)
		for range 4 {
			work.Go(func() {
				for i := 0; ; i++ {
					n.Counters()
					n.Status()
					n.Digest()
					n.Reachable()
					n.Live()
					n.WaitTurn()
					if i == 10 {
						asked <- struct{}{}
					}
					select {
					case <-n.closed:
						return
					default:
					}
				}
			})
		}
		<-asked
		c.conn.Close()
		if drain {
			work.Go(n.Drain)
		}
		work.Go(n.Close)
		work.Go(n.Close)
		work.Wait()
		n.Counters()
		n.Status()
		n.WaitTurn()
		n.Drain()
	}
}

// TestLinkPortStrangers: connections to the link port that say nothing, nonsense, or that they are a node that nobody knows, take little,
// are closed, and keep no node out.
func TestLinkPortStrangers(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 1)
	addr := nodes[0].link
	hello := func(c net.Conn, body []byte) {
		c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	}
	var silent []net.Conn
	for i := range 4 * greetersMax {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		switch i % 4 {
		case 0:
			silent = append(silent, c)
		case 1:
			b := make([]byte, 200)
			rand.Read(b)
			hello(c, b)
		case 2:
			c.Write([]byte{0, 0x10, 0, 0}) // a frame of 1 MiB
		case 3:
			hello(c, nil)
		}
	}
	greeting := func() (n int) {
		nodes[0].hubs[0].ask(func() { n = len(nodes[0].hubs[0].home.greeters) })
		return n
	}
	eventually(t, "nonsense is closed", func() bool { return nodes[0].server.Stats().Connections <= greetersMax }, nodes...)
	if n := greeting(); n > greetersMax {
		t.Errorf("%d connections may greet", n)
	}
	nodes = append(nodes, runNext(t, nodes))
	settle(t, nodes...)
	works(t, nodes...)
	for _, c := range silent { // the oldest gave way long ago, the others after helloTimeout
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a stranger got an answer")
		}
	}
	if n := greeting(); n != 0 {
		t.Errorf("%d connections are still expected to say something", n)
	}
}
