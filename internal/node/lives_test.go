package node

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"kleeblatt/broker"
	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// rows is how much of another node stands in a node's tables.
func rows(n *Node, name string) (count int) {
	n.hubs[0].ask(func() {
		p := n.hubs[0].home.peers[name]
		if p == nil {
			return
		}
		for _, r := range n.realms.All() {
			for e := range r.Cell.Load().Broker.All {
				if e.Nodes.Has(uint8(p.slot)) {
					count++
				}
			}
			for x := range r.Cell.Load().Dealer.All {
				for i := range x.Callees {
					if x.Callees[i].Node == uint8(p.slot) {
						count++
					}
				}
			}
		}
	})
	return count
}

// TestP3F1KilledAndBackUnderAnotherName: a node dies without a word and comes back under another name: nothing of the dead one is left in
// anybody's tables, and calls go to who is there.
func TestP3F1KilledAndBackUnderAnotherName(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	for _, n := range []*Node{b, c} {
		callee := join(t, n)
		callee.register("t.p3", &codec.RegisterOptions{Invoke: wamp.RoundRobin})
		callee.serve(0)
		join(t, n).subscribe("t.p3.topic", wamp.Exact)
	}
	settle(t, nodes...)
	if rows(a, "n2") != 2 || rows(c, "n2") != 2 {
		t.Fatalf("%d and %d rows of n2", rows(a, "n2"), rows(c, "n2"))
	}
	b.Close()
	eventually(t, "nothing of the dead node is left", func() bool { return rows(a, "n2") == 0 && rows(c, "n2") == 0 }, a, c)
	caller := join(t, a)
	for i := range uint64(4) {
		if m := caller.call("t.p3", i); m.Type != wamp.Result || numberOf(m) != i {
			t.Errorf("call %d: %v %s", i, m.Type, m.URI)
		}
	}
	d := runNext(t, []*Node{a, b, c})
	settle(t, a, c, d)
	works(t, a, c, d)
	if n := rows(d, "n2"); n != 0 {
		t.Errorf("the new node has heard of %d rows of the dead one", n)
	}
}

// cutOff keeps b away for d, as membership sees it too where that is long enough, and waits until its link is up again.
func cutOff(w *testWorld, b *Node, d time.Duration, meanwhile func()) {
	w.dead[b.name] = true
	others := func(alive bool) {
		for _, n := range w.nodes {
			if n != b {
				w.member(n, b, alive)
				w.member(b, n, alive)
			}
		}
	}
	gone := false
	for end := w.now + int64(d); w.now < end; {
		w.advance(min(500*time.Millisecond, time.Duration(end-w.now)))
		if !gone && end-w.now < int64(d)-int64(3*time.Second) {
			gone = true
			others(false)
		}
		if meanwhile != nil {
			meanwhile()
		}
	}
	w.dead[b.name] = false
	if gone {
		others(true)
	}
	up := func() bool {
		for _, n := range w.nodes {
			if n != b && (n.hubs[0].home.peers[b.name].l.State() != link.Up || b.hubs[0].home.peers[n.name].l.State() != link.Up) {
				return false
			}
		}
		return true
	}
	for end := w.now + int64(time.Minute); !up() && w.now < end; {
		w.advance(10 * time.Millisecond)
	}
}

// TestP4Flaps: a node that is away for a moment, again and again, loses no route, then or later.
func TestP4Flaps(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	s, pub := w.join(b, 0), w.join(a, 0)
	s.send(codec.AppendSubscribe(nil, ser, 1, "t.x", wamp.Exact))
	w.advance(time.Second)
	for _, away := range []time.Duration{time.Second, 4 * time.Second, 6 * time.Second, 29 * time.Second, 45 * time.Second} {
		cutOff(w, b, away, nil)
		for _, later := range []time.Duration{time.Second, time.Minute, 11 * time.Minute} {
			w.advance(later)
			before := s.l.sent
			publishOne(pub)
			w.advance(10 * time.Millisecond)
			if n := routes(a); n != 1 || s.l.sent != before+1 {
				t.Fatalf("%v after being away for %v: %d routes, %d events", later, away, n, s.l.sent-before)
			}
		}
	}
}

