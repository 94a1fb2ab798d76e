package node

import (
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// inBothKinds runs the test with links over TCP and over Unix sockets.
func inBothKinds(t *testing.T, f func(t *testing.T, kind string)) {
	for _, kind := range []string{"tcp", "unix"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f(t, kind)
		})
	}
}

// TestLinkCutsLoseAndDoubleNothing: connections that end amid a stream of events, with all that was on the way.
func TestLinkCutsLoseAndDoubleNothing(t *testing.T) {
	inBothKinds(t, func(t *testing.T, kind string) {
		nodes, net := runBehindProxies(t, kind, 2)
		const cuts = 4
		last := uint64(20_000)
		if raced {
			last = 4_000
		}
		sub, pub := join(t, nodes[1]), join(t, nodes[0])
		sub.subscribe("t.cut", wamp.Exact)
		settle(t, nodes...)
		done := collect(sub, 1, last, func(n uint64) {
			if n%(last/(cuts+1)) == 0 && n < last {
				net.cut()
			}
		})
		pub.flood("t.cut", 1, last, 100)
		await(t, "the subscriber", done)
		l := linkTo(nodes[0], nodes[1])
		if l.Lost != 0 || l.Dropped != 0 || l.Resets != 0 || l.FramesOut < last {
			t.Errorf("%+v", l)
		}
		if l.Ups < 2 || l.Resumed != l.Ups-1 { // some cuts may have met a handshake
			t.Errorf("%d paths came up, %d of them went on where the last ended", l.Ups, l.Resumed)
		}
		settle(t, nodes...)
	})
}

// TestLinkLostCallsFailAndGoElsewhere: while a node has no path, its calls fail after the grace, further ones go to other callees; once it
// is back, what it had been told to do is called off, and it is called again.
func TestLinkLostCallsFailAndGoElsewhere(t *testing.T) {
	outages := map[string]struct{ begin, end func(n network) }{
		"cut":   {func(n network) { n.refuse(true); n.cut() }, func(n network) { n.refuse(false) }},
		"stall": {func(n network) { n.stall(true) }, func(n network) { n.stall(false) }},
	}
	inBothKinds(t, func(t *testing.T, kind string) {
		for name, outage := range outages {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				nodes, net := runBehindProxies(t, kind, 2)
				// The first to register is called as long as it can be.
				first, second := join(t, nodes[1]), join(t, nodes[0])
				o := &codec.RegisterOptions{Invoke: wamp.First}
				first.register("t.call", o)
				settle(t, nodes...)
				second.register("t.call", o)
				second.serve(0)
				sub, pub := join(t, nodes[1]), join(t, nodes[0])
				sub.subscribe("t.event", wamp.Exact)
				settle(t, nodes...)
				caller := join(t, nodes[0])
				caller.send(codec.AppendCall(nil, ser, caller.next(), nil, "t.call", number(1, 0)))
				invocation := first.expect(wamp.Invocation).Request
				before := linkTo(nodes[0], nodes[1]).SuspectedTimes
				outage.begin(net)
				if m := caller.expect(wamp.Error); string(m.URI) != wamp.ErrCanceled {
					t.Errorf("the call under way ended with %s", m.URI)
				}
				if got := linkTo(nodes[0], nodes[1]).SuspectedTimes; got != before+1 {
					t.Errorf("the node became suspect %d times", got-before)
				}
				if m := caller.call("t.call", 2); m.Type != wamp.Result || numberOf(m) != 2 {
					t.Errorf("the next call was answered by %v %s", m.Type, m.URI)
				}
				for n := range uint64(100) { // they wait for the path
					pub.publish("t.event", n)
				}
				outage.end(net)
				for n := range uint64(100) {
					sub.event(n)
				}
				if m := first.expect(wamp.Interrupt); m.Request != invocation {
					t.Errorf("INTERRUPT of %d", m.Request)
				}
				settle(t, nodes...)
				caller.send(codec.AppendCall(nil, ser, caller.next(), nil, "t.call", number(3, 0)))
				m := first.expect(wamp.Invocation)
				first.send(codec.AppendYield(nil, ser, m.Request, false, number(numberOf(m), 0)))
				if m := caller.expect(wamp.Result); numberOf(m) != 3 {
					t.Errorf("RESULT %d", numberOf(m))
				}
				noRecords(t, nodes...)
				if l := linkTo(nodes[0], nodes[1]); l.Lost != 0 || l.Resets != 0 {
					t.Errorf("%+v", l)
				}
			})
		}
	})
}
