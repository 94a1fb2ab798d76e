package node

import (
	"fmt"
	"testing"
	"time"

	"kleeblatt/broker"
	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// routes is how many topics a routes to b.
func routes(a *Node) (n int) {
	p := a.hubs[0].home.peers["b"]
	for _, r := range a.realms.All() {
		for e := range r.Cell.Load().Broker.All {
			if e.Nodes.Has(uint8(p.slot)) {
				n++
			}
		}
	}
	return n
}

func routesTopic(a *Node, topic string) bool {
	p := a.hubs[0].home.peers["b"]
	e := a.realms.All()[0].Cell.Load().Broker.Get(broker.Key{Topic: topic})
	return e != nil && e.Nodes.Has(uint8(p.slot))
}

// TestOutageOfALargePart: a node with more elements than a turn takes is cut off, lingers, changes meanwhile and comes back: no topic is
// without a route in between, what it left is not routed any more, what it joined is. Later it is forgotten: nothing is left of it.
func TestOutageOfALargePart(t *testing.T) {
	const topics = 3 * sweepMax
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	s := w.join(b, 0)
	subscribe := func(i int) {
		s.send(codec.AppendSubscribe(nil, ser, uint64(i+1), fmt.Sprint("t.", i), wamp.Exact))
	}
	for i := range topics {
		subscribe(i)
	}
	w.advance(time.Second)
	if n := routes(a); n != topics {
		t.Fatalf("%d topics are routed", n)
	}
	p := a.hubs[0].home.peers["b"]
	first := b.realms.All()[0].Cell.Load().Broker.Get(broker.Key{Topic: "t.0"}).ID

	w.dead["b"] = true
	w.advance(2 * time.Second)
	w.member(a, b, false)
	w.advance(time.Second)
	if n := routes(a); n != topics || !p.lingers || p.state != gossip.Hidden || p.l.State() != link.Suspect {
		t.Fatalf("%d topics are routed to b, which is %v, lingers %v", n, p.state, p.lingers)
	}
	s.send(codec.AppendUnsubscribe(nil, ser, topics+1, first))
	subscribe(topics)
	w.dead["b"] = false
	w.member(a, b, true)
	for range 10_000 {
		if p.state == gossip.Reachable && len(p.kept) == 0 {
			break
		}
		w.advance(time.Millisecond)
		if n := routes(a); n < topics-1 {
			t.Fatalf("%d of %d topics are routed on the way back", n, topics)
		}
	}
	w.advance(time.Second)
	if n := routes(a); n != topics || routesTopic(a, "t.0") || !routesTopic(a, fmt.Sprint("t.", topics)) {
		t.Fatalf("%d of %d topics are routed; t.0 %v, the new one %v", n, topics, routesTopic(a, "t.0"), routesTopic(a, fmt.Sprint("t.", topics)))
	}
	if p.stale != nil || p.kept != nil {
		t.Errorf("%d kept, %d stale", len(p.kept), len(p.stale))
	}

	// Away and back before all was taken out, a few times; then away until it is forgotten.
	for range 3 {
		w.dead["b"], w.refuse["b"] = true, true
		w.advance(2 * time.Second)
		w.member(a, b, false)
		w.run()
		w.dead["b"], w.refuse["b"] = false, false
		w.member(a, b, true)
		w.advance(5 * time.Second)
		if n := routes(a); n != topics {
			t.Fatalf("%d of %d topics are routed", n, topics)
		}
	}
	w.dead["b"] = true
	w.advance(2 * time.Second)
	w.member(a, b, false)
	w.advance(time.Minute)
	if p.state != gossip.Gone || !p.lingers {
		t.Errorf("b is %v, lingers %v", p.state, p.lingers)
	}
	w.advance(10 * time.Minute)
	if n := routes(a); n != 0 || p.kept != nil || p.state != gossip.Forgotten || len(a.hubs[0].home.g.Parts()) != 0 {
		t.Errorf("%d topics are routed to b, which is %v; %d kept, parts %v", n, p.state, len(p.kept), a.hubs[0].home.g.Parts())
	}
}

// TestTurnsStayShortWithALargePart: showing and hiding a node takes no turn more elements than its bound.
func TestTurnsStayShortWithALargePart(t *testing.T) {
	const topics = 4 * sweepMax
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	w.dead["b"], w.refuse["b"] = true, true
	w.advance(31 * time.Second)
	s := w.join(b, 0)
	for i := range topics {
		s.send(codec.AppendSubscribe(nil, ser, uint64(i+1), fmt.Sprint("t.", i), wamp.Exact))
	}
	w.dead["b"], w.refuse["b"] = false, false
	loop := a.hubs[0].loop.(*fakeLoop)
	before := routes(a)
	turns := func(what string, want int) {
		t.Helper()
		for range 100_000 {
			if before == want {
				return
			}
			loop.turn()
			now := routes(a)
			if d := max(now-before, before-now); d > 2*sweepMax {
				t.Fatalf("%s: %d elements in one turn", what, d)
			}
			before = now
			if now != want {
				w.now += int64(time.Millisecond)
				for _, l := range w.loops {
					if l != loop {
						l.turn()
					}
				}
			}
		}
		t.Fatalf("%s: %d of %d", what, before, want)
	}
	w.member(a, b, true)
	turns("showing", topics)
	w.advance(time.Second)
	w.dead["b"] = true
	w.advance(2 * time.Second)
	w.member(a, b, false)
	w.run()
	w.refuse["b"] = true
	turns("hiding", 0)
}
