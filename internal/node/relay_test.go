package node

import (
	"testing"

	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// linkWith is how a node is linked with another, and over which neighbour.
func linkWith(n, other *Node) (kind, via string) {
	for _, m := range n.Status().Members {
		if m.Name == other.name {
			return m.Link, m.Via
		}
	}
	return "", ""
}

func relayed(n, other *Node) bool {
	kind, via := linkWith(n, other)
	return kind == "relay" && via != ""
}

// TestH1_RelayWhereADirectPathIsCut: between two nodes that both reach a third one events and calls go on, in order and none twice, when
// their own path is cut and when it is back.
func TestH1_RelayWhereADirectPathIsCut(t *testing.T) {
	cuts := map[string]func(n *pairNet, on bool){
		"refused":         func(n *pairNet, on bool) { n.refuse("n1", "n2", on) },
		"silent":          func(n *pairNet, on bool) { n.silence("n1", "n2", on); n.silence("n2", "n1", on) },
		"one way":         func(n *pairNet, on bool) { n.silence("n1", "n2", on) },
		"the other way":   func(n *pairNet, on bool) { n.silence("n2", "n1", on) },
		"one, then other": func(n *pairNet, on bool) { n.silence("n1", "n2", on); n.refuse("n2", "n1", on) },
	}
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes, net := runOverPairNet(t, 3, patience) // on a machine that is busy with other things a path may take its time
			a, b, c := nodes[0], nodes[1], nodes[2]
			sub, pub := join(t, b), join(t, a)
			back, answer := join(t, a), join(t, b)
			callee, caller := join(t, b), join(t, a)
			sub.subscribe("t.there", wamp.Exact)
			back.subscribe("t.back", wamp.Exact)
			callee.register("t.call", nil)
			callee.serve(0)
			settle(t, nodes...)

			var n uint64
			round := func() {
				t.Helper()
				n++
				pub.publish("t.there", n)
				answer.publish("t.back", n)
				if m := caller.call("t.call", n); m.Type != wamp.Result || numberOf(m) != n {
					t.Fatalf("call %d was answered by %v %s", n, m.Type, m.URI)
				}
				sub.event(n)
				back.event(n)
			}
			round()
			cut(net, true)
			for !relayed(a, b) || !relayed(b, a) {
				round()
			}
			for range 300 {
				round()
			}
			if a.Reachable() != 2 || b.Reachable() != 2 {
				t.Errorf("%d and %d nodes are reachable", a.Reachable(), b.Reachable())
			}
			if got := c.Counters().Carried; got < 600 {
				t.Errorf("the neighbour has carried %d frames", got)
			}
			cut(net, false)
			for relayed(a, b) || relayed(b, a) {
				round()
			}
			for range 50 {
				round()
			}
			settle(t, nodes...)
			for _, l := range [][2]*Node{{a, b}, {b, a}} {
				if l := linkTo(l[0], l[1]); l.Lost != 0 || l.Resets != 0 || l.Cancelled != 0 || l.Detours == 0 {
					t.Errorf("%+v", l)
				}
			}
			noRecords(t, nodes...)
		})
	}
}

// TestRelayFlood: a stream of large and small events over a neighbour, with its path changing amid it.
func TestRelayFlood(t *testing.T) {
	t.Parallel()
	nodes, net := runOverPairNet(t, 4, 0)
	last := uint64(10_000)
	if raced {
		last = 2_000
	}
	sub, pub := join(t, nodes[1]), join(t, nodes[0])
	sub.subscribe("t.flood", wamp.Exact)
	settle(t, nodes...)
	done := collect(sub, 1, last, func(n uint64) {
		switch n {
		case last / 4:
			net.refuse("n1", "n2", true)
		case last / 2:
			net.refuse("n2", "n3", true)
		case last * 3 / 4:
			net.refuse("n2", "n3", false)
			net.refuse("n1", "n2", false)
		}
	})
	pub.flood("t.flood", 1, last, 3000)
	await(t, "the subscriber", done)
	if l := linkTo(nodes[0], nodes[1]); l.Lost != 0 || l.Dropped != 0 || l.Resets != 0 {
		t.Errorf("%+v", l)
	}
	settle(t, nodes...)
	eventually(t, "all links are direct", func() bool { return !relayed(nodes[0], nodes[1]) && !relayed(nodes[1], nodes[0]) }, nodes...)
}

// TestRelayOfADeadNodeIsNone: a process that is gone is not looked for at its neighbours for longer than they take to say so.
func TestRelayOfADeadNodeIsNone(t *testing.T) {
	t.Parallel()
	nodes, _ := runOverPairNet(t, 3, 0)
	callee, caller := join(t, nodes[1]), join(t, nodes[0])
	callee.register("t.call", nil)
	settle(t, nodes...)
	caller.send(codec.AppendCall(nil, ser, caller.next(), nil, "t.call", number(1, 0)))
	callee.expect(wamp.Invocation)
	nodes[1].Close()
	if m := caller.expect(wamp.Error); string(m.URI) != wamp.ErrCanceled {
		t.Errorf("the call ended with %s", m.URI)
	}
	eventually(t, "the node is not routed to", func() bool {
		var s gossip.PeerState
		o := nodes[0].hubs[0].home
		nodes[0].hubs[0].ask(func() { s = o.peers["n2"].state })
		return s != gossip.Reachable && s != gossip.Suspect
	}, nodes[0])
}
