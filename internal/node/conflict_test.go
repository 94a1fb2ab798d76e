package node

import (
	"fmt"
	"testing"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
)

// callees are sessions of two nodes, alone on their workers.
type callees struct {
	t    *testing.T
	w    *testWorld
	a, b *fakeClient
}

func newCallees(t *testing.T, features wamp.Feature) *callees {
	x := &callees{t: t, w: newWorld(t, 1, "a", "b")}
	x.a, x.b = x.w.joinAs(x.w.nodes[0], features), x.w.joinAs(x.w.nodes[1], features)
	return x
}

func (w *testWorld) joinAs(n *Node, features wamp.Feature) *fakeClient {
	l := n.hubs[0].loop.(*fakeLoop)
	c := &fakeClient{w: w, l: l, c: l.open(nil).id}
	roles := allRoles
	roles.CalleeFeatures |= features
	w.begin(c, roles)
	return c
}

// cut ends all that goes between the nodes, for good enough that each has given the other up.
func (x *callees) cut() {
	x.w.dead["b"] = true
	x.w.advance(2 * time.Second)
	x.w.member(x.w.nodes[0], x.w.nodes[1], false)
	x.w.member(x.w.nodes[1], x.w.nodes[0], false)
	x.w.advance(time.Second)
}

func (x *callees) heal() {
	x.w.dead["b"] = false
	x.w.member(x.w.nodes[0], x.w.nodes[1], true)
	x.w.member(x.w.nodes[1], x.w.nodes[0], true)
}

func (x *callees) register(c *fakeClient, procedure string, o *codec.RegisterOptions) {
	x.t.Helper()
	c.send(codec.AppendRegister(nil, ser, 1, o, procedure))
	c.expect(wamp.Registered)
}

// called fails unless both nodes route the procedure to this client alone.
func (x *callees) called(procedure string, c *fakeClient) {
	x.t.Helper()
	for _, n := range x.w.nodes {
		r := n.realms.Get("realm1").Cell.Load().Dealer.Match([]byte(procedure))
		if r == nil || len(r.Called()) != 1 || (r.Called()[0].Node == 0) != (c.l.h.n == n) {
			x.t.Errorf("%s routes to %+v", n.name, r)
		}
	}
}

func (x *callees) stats(c *fakeClient) router.TablesStats { return c.l.h.home.tables.Stats() }

