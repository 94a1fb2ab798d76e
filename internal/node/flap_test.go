package node

import (
	"fmt"
	"testing"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
)

// cutOff takes a node off the network of all others, or gives it back; membership notices both, after a while of its own.
func (w *testWorld) cutOff(n *Node, off bool, noticed time.Duration) {
	w.dead[n.name] = off
	w.advance(noticed)
	for _, other := range w.nodes {
		if other != n {
			w.member(other, n, !off)
			w.member(n, other, !off)
		}
	}
	w.run()
}

// routes says whether an event of the publisher reaches the subscriber.
func (w *testWorld) routes(pub *fakeClient, topic string, sub *fakeClient) bool {
	before := sub.l.sent
	pub.send(codec.AppendPublish(nil, ser, pub.next(), nil, topic, number(1, 0)))
	w.advance(10 * time.Millisecond)
	return sub.l.sent > before
}

// TestP4_AFlappingNodeLosesNoRoute: a node that is away for some seconds, again and again, with membership sometimes noticing, is routed to
// when it is back, and stays so when all timers of its absences have run out.
func TestP4_AFlappingNodeLosesNoRoute(t *testing.T) {
	for _, noticed := range []bool{true, false} {
		t.Run(fmt.Sprint("noticed ", noticed), func(t *testing.T) {
			w := newWorld(t, 1, "a", "b", "c")
			w.advance(time.Second)
			a, b := w.nodes[0], w.nodes[1]
			sub, pub := w.join(b, 0), w.join(a, 0)
			sub.subscribe("p4")
			callee := w.join(b, 0)
			callee.send(codec.AppendRegister(nil, ser, callee.next(), nil, "p4.proc"))
			w.advance(2 * time.Second)
			for _, away := range []time.Duration{time.Second, 4 * time.Second, 6 * time.Second, 29 * time.Second, time.Second} {
				if noticed {
					w.cutOff(b, true, away/2)
					w.advance(away - away/2)
					w.cutOff(b, false, time.Second)
				} else {
					w.dead["b"] = true
					w.advance(away)
					w.dead["b"] = false
				}
				w.advance(7 * time.Second) // redials are up to 5 s apart
				if p := a.hubs[0].home.peers["b"]; p.state != gossip.Reachable {
					t.Fatalf("%v away: b is %v", away, p.state)
				}
				if !w.routes(pub, "p4", sub) {
					t.Fatalf("%v away: the subscription is not routed to", away)
				}
			}
			w.advance(11 * time.Minute) // leave_grace, retain
			if !w.routes(pub, "p4", sub) {
				t.Error("a timer of an absence took the route away")
			}
			calls := callee.l.sent
			pub.send(codec.AppendCall(nil, ser, pub.next(), nil, "p4.proc", number(1, 0)))
			if w.advance(10 * time.Millisecond); callee.l.sent == calls {
				t.Error("a timer of an absence took the registration away")
			}
		})
	}
}

// TestP5_AfterALongSplit: two sides of a cluster are split for ten minutes, and both have gone on changing their subscriptions; within a
// second after the links are back each routes by what the other has now, whatever their clocks say.
func TestP5_AfterALongSplit(t *testing.T) {
	for _, skew := range []time.Duration{0, time.Hour, -time.Hour} {
		t.Run(fmt.Sprint("clocks ", skew), func(t *testing.T) {
			w := newWorld(t, 1, "a", "b")
			a, b := w.nodes[0], w.nodes[1]
			wall := b.world.wall
			b.world.wall = func() int64 { return wall() + skew.Milliseconds() }
			w.advance(time.Second)
			near, far := w.join(a, 0), w.join(b, 0)
			for _, c := range []*fakeClient{near, far} {
				c.subscribe("p5.stays")
				c.subscribe("p5.goes")
			}
			w.advance(time.Second)

			w.cutOff(b, true, 5*time.Second)
			for i, c := range []*fakeClient{near, far} {
				c.unsubscribe("p5.goes")
				for n := range 20 { // churn: only the last of each counts
					c.subscribe(fmt.Sprintf("p5.churn.%d", n))
					c.unsubscribe(fmt.Sprintf("p5.churn.%d", n))
				}
				c.subscribe(fmt.Sprint("p5.new.", i))
			}
			w.advance(10 * time.Minute)
			for _, n := range w.nodes {
				for _, p := range n.hubs[0].home.peers {
					if p.state == gossip.Reachable {
						t.Fatalf("%s still sees %s", n.name, p.name)
					}
				}
			}
			w.cutOff(b, false, 0)
			for range 70 { // until a redial comes through; from then on it is a matter of round trips
				if w.advance(100 * time.Millisecond); a.hubs[0].home.peers["b"].state == gossip.Reachable {
					break
				}
			}
			w.advance(time.Second)
			if x, y := a.hubs[0].home.digestText(), b.hubs[0].home.digestText(); x != y {
				t.Fatalf("digests %s and %s", x, y)
			}
			for topic, alive := range map[string]bool{"p5.stays": true, "p5.new.1": true, "p5.goes": false, "p5.churn.7": false} {
				if got := w.routes(near, topic, far); got != alive {
					t.Errorf("%s from a to b: routed %v", topic, got)
				}
			}
			if !w.routes(far, "p5.new.0", near) || w.routes(far, "p5.goes", near) {
				t.Error("b does not route by what a has now")
			}
		})
	}
}
