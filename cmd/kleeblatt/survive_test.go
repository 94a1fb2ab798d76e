//go:build unix

package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// talkEvery is slow enough that the load of the machine does not matter.
	talkEvery = 2 * time.Millisecond
	// someTalk is how many more events must have come before a test believes that they flow.
	someTalk = 50
)

// TestProcessSurviveKills: each node of three dies without a word, the seed first and without seeds of its own. The others do not notice but for
// the calls that ended with it; it comes back by itself.
func TestProcessSurviveKills(t *testing.T) {
	c := newCluster(t, 3)
	c.nodes[0].seeds = nil
	for _, p := range c.nodes[1:] {
		p.seeds = p.seeds[:1]
	}
	for _, p := range c.nodes {
		p.start()
	}
	c.awaitMesh()
	for i, victim := range c.nodes {
		begun := time.Now()
		g := gather(t, c, victim)
		gathered := time.Now()
		g.killed(i == 0)
		killed := time.Now()
		g.back()
		t.Logf("%s: gathered in %v, survived in %v, back in %v", victim.name, gathered.Sub(begun), killed.Sub(gathered), time.Since(killed))
		g.leave()
	}
}

// gathering is clients on every node around the death of one.
type gathering struct {
	t         *testing.T
	c         *cluster
	victim    *proc
	clients   map[*proc]*client.Client // that reconnect to their own node alone
	listeners map[*proc]*listener      // theirs
	talkers   map[*proc]*talker        // theirs
	hang      hanging                  // of a callee at the victim that does not come back
	epoch     uint64                   // of the victim's old life
}

func chat(p *proc) string { return "com.chat." + p.name }

// gather begins: everybody hears everybody.
func gather(t *testing.T, c *cluster, victim *proc) *gathering {
	t.Helper()
	g := &gathering{t: t, c: c, victim: victim, clients: map[*proc]*client.Client{}, listeners: map[*proc]*listener{},
		talkers: map[*proc]*talker{}}
	var topics []string
	for _, p := range c.nodes {
		topics = append(topics, chat(p))
	}
	for i, p := range c.nodes {
		cfg := client.Config{Serializer: []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR}[i%3]}
		g.clients[p] = connect(t, cfg, []string{p.ws(), p.rs()}[i%2])
		g.listeners[p] = listen(t, g.clients[p], topics...)
		register(t, g.clients[p], "com.shared", wamp.RoundRobin, p.name)
	}
	g.hang = hang(t, connect(t, client.Config{Once: true}, victim.ws()), "com.hang")
	c.awaitMesh()
	for _, p := range c.nodes {
		g.talkers[p] = talk(t, g.clients[p], chat(p), talkEvery)
	}
	g.hearMore(c.nodes, c.nodes)
	s, err := victim.cluster()
	if err != nil {
		t.Fatal(err)
	}
	g.epoch = s.Epoch
	return g
}

// hearMore waits until each of the listeners has heard more of each of the talkers.
func (g *gathering) hearMore(listeners, talkers []*proc) {
	g.t.Helper()
	for _, p := range listeners {
		for _, q := range talkers {
			if p != q { // nobody hears what it says itself
				g.listeners[p].await(p.name, chat(q), int(g.talkers[q].last.Load())+someTalk)
			}
		}
	}
}

// killed kills the victim while calls wait for its callee. untilHidden waits for membership to see it.
func (g *gathering) killed(untilHidden bool) {
	g.t.Helper()
	survivors := g.c.others(g.victim)
	var calls []*client.Pending
	for _, p := range survivors {
		calls = append(calls, g.hang.call(g.t, g.clients[p]))
	}
	g.victim.kill()
	canceled(g.t, time.Now(), calls...)
	for _, p := range survivors {
		if seen := answers(g.t, g.clients[p], "com.shared", 6); seen[g.victim.name] > 0 || len(seen) != 2 {
			g.t.Errorf("after the death of %s, asked at %s, there answered %v", g.victim.name, p.name, seen)
		}
	}
	g.hearMore(survivors, survivors)
	if untilHidden {
		for _, p := range survivors {
			eventually(g.t, g.victim.name+" is hidden", func() bool { return p.state(g.victim) == "hidden" })
		}
		g.c.awaitMesh()
	}
}

// back starts the victim again. Its client comes back by itself; what else was on it is gone.
func (g *gathering) back() {
	g.t.Helper()
	g.victim.start()
	g.c.awaitMesh()
	g.hearMore(g.c.nodes, g.c.nodes)
	g.c.awaitMesh() // with what its client has said again
	for _, p := range g.c.nodes {
		if seen := answers(g.t, g.clients[p], "com.shared", 6); len(seen) != 3 {
			g.t.Errorf("after the return of %s, asked at %s, there answered %v", g.victim.name, p.name, seen)
		}
		if _, err := call(g.t, g.clients[p], g.hang.procedure); !client.HasURI(err, wamp.ErrNoSuchProcedure) {
			g.t.Errorf("a callee of the old life of %s, asked at %s: %v", g.victim.name, p.name, err)
		}
		g.checkParts(p)
	}
}

