package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/gossip/swim"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
)

// chronicle is what a session of a test world hears of meta topics, in a short form: "+ID", "-ID", "on_up[b]".
type chronicle struct {
	*fakeClient
	lines []string
}

// chronicle opens a session that listens to all that the node says of itself and its sessions.
func (w *testWorld) chronicle(n *Node) *chronicle {
	c := &chronicle{fakeClient: w.join(n, len(n.hubs)-1)}
	c.l.got = func(to transport.ConnID, b []byte) {
		var p codec.Parser
		var m codec.Message
		if err := p.Parse(ser, b, &m); to != c.c || err != nil || m.Type != wamp.Event {
			return
		}
		args, _ := codec.ReadPayload(ser, m.Payload)
		switch topic := string(m.Options.Topic); topic {
		case "wamp.session.on_join":
			c.lines = append(c.lines, fmt.Sprint("+", args[0].(codec.Dict)[0].Value))
		case "wamp.session.on_leave":
			c.lines = append(c.lines, fmt.Sprint("-", args[0]))
		case router.TopicGap: // how many frames depends on the links' own
			if n, ok := args[1].(uint64); !ok || n == 0 {
				w.t.Errorf("a gap of %v", args)
			}
		default:
			c.lines = append(c.lines, topic[strings.LastIndexByte(topic, '.')+1:]+fmt.Sprint(args))
		}
	}
	for i, prefix := range []string{"wamp.session.", "kleeblatt."} {
		c.send(codec.AppendSubscribe(nil, ser, uint64(i+1), prefix, wamp.Prefix))
	}
	return c
}

// tells takes what was heard since the last time.
func (c *chronicle) tells() string {
	all := strings.Join(c.lines, " ")
	c.lines = nil
	return all
}

func (w *testWorld) sessionID(c *fakeClient) (id uint64) {
	var p codec.Parser
	var m codec.Message
	if err := p.Parse(ser, c.l.last, &m); err != nil || m.Type != wamp.Welcome {
		w.t.Fatal("no WELCOME: ", err)
	}
	return m.Request
}

var principal = auth.Principal{AuthID: "somebody", AuthRole: "anonymous"}

// cut takes b off the network and lets membership notice, or brings it back.
func (w *testWorld) cut(of *Node, on bool) {
	w.dead[of.name] = on
	if on {
		w.advance(2 * time.Second)
	}
	for _, n := range w.nodes {
		if n != of {
			w.member(n, of, !on)
		}
	}
	w.advance(2 * time.Second)
}

func (w *testWorld) drop(c *fakeClient) {
	c.l.h.Closed(c.c, nil)
	c.l.conns[c.c.Slot()].shut = true
	c.l.due = true
	w.run()
}

// TestDirectoryCutShorterThanTheGrace: the sessions behind a cut are not over. What joined and left there meanwhile is told when it is back,
// leaves first.
func TestDirectoryCutShorterThanTheGrace(t *testing.T) {
	w := newWorld(t, 2, "a", "b", "c")
	a, b := w.nodes[0], w.nodes[1]
	c := w.chronicle(a)
	s1 := w.join(b, 1)
	id1 := w.sessionID(s1)
	s2 := w.join(b, 0)
	id2 := w.sessionID(s2)
	if got, want := c.tells(), fmt.Sprintf("+%d +%d", id1, id2); got != want {
		t.Fatalf("heard %s, want %s", got, want)
	}
	w.cut(b, true)
	if got := c.tells(); got != "on_down[b] on_partition[[b]]" {
		t.Errorf("heard %s", got)
	}
	w.advance(20 * time.Second)
	w.cut(b, false)
	if got := c.tells(); got != "on_up[b] on_heal[]" {
		t.Errorf("heard %s", got)
	}
	w.cut(b, true)
	w.drop(s1)
	id3 := w.sessionID(w.join(b, 1))
	brief := w.join(b, 1)
	w.drop(brief) // too short to be noticed
	w.advance(10 * time.Second)
	w.cut(b, false)
	if got, want := c.tells(), fmt.Sprintf("on_down[b] on_partition[[b]] on_up[b] -%d +%d on_heal[]", id1, id3); got != want {
		t.Errorf("heard %s, want %s", got, want)
	}
}

// TestDirectoryCutLongerThanTheGrace: they leave, once, on either side; and join again when it heals.
func TestDirectoryCutLongerThanTheGrace(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	ca := w.chronicle(a)
	ida := w.own(ca)
	cb := w.chronicle(b)
	idb := w.own(cb)
	ca.tells()
	cb.tells()
	w.dead["b"] = true
	w.advance(2 * time.Second)
	w.member(a, b, false)
	w.member(b, a, false)
	w.advance(40 * time.Second)
	lost := func(node string, id uint64) string {
		return fmt.Sprintf("on_down[%s] on_partition[[%s]] -%d", node, node, id)
	}
	if got := ca.tells(); got != lost("b", idb) {
		t.Errorf("a heard %s", got)
	}
	if got := cb.tells(); got != lost("a", ida) {
		t.Errorf("b heard %s", got)
	}
	w.advance(time.Minute)
	w.dead["b"] = false
	w.member(a, b, true)
	w.member(b, a, true)
	w.advance(5 * time.Second)
	if got, want := ca.tells(), fmt.Sprintf("on_up[b] +%d on_heal[]", idb); got != want {
		t.Errorf("a heard %s, want %s", got, want)
	}
	if got, want := cb.tells(), fmt.Sprintf("on_up[a] +%d on_heal[]", ida); got != want {
		t.Errorf("b heard %s, want %s", got, want)
	}
}

