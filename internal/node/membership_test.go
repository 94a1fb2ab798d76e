package node

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kleeblatt/gossip"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/config"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// logbook keeps what a node says.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) says(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), what)
}

// runLogged starts a node and keeps what it says.
func runLogged(t *testing.T, h hooks, words ...string) (*Node, *logbook) {
	t.Helper()
	l := &logbook{}
	n, err := launch(slog.New(slog.NewTextHandler(l, nil)), h, words...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, l
}

// stateOf is what a node thinks of another.
func stateOf(n *Node, other string) (s gossip.PeerState) {
	n.hubs[0].ask(func() {
		if p := n.hubs[0].home.peers[other]; p != nil {
			s = p.state
		}
	})
	return s
}

// TestMembershipSecondNodeOfOneNameEndsItself: with a text that says what to do. The first one goes on, and nobody notices: not even a
// call that its callee has not answered yet ends.
func TestMembershipSecondNodeOfOneNameEndsItself(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 3)
	callee, caller := join(t, nodes[1]), join(t, nodes[0])
	callee.register("com.slow", nil)
	settle(t, nodes...)
	caller.send(codec.AppendCall(nil, ser, caller.next(), nil, "com.slow", number(7, 0)))
	inv := callee.expect(wamp.Invocation).Request
	cfg, err := config.Parse([]string{"--listen", "rs://127.0.0.1:0", "--admin", "off", "--gossip", "127.0.0.1:0", "--link", "127.0.0.1:0",
		"--name", "n2", "--join", nodes[0].GossipAddr()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = Run(ctx, cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), `"n2"`) || !strings.Contains(err.Error(), "--name") {
		t.Errorf("the second n2 ended with: %v", err)
	}
	callee.send(codec.AppendYield(nil, ser, inv, false, number(8, 0)))
	if got := numberOf(caller.expect(wamp.Result)); got != 8 {
		t.Errorf("the call that was under way brought %d", got)
	}
	for _, other := range []*Node{nodes[0], nodes[2]} {
		if ups := linkTo(other, nodes[1]).Ups; ups != 1 || nodes[1].count.rebirths.Load() != 0 {
			t.Errorf("%s: link up %d times, n2 was reborn %d times", other.name, ups, nodes[1].count.rebirths.Load())
		}
	}
	settle(t, nodes...)
	works(t, nodes...)
}

// TestMembershipOtherClusterKeyJoinsNothing: both sides say why, and the newcomer ends instead of serving apart.
func TestMembershipOtherClusterKeyJoinsNothing(t *testing.T) {
	t.Parallel()
	key := func(text string) string {
		f := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	ours := key("a secret of more than 16 bytes")
	n1, log1 := runLogged(t, hooks{}, "--name", "n1", "--cluster-key-file", ours)
	n2, log2 := runLogged(t, hooks{}, "--name", "n2", "--cluster-key-file", ours, "--join", n1.GossipAddr())
	settle(t, n1, n2)
	works(t, n1, n2)
	if log2.says("cluster key") {
		t.Error("something is wrong with the right key")
	}
	stranger, log3 := runLogged(t, hooks{}, "--name", "n3", "--cluster-key-file", key("another secret of that size"), "--join", n1.GossipAddr())
	err := <-stranger.Failed()
	if !strings.Contains(err.Error(), "--cluster-key-file") {
		t.Errorf("it ended with: %v", err)
	}
	if !log3.says("another cluster key") {
		t.Error("the stranger does not say why")
	}
	if !log1.says("key") {
		t.Errorf("the seed does not say why")
	}
	if stranger.isReady() || stateOf(n1, "n3") != 0 {
		t.Error("it has joined")
	}
}

// TestMembershipOtherLinkVersionIsRefused: both sides say why. The newcomer serves its clients all the same after 10 s, with a reservation.
func TestMembershipOtherLinkVersionIsRefused(t *testing.T) {
	t.Parallel()
	n1, log1 := runLogged(t, hooks{}, "--name", "n1")
	n2, log2 := runLogged(t, hooks{link: func(c *link.Config) { c.VersionMin, c.VersionMax = link.ProtocolMax+1, link.ProtocolMax+1 }},
		"--name", "n2", "--join", n1.GossipAddr())
	for _, l := range []*logbook{log1, log2} {
		eventually(t, "both say why", func() bool { return l.says("no common link version") && l.says("upgrade node") }, n1, n2)
	}
	if err := n2.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	if s := n2.Status(); len(s.Reasons) != 1 || s.Reasons[0] != reasonPartial {
		t.Errorf("it is ready: %v", s.Reasons)
	}
	works(t, n1)
	works(t, n2)
	if n1.Counters().LinkRefused+n2.Counters().LinkRefused == 0 {
		t.Error("the refusal is not counted")
	}
}

// TestMembershipRestartWithData: a node that was killed comes back under its name, with its directory or without. What it had is gone,
// what it has is known.
func TestMembershipRestart(t *testing.T) {
	for name, words := range map[string][]string{"with data": {"--data", ""}, "without data": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if len(words) > 0 {
				words[1] = t.TempDir()
			}
			nodes := runCluster(t, 2)
			words = append(words, "--name", "n3", "--workers", "2", "--join", nodes[0].GossipAddr())
			for range 2 {
				n3 := run(t, hooks{}, words...)
				settle(t, append(nodes, n3)...)
				c := join(t, n3)
				c.subscribe("t.restart", wamp.Exact)
				c.register("t.restart", nil)
				settle(t, append(nodes, n3)...)
				if m := join(t, nodes[0]).sendCall("t.restart"); m != c.expect(wamp.Invocation).Type {
					t.Error("no call came")
				}
				n3.Close()
			}
			n3 := run(t, hooks{}, words...)
			settle(t, append(nodes, n3)...)
			works(t, append(nodes, n3)...)
		})
	}
}

