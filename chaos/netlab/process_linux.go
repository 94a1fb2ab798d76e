package netlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"kleeblatt/internal/wamp"
)

const (
	clientPort = 8080
	gossipPort = 7946
	linkPort   = 7947
	adminPort  = 9090
	// askTime is how long a node's admin port may take; a stopped process does not answer at all.
	askTime = 2 * time.Second
	// answerMax bounds what is read of it.
	answerMax = 4 << 20
)

// process is one node. Its addresses and its data stay over restarts.
type process struct {
	node  int
	name  string
	words []string
	log   *os.File
	cmd   *exec.Cmd
	ended chan struct{}
	why   error
	// deaths is how often we have killed it: a session that ends without one is a broken promise.
	deaths atomic.Int64
	down   atomic.Bool // killed and not started again
	web    *http.Client
}

func newProcess(node, nodes int, bin, dir, key string) (*process, error) {
	p := &process{node: node, name: nodeName(node), ended: make(chan struct{}), web: &http.Client{Timeout: askTime}}
	close(p.ended)
	at := func(port int) string { return fmt.Sprintf("%s:%d", host(node), port) }
	p.words = []string{
		bin, "serve", "--insecure", "--name", p.name, "--data", filepath.Join(dir, p.name), "--cluster-key-file", key,
		"--listen", fmt.Sprintf("ws://%s/ws", at(clientPort)), "--gossip", at(gossipPort), "--link", at(linkPort), "--admin", at(adminPort),
	}
	for i := range nodes {
		p.words = append(p.words, "--join", fmt.Sprintf("%s:%d", host(i), gossipPort))
	}
	var err error
	p.log, err = os.Create(filepath.Join(dir, p.name+".log"))
	return p, err
}

// url is where clients go, serializer what they speak: both differ over the nodes.
func (p *process) url() string {
	scheme, path := "ws", "/ws"
	if p.node%2 == 1 {
		scheme, path = "rs", ""
	}
	return fmt.Sprintf("%s://%s:%d%s", scheme, host(p.node), clientPort, path)
}

func (p *process) serializer() wamp.Serializer {
	return []wamp.Serializer{wamp.MsgPack, wamp.JSON, wamp.CBOR}[p.node%3]
}

func (p *process) start() error {
	cmd := exec.Command(p.words[0], p.words[1:]...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := startWithin(p.node, cmd); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	p.down.Store(false)
	go func() {
		p.why = cmd.Wait()
		close(ended)
	}()
	return nil
}

// kill ends the process without a word.
func (p *process) kill() error {
	p.down.Store(true)
	p.deaths.Add(1)
	err := p.cmd.Process.Kill()
	<-p.ended
	return err
}

func (p *process) stop() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *process) cont() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// dead says that the process has ended though nobody killed it.
func (p *process) dead() error {
	select {
	case <-p.ended:
		if !p.down.Load() {
			return fmt.Errorf("%s has ended by itself: %v", p.name, p.why)
		}
	default:
	}
	return nil
}

func (p *process) get(ctx context.Context, path string) ([]byte, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s", host(p.node), adminPort, path), nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.web.Do(ask)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return body, err
}

func (p *process) counts(ctx context.Context) (Counts, error) {
	text, err := p.get(ctx, "/metrics")
	return parseMetrics(string(text)), err
}

// view is what a node says of its cluster.
type view struct {
	Ready   bool   `json:"ready"`
	Digest  string `json:"digest"`
	Members []struct {
		Name  string `json:"name"`
		State string `json:"state"`
		Link  string `json:"link"`
	} `json:"members"`
}

func (p *process) view(ctx context.Context) (v view, err error) {
	text, err := p.get(ctx, "/cluster")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	return v, err
}

// reaches counts the nodes that it routes to.
func (v *view) reaches() (n int) {
	for _, m := range v.Members {
		if m.State == "reachable" {
			n++
		}
	}
	return n
}
