package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// drop lets no packet of any kind through from one node to another, in these directions alone; without any it lets all through.
func (w *network) drop(ways ...[2]int) {
	w.t.Helper()
	rules := "table bridge cuts\ndelete table bridge cuts\ntable bridge cuts {\nchain forward { type filter hook forward priority 0; policy accept;\n"
	for _, way := range ways {
		rules += fmt.Sprintf("ip saddr %s%d ip daddr %s%d drop\n", subnet, way[0]+1, subnet, way[1]+1)
	}
	c := exec.Command("ip", "netns", "exec", w.bridge, "nft", "-f", "-")
	c.Stdin = strings.NewReader(rules + "}\n}\n")
	if out, err := c.CombinedOutput(); err != nil {
		w.t.Fatalf("the cut cannot be made: %v: %s", err, out)
	}
}

// linkedBy says how p is linked with q, and over whom.
func (p *proc) linkedBy(q *proc) string {
	s, err := p.cluster()
	if err != nil {
		return err.Error()
	}
	for _, m := range s.Members {
		if m.Name == q.name {
			return strings.TrimSpace(m.Link + " " + m.Via)
		}
	}
	return ""
}

// TestProcessRelay: packets between two nodes are dropped, one way, the other way and both, while a third one reaches both. Events arrive
// in order and once, calls are answered, nobody is hidden, and afterwards the links are direct.
func TestProcessRelay(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("cuts of pairs need nftables: ", err)
	}
	c, w := startCutCluster(t)
	w.drop()
	a, b, relay := c.nodes[0], c.nodes[1], c.nodes[2]
	join := func(p *proc) *client.Client {
		return connect(t, client.Config{Serializer: wamp.MsgPack}, p.url)
	}
	heard := map[*proc]*listener{a: listen(t, join(a), chat(b)), b: listen(t, join(b), chat(a))}
	register(t, join(b), "com.there", wamp.Single, b.name)
	caller := join(a)
	c.awaitMesh()
	talkers := map[*proc]*talker{a: talk(t, join(a), chat(a), talkEvery), b: talk(t, join(b), chat(b), talkEvery)}
	calls := func(what string) {
		t.Helper()
		for range 20 {
			if got, err := call(t, caller, "com.there"); err != nil || got != `["`+b.name+`"]` {
				t.Fatalf("%s: %s, %v", what, got, err)
			}
		}
	}
	calls("before")
	for what, ways := range map[string][][2]int{"a to b": {{0, 1}}, "b to a": {{1, 0}}, "both": {{0, 1}, {1, 0}}} {
		w.drop(ways...)
		calls(what) // through the time in which it is not noticed yet
		want := "relay " + relay.name
		eventually(t, what+": the links are relayed", func() bool {
			calls(what)
			return a.linkedBy(b) == want && b.linkedBy(a) == want
		})
		heard[b].await(b.name, chat(a), int(talkers[a].last.Load())+someTalk)
		heard[a].await(a.name, chat(b), int(talkers[b].last.Load())+someTalk)
		if a.state(b) != "reachable" || b.state(a) != "reachable" {
			t.Errorf("%s: they are %s and %s to each other", what, a.state(b), b.state(a))
		}
		w.drop()
		eventually(t, what+": the links are direct again", func() bool {
			calls(what)
			return a.linkedBy(b) == "tcp" && b.linkedBy(a) == "tcp"
		})
	}
	c.awaitMesh()
	for p, q := range map[*proc]*proc{a: b, b: a} {
		last, err := talkers[p].stop()
		if err != nil {
			t.Error(err)
		}
		heard[q].complete(q.name, chat(p), 1, last)
	}
}
