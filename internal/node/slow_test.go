package node

import (
	"fmt"
	"net"
	"testing"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// outboxBytes is the bound of the nodes in these tests; kernelBytes is what a socket pair takes beyond it, and more.
const (
	outboxBytes = 1 << 20
	kernelBytes = 16 << 20
)

// placements are where the stuck session may be, seen from those that send to it.
var placements = []struct {
	name string
	node int
}{{"same node", 0}, {"another node", 1}}

// stuck is a session that never reads again.
func stuck(t *testing.T, n *Node) *client {
	t.Helper()
	c := join(t, n)
	if err := c.conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	return c
}

// publishStep publishes count events of a size, and returns when all neighbours have got them: whoever reads is never behind.
func publishStep(t *testing.T, pub *client, neighbours []*client, first uint64, count, size int) {
	t.Helper()
	for i := range count {
		o := &codec.PublishOptions{}
		if i == count-1 {
			o = acknowledged
		}
		pub.queue(codec.AppendPublish(nil, ser, pub.next(), o, "t.slow", number(first+uint64(i), size)))
	}
	if err := pub.write(); err != nil {
		t.Fatal(err)
	}
	pub.expect(wamp.Published)
	for _, c := range neighbours {
		for i := range count {
			c.event(first + uint64(i))
		}
	}
}

// TestP13_P31_StuckSubscriber: a subscriber that never reads costs its publisher one pause and its neighbours nothing; memory stays within
// the outbox's bound; what becomes of it is counted.
func TestP13_P31_StuckSubscriber(t *testing.T) {
	for _, policy := range []string{"disconnect", "drop"} {
		for _, at := range placements {
			t.Run(policy+", "+at.name, func(t *testing.T) {
				t.Parallel()
				nodes := runCluster(t, 2, "--slow-consumer", policy, "--limit-outbox", "1MiB")
				home := nodes[at.node]
				pub := join(t, nodes[0])
				var neighbours []*client
				for _, n := range []*Node{nodes[0], nodes[1], home} {
					c := join(t, n)
					c.subscribe("t.slow", wamp.Exact)
					neighbours = append(neighbours, c)
				}
				bad := stuck(t, home)
				bad.subscribe("t.slow", wamp.Exact)
				settle(t, nodes...)
				const count, size = 8, 16 << 10
				next := uint64(1)
				for sent := 0; sent < kernelBytes; sent += count * size {
					publishStep(t, pub, neighbours, next, count, size)
					next += count
					if held := home.server.Stats().OutboxBytes; held > outboxBytes+size+4096 {
						t.Fatalf("%d bytes are kept for a bound of %d", held, outboxBytes)
					}
				}
				s, p := stats(home), stats(nodes[0])
				if p.Pauses != 1 {
					t.Errorf("the publisher was paused %d times", p.Pauses)
				}
				if policy == "disconnect" {
					if s.SlowClosed != 1 || s.EventsDropped != 0 {
						t.Errorf("%d sessions were closed, %d events dropped", s.SlowClosed, s.EventsDropped)
					}
					bad.ended()
					return
				}
				if s.SlowClosed != 0 || s.EventsDropped == 0 {
					t.Errorf("%d sessions were closed, %d events dropped", s.SlowClosed, s.EventsDropped)
				}
				// It reads again: what was queued is in order, what was dropped is missing at the end, and new events come.
				last := uint64(0)
				for got := uint64(0); got < next-1-s.EventsDropped; got++ {
					n := numberOf(bad.expect(wamp.Event))
					if n <= last {
						t.Fatalf("event %d after %d", n, last)
					}
					last = n
				}
				publishStep(t, pub, append(neighbours, bad), next, 1, 0)
			})
		}
	}
}

// paced reads at most so many bytes in each tick.
type paced struct {
	net.Conn
	tick  *time.Ticker
	bytes int
}

func (p *paced) Read(b []byte) (int, error) {
	<-p.tick.C
	return p.Conn.Read(b[:min(len(b), p.bytes)])
}

// TestP13_HealthySlowerSubscriberLosesNothing: a publisher is as fast as the slower of its subscribers that goes on reading.
func TestP13_HealthySlowerSubscriberLosesNothing(t *testing.T) {
	for _, at := range placements {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			// Only the pause is longer than by default: a busy machine may not let the subscriber read for 50 ms.
			nodes := runCluster(t, 2, "--limit-pause", "1s")
			slow, fast := join(t, nodes[at.node]), join(t, nodes[at.node])
			slow.subscribe("t.slow", wamp.Exact)
			fast.subscribe("t.slow", wamp.Exact)
			settle(t, nodes...)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			slow.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			slow.r.Reset(&paced{slow.conn, tick, 64 << 10})
			const last, size = 3000, 8 << 10
			a, b := collect(slow, 1, last, nil), collect(fast, 1, last, nil)
			join(t, nodes[0]).flood("t.slow", 1, last, size)
			await(t, "the slower one", a)
			await(t, "the fast one", b)
			for _, n := range nodes {
				if s := stats(n); s.SlowClosed != 0 || s.EventsDropped != 0 {
					t.Errorf("%d sessions were closed, %d events dropped", s.SlowClosed, s.EventsDropped)
				}
			}
			if stats(nodes[0]).Pauses == 0 && !raced {
				t.Error("the publisher was never held up: the subscriber was not slower")
			}
		})
	}
}

