//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// known is a session whose subscription and registration every other node has to know before it takes clients.
type known struct {
	t      *testing.T
	name   string // of the topic and the procedure
	events chan string
	heard  int
	lost   chan error // the session's end
}

func becomeKnown(t *testing.T, name string, urls ...string) *known {
	t.Helper()
	k := &known{t: t, name: name, lost: make(chan error, 1)}
	c := connect(t, client.Config{Once: true, Notify: func(n client.Notice) {
		if n.Kind == client.Lost {
			k.lost <- n.Err
		}
	}}, urls...)
	register(t, c, name, wamp.Single, "known")
	k.events = subscribe(t, c, name)
	for i := range 300 { // so that there is something to learn
		subscribe(t, c, fmt.Sprint(name, ".", i))
	}
	return k
}

// stays checks that the session has not ended.
func (k *known) stays() {
	k.t.Helper()
	select {
	case err := <-k.lost:
		k.t.Errorf("the session has ended: %v", err)
	default:
	}
}

// knownAt waits for p to take clients, and asks it at once.
func (k *known) knownAt(p *proc) {
	k.t.Helper()
	var first *client.Client
	eventually(k.t, p.name+" takes clients", func() bool {
		c, err := client.Dial(k.t.Context(), client.Config{URLs: []string{p.ws()}})
		first = c
		return err == nil
	})
	defer first.Close()
	if got, err := call(k.t, first, k.name); err != nil || got != `["known"]` {
		k.t.Errorf("the first call at %s: %s, %v", p.name, got, err)
	}
	k.heard++
	publish(k.t, first, k.name, k.heard)
	if got, want := next(k.t, k.events), fmt.Sprintf("[%d]", k.heard); got != want {
		k.t.Errorf("the first event from %s: %s, want %s", p.name, got, want)
	}
}

// takesClients reports whether the client port is open.
func (p *proc) takesClients() bool {
	conn, err := net.Dial("tcp", p.client)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// TestProcessJoinBeforeClients (P24): a node that is to join others refuses clients until it knows what the others know, however long that takes.
func TestProcessJoinBeforeClients(t *testing.T) {
	c := newCluster(t, 2)
	old, joining := c.nodes[0], c.nodes[1]
	old.seeds = nil
	old.start()
	k := becomeKnown(t, "com.known", old.ws())
	old.signal(syscall.SIGSTOP)
	t.Cleanup(func() { old.cmd.Process.Signal(syscall.SIGCONT) })
	joining.start()
	unready := 0
	eventually(t, "it says often enough that it is not ready", func() bool {
		status, body, err := joining.get("/readyz")
		if err != nil {
			return false // not even started
		}
		if joining.takesClients() || status != http.StatusServiceUnavailable {
			t.Fatalf("its seed hangs, and it is ready: %d %s", status, body)
		}
		unready++
		return unready == 100
	})
	old.signal(syscall.SIGCONT)
	k.knownAt(joining)
	c.awaitMesh()
}

// TestProcessRestartsInAnyOrder (P24): one after the other, in good order or without a word, and all at a time, the first one last.
func TestProcessRestartsInAnyOrder(t *testing.T) {
	c := startCluster(t, 3)
	for round, order := range [][]int{{0, 2, 1}, {1, 0, 2}} {
		for i, at := range order {
			p := c.nodes[at]
			stays := c.others(p)[0]
			k := becomeKnown(t, fmt.Sprintf("com.known.r%d.%d", round, i), stays.ws())
			if (round+i)%2 == 0 {
				p.stop()
			} else {
				p.kill()
			}
			p.start()
			k.knownAt(p)
			c.awaitMesh()
		}
	}
	for _, p := range c.nodes {
		p.kill()
	}
	for _, at := range []int{2, 1, 0} {
		c.nodes[at].start()
	}
	c.awaitMesh()
	becomeKnown(t, "com.known", c.nodes[0].ws()).knownAt(c.nodes[2])
}

// another is a node that is not of the cluster's nodes, and wants to be.
func (c *cluster) another(name string, more ...string) *proc {
	c.t.Helper()
	var at [4]string
	for i, port := range freePorts(c.t, len(at)) {
		at[i] = fmt.Sprintf("127.0.0.1:%d", port)
	}
	return &proc{t: c.t, name: name, client: at[0], gossip: at[1], admin: at[2], data: c.t.TempDir(), temp: c.t.TempDir(),
		seeds: c.nodes[0].seeds, more: append([]string{"--link", at[3]}, more...)}
}

// fails waits until the process has ended by itself, with a status other than 0 and these words as its last ones, for a person.
func (p *proc) fails(words ...string) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%s goes on", p.name)
	}
	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	last := lines[len(lines)-1]
	if code := p.cmd.ProcessState.ExitCode(); code != statusFailed || !strings.HasPrefix(last, "kleeblatt serve: ") {
		p.t.Errorf("%s ended with %d and said %q", p.name, code, last)
	}
	for _, w := range words {
		if !strings.Contains(last, w) {
			p.t.Errorf("%s says %q, which does not tell of %q", p.name, last, w)
		}
	}
}

// TestProcessTwoOfOneName: the second one ends, and says how to mend it. The clients of the first do not notice.
func TestProcessTwoOfOneName(t *testing.T) {
	c := startCluster(t, 2)
	k := becomeKnown(t, "com.known", c.nodes[1].ws())
	second := c.another(c.nodes[1].name)
	second.start()
	second.fails(c.nodes[1].name, "--name")
	c.awaitMesh()
	k.knownAt(c.nodes[0])
	k.stays()

	third := c.another(c.nodes[0].name)
	third.data = c.nodes[0].data
	third.start()
	third.fails(third.data, "--data")
	third = c.another("other")
	third.data = c.another("").data
	third.start()
	eventually(t, "it is one of three", func() bool { return c.nodes[0].state(third) == "reachable" })
	third.stop()
	third.name = "renamed"
	third.start()
	third.fails("other", "--name")
	c.awaitMesh()
}

// TestProcessOtherClusterKey: with another key, or without one, a node joins nothing, takes no clients, and says what is wrong.
func TestProcessOtherClusterKey(t *testing.T) {
	dir := t.TempDir()
	key := func(name string) []string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("the cluster key of the test, "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"--cluster-key-file", file}
	}
	c := startCluster(t, 2, key("ours")...)
	k := becomeKnown(t, "com.known", c.nodes[1].ws())
	strangers := []*proc{c.another("other-key", key("theirs")...), c.another("no-key")}
	for _, p := range strangers {
		p.start()
	}
	eventually(t, "they have ended", func() bool {
		ended := 0
		for _, p := range strangers {
			if p.takesClients() {
				t.Fatalf("%s takes clients", p.name)
			}
			select {
			case <-p.ended:
				ended++
			default:
			}
		}
		return ended == len(strangers)
	})
	for _, p := range strangers {
		p.fails("--cluster-key-file")
	}
	c.awaitMesh()
	k.knownAt(c.nodes[0])
}

// TestProcessPortsTaken: each port that somebody else has is named, and the flag that chooses another.
func TestProcessPortsTaken(t *testing.T) {
	c := newCluster(t, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for _, flag := range []string{"--listen", "--gossip", "--admin", "--link"} {
		p := c.another("taken")
		p.seeds = nil
		switch flag {
		case "--listen":
			p.client = taken
		case "--gossip":
			p.gossip = taken
		case "--admin":
			p.admin = taken
		case "--link":
			p.more[1] = taken
		}
		p.start()
		p.fails(taken, flag)
	}
}
