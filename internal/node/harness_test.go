package node

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kleeblatt/internal/admin"
	"kleeblatt/internal/config"
	"kleeblatt/internal/router"
)

// patience is how long a test waits for something that must come; nothing is measured by it.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("8") // most of them wait for the clock
	}
	code := m.Run()
	shared.Range(func(_, c any) bool {
		for _, n := range c.(func() []*Node)() {
			n.Close()
		}
		return true
	})
	if code == 0 {
		err := goleak.Find()
		for range 10 { // memberlist does not wait for a probe that is under way
			if err != nil {
				err = goleak.Find()
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// shared are clusters of three that several tests use, by the number of workers. The tests keep apart by their topics, and do not run
// in parallel.
var shared sync.Map

func sharedCluster(t *testing.T, workers int) []*Node {
	t.Helper()
	f, _ := shared.LoadOrStore(workers, sync.OnceValue(func() []*Node {
		var nodes []*Node
		for i := range 3 {
			words := []string{"--name", fmt.Sprintf("n%d", i+1), "--workers", fmt.Sprint(workers)}
			if i > 0 {
				words = append(words, "--join", nodes[0].GossipAddr())
			}
			n, err := launch(slog.New(slog.DiscardHandler), hooks{}, words...)
			if err != nil {
				t.Error(err)
				break
			}
			nodes = append(nodes, n)
		}
		return nodes
	}))
	nodes := f.(func() []*Node)()
	if len(nodes) < 3 {
		t.Fatal("there is no cluster")
	}
	settle(t, nodes...)
	return nodes
}

// launch starts a node on free ports.
func launch(log *slog.Logger, h hooks, words ...string) (*Node, error) {
	cfg, err := config.Parse(append([]string{"--listen", "rs://127.0.0.1:0", "--admin", "off", "--gossip", "127.0.0.1:0", "--link", "127.0.0.1:0"}, words...))
	if err != nil {
		return nil, err
	}
	return startWith(cfg, log, h)
}

// run starts a node that the test ends.
func run(t *testing.T, h hooks, words ...string) *Node {
	t.Helper()
	n, err := launch(slog.New(slog.DiscardHandler), h, words...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// runCluster starts n1, n2, … and waits until they agree.
func runCluster(t *testing.T, count int, words ...string) []*Node {
	t.Helper()
	var nodes []*Node
	for range count {
		nodes = append(nodes, runNext(t, nodes, words...))
	}
	settle(t, nodes...)
	return nodes
}

func runNext(t *testing.T, nodes []*Node, words ...string) *Node {
	t.Helper()
	words = append([]string{"--name", fmt.Sprintf("n%d", len(nodes)+1), "--workers", "2"}, words...)
	if len(nodes) > 0 {
		words = append(words, "--join", nodes[0].GossipAddr())
	}
	return run(t, hooks{}, words...)
}

// eventually asks until it holds: what other goroutines do comes in its own time.
func eventually(t *testing.T, what string, holds func() bool, nodes ...*Node) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("after %v not yet: %s", patience, what)
		}
		for _, n := range nodes {
			n.WaitTurn()
		}
	}
}

// settle waits until the nodes are ready, reach each other and route by equal tables.
func settle(t *testing.T, nodes ...*Node) {
	t.Helper()
	for _, n := range nodes {
		if err := n.WaitReady(patience); err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
	}
	eventually(t, "all tables are equal", func() bool { return agree(nodes...) }, nodes...)
}

func agree(nodes ...*Node) bool {
	for _, n := range nodes {
		if n.Reachable() != len(nodes)-1 || n.Digest() != nodes[0].Digest() {
			return false
		}
	}
	return true
}

// stats sums up the counters of the node's workers.
func stats(n *Node) (sum router.Stats) {
	for _, h := range n.hubs {
		h.ask(func() {
			s := h.worker.Stats()
			sum.Sessions += s.Sessions
			sum.Subscriptions += s.Subscriptions
			sum.Registrations += s.Registrations
			sum.CallsPending += s.CallsPending
			sum.InvocationsPending += s.InvocationsPending
			sum.EventsDropped += s.EventsDropped
			sum.SlowClosed += s.SlowClosed
			sum.Pauses += s.Pauses
			sum.Violations += s.Violations
			sum.BadFrames += s.BadFrames
			sum.Published += s.Published
		})
	}
	return sum
}

// linkTo is what a node counts of its link to another.
func linkTo(n, other *Node) admin.LinkCounters {
	for _, l := range n.Counters().Links {
		if l.Node == other.name {
			return l
		}
	}
	return admin.LinkCounters{}
}
