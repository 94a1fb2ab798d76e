package node

import (
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// TestH2_AHugeMessageHoldsUpNoOtherSession: while one session's 12 MiB are on their way over a link, what other sessions publish
// later arrives first. The lanes take turns; only sessions of the same lane wait.
func TestH2_AHugeMessageHoldsUpNoOtherSession(t *testing.T) {
	const huge, others = 12 << 20, 12
	nodes, net := runBehindProxies(t, "tcp", 2)
	sub := join(t, nodes[1])
	sub.subscribe("h2", wamp.Exact)
	settle(t, nodes...)
	big := join(t, nodes[0])
	var small []*client
	for range others {
		small = append(small, join(t, nodes[0]))
	}

	net.stall(true)
	big.send(codec.AppendPublish(nil, ser, big.next(), acknowledged, "h2", number(1000, huge)))
	big.expect(wamp.Published)
	for i, c := range small {
		c.publish("h2", uint64(i))
	}
	net.stall(false)

	overtook := 0
	for got, arrived := 0, false; got < others+1; got++ {
		if numberOf(sub.expect(wamp.Event)) == 1000 {
			arrived = true
		} else if !arrived {
			overtook++
		}
	}
	if overtook == 0 {
		t.Errorf("all %d small messages waited for the huge one", others)
	}
}

// TestH2_CallsCompleteOutOfOrder: a call that is never answered holds up neither its caller's next call nor anybody else's.
func TestH2_CallsCompleteOutOfOrder(t *testing.T) {
	nodes := runCluster(t, 2)
	mute, quick := join(t, nodes[1]), join(t, nodes[1])
	mute.register("h2.mute", nil)
	quick.register("h2.quick", nil)
	quick.serve(0)
	settle(t, nodes...)
	caller := join(t, nodes[0])
	caller.send(codec.AppendCall(nil, ser, caller.next(), nil, "h2.mute", number(1, 0)))
	first := caller.req
	invocation := mute.expect(wamp.Invocation).Request
	for i := range uint64(50) {
		if m := caller.call("h2.quick", i); m.Type != wamp.Result || numberOf(m) != i {
			t.Fatalf("call %d was answered by %v", i, m.Type)
		}
	}
	mute.send(codec.AppendYield(nil, ser, invocation, false, number(1, 0)))
	if m := caller.expect(wamp.Result); m.Request != first {
		t.Errorf("the result is of request %d, not %d", m.Request, first)
	}
}

// TestW1_WhatWasAcknowledgedArrives: a publisher whose connection breaks in the middle of a message has published exactly what was
// acknowledged; nobody gets the half message, and the subscribers notice nothing else.
func TestW1_WhatWasAcknowledgedArrives(t *testing.T) {
	nodes := runCluster(t, 2)
	near, far := join(t, nodes[0]), join(t, nodes[1])
	near.subscribe("w1", wamp.Exact)
	far.subscribe("w1", wamp.Exact)
	settle(t, nodes...)
	next := uint64(0)
	for range 20 {
		pub := join(t, nodes[0])
		for range 5 {
			pub.publish("w1", next)
			next++
		}
		pub.queue(codec.AppendPublish(nil, ser, pub.next(), acknowledged, "w1", number(1<<32, 1000)))
		pub.out = pub.out[:len(pub.out)/2]
		if err := pub.write(); err != nil {
			t.Fatal(err)
		}
		pub.conn.Close()
	}
	join(t, nodes[0]).publish("w1", next)
	for n := range next + 1 {
		near.event(n)
		far.event(n)
	}
}