// sendCall sends a CALL that is not waited for, and returns what its callee gets.
func (c *client) sendCall(procedure string) wamp.MessageType {
	c.send(codec.AppendCall(nil, ser, c.next(), nil, procedure, number(1, 0)))
	return wamp.Invocation
}

// TestP3_DeadNodeIsRoutedToNoMore: a node dies without a word, and another one with another name takes its place. Calls fail over.
func TestP3_DeadNodeIsRoutedToNoMore(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 2)
	doomed := join(t, nodes[1])
	doomed.register("t.p3", &codec.RegisterOptions{Invoke: wamp.First})
	doomed.subscribe("t.p3", wamp.Exact)
	settle(t, nodes...)
	caller := join(t, nodes[0])
	caller.send(codec.AppendCall(nil, ser, caller.next(), nil, "t.p3", number(1, 0)))
	doomed.expect(wamp.Invocation)
	nodes[1].Close()
	if m := caller.expect(wamp.Error); string(m.URI) != wamp.ErrCanceled {
		t.Errorf("the call under way ended with %s", m.URI)
	}
	third := run(t, hooks{}, "--name", "n3", "--join", nodes[0].GossipAddr())
	if err := third.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead node is hidden", func() bool {
		s := stateOf(nodes[0], "n2")
		return s != gossip.Reachable && s != gossip.Suspect
	}, nodes[0])
	nodes[1] = third
	settle(t, nodes...)
	if m := caller.call("t.p3", 2); m.Type != wamp.Error || string(m.URI) != wamp.ErrNoSuchProcedure {
		t.Errorf("%v %s", m.Type, m.URI)
	}
	before := linkTo(nodes[0], nodes[1]).FramesOut
	caller.publish("t.p3", 1)
	if got := linkTo(nodes[0], nodes[1]).FramesOut - before; got != 0 {
		t.Errorf("%d frames to a node without subscribers", got)
	}
	callee := join(t, third)
	callee.register("t.p3", &codec.RegisterOptions{Invoke: wamp.First})
	callee.serve(0)
	settle(t, nodes...)
	if m := caller.call("t.p3", 3); m.Type != wamp.Result {
		t.Errorf("%v %s", m.Type, m.URI)
	}
}

