package baseline

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"kleeblatt/internal/client"
	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
	"kleeblatt/internal/wamp"
)

// patience is how long a test waits for something that must come; nothing is measured by it.
const patience = 30 * time.Second

// lab is a cluster of baseline nodes in this process. Clients come over Unix sockets, whose names are known before they are open.
type lab struct {
	t     *testing.T
	conf  Config
	dir   string
	nodes []*node.Node
	ends  []*replicator
	tune  func(*raft.Config) // in addition to the style's; nil: nothing
}

func newLab(t *testing.T, c Config, count int) *lab {
	t.Helper()
	dir, err := os.MkdirTemp("", "kb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l := &lab{t: t, conf: c, dir: dir}
	for range count {
		l.add()
	}
	for _, n := range l.nodes {
		if err := n.WaitReady(patience); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// add starts the next node.
func (l *lab) add() {
	l.t.Helper()
	l.nodes, l.ends = append(l.nodes, nil), append(l.ends, nil)
	l.start(len(l.nodes)-1, "127.0.0.1:0")
}

// restart ends a node and begins it anew, where the others remember it.
func (l *lab) restart(i int) {
	l.t.Helper()
	gossip := l.nodes[i].GossipAddr()
	l.nodes[i].Close()
	l.start(i, gossip)
}

func (l *lab) start(i int, gossip string) {
	l.t.Helper()
	words := []string{
		"--name", l.name(i), "--workers", "1", "--listen", l.url(i), "--admin", "off", "--gossip", gossip, "--link", "127.0.0.1:0",
	}
	if i > 0 {
		words = append(words, "--join", l.nodes[0].GossipAddr())
	}
	cfg, err := config.Parse(words)
	if err != nil {
		l.t.Fatal(err)
	}
	st, err := styleOf(l.conf.Tables)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.tune != nil {
		was := st.tune
		st.tune = func(c *raft.Config) { was(c); l.tune(c) }
	}
	var n *node.Node
	if log := slog.New(slog.DiscardHandler); st == nil {
		n, err = Start(l.conf, cfg, log)
	} else {
		n, err = l.conf.start(st, cfg, log, func(r *replicator) { l.ends[i] = r })
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(n.Close)
	l.nodes[i] = n
}

func (l *lab) name(i int) string { return fmt.Sprintf("n%d", i) }

// servers are the log's members, as a node knows them.
func (l *lab) servers(at int) []server { return l.ends[at].journal.servers() }

// voters waits until a node knows of so many, and has heard of who leads.
func (l *lab) voters(at, count int) {
	l.t.Helper()
	l.eventually("enough voters", func() bool {
		n := 0
		for _, s := range l.servers(at) {
			if s.voter {
				n++
			}
		}
		return n == count && l.ends[at].journal.led()
	})
}

func (l *lab) url(i int) string { return fmt.Sprintf("unix://%s/n%d", l.dir, i) }

func (l *lab) client(i int) *client.Client {
	l.t.Helper()
	c, err := client.Dial(ctx(l.t), client.Config{URLs: []string{l.url(i)}, Once: true})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return c
}

// hears subscribes at one node and publishes at another until an event comes: at the other node the subscription counts a little later.
func (l *lab) hears(sub, pub int, topic string) {
	l.t.Helper()
	got := make(chan struct{}, 1)
	_, err := l.client(sub).Subscribe(ctx(l.t), topic, wamp.Exact, func(client.Event) {
		select {
		case got <- struct{}{}:
		default:
		}
	})
	if err != nil {
		l.t.Fatalf("SUBSCRIBE at n%d: %v", sub, err)
	}
	l.publishUntil(pub, topic, got)
}

func (l *lab) publishUntil(pub int, topic string, got <-chan struct{}) {
	l.t.Helper()
	p := l.client(pub)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.After(patience); ; {
		if _, err := p.Publish(ctx(l.t), topic, client.Payload{}, nil); err != nil {
			l.t.Fatal(err)
		}
		select {
		case <-got:
			return
		case <-again.C:
		case <-end:
			l.t.Fatalf("no event from n%d of %s", pub, topic)
		}
	}
}

// calls calls a procedure until it is known there.
func (l *lab) calls(at int, procedure string) {
	l.t.Helper()
	c := l.client(at)
	l.eventually("a call at the other node", func() bool {
		_, err := c.Call(ctx(l.t), procedure, client.Payload{}, nil)
		return err == nil
	})
}

func (l *lab) eventually(what string, holds func() bool) {
	l.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.After(patience); !holds(); {
		select {
		case <-again.C:
		case <-end:
			l.t.Fatal("there was never " + what)
		}
	}
}

// TestCluster is what all baselines can: events and calls from one node to another, and one owner of a procedure.
func TestCluster(t *testing.T) {
	for _, tables := range []string{"gossip", "raft-lan", "raft-paper"} {
		t.Run(tables, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, Config{Tables: tables, Voters: 3}, 3)
			l.hears(1, 2, "over.here")
			l.hears(0, 1, "over.there")
			if _, err := l.client(2).Register(ctx(t), "one.owner", nil, nothing); err != nil {
				t.Fatal(err)
			}
			l.calls(0, "one.owner")
			l.calls(1, "one.owner")
			if _, err := l.client(1).Register(ctx(t), "one.owner", nil, nothing); err == nil {
				t.Error("a second owner")
			}
		})
	}
}