// TestI3_RegisteredAtTheSameMoment (EVALUATION I1, I3): both nodes get REGISTER before either has heard of the other's. One of them is
// registered, whatever the number of times.
func TestI3_RegisteredAtTheSameMoment(t *testing.T) {
	x := newCallees(t, 0)
	for i := range 20 {
		m := codec.AppendRegister(nil, ser, 1, nil, fmt.Sprint("t.p", i))
		types := map[wamp.MessageType]int{}
		for _, c := range []*fakeClient{x.a, x.b} {
			c.l.last = c.l.last[:0]
			c.l.h.Received(c.c, m)
			c.l.due = true
			if len(c.l.last) != 0 {
				t.Fatal("answered before anybody was asked")
			}
		}
		x.w.run()
		for _, c := range []*fakeClient{x.a, x.b} {
			types[c.lastType()]++
		}
		if types[wamp.Registered] != 1 || types[wamp.Error] != 1 {
			t.Fatalf("the two were answered by %v", types)
		}
	}
	if a, b := x.stats(x.a), x.stats(x.b); a.ClaimsRefused+b.ClaimsRefused != 20 || a.ClaimsConfirmed+b.ClaimsConfirmed != 20 || a.Claiming+b.Claiming != 0 {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// TestP9_I3_EarlierWinsAfterAPartition: both sides register; after the heal the earlier is called everywhere, and the later is told.
func TestP9_I3_EarlierWinsAfterAPartition(t *testing.T) {
	x := newCallees(t, wamp.FeatureRegistrationRevocation)
	x.cut()
	x.register(x.b, "t.p", nil)
	x.w.advance(time.Second)
	x.register(x.a, "t.p", nil)
	sent := x.a.l.sent
	x.heal()
	x.w.advance(3 * time.Second)
	x.called("t.p", x.b)
	if x.a.l.sent != sent+1 || x.a.lastType() != wamp.Unregistered {
		t.Errorf("the later got %d messages, the last %v", x.a.l.sent-sent, x.a.lastType())
	}
	if m := x.a.lastMessage(); m.Request != 0 || m.Options.Registration == 0 || string(m.Options.Reason) != wamp.ErrProcedureAlreadyExists {
		t.Errorf("it was told %+v", m)
	}
	if s := x.stats(x.a); s.Revoked != 1 || s.Reserves != 0 {
		t.Errorf("%+v", s)
	}
	if s := x.a.l.h.worker.Stats(); s.Registrations != 0 {
		t.Errorf("its worker still has it: %+v", s)
	}
	x.a.send(codec.AppendRegister(nil, ser, 2, nil, "t.p"))
	x.a.expect(wamp.Error)
}

// TestRRV_02_UnannouncedIsNotTold: a callee that does not know of revocation gets no UNREGISTERED that it has not asked for.
func TestRRV_02_UnannouncedIsNotTold(t *testing.T) {
	x := newCallees(t, 0)
	x.cut()
	x.register(x.b, "t.p", nil)
	x.w.advance(time.Second)
	x.register(x.a, "t.p", nil)
	sent := x.a.l.sent
	x.heal()
	x.w.advance(3 * time.Second)
	x.called("t.p", x.b)
	if x.a.l.sent != sent || x.stats(x.a).Revoked != 1 {
		t.Errorf("it got %v", x.a.lastType())
	}
}

// TestRunningCallsFinishAfterRevocation: the answer to an invocation that the loser had reaches its caller.
func TestRunningCallsFinishAfterRevocation(t *testing.T) {
	x := newCallees(t, wamp.FeatureRegistrationRevocation)
	x.cut()
	x.register(x.b, "t.p", nil)
	x.w.advance(time.Second)
	x.register(x.a, "t.p", nil)
	x.a.send(codec.AppendCall(nil, ser, 2, nil, "t.p", number(1, 0)))
	x.a.expect(wamp.Invocation)
	x.heal()
	x.w.advance(3 * time.Second)
	x.a.expect(wamp.Unregistered)
	x.a.send(codec.AppendYield(nil, ser, 1, false, number(1, 0)))
	x.a.expect(wamp.Result)
}

// TestOtherPolicyLosesAfterAPartition: the earliest decides the policy; entries of others are revoked, those of its own stay.
func TestOtherPolicyLosesAfterAPartition(t *testing.T) {
	x := newCallees(t, wamp.FeatureRegistrationRevocation)
	shared := &codec.RegisterOptions{Invoke: wamp.RoundRobin}
	x.cut()
	x.register(x.a, "t.p", shared)
	x.register(x.a, "t.q", shared)
	x.w.advance(time.Second)
	x.register(x.b, "t.p", &codec.RegisterOptions{Invoke: wamp.Last})
	x.register(x.b, "t.q", shared)
	x.heal()
	x.w.advance(3 * time.Second)
	x.called("t.p", x.a)
	for _, n := range x.w.nodes {
		if r := n.realms.Get("realm1").Cell.Load().Dealer.Match([]byte("t.q")); len(r.Called()) != 2 {
			t.Errorf("%s routes t.q to %+v", n.name, r)
		}
	}
	if s := x.stats(x.b); s.Revoked != 1 {
		t.Errorf("%+v", s)
	}
}

// TestStandbyIsCalledWhenTheWinnerGoes: conflict: standby keeps the loser.
func TestStandbyIsCalledWhenTheWinnerGoes(t *testing.T) {
	x := newCallees(t, wamp.FeatureRegistrationRevocation)
	for _, n := range x.w.nodes {
		n.realms.Get("realm1").Conflict = router.Standby
	}
	x.cut()
	x.register(x.b, "t.p", nil)
	x.w.advance(time.Second)
	x.register(x.a, "t.p", nil)
	sent := x.a.l.sent
	x.heal()
	x.w.advance(3 * time.Second)
	x.called("t.p", x.b)
	if s := x.stats(x.a); s.StoodBy != 1 || s.Reserves != 1 || s.Revoked != 0 || x.a.l.sent != sent {
		t.Errorf("%+v", s)
	}
	id := x.w.nodes[1].realms.Get("realm1").Cell.Load().Dealer.Match([]byte("t.p")).ID
	x.b.send(codec.AppendUnregister(nil, ser, 2, id))
	x.w.advance(time.Second)
	x.called("t.p", x.a)
	if s := x.stats(x.a); s.Reserves != 0 || s.VerdictsChanged != 0 {
		t.Errorf("%+v", s)
	}
}

// TestNoVerdictOnWhatIsOnItsWayOut: the winner has left within the time that a verdict takes: nobody is revoked.
func TestNoVerdictOnWhatIsOnItsWayOut(t *testing.T) {
	x := newCallees(t, wamp.FeatureRegistrationRevocation)
	x.cut()
	x.register(x.b, "t.p", nil)
	x.w.advance(time.Second)
	x.register(x.a, "t.p", nil)
	x.heal()
	for range 100 {
		x.w.advance(100 * time.Millisecond)
		if r := x.w.nodes[0].realms.Get("realm1").Cell.Load().Dealer.Match([]byte("t.p")); len(r.Callees) == 2 {
			break
		}
	}
	id := x.w.nodes[1].realms.Get("realm1").Cell.Load().Dealer.Match([]byte("t.p")).ID
	x.b.send(codec.AppendUnregister(nil, ser, 2, id))
	x.w.advance(3 * time.Second)
	x.called("t.p", x.a)
	if s := x.stats(x.a); s.Revoked != 0 || s.VerdictsChanged != 1 {
		t.Errorf("%+v", s)
	}
}

// TestClaimOfASessionThatLeaves: it is withdrawn at once, and whoever comes next gets the procedure.
func TestClaimOfASessionThatLeaves(t *testing.T) {
	x := newCallees(t, 0)
	x.w.dead["b"] = true // its acknowledgement does not come
	x.a.send(codec.AppendRegister(nil, ser, 1, nil, "t.p"))
	if s := x.stats(x.a); s.Claiming != 1 {
		t.Fatalf("%+v", s)
	}
	x.a.l.Reset(x.a.c)
	x.w.run()
	if s := x.stats(x.a); s.Claiming != 0 || s.ClaimsWithdrawn != 1 || x.a.l.h.home.g.Self().Entries != 0 {
		t.Errorf("%+v", s)
	}
	x.w.dead["b"] = false
	x.w.advance(time.Second)
	x.register(x.b, "t.p", nil)
	x.called("t.p", x.b)
}

// TestClaimIsAnsweredWithinASecond: a node that does not answer, and is not known to be unreachable yet, holds REGISTERED up, but not for longer.
func TestClaimIsAnsweredWithinASecond(t *testing.T) {
	x := newCallees(t, 0)
	x.w.dead["b"] = true
	sent := x.a.l.sent
	x.a.send(codec.AppendRegister(nil, ser, 1, nil, "t.p"))
	x.w.advance(700 * time.Millisecond)
	if x.a.l.sent != sent {
		t.Fatalf("got %v without an answer of b", x.a.lastType())
	}
	x.w.advance(250 * time.Millisecond)
	x.a.expect(wamp.Registered)
	if s := x.stats(x.a); s.ClaimsTimedOut != 1 {
		t.Errorf("%+v", s)
	}
}