// TestP31_StuckCaller: a caller that does not read its results is cut; nothing is dropped for others.
func TestP31_StuckCaller(t *testing.T) {
	for _, at := range placements {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			nodes := runCluster(t, 2, "--limit-outbox", "1MiB")
			home := nodes[at.node]
			callee := join(t, nodes[0])
			callee.register("t.big", nil)
			callee.serve(64 << 10)
			settle(t, nodes...)
			bad, good := stuck(t, home), join(t, home)
			// Calls are sent in steps, each of which a neighbour's call ends: it is answered behind them by the same callee.
			for n := uint64(1); stats(home).SlowClosed == 0; n++ {
				if n > 100 {
					t.Fatal("a caller that does not read is not cut")
				}
				for range 10 {
					bad.queue(codec.AppendCall(nil, ser, bad.next(), nil, "t.big", number(n, 0)))
				}
				if bad.write() != nil {
					bad.out = nil
				}
				if m := good.call("t.big", n); m.Type != wamp.Result || numberOf(m) != n {
					t.Fatalf("the neighbour's call %d was answered by %v %s", n, m.Type, m.URI)
				}
			}
			bad.ended()
			noRecords(t, nodes...)
			if s := stats(home); s.SlowClosed != 1 || s.EventsDropped != 0 {
				t.Errorf("%d sessions were closed, %d events dropped", s.SlowClosed, s.EventsDropped)
			}
		})
	}
}

// TestP31_StuckCallee: a callee that does not read its invocations is cut, and each of their callers gets one error.
func TestP31_StuckCallee(t *testing.T) {
	for _, at := range placements {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			nodes := runCluster(t, 2, "--limit-outbox", "1MiB")
			home := nodes[at.node]
			bad, callee := stuck(t, home), join(t, home)
			bad.register("t.stuck", nil)
			callee.register("t.good", nil)
			callee.serve(0)
			settle(t, nodes...)
			caller, other := join(t, nodes[0]), join(t, nodes[0])
			const calls, size = kernelBytes / (64 << 10), 64 << 10
			answered := make(chan error, 1)
			go func() {
				for n := 1; n <= calls; n++ {
					m, err := caller.read()
					if err == nil && (m.Type != wamp.Error || m.RequestType != wamp.Call) {
						err = fmt.Errorf("%v", m.Type)
					}
					if err != nil {
						answered <- fmt.Errorf("answer %d: %w", n, err)
						return
					}
				}
				answered <- nil
			}()
			for n := uint64(1); n <= calls; n++ {
				caller.queue(codec.AppendCall(nil, ser, caller.next(), nil, "t.stuck", number(n, size)))
				if err := caller.write(); err != nil {
					t.Fatal(err)
				}
				if n%8 == 0 {
					if m := other.call("t.good", n); m.Type != wamp.Result || numberOf(m) != n {
						t.Fatalf("the neighbour's call %d was answered by %v %s", n, m.Type, m.URI)
					}
				}
			}
			await(t, "the caller", answered)
			bad.ended()
			noRecords(t, nodes...)
			if s := stats(home); s.SlowClosed != 1 {
				t.Errorf("%d sessions were closed", s.SlowClosed)
			}
			if s := stats(nodes[0]); at.node == 0 && s.Pauses > 1 { // over a link it may be the link that is full
				t.Errorf("%d pauses", s.Pauses)
			}
		})
	}
}

// noRecords waits until no node has a record of a call or an invocation.
func noRecords(t *testing.T, nodes ...*Node) {
	t.Helper()
	eventually(t, "no call is pending", func() bool {
		for _, n := range nodes {
			if s := stats(n); s.CallsPending+s.InvocationsPending != 0 {
				return false
			}
		}
		return true
	}, nodes...)
}