// TestP24_RestartOfTheSeed: it comes back at its address, without being told of the others: they find it.
func TestP24_RestartOfTheSeed(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 3)
	sub, pub := join(t, nodes[1]), join(t, nodes[2])
	sub.subscribe("t.seed", wamp.Exact)
	settle(t, nodes...)
	addr := nodes[0].GossipAddr()
	nodes[0].Close()
	for n := range uint64(100) { // the others do not need it
		pub.publish("t.seed", n)
		sub.event(n)
	}
	nodes[0] = run(t, hooks{}, "--name", "n1", "--gossip", addr)
	settle(t, nodes...)
	c := join(t, nodes[0])
	c.publish("t.seed", 100)
	sub.event(100)
	works(t, nodes...)
}

// TestP33_Drain: sessions are told, all of them, readiness is gone, and the others route to it no more, at once.
func TestP33_Drain(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 3)
	leaving := nodes[2]
	c, other := join(t, leaving), join(t, nodes[0])
	c.subscribe("t.drain", wamp.Exact)
	c.register("t.drain", &codec.RegisterOptions{Invoke: wamp.First})
	settle(t, nodes...)
	second := join(t, nodes[1])
	second.register("t.drain", &codec.RegisterOptions{Invoke: wamp.First})
	second.serve(0)
	settle(t, nodes...)
	var crowd []*client
	for range 30 {
		crowd = append(crowd, join(t, leaving))
	}
	done := make(chan struct{})
	go func() { leaving.Drain(); close(done) }()
	for _, x := range crowd {
		if m := x.expect(wamp.Goodbye); string(m.URI) != wamp.CloseSystemShutdown {
			t.Errorf("GOODBYE %s", m.URI)
		}
		x.send(codec.AppendGoodbye(nil, ser, wamp.CloseGoodbyeAndOut, ""))
		x.ended()
	}
	if m := c.expect(wamp.Goodbye); string(m.URI) != wamp.CloseSystemShutdown {
		t.Errorf("GOODBYE %s", m.URI)
	}
	if s := leaving.Status(); s.Ready || len(s.Reasons) != 1 {
		t.Errorf("ready: %v %v", s.Ready, s.Reasons)
	}
	c.send(codec.AppendGoodbye(nil, ser, wamp.CloseGoodbyeAndOut, ""))
	c.ended()
	<-done
	for _, n := range nodes[:2] {
		if s := stateOf(n, leaving.name); s == gossip.Reachable || s == gossip.Suspect {
			t.Errorf("%s still thinks that it is %v", n.name, s)
		}
		if l := linkTo(n, leaving); l.Lost > 1 { // where the news came from the third node first, there is a question whether it is true
			t.Errorf("%d frames were lost", l.Lost)
		}
	}
	if m := other.call("t.drain", 5); m.Type != wamp.Result {
		t.Errorf("a call goes to %v %s", m.Type, m.URI)
	}
	leaving.Close()
	settle(t, nodes[:2]...)
	works(t, nodes[:2]...)
}

// TestReadyAloneWhenNoSeedAnswers: after 10 s and not before, with a reservation that ends when the seed is there.
func TestReadyAloneWhenNoSeedAnswers(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	n := run(t, hooks{}, "--name", "n2", "--join", mute.Addr().String())
	if s := n.Status(); s.Ready || len(n.URLs()) != 0 {
		t.Errorf("ready at once: %v, clients at %v", s.Reasons, n.URLs())
	}
	if err := n.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	if s := n.Status(); !s.Ready || len(s.Reasons) != 1 || !strings.HasPrefix(s.Reasons[0], "alone") {
		t.Errorf("ready %v: %v", s.Ready, s.Reasons)
	}
	works(t, n)
	mute.Close()
	seed := run(t, hooks{}, "--name", "n1", "--gossip", mute.Addr().String())
	settle(t, seed, n)
	eventually(t, "the reservation is over", func() bool { return len(n.Status().Reasons) == 0 }, n)
	works(t, seed, n)
}