// checkParts sees that p holds one table of the victim, the new one.
func (g *gathering) checkParts(p *proc) {
	g.t.Helper()
	s, err := p.cluster()
	if err != nil {
		g.t.Fatal(err)
	}
	owners := map[string]int{}
	for _, part := range s.Parts {
		owners[part.Owner]++
		if part.Owner == g.victim.name && part.Epoch <= g.epoch {
			g.t.Errorf("%s holds %s's table of epoch %d, which is dead", p.name, part.Owner, part.Epoch)
		}
	}
	for _, q := range g.c.nodes {
		if owners[q.name] != 1 {
			g.t.Errorf("%s holds %d tables of %s", p.name, owners[q.name], q.name)
		}
	}
}

// leave ends the talk and counts: between the survivors nothing was lost or doubled, and with the victim nothing was doubled.
func (g *gathering) leave() {
	g.t.Helper()
	for _, q := range g.c.nodes {
		last, err := g.talkers[q].stop()
		if err != nil && q != g.victim {
			g.t.Error(err)
		}
		for _, p := range g.c.nodes {
			switch {
			case p == q:
			case p == g.victim || q == g.victim:
				g.listeners[p].await(p.name, chat(q), last)
				g.listeners[p].growing(p.name, chat(q))
			default:
				g.listeners[p].complete(p.name, chat(q), 1, last)
			}
		}
	}
	for _, cl := range g.clients {
		cl.Close()
	}
}

// TestProcessSurviveStall: a node hangs for three seconds. Who calls there is told soon, and who publishes is not held up for longer; when it goes
// on it gets everything that was published meanwhile.
func TestProcessSurviveStall(t *testing.T) {
	c := startCluster(t, 3)
	first, stalled, third := c.nodes[0], c.nodes[1], c.nodes[2]
	at, heard := map[*proc]*client.Client{}, map[*proc]*listener{}
	for _, p := range c.nodes {
		at[p] = connect(t, client.Config{Serializer: wamp.MsgPack}, p.rs())
		heard[p] = listen(t, at[p], "com.small", "com.bulk")
		register(t, at[p], "com.shared", wamp.RoundRobin, p.name)
	}
	hang := hang(t, at[stalled], "com.hang")
	c.awaitMesh()
	small, bulk := connect(t, client.Config{}, first.ws()), connect(t, client.Config{Serializer: wamp.CBOR}, third.ws())
	calls := []*client.Pending{hang.call(t, at[first]), hang.call(t, at[third])}

	stalled.signal(syscall.SIGSTOP)
	since := time.Now()
	t.Cleanup(func() { stalled.cmd.Process.Signal(syscall.SIGCONT) })
	talk := talk(t, small, "com.small", talkEvery)
	published := publishBulk(t, bulk, "com.bulk")
	canceled(t, since, calls...)
	for _, p := range []*proc{first, third} {
		if seen := answers(t, at[p], "com.shared", 6); seen[stalled.name] > 0 || len(seen) != 2 {
			t.Errorf("while %s hangs, asked at %s, there answered %v", stalled.name, p.name, seen)
		}
	}
	heard[first].await(first.name, "com.bulk", bulkEvents)
	const stall = 3 * time.Second
	heard[third].await(third.name, "com.small", int(stall/talkEvery))
	if err := <-published; err != nil {
		t.Error(err)
	}

	stalled.signal(syscall.SIGCONT)
	c.awaitMesh()
	last, err := talk.stop()
	if err != nil {
		t.Error(err)
	}
	for _, p := range c.nodes {
		heard[p].complete(p.name, "com.small", 1, last)
		heard[p].complete(p.name, "com.bulk", 1, bulkEvents)
	}
	if seen := answers(t, at[first], "com.shared", 6); len(seen) != 3 {
		t.Errorf("after the stall there answered %v", seen)
	}
}

// bulkEvents of bulkBytes each are twice what a lane takes before it holds its publishers up, and fit its window.
const (
	bulkEvents = 250
	bulkBytes  = 64 << 10
)

func publishBulk(t *testing.T, c *client.Client, topic string) <-chan error {
	done := make(chan error, 1)
	filler := strings.Repeat("x", bulkBytes)
	go func() {
		for i := range bulkEvents {
			if _, err := c.Publish(t.Context(), topic, client.Args(i+1, filler), nil); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return done
}

// TestProcessSurviveMany (P8): what one session publishes arrives on every node in order and once, and is sent to each node once.
func TestProcessSurviveMany(t *testing.T) {
	c := startCluster(t, 3)
	const events = 100_000
	from := c.nodes[0]
	heard := map[*proc]*listener{}
	for i, p := range c.others(from) {
		heard[p] = listen(t, connect(t, client.Config{Serializer: wamp.MsgPack}, []string{p.rs(), p.ws()}[i]), "com.many")
	}
	pub := connect(t, client.Config{Serializer: wamp.MsgPack}, from.rs())
	c.awaitMesh()
	before := map[*proc]float64{}
	for p := range heard {
		before[p] = from.metric("kleeblatt_relay_out_total", p.name)
	}
	ctx, cancel := contextOf(t)
	defer cancel()
	for n := range events {
		if _, err := pub.Publish(ctx, "com.many", client.Args(n+1), nil); err != nil {
			t.Fatal(err)
		}
	}
	for p, l := range heard {
		l.complete(p.name, "com.many", 1, events)
		if sent := from.metric("kleeblatt_relay_out_total", p.name) - before[p]; sent != events {
			t.Errorf("%v frames for %s, want %d", sent, p.name, events)
		}
	}
}