// TestP5I2SplitHealWithWrongClocks: ten minutes apart, with changes on both sides and clocks two hours apart; once there is a path again all
// that is subscribed is routed within a second, and nothing else.
func TestP5I2SplitHealWithWrongClocks(t *testing.T) {
	for _, skew := range []time.Duration{0, time.Hour} {
		w := newWorld(t, 1, "a", "b", "c")
		w.skew = map[string]time.Duration{"a": skew, "b": -skew}
		clients, topics := map[*Node]*fakeClient{}, map[*Node]map[string]uint64{}
		for _, n := range w.nodes {
			clients[n], topics[n] = w.join(n, 0), map[string]uint64{}
		}
		request := map[*Node]uint64{}
		toggle := func(n *Node, topic string) {
			c := clients[n]
			request[n]++
			if id := topics[n][topic]; id != 0 {
				delete(topics[n], topic)
				c.send(codec.AppendUnsubscribe(nil, ser, request[n], id))
				return
			}
			c.send(codec.AppendSubscribe(nil, ser, request[n], topic, wamp.Exact))
			topics[n][topic] = n.realms.All()[0].Cell.Load().Broker.Get(broker.Key{Topic: topic}).ID
		}
		churn := func() {
			for _, n := range w.nodes {
				for range 3 {
					toggle(n, fmt.Sprint("t.", w.random()%40))
				}
			}
		}
		churn()
		w.advance(time.Second)
		cutOff(w, w.nodes[1], 10*time.Minute, churn)
		w.advance(time.Second)
		for _, n := range w.nodes {
			for _, o := range w.nodes {
				if n == o {
					continue
				}
				p := n.hubs[0].home.peers[o.name]
				for i := range 40 {
					topic := fmt.Sprint("t.", i)
					e := n.realms.All()[0].Cell.Load().Broker.Get(broker.Key{Topic: topic})
					routed := e != nil && e.Nodes.Has(uint8(p.slot))
					if _, is := topics[o][topic]; is != routed {
						t.Errorf("skew %v: %s is routed from %s to %s: %v, subscribed: %v", skew, topic, n.name, o.name, routed, is)
					}
				}
				if p.state != gossip.Reachable {
					t.Errorf("skew %v: %s is %v for %s", skew, o.name, p.state, n.name)
				}
			}
		}
	}
}

// TestP10CyclesKeepTheHeapFlat: sessions that come, subscribe, unsubscribe and go leave nothing on any node. KLEEBLATT_CYCLES says how
// often; the default is what a quick test has time for.
func TestP10CyclesKeepTheHeapFlat(t *testing.T) {
	cycles := 10_000
	if s := os.Getenv("KLEEBLATT_CYCLES"); s != "" {
		var err error
		if cycles, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	if raced {
		cycles = min(cycles, 5_000)
	}
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	topic := 0
	cycle := func(n int) {
		for i := 0; i < n; i += 50 {
			c := w.join(b, 0)
			for k := range uint64(50) {
				topic++
				uri := fmt.Sprint("t.reply.", topic)
				c.send(codec.AppendSubscribe(nil, ser, 2*k+1, uri, wamp.Exact))
				id := b.realms.All()[0].Cell.Load().Broker.Get(broker.Key{Topic: uri}).ID
				c.send(codec.AppendUnsubscribe(nil, ser, 2*k+2, id))
			}
			c.l.h.Closed(c.c, nil)
			c.l.due = true
			c.l.conns = c.l.conns[:len(c.l.conns)-1]
			w.advance(time.Millisecond)
		}
		w.advance(time.Second)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	standing := w.join(b, 0)
	for i := range 10_000 {
		standing.send(codec.AppendSubscribe(nil, ser, uint64(i+1), fmt.Sprint("t.standing.", i), wamp.Exact))
	}
	cycle(10_000) // logs, timers and tables have their size then
	before := heap()
	cycle(cycles)
	if after := heap(); after > before+before/20 {
		t.Errorf("the heap grew from %d to %d bytes in %d cycles", before, after, cycles)
	}
	if n := routes(a); n != 10_000 {
		t.Errorf("%d topics are routed to b", n)
	}
	for _, x := range a.hubs[0].home.g.Parts() {
		if x.Entries > 10_100 || x.Version < uint64(2*cycles) {
			t.Errorf("the copy of b's part: %+v", x)
		}
	}
}
