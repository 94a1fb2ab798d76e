package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
)

// affairsOf is a session that hears what becomes of registrations and subscriptions: for each event the occasion and whose doing it is.
type affairsOf struct {
	*fakeClient
	lines []string
}

func (w *testWorld) affairs(n *Node) *affairsOf {
	a := &affairsOf{fakeClient: w.join(n, 0)}
	a.l.got = func(to transport.ConnID, b []byte) {
		var p codec.Parser
		var m codec.Message
		if err := p.Parse(ser, b, &m); to != a.c || err != nil || m.Type != wamp.Event {
			return
		}
		args, _ := codec.ReadPayload(ser, m.Payload)
		topic := string(m.Options.Topic)
		a.lines = append(a.lines, topic[strings.LastIndexByte(topic, '.')+1:]+" "+fmt.Sprint(args[0]))
	}
	a.send(codec.AppendSubscribe(nil, ser, 1, "wamp.registration.", wamp.Prefix))
	a.send(codec.AppendSubscribe(nil, ser, 2, "wamp.subscription.", wamp.Prefix))
	w.advance(time.Second)
	return a
}

// hears looks at what was heard since it was last asked.
func (a *affairsOf) hears(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(a.lines, ", "); got != strings.Join(want, ", ") {
		t.Fatalf("heard %s; want %s", got, strings.Join(want, ", "))
	}
	a.lines = nil
}

// holder is a session of a node with a subscription and a registration.
func (w *testWorld) holder(n *Node, uri string) (c *fakeClient, id uint64) {
	c = w.join(n, 0)
	id = c.lastMessage().Request
	c.send(codec.AppendSubscribe(nil, ser, 1, uri, wamp.Exact))
	c.send(codec.AppendRegister(nil, ser, 2, nil, uri))
	w.advance(time.Second)
	return c, id
}

// TestAffairsOfADeadNode: what its sessions had is told to be over once it is gone, by all other nodes and once; not while it may only be
// cut off.
func TestAffairsOfADeadNode(t *testing.T) {
	w := newWorld(t, 1, "a", "b", "c")
	a, b := w.affairs(w.nodes[0]), w.affairs(w.nodes[1])
	_, id := w.holder(w.nodes[2], "t.x")
	who := fmt.Sprint(" ", id)
	for _, x := range []*affairsOf{a, b} {
		x.hears(t, "on_create"+who, "on_subscribe"+who, "on_create"+who, "on_register"+who)
	}
	w.dead["c"] = true
	w.advance(2 * time.Second)
	w.member(w.nodes[0], w.nodes[2], false)
	w.member(w.nodes[1], w.nodes[2], false)
	w.advance(5 * time.Second)
	a.hears(t)
	w.advance(40 * time.Second)
	for _, x := range []*affairsOf{a, b} {
		x.hears(t, "on_unsubscribe"+who, "on_unregister"+who, "on_delete"+who, "on_delete"+who)
	}
	w.advance(15 * time.Minute) // when nothing of it is remembered
	a.hears(t)
}

// TestAffairsOverACut: a node that was cut off and comes back has what it had, but for what has changed meanwhile.
func TestAffairsOverACut(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a := w.affairs(w.nodes[0])
	w.holder(w.nodes[1], "t.keeps")
	left, leaves := w.holder(w.nodes[1], "t.leaves")
	a.lines = nil
	w.dead["b"] = true
	w.advance(2 * time.Second)
	w.member(w.nodes[0], w.nodes[1], false)
	w.run()
	if p := w.nodes[0].hubs[0].home.peers["b"]; p.state != gossip.Hidden {
		t.Fatalf("b is %v", p.state)
	}
	left.l.Reset(left.c)
	_, comes := w.holder(w.nodes[1], "t.comes")
	w.advance(time.Second)
	a.hears(t)
	w.dead["b"] = false
	w.member(w.nodes[0], w.nodes[1], true)
	w.advance(5 * time.Second)
	gone, here := fmt.Sprint(" ", leaves), fmt.Sprint(" ", comes)
	a.hears(t, "on_unsubscribe"+gone, "on_delete"+gone, "on_unregister"+gone, "on_delete"+gone, "on_create"+here, "on_register"+here)
}

// TestNothingIsRememberedWhereNobodyListens: not even of much.
func TestNothingIsRememberedWhereNobodyListens(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a := w.affairs(w.nodes[0])
	w.holder(w.nodes[1], "t.x")
	v := w.nodes[1].hubs[0].home.g.Self().Version
	a.l.Reset(a.c)
	w.advance(time.Second)
	for i := range 5 {
		w.holder(w.nodes[1], fmt.Sprint("t.", i))
	}
	s := w.nodes[1].realms.Get("realm1").Cell.Load()
	if s.Watched {
		t.Error("the topics are still watched")
	}
	// A session, its subscription and its registration (claimed, confirmed, claim withdrawn) are five changes, and no note is among them.
	if got := w.nodes[1].hubs[0].home.g.Self().Version - v; got != 5*5 {
		t.Errorf("%d changes", got)
	}
}

// TestMetaAnswersWhileANodeIsAway: within a bound, and they say that they are not complete; a session that cannot be reached is not said to
// be killed.
func TestMetaAnswersWhileANodeIsAway(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	_, id := w.holder(w.nodes[1], "t.x")
	c := w.join(w.nodes[0], 0)
	ask := func(procedure string, args ...any) codec.Message {
		_, p := codec.AppendPayload(nil, ser, args, nil)
		c.send(codec.AppendCall(nil, ser, 7, nil, procedure, p))
		w.advance(3 * time.Second)
		return c.lastMessage()
	}
	sub := w.nodes[0].realms.Get("realm1").Cell.Load().Broker.Match([]byte("t.x"), nil)[0].ID
	w.dead["b"] = true
	if m := ask("wamp.subscription.count_subscribers", sub); m.Type != wamp.Result || !strings.Contains(string(m.Dict), "complete") {
		t.Errorf("%v %q", m.Type, m.Dict)
	}
	if m := ask("wamp.session.kill", id); m.Type != wamp.Error || string(m.URI) != wamp.ErrUnavailable {
		t.Errorf("%v %s", m.Type, m.URI)
	}
	w.member(w.nodes[0], w.nodes[1], false)
	w.run()
	for _, procedure := range []string{"wamp.session.count", "wamp.session.list", "wamp.registration.list", "wamp.subscription.list", "wamp.session.kill_all"} {
		if m := ask(procedure); m.Type != wamp.Result || !strings.Contains(string(m.Dict), "complete") {
			t.Errorf("%s: %v %q", procedure, m.Type, m.Dict)
		}
	}
	w.dead["b"] = false
	w.member(w.nodes[0], w.nodes[1], true)
	w.advance(5 * time.Second)
	if m := ask("wamp.session.count"); m.Type != wamp.Result || strings.Contains(string(m.Dict), "complete") {
		t.Errorf("%v %q", m.Type, m.Dict)
	}
}
