package node

import (
	"fmt"
	"testing"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// TestAllocHub: in steady state nothing is allocated for a message, from the socket that it comes from to the sockets that it goes to, on
// the way through workers and links.
func TestAllocHub(t *testing.T) {
	if raced {
		t.Skip("a sync.Pool drops what it is given now and then under the race detector")
	}
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprint("workers ", workers), func(t *testing.T) {
			w := newWorld(t, workers, "a", "b")
			a, b := w.nodes[0], w.nodes[1]
			pub := w.join(a, 0)
			var subs []*fakeClient
			for i := range workers {
				subs = append(subs, w.join(a, i), w.join(b, i))
			}
			for _, s := range subs {
				s.send(codec.AppendSubscribe(nil, ser, 1, "t.x", wamp.Exact))
				s.expect(wamp.Subscribed)
			}
			w.advance(10 * time.Millisecond)
			payload := number(7, 100)
			event := codec.AppendPublish(nil, ser, 1, nil, "t.x", payload)
			check := func(what string, count func() int, want int, f func()) {
				t.Helper()
				for range 2000 { // every buffer has its size, every cache its entry
					f()
				}
				before := count()
				f()
				if got := count() - before; got != want {
					t.Fatalf("%s: %d messages, want %d", what, got, want)
				}
				if n := testing.AllocsPerRun(2000, f); n != 0 {
					t.Errorf("%s allocates %v times", what, n)
				}
			}
			sent := func() (n int) {
				for _, l := range w.loops {
					n += l.sent
				}
				return n
			}
			check("publish, fan-out, relay out and in", sent, len(subs), func() {
				pub.send(event)
				w.advance(50 * time.Microsecond)
			})
			for i, callee := range subs {
				name := fmt.Sprint("t.proc", i)
				callee.send(codec.AppendRegister(nil, ser, 2, nil, name))
				callee.expect(wamp.Registered)
				w.advance(10 * time.Millisecond)
				var call, yield []byte
				request, invocation := uint64(1), uint64(0)
				check("call and yield of "+name, sent, 2, func() {
					request++
					invocation++
					call = codec.AppendCall(call[:0], ser, request, nil, name, payload)
					pub.send(call)
					yield = codec.AppendYield(yield[:0], ser, invocation, false, payload)
					callee.send(yield)
					w.advance(50 * time.Microsecond)
				})
				pub.expect(wamp.Result)
			}
		})
	}
}

// TestWakeStalledLinkIsSuspectAndItsCallsFail: with nothing but the wake-ups that the machines asked for, a link that goes silent becomes
// suspect within the dead time, its calls fail after the grace, and it is down after 30 s.
func TestWakeStalledLinkIsSuspectAndItsCallsFail(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	caller, callee := w.join(a, 0), w.join(b, 0)
	callee.send(codec.AppendRegister(nil, ser, 1, nil, "t.proc"))
	w.advance(time.Second)
	p := a.hubs[0].home.peers["b"]
	if p.state != gossip.Reachable || p.l.State() != link.Up {
		t.Fatalf("%v, link %v", p.state, p.l.State())
	}
	// An acknowledgement that is due soon rides along with the next call: the link's next deadline moves away.
	caller.send(codec.AppendCall(nil, ser, 1, nil, "t.proc", number(1, 0)))
	callee.send(codec.AppendYield(nil, ser, 1, false, number(1, 0)))
	caller.send(codec.AppendCall(nil, ser, 2, nil, "t.proc", number(1, 0)))
	callee.expect(wamp.Invocation)
	w.dead["b"] = true
	w.advance(1010 * time.Millisecond)
	if p.state != gossip.Suspect {
		t.Errorf("after 1.01 s of silence it is %v", p.state)
	}
	w.advance(260 * time.Millisecond)
	caller.expect(wamp.Error)
	w.advance(31 * time.Second)
	if p.state != gossip.Hidden || p.l.State() != link.Down {
		t.Errorf("after 30 s without a path it is %v, its link %v", p.state, p.l.State())
	}
	w.dead["b"] = false
	w.advance(10 * time.Second)
	if p.state != gossip.Reachable || p.l.State() != link.Up {
		t.Errorf("10 s after it is back it is %v, its link %v", p.state, p.l.State())
	}
	caller.send(codec.AppendCall(nil, ser, 3, nil, "t.proc", number(1, 0)))
	callee.send(codec.AppendYield(nil, ser, 3, false, number(1, 0)))
	caller.expect(wamp.Result)
}

// TestWakeQuietClusterSleeps: idle nodes wake up for heartbeats and comparisons only.
func TestWakeQuietClusterSleeps(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	w.advance(5 * time.Second)
	turns := 0
	for end := w.now + int64(10*time.Second); w.now < end; turns++ {
		next := end
		for _, l := range w.loops {
			if l.next != 0 {
				next = min(next, l.next)
			}
		}
		w.now = max(next, w.now)
		w.run()
	}
	if turns > 10*4*8 { // a heartbeat each way, its acknowledgement and a comparison, four times a second
		t.Errorf("%d wake-ups in 10 s", turns)
	}
}

// TestSlotsOfNodesThatNeverReturnAreReused: a cluster whose nodes get a new name at each start goes on for ever.
func TestSlotsOfNodesThatNeverReturnAreReused(t *testing.T) {
	w := newWorld(t, 1, "a")
	a := w.nodes[0]
	sub := w.join(a, 0)
	sub.send(codec.AppendSubscribe(nil, ser, 1, "t.x", wamp.Exact))
	for i := range 300 {
		n := w.start(fmt.Sprint("b", i), 1)
		w.member(a, n, true)
		w.member(n, a, true)
		w.advance(100 * time.Millisecond)
		o := a.hubs[0].home
		if p := o.peers[n.name]; p == nil || p.state != gossip.Reachable {
			t.Fatalf("node %d is not reachable", i)
		}
		pub := w.join(n, 0)
		before := a.hubs[0].loop.(*fakeLoop).sent
		pub.send(codec.AppendPublish(nil, ser, 1, nil, "t.x", number(1, 0)))
		w.advance(10 * time.Millisecond)
		if a.hubs[0].loop.(*fakeLoop).sent != before+1 {
			t.Fatalf("no event from node %d", i)
		}
		w.dead[n.name] = true
		delete(w.ports, n.name)
		w.loops = w.loops[:1] // it is gone for good
		w.nodes = w.nodes[:1]
		w.member(a, n, false)
		w.advance(31 * time.Second)
	}
}
