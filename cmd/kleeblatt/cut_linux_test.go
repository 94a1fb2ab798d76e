package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// A cluster whose network can be cut: each node in a network namespace of its own, all joined by a bridge in one more. Nothing of it is
// seen from outside; clients come over Unix sockets, which know no namespaces.
//
//	n1: eth0 10.231.7.1 ──┐
//	n2: eth0 10.231.7.2 ──┼── bridge
//	n3: eth0 10.231.7.3 ──┘
type network struct {
	t      *testing.T
	bridge string // namespaces
	nodes  []string
}

const (
	subnet     = "10.231.7."
	gossipPort = 7946
)

// buildNetwork makes the namespaces, and removes them when the test ends.
func buildNetwork(t *testing.T, n int) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need iproute2: ", err)
	}
	w := &network{t: t, bridge: fmt.Sprintf("kleeblatt-%d-bridge", os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", w.bridge).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %s", out)
	}
	t.Cleanup(func() { w.remove(w.bridge) })
	w.ip("-n", w.bridge, "link", "add", "bridge", "type", "bridge")
	w.ip("-n", w.bridge, "link", "set", "bridge", "up")
	for i := range n {
		name := fmt.Sprintf("kleeblatt-%d-n%d", os.Getpid(), i+1)
		w.ip("netns", "add", name)
		t.Cleanup(func() { w.remove(name) })
		w.nodes = append(w.nodes, name)
		w.ip("-n", w.bridge, "link", "add", port(i), "type", "veth", "peer", "name", "eth0", "netns", name)
		w.ip("-n", w.bridge, "link", "set", port(i), "master", "bridge", "up")
		w.ip("-n", name, "address", "add", fmt.Sprintf("%s%d/24", subnet, i+1), "dev", "eth0")
		w.ip("-n", name, "link", "set", "eth0", "up")
		w.ip("-n", name, "link", "set", "lo", "up")
	}
	return w
}

// port is the bridge's port to node i.
func port(i int) string { return fmt.Sprint("port", i+1) }

func (w *network) ip(words ...string) {
	w.t.Helper()
	if out, err := exec.Command("ip", words...).CombinedOutput(); err != nil {
		w.t.Fatalf("ip %s: %v: %s", strings.Join(words, " "), err, out)
	}
}

func (w *network) remove(namespace string) {
	if out, err := exec.Command("ip", "netns", "delete", namespace).CombinedOutput(); err != nil {
		w.t.Errorf("%s is left over: %s", namespace, out)
	}
}

// cut takes the wire of node i out, or puts it in again.
func (w *network) cut(i int)  { w.t.Helper(); w.ip("-n", w.bridge, "link", "set", port(i), "down") }
func (w *network) heal(i int) { w.t.Helper(); w.ip("-n", w.bridge, "link", "set", port(i), "up") }

// dialIn dials from inside of a namespace.
func dialIn(namespace string) func(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		done := make(chan result, 1)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread is in another namespace from now on, and ends with the goroutine
			f, err := os.Open(filepath.Join("/run/netns", namespace))
			if err == nil {
				err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
				f.Close()
			}
			if err != nil {
				done <- result{err: err}
				return
			}
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			done <- result{conn, err}
		}()
		r := <-done
		return r.conn, r.err
	}
}

