//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kleeblatt/internal/admin"
	"kleeblatt/internal/client"
)

// This file is the harness for tests with real processes: they build the program once, start nodes on free ports, and may
// stop, kill and restart each. They run only where KLEEBLATT_PROCESSES=1 is set.

// build compiles the program once for all tests of this run.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kleeblatt")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "kleeblatt.exe")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if os.Getenv("KLEEBLATT_PROCESSES") == "1" {
		if binary, err := build(); err == nil {
			os.RemoveAll(filepath.Dir(binary))
		}
	}
	os.Exit(status)
}

// cluster is some nodes of one test, each a process.
type cluster struct {
	t     *testing.T
	nodes []*proc
}

// proc is one node. Its ports and its data directory stay over restarts.
type proc struct {
	t                     *testing.T
	name                  string
	client, gossip, admin string // host:port
	url                   string // of client, where that is no WebSocket port
	web                   *http.Client
	data                  string
	seeds                 []string
	more                  []string // further words for serve
	within                []string // what runs the program, where it is not run directly
	temp                  string   // its directory for temporary files, which a killed process leaves behind
	log                   *output
	cmd                   *exec.Cmd
	ended                 chan struct{}
	status                error
}

// output is what a process has written so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startCluster starts n joined nodes n1…, and waits until each has a link to all others. more are further words for serve.
func startCluster(t *testing.T, n int, more ...string) *cluster {
	t.Helper()
	c := newCluster(t, n, more...)
	for _, p := range c.nodes {
		p.start()
	}
	c.awaitMesh()
	return c
}

// newCluster is the same before any of them is started. Each is a seed of all.
func newCluster(t *testing.T, n int, more ...string) *cluster {
	t.Helper()
	if os.Getenv("KLEEBLATT_PROCESSES") != "1" {
		t.Skip("real processes: set KLEEBLATT_PROCESSES=1")
	}
	c := &cluster{t: t}
	ports := freePorts(t, 4*n)
	address := func() string {
		p := ports[0]
		ports = ports[1:]
		return fmt.Sprintf("127.0.0.1:%d", p)
	}
	var seeds []string
	for i := range n {
		p := &proc{t: t, name: fmt.Sprintf("n%d", i+1), client: address(), gossip: address(), admin: address(), data: t.TempDir(), temp: t.TempDir()}
		p.more = append([]string{"--link", address()}, more...)
		seeds = append(seeds, p.gossip)
		c.nodes = append(c.nodes, p)
	}
	notStarted := make(chan struct{})
	close(notStarted)
	for _, p := range c.nodes {
		p.seeds, p.ended = seeds, notStarted
	}
	return c
}

// freePorts asks the system for n ports that nobody has at the moment.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		// Membership needs the same number for TCP and UDP.
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (p *proc) ws() string {
	if p.url != "" {
		return p.url
	}
	return "ws://" + p.client + "/ws"
}

func (p *proc) rs() string { return "rs://" + p.client }

// start runs the node; the test's end kills it. A failed test shows the node's log.
func (p *proc) start() {
	p.t.Helper()
	binary, err := build()
	if err != nil {
		p.t.Fatal(err)
	}
	words := []string{"serve", "--name", p.name, "--data", p.data, "--listen", p.ws(), "--gossip", p.gossip, "--admin", p.admin}
	for _, s := range p.seeds {
		words = append(words, "--join", s)
	}
	words = slices.Concat(p.within, []string{binary}, words, p.more)
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.Env = append(os.Environ(), "TMPDIR="+p.temp)
	log := &output{}
	p.log, p.cmd.Stderr, p.cmd.Stdout = log, log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd, ended := p.cmd, make(chan struct{})
	p.ended = ended
	go func() {
		p.status = cmd.Wait()
		close(ended)
	}()
	p.t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if p.t.Failed() {
			p.t.Logf("log of %s:\n%s", p.name, log)
		}
	})
}

// kill ends the process without a word (kill -9) and waits for it.
func (p *proc) kill() {
	p.t.Helper()
	p.cmd.Process.Kill()
	<-p.ended
}

// signal sends the process a signal.
func (p *proc) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// stop asks the process to end (SIGTERM) and waits until it has, in good order.
func (p *proc) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.ends()
}

// ends waits until the process, which has been asked to, has ended in good order.
func (p *proc) ends() {
	p.t.Helper()
	select {
	case <-p.ended:
		if p.status != nil {
			p.t.Errorf("%s ended with %v", p.name, p.status)
		}
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.name)
	}
}

// get asks the admin address.
func (p *proc) get(path string) (status int, body []byte, err error) {
	web := p.web
	if web == nil {
		web = http.DefaultClient
	}
	answer, err := web.Get("http://" + p.admin + path)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(answer.Body)
	return answer.StatusCode, b.Bytes(), err
}

// cluster is the node's own view.
func (p *proc) cluster() (admin.Status, error) {
	var s admin.Status
	code, body, err := p.get("/cluster")
	if err == nil && code != http.StatusOK {
		err = errors.New(http.StatusText(code))
	}
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	return s, err
}

// eventually polls until ok holds. It is for what only another process knows; what this one can be told of, it waits for.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// awaitMesh waits until all running nodes are ready, reach each other and route by equal tables.
func (c *cluster) awaitMesh() {
	c.t.Helper()
	var running []*proc
	for _, p := range c.nodes {
		select {
		case <-p.ended:
		default:
			running = append(running, p)
		}
	}
	eventually(c.t, "a mesh with equal tables", func() bool {
		digests := map[string]bool{}
		for _, p := range running {
			s, err := p.cluster()
			if err != nil || !s.Ready {
				return false
			}
			reachable := 0
			for _, m := range s.Members {
				if m.State == "reachable" {
					reachable++
				}
			}
			if reachable != len(running)-1 {
				return false
			}
			digests[s.Digest] = true
		}
		return len(digests) == 1
	})
}

// connect is a client of these URLs, closed with the test.
func connect(t *testing.T, cfg client.Config, urls ...string) *client.Client {
	t.Helper()
	cfg.URLs = urls
	cfg.Wait = true
	ctx, cancel := contextOf(t)
	defer cancel()
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// tell runs a tool of the built program to its end.
func tell(t *testing.T, words ...string) (out, complaints string) {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextOf(t)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, words...)
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil {
		t.Errorf("kleeblatt %s: %v: %s", strings.Join(words, " "), err, e.String())
	}
	return strings.TrimSpace(o.String()), e.String()
}
