//go:build unix

package systems

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A founder's first start joins nobody; when it comes back it joins those who went on.
func TestRestartJoinsTheOthers(t *testing.T) {
	s := helperSystem(t, "{join}")
	s.First = []string{nobody, others}
	c := startReady(t, s, 3)
	gossip := func(nodes ...int) (words []string) {
		for _, i := range nodes {
			words = append(words, fmt.Sprintf("127.0.0.1:%d", c.places[i].gossip))
		}
		return words
	}
	check := func(i int, want []string) {
		t.Helper()
		if got := ask(t, c, i, "/words"); !slices.Equal(got, want) {
			t.Errorf("node %d was told to join %q, want %q", i, got, want)
		}
	}
	check(0, gossip())
	check(1, gossip(0, 2))
	for i, want := range [][]string{gossip(1, 2), gossip(0, 2)} {
		c.End(i, syscall.SIGKILL, time.Minute)
		if err := c.Restart(i); err != nil {
			t.Fatal(err)
		}
		ready(t, c, i)
		check(i, want)
	}
}

// What a node has used stays with it when it crashes, when it is ended after that, and when it is started again.
func TestCrashedNode(t *testing.T) {
	c := startReady(t, helperSystem(t), 2)
	both, err := c.Memory()
	if err != nil || both.Nodes != 2 || both.RSS == 0 || both.PSS == 0 {
		t.Fatalf("two nodes: %+v, %v", both, err)
	}
	ask(t, c, 0, "/use")
	ask(t, c, 0, "/crash")
	<-c.nodes[0].life.ended
	if i := c.Crashed(); i != 0 {
		t.Errorf("crashed: %d", i)
	}
	one, err := c.Memory()
	if err != nil || one.Nodes != 1 || one.RSS == 0 || one.RSS >= both.RSS {
		t.Errorf("the other node: %+v, %v", one, err)
	}
	used := c.CPU(0)
	if used < 100*time.Millisecond {
		t.Errorf("it used %v before it crashed", used)
	}
	c.End(0, syscall.SIGTERM, time.Minute)
	if i, now := c.Crashed(), c.CPU(0); i != 0 || now != used {
		t.Errorf("ended after that: crashed %d, used %v, want %v", i, now, used)
	}
	if err := c.Restart(0); err != nil {
		t.Fatal(err)
	}
	ready(t, c, 0)
	if i, now := c.Crashed(), c.CPU(0); i != -1 || now < used {
		t.Errorf("started again: crashed %d, used %v after %v", i, now, used)
	}
	if err := c.Restart(0); err == nil {
		t.Error("a node that runs was started a second time")
	}
	c.End(0, syscall.SIGTERM, time.Minute)
	if i := c.Crashed(); i != -1 {
		t.Errorf("node %d counts as crashed, though we ended it", i)
	}
}

// A node's children are measured with it, and end with it even where it is killed.
func TestChildren(t *testing.T) {
	alone := startReady(t, helperSystem(t), 1)
	family := helperSystem(t, "parent", "127.0.0.1:{gossip}")
	family.Ready = "http://127.0.0.1:{gossip}/" // the child
	c := startReady(t, family, 1)
	child := fmt.Sprintf("http://127.0.0.1:%d/", c.places[0].gossip)
	little, _ := alone.Memory()
	much, err := c.Memory()
	if err != nil || much.Nodes != 1 || much.RSS*2 < little.RSS*3 {
		t.Errorf("with a child %+v, alone %+v, %v", much, little, err)
	}
	askAt(t, child+"use")
	used := c.CPU(0)
	if used < 90*time.Millisecond { // two accounts of the kernel, one in ticks
		t.Errorf("with a child that used 100 ms: %v", used)
	}
	c.End(0, syscall.SIGKILL, time.Minute)
	if now := c.CPU(0); now < used {
		t.Errorf("it used %v, %v when it had ended", used, now)
	}
	for c.ask(t.Context(), 0) == nil { // it has been sent SIGKILL
	}
}

// Each of these may be called beside all others.
func TestConcurrent(t *testing.T) {
	c := startReady(t, helperSystem(t), 2)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for _, read := range []func(){
		func() {
			if _, err := c.Memory(); err != nil {
				t.Error(err)
			}
		},
		func() { c.CPUs() }, func() { c.CPU(0) }, func() { c.Crashed() },
	} {
		readers.Go(func() {
			for {
				read()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range 5 {
		c.End(0, syscall.SIGKILL, time.Minute)
		if err := c.Restart(0); err != nil {
			t.Error(err)
		}
	}
	ready(t, c, 0)
	c.Stop()
	close(done)
	readers.Wait()
	if err := c.Restart(0); err == nil {
		t.Error("a node was started in a cluster that has been stopped")
	}
}

// A node that does not hear SIGTERM is killed after its grace.
func TestEndStubborn(t *testing.T) {
	c := startReady(t, helperSystem(t, "stubborn"), 1)
	c.End(0, syscall.SIGTERM, 10*time.Millisecond)
	if status := c.nodes[0].life.cmd.ProcessState.String(); status != "signal: killed" {
		t.Errorf("it ended by %s", status)
	}
}

// Every error of Start leaves a cluster that can be stopped.
func TestStartFails(t *testing.T) {
	missing := helperSystem(t)
	missing.path = filepath.Join(t.TempDir(), "missing")
	one := helperSystem(t)
	one.Nodes = 1
	for _, s := range []*System{missing, one} {
		c, err := Start(s, 2, t.TempDir())
		if err == nil || c == nil {
			t.Fatalf("cluster %v, error %v", c, err)
		}
		if m, err := c.Memory(); err != nil || m != (Memory{}) || c.CPUs() != 0 || c.Crashed() != -1 {
			t.Errorf("nothing runs: %+v, %v", m, err)
		}
		c.Stop()
	}
}

func TestNotReady(t *testing.T) {
	c := startReady(t, helperSystem(t), 1)
	c.End(0, syscall.SIGKILL, time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 2*readyPoll)
	defer cancel()
	if err := c.Ready(ctx, 0); err == nil || !strings.Contains(err.Error(), "node 0 of helper is not ready") {
		t.Errorf("a node that has ended: %v", err)
	}
}