// TestDirectoryCutLongerThanItsPartIsKept: that a node's part is forgotten ends no partition. What ends it is told, also after so long.
func TestDirectoryCutLongerThanItsPartIsKept(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	c := w.chronicle(a)
	id := w.sessionID(w.join(b, 0))
	c.tells()
	w.cut(b, true)
	w.member(b, a, false)
	w.advance(15 * time.Minute)
	if s := a.hubs[0].home.peers["b"].state; s != gossip.Forgotten {
		t.Fatalf("b is %v", s)
	}
	if got, want := c.tells(), fmt.Sprintf("on_down[b] on_partition[[b]] -%d", id); got != want {
		t.Errorf("heard %s, want %s", got, want)
	}
	w.cut(b, false)
	w.member(b, a, true)
	w.advance(10 * time.Second)
	if got, want := c.tells(), fmt.Sprintf("on_up[b] +%d on_heal[]", id); got != want {
		t.Errorf("heard %s, want %s", got, want)
	}
}

// own asks for all sessions and says which one is this node's.
func (w *testWorld) own(c *chronicle) (id uint64) {
	c.send(codec.AppendCall(nil, ser, 9, nil, "wamp.session.list", codec.Payload{}))
	w.run()
	var p codec.Parser
	var m codec.Message
	if err := p.Parse(ser, c.l.last, &m); err != nil || m.Type != wamp.Result {
		w.t.Fatal("no RESULT: ", m.Type, err)
	}
	args, _ := codec.ReadPayload(ser, m.Payload)
	for _, v := range args[0].([]any) {
		if _, at, ok := c.l.h.n.hubs[0].home.directory.Who("realm1", v.(uint64)); ok && at == 0 {
			id = v.(uint64)
		}
	}
	return id
}

// TestDirectoryRetire: who says goodbye is no partition, and its sessions are over at once.
func TestDirectoryRetire(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	c := w.chronicle(a)
	id := w.sessionID(w.join(b, 0))
	c.tells()
	b.hubs[0].deliver(letter{kind: letterDo, do: b.hubs[0].home.retire})
	w.advance(time.Second)
	if got, want := c.tells(), fmt.Sprintf("on_down[b] -%d", id); got != want {
		t.Errorf("heard %s, want %s", got, want)
	}
}

// TestDirectoryRebirth: a node that takes a higher epoch keeps its sessions, and nobody is told otherwise.
func TestDirectoryRebirth(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	c := w.chronicle(a)
	id := w.sessionID(w.join(b, 0))
	c.tells()
	b.hubs[0].deliver(letter{kind: letterDo, do: func() {
		b.hubs[0].home.swimEvent(swim.Event{Kind: swim.EvGhost, Life: swim.Life{Epoch: 7, Nonce: 1}})
	}})
	w.run()
	w.member(a, b, true)
	w.advance(5 * time.Second)
	heard := c.tells()
	if strings.Count(heard, fmt.Sprint("-", id)) != strings.Count(heard, fmt.Sprint("+", id)) {
		t.Errorf("heard %s", heard)
	}
	if got := a.hubs[0].home.directory.Len(); got != 2 {
		t.Errorf("%d sessions are known", got)
	}
}

// TestDirectoryManySessionsEndOverSeveralTurns: the end of a node with many sessions is told completely and in order, a part per turn.
func TestDirectoryManySessionsEndOverSeveralTurns(t *testing.T) {
	w := newWorld(t, 2, "a")
	a := w.nodes[0]
	c := w.chronicle(a)
	c.tells()
	const many = 4*newsPerTurn + 1
	o := a.hubs[0].home
	a.hubs[0].deliver(letter{kind: letterDo, do: func() {
		for i := range uint64(many) {
			if err := o.directory.RemoteAdd(1, string(router.AppendSession(nil, "realm1", i+1, &principal))); err != nil {
				t.Error(err)
			}
		}
		o.directory.Gone(1)
	}})
	w.run()
	if n := len(c.lines); n != 2*many {
		t.Fatalf("%d events of %d", n, 2*many)
	}
	for i := range many {
		if c.lines[i] != fmt.Sprint("+", i+1) || c.lines[many+i] != fmt.Sprint("-", i+1) {
			t.Fatalf("event %d is %s, and %s", i, c.lines[i], c.lines[many+i])
		}
	}
}

// TestDirectoryTellsConflicts: that an owner has lost against an earlier one is told where the loser is.
func TestDirectoryTellsConflicts(t *testing.T) {
	x := newCallees(t, wamp.FeatureRegistrationRevocation)
	atA, atB := x.w.chronicle(x.w.nodes[0]), x.w.chronicle(x.w.nodes[1])
	x.cut()
	x.register(x.b, "t.p", nil)
	x.w.advance(time.Second)
	x.register(x.a, "t.p", nil)
	x.heal()
	x.w.advance(3 * time.Second)
	if got := atA.tells(); strings.Count(got, "on_conflict[[") != 1 || !strings.Contains(got, "{procedure t.p}") || !strings.Contains(got, "{outcome revoked}") || !strings.Contains(got, "{node b}") {
		t.Errorf("a heard %s", got)
	}
	if got := atB.tells(); strings.Contains(got, "on_conflict") {
		t.Errorf("b heard %s", got)
	}
}
