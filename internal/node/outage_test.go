package node

import (
	"testing"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// outage is a subscriber and callee on b and a publisher and caller on a, between which nothing gets through. Membership has given b up.
func outage(t *testing.T) (w *testWorld, a, b *Node, pub *fakeClient, sub *fakeLoop) {
	w = newWorld(t, 1, "a", "b")
	a, b = w.nodes[0], w.nodes[1]
	pub = w.join(a, 0)
	s := w.join(b, 0)
	s.send(codec.AppendSubscribe(nil, ser, 1, "t.x", wamp.Exact))
	s.send(codec.AppendRegister(nil, ser, 2, nil, "t.proc"))
	w.advance(time.Second)
	w.dead["b"] = true
	w.advance(2 * time.Second)
	w.member(a, b, false)
	w.run()
	if p := a.hubs[0].home.peers["b"]; p.state != gossip.Hidden || p.l.State() != link.Suspect {
		t.Fatalf("b is %v, its link %v", p.state, p.l.State())
	}
	return w, a, b, pub, s.l
}

func publishOne(pub *fakeClient) {
	pub.send(codec.AppendPublish(nil, ser, 1, nil, "t.x", number(1, 0)))
}

// TestOutageWithinTheWindowLosesNoEvent: that membership gives a node up does not end what the link promises.
func TestOutageWithinTheWindowLosesNoEvent(t *testing.T) {
	w, a, b, pub, sub := outage(t)
	before := sub.sent
	for range 5 {
		publishOne(pub)
		w.advance(2 * time.Second)
	}
	pub.send(codec.AppendCall(nil, ser, 2, nil, "t.proc", number(1, 0)))
	pub.expect(wamp.Error) // at once: calls do not wait
	w.dead["b"] = false
	w.member(a, b, true)
	w.advance(5 * time.Second)
	if got := sub.sent - before; got != 5 {
		t.Errorf("%d events of 5 after the outage", got)
	}
	publishOne(pub)
	w.advance(10 * time.Millisecond)
	if got := sub.sent - before; got != 6 {
		t.Errorf("%d events of 6", got)
	}
	if p := a.hubs[0].home.peers["b"]; p.lingers || p.state != gossip.Reachable {
		t.Errorf("b is %v, lingers %v", p.state, p.lingers)
	}
}

// TestOutageBeyondTheWindowIsCounted: once the link has given its frames up, nothing gathers for the node any more, but what its subscribers
// miss is counted to the last one, and they miss nothing more when it is back.
func TestOutageBeyondTheWindowIsCounted(t *testing.T) {
	w, a, b, pub, sub := outage(t)
	before := sub.sent
	publishOne(pub)
	w.advance(31 * time.Second)
	p := a.hubs[0].home.peers["b"]
	lost, out := p.l.Stats().Lost, p.l.Stats().DataOut
	if lost == 0 {
		t.Error("what was given up is not counted")
	}
	for range 3 {
		publishOne(pub)
		w.advance(10 * time.Second) // beyond leave_grace, too
	}
	if s := p.l.Stats(); s.Lost != lost+3 || s.DataOut != out || s.WindowBytes != 0 {
		t.Errorf("three events for a node that is away: %+v", s)
	}
	w.dead["b"] = false
	w.member(a, b, true)
	w.advance(5 * time.Second)
	publishOne(pub)
	w.advance(10 * time.Millisecond)
	if got := sub.sent - before; got != 1 || p.lingers || p.state != gossip.Reachable {
		t.Errorf("%d events of the one after the outage, b is %v, lingers %v", got, p.state, p.lingers)
	}
}

// TestOutageThatIsForgotten: nobody comes back to subscriptions that are not known any more.
func TestOutageThatIsForgotten(t *testing.T) {
	w, a, _, pub, _ := outage(t)
	p := a.hubs[0].home.peers["b"]
	for p.state != gossip.Forgotten {
		if w.advance(time.Minute); w.now > int64(time.Hour) {
			t.Fatalf("b is still %v", p.state)
		}
	}
	lost := p.l.Stats().Lost
	publishOne(pub)
	w.run()
	if got := p.l.Stats().Lost; got != lost || p.lingers {
		t.Errorf("%d frames lost, %d before; lingers %v", got, lost, p.lingers)
	}
}

// TestOutageOfADeadProcess: where a redial is refused nobody will come back for what was sent.
func TestOutageOfADeadProcess(t *testing.T) {
	w, a, _, pub, _ := outage(t)
	w.refuse["b"] = true
	w.advance(2 * time.Second)
	p := a.hubs[0].home.peers["b"]
	publishOne(pub)
	w.run()
	if s := p.l.Stats(); s.DataOut != 0 || p.lingers {
		t.Errorf("an event for a process that is gone: %+v", s)
	}
}
