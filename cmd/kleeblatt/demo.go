package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	demoNodes = 3
	// demoReadyTimeout is how long the nodes may take to find each other.
	demoReadyTimeout = 20 * time.Second
	// demoStopTimeout is how long a node may take to say goodbye before it is killed.
	demoStopTimeout = 10 * time.Second
	demoPoll        = 50 * time.Millisecond
)

var demoCommand = &command{
	name:    "demo",
	args:    "[--port 8080] [--gossip-port 7946] [--admin-port 9090]",
	summary: "run three joined nodes on this machine, until Ctrl-C",
	help: `
The nodes listen on 127.0.0.1: for clients on three ports from --port on, for membership and links on every tenth pair from
--gossip-port on, for operators on three from --admin-port on. Each line of a node's log begins with its name.
`,
}

func init() { demoCommand.run = runDemo }

// demoNode is one child process.
type demoNode struct {
	name, url, admin, gossip string
	cmd                      *exec.Cmd
	ended                    chan struct{}
}

func runDemo(ctx context.Context, words []string, io stdio) error {
	fs := demoCommand.flags(io)
	port := fs.Int("port", 8080, "first port for clients")
	gossip := fs.Int("gossip-port", 7946, "first port of the cluster")
	admin := fs.Int("admin-port", 9090, "first port for operators")
	words, err := parse(fs, words)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usagef("%s is not expected here", words[0])
	}
	nodes := make([]*demoNode, demoNodes)
	for i := range nodes {
		nodes[i] = &demoNode{
			name:   fmt.Sprintf("n%d", i+1),
			url:    fmt.Sprintf("ws://127.0.0.1:%d/ws", *port+i),
			admin:  fmt.Sprintf("127.0.0.1:%d", *admin+i),
			gossip: fmt.Sprintf("127.0.0.1:%d", *gossip+10*i),
			ended:  make(chan struct{}),
		}
	}
	return runNodes(ctx, nodes, io)
}

// runNodes starts the nodes and keeps them until ctx ends or one of them does.
func runNodes(ctx context.Context, nodes []*demoNode, io stdio) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lines := &lineWriter{out: io.err}
	var started []*demoNode
	defer func() { stopNodes(started) }()
	for _, n := range nodes {
		if err := n.start(binary, nodes, lines, cancel); err != nil {
			return err
		}
		started = append(started, n)
	}
	if err := awaitReady(ctx, nodes); err != nil {
		return err
	}
	io.say("\nthree nodes, one router; Ctrl-C ends it:")
	for _, n := range nodes {
		io.say("  %s  %s  http://%s/", n.name, n.url, n.admin)
	}
	io.say("try, in two other terminals:\n  %s sub --url %s com.example\n  %s pub --url %s com.example '\"hello\"'\n",
		os.Args[0], nodes[0].url, os.Args[0], nodes[demoNodes-1].url)
	<-ctx.Done()
	return whyEnded(ctx)
}

// start runs the node; ended is told when the process ends, whyever.
func (n *demoNode) start(binary string, all []*demoNode, log *lineWriter, ended context.CancelCauseFunc) error {
	args := []string{"serve", "--name", n.name, "--listen", n.url, "--gossip", n.gossip, "--admin", n.admin, "--log-format", "text"}
	for _, other := range all {
		args = append(args, "--join", other.gossip)
	}
	n.cmd = exec.Command(binary, args...)
	n.cmd.Stdout = log.prefixed(n.name + " | ")
	n.cmd.Stderr = n.cmd.Stdout
	ownGroup(n.cmd) // a Ctrl-C in the terminal reaches the supervisor alone, which then stops the nodes in order
	if err := n.cmd.Start(); err != nil {
		return err
	}
	go func() {
		err := n.cmd.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		close(n.ended)
		ended(fmt.Errorf("%s has ended: %w", n.name, err))
	}()
	return nil
}

// awaitReady waits until each node says that it is ready: it has met the others then.
func awaitReady(ctx context.Context, nodes []*demoNode) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoReadyTimeout, errors.New("the nodes did not find each other in time"))
	defer cancel()
	ticker := time.NewTicker(demoPoll)
	defer ticker.Stop()
	for _, n := range nodes {
		for !n.ready(ctx) {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return whyEnded(ctx)
			}
		}
	}
	return nil
}

func (n *demoNode) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.admin+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, statusBytesMax))
	return response.StatusCode == http.StatusOK
}

// stopNodes ends all nodes at a time, each by its own process.
func stopNodes(nodes []*demoNode) {
	var wait sync.WaitGroup
	for _, n := range nodes {
		wait.Go(func() {
			askToEnd(n.cmd.Process)
			select {
			case <-n.ended:
			case <-time.After(demoStopTimeout):
				n.cmd.Process.Kill()
				<-n.ended
			}
		})
	}
	wait.Wait()
}

// lineWriter writes the whole lines of several writers to one.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

// prefixed returns a writer whose lines come out behind prefix. One goroutine writes to it.
func (l *lineWriter) prefixed(prefix string) io.Writer {
	return &prefixWriter{to: l, prefix: prefix}
}

// prefixLineMax is where a line without an end is broken.
const prefixLineMax = 64 << 10

type prefixWriter struct {
	to     *lineWriter
	prefix string
	rest   []byte
}

func (p *prefixWriter) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		head := p.rest[:min(len(p.rest), prefixLineMax)]
		end := bytes.IndexByte(head, '\n') + 1
		if end == 0 && len(head) < prefixLineMax {
			return len(b), nil
		}
		if end == 0 {
			end = prefixLineMax
		}
		line := strings.TrimRight(string(head[:end]), "\n")
		p.rest = p.rest[:copy(p.rest, p.rest[end:])]
		p.to.mu.Lock()
		io.WriteString(p.to.out, p.prefix+line+"\n")
		p.to.mu.Unlock()
	}
}