// startCutCluster starts three nodes in that network.
func startCutCluster(t *testing.T) (*cluster, *network) {
	t.Helper()
	c := newCluster(t, 3)
	w := buildNetwork(t, len(c.nodes))
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("the cluster key of the test"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, p := range c.nodes {
		host := fmt.Sprint(subnet, i+1)
		p.within = []string{"ip", "netns", "exec", w.nodes[i]}
		p.url = "unix://" + filepath.Join(dir, p.name)
		p.admin = "127.0.0.1:9090"
		p.web = &http.Client{Transport: &http.Transport{DialContext: dialIn(w.nodes[i])}}
		t.Cleanup(p.web.CloseIdleConnections)
		p.gossip = fmt.Sprintf("%s:%d", host, gossipPort)
		p.more = []string{"--link", fmt.Sprintf("%s:%d", host, gossipPort+1), "--cluster-key-file", key}
	}
	for _, p := range c.nodes {
		p.seeds = []string{c.nodes[0].gossip, c.nodes[1].gossip, c.nodes[2].gossip}
		p.start()
	}
	c.awaitMesh()
	return c, w
}

const (
	// cutFor is longer than membership needs to give a node up, and shorter than links keep what they could not send.
	cutFor = 8 * time.Second
	// healsIn is when everything has to be as before.
	healsIn = 10 * time.Second
)

// TestProcessNetworkCut: one node is cut off the two others. Both sides go on; afterwards all tables are equal, all routes live, nothing is
// missing, and no client did anything for it.
func TestProcessNetworkCut(t *testing.T) {
	c, w := startCutCluster(t)
	alone, second, third := c.nodes[0], c.nodes[1], c.nodes[2]
	var lost atomic.Int64
	join := func(p *proc) *client.Client {
		return connect(t, client.Config{Serializer: wamp.MsgPack, Notify: func(n client.Notice) {
			if n.Kind == client.Lost {
				lost.Add(1)
			}
		}}, p.url)
	}
	var topics []string
	for _, p := range c.nodes {
		topics = append(topics, chat(p))
	}
	at, heard, talkers := map[*proc]*client.Client{}, map[*proc]*listener{}, map[*proc]*talker{}
	for _, p := range c.nodes {
		at[p] = join(p)
		heard[p] = listen(t, join(p), topics...)
		register(t, at[p], "com.shared", wamp.RoundRobin, p.name)
	}
	hang := hang(t, at[alone], "com.hang")
	c.awaitMesh()
	for _, p := range c.nodes {
		talkers[p] = talk(t, at[p], chat(p), talkEvery)
	}
	heard[third].await(third.name, chat(alone), someTalk)
	calls := []*client.Pending{hang.call(t, at[second]), hang.call(t, at[third])}

	w.cut(0)
	since, begun := time.Now(), int(talkers[second].last.Load())
	canceled(t, since, calls...)
	sides := map[*proc][]*proc{alone: {alone}, second: {second, third}, third: {second, third}}
	for p, side := range sides {
		if seen := reached(t, at[p], "com.shared"); len(seen) != len(side) || seen[p.name] == 0 {
			t.Errorf("during the cut, asked at %s, there answered %v", p.name, seen)
		}
	}
	fresh := map[*proc]chan string{}
	for _, p := range c.nodes {
		fresh[p] = subscribe(t, at[p], "com.new."+p.name)
		register(t, at[p], "com.new."+p.name, wamp.Single, p.name)
		own := join(p)
		publish(t, own, "com.new."+p.name, 1)
		if got := next(t, fresh[p]); got != "[1]" {
			t.Error(got)
		}
		if got, err := call(t, own, "com.new."+p.name); err != nil || got != `["`+p.name+`"]` {
			t.Errorf("during the cut, at %s: %s, %v", p.name, got, err)
		}
	}
	for p := range sides {
		for _, q := range c.others(p) {
			if p == alone || q == alone {
				eventually(t, q.name+" is hidden from "+p.name, func() bool { return p.state(q) == "hidden" })
			}
		}
	}
	heard[third].await(third.name, chat(second), begun+int(cutFor/talkEvery))

	w.heal(0)
	healed := time.Now()
	c.awaitMesh()
	t.Logf("a mesh with equal tables %v after the cut was mended", time.Since(healed))
	for _, p := range c.nodes {
		if seen := answers(t, at[p], "com.shared", 6); len(seen) != 3 {
			t.Errorf("after the cut, asked at %s, there answered %v", p.name, seen)
		}
		for _, q := range c.others(p) {
			publish(t, at[p], "com.new."+q.name, 2)
			if got := next(t, fresh[q]); got != "[2]" {
				t.Errorf("from %s to %s: %s", p.name, q.name, got)
			}
			if got, err := call(t, at[p], "com.new."+q.name); err != nil || got != `["`+q.name+`"]` {
				t.Errorf("from %s to %s: %s, %v", p.name, q.name, got, err)
			}
		}
	}
	if took := time.Since(healed); took > healsIn {
		t.Errorf("all routes lived only %v after the cut was mended", took)
	}
	for _, p := range c.nodes {
		last, err := talkers[p].stop()
		if err != nil {
			t.Error(err)
		}
		for _, q := range c.nodes {
			heard[q].complete(q.name, chat(p), 1, last)
		}
	}
	if n := lost.Load(); n > 0 {
		t.Errorf("%d sessions have ended", n)
	}
}

// reached calls the procedure until six calls in a row have been answered, and returns who did: after a cut some fail before others go
// elsewhere.
func reached(t *testing.T, c *client.Client, procedure string) (seen map[string]int) {
	t.Helper()
	eventually(t, procedure+" answers", func() bool {
		seen = map[string]int{}
		for range 6 {
			got, err := call(t, c, procedure)
			if err != nil {
				return false
			}
			seen[strings.Trim(got, `["]`)]++
		}
		return true
	})
	return seen
}
