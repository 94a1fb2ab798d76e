package systems

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// portFirst to portLast lie below the ports that Linux gives to clients, so that no client takes the port of a node that is down.
	portFirst, portLast = 21000, 31000
	// portStride keeps clusters of other programs apart, which look for ports at the same time: they begin elsewhere, by their process id.
	portStride = 4 * NodesMax
	// readyPoll is the pause between two questions whether a node is ready, readyAsk what one may take.
	readyPoll = 20 * time.Millisecond
	readyAsk  = 2 * time.Second
	// politeTime is what each node has between SIGTERM and SIGKILL when the run ends.
	politeTime = 5 * time.Second
)

// Cluster is a system that runs.
type Cluster struct {
	System *System
	URLs   []string // of all nodes; whole and unchanged after Start
	places []place
	net    Net
	web    http.Client

	mu      sync.Mutex // guards what is below
	nodes   []*process
	stopped bool
}

// process is one node.
type process struct {
	log    *os.File
	life   *life         // that runs or was the last; nil: never started
	starts int           // that succeeded
	past   time.Duration // processor time of the lives before
}

// life is one process of a node.
type life struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed, under the cluster's lock, when it has ended and cpu is final
	asked bool          // we end it
	cpu   time.Duration
}

func (l *life) pid() int { return l.cmd.Process.Pid }

func (l *life) hasEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// Net is where nodes live.
type Net interface {
	Host(i int) string                // node i's address
	Start(i int, cmd *exec.Cmd) error // starts a process of node i there
}

// loopback is the Net where nothing else is given.
type loopback struct{}

func (loopback) Host(int) string                  { return "127.0.0.1" }
func (loopback) Start(_ int, cmd *exec.Cmd) error { return cmd.Start() }

// Pinned is the loopback network where nodes have these processors alone, as taskset takes them; "": all.
func Pinned(processors string) Net {
	if processors == "" {
		return loopback{}
	}
	return pinned{processors: processors}
}

type pinned struct {
	loopback
	processors string
}

// Start starts taskset, which becomes the program.
func (p pinned) Start(_ int, cmd *exec.Cmd) error {
	path, err := exec.LookPath("taskset")
	if err != nil {
		return err
	}
	cmd.Path, cmd.Args, cmd.Err = path, append([]string{path, "-c", p.processors}, cmd.Args...), nil
	return cmd.Start()
}

// Start starts n nodes with their folders and logs below dir. It does not wait until they are ready. The cluster is never nil, and Stop
// ends it, also after an error.
func Start(s *System, n int, dir string) (*Cluster, error) { return StartIn(loopback{}, s, n, dir) }

// StartIn is Start in a network of its own.
func StartIn(net Net, s *System, n int, dir string) (*Cluster, error) {
	c := &Cluster{System: s, net: net, web: http.Client{Timeout: readyAsk}}
	if n < 1 || n > NodesMax || s.Nodes != 0 && n != s.Nodes {
		return c, fmt.Errorf("%s cannot have %d nodes", s.Name, n)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return c, err
	}
	next := portFirst + os.Getpid()*portStride%(portLast-portFirst)/2
	for i := range n {
		if err := c.place(i, n, dir, &next); err != nil {
			return c, err
		}
	}
	for i := range n {
		if err := c.Restart(i); err != nil {
			return c, err
		}
	}
	return c, nil
}

// place makes node i's folder with its files, and finds its ports from next on.
func (c *Cluster) place(i, n int, dir string, next *int) (err error) {
	s, p := c.System, place{host: c.net.Host(i), dir: filepath.Join(dir, fmt.Sprintf("%s-%d", c.System.Name, i))}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	for _, port := range []*int{&p.port, &p.gossip, &p.link, &p.admin, &p.status} {
		if *port, err = freePort(next); err != nil {
			return err
		}
	}
	for name, text := range s.Files {
		file := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(s.words(i, n, p).Replace(text)), 0o644); err != nil {
			return err
		}
	}
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		return err
	}
	c.nodes = append(c.nodes, &process{log: log})
	c.places = append(c.places, p)
	c.URLs = append(c.URLs, s.words(i, n, p).Replace(s.URL))
	return nil
}

// freePort finds a port from next on that nobody has, neither of TCP nor of UDP.
func freePort(next *int) (int, error) {
	for ; *next < portLast; *next++ {
		at := fmt.Sprintf("127.0.0.1:%d", *next)
		l, err := net.Listen("tcp", at)
		if err != nil {
			continue
		}
		l.Close()
		u, err := net.ListenPacket("udp", at)
		if err != nil {
			continue
		}
		u.Close()
		*next++
		return *next - 1, nil
	}
	return 0, fmt.Errorf("there is no free port from %d to %d", portFirst, portLast)
}

// Restart starts node i, which has never run or has ended.
func (c *Cluster) Restart(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.nodes[i]
	switch {
	case c.stopped:
		return fmt.Errorf("%s has been stopped", c.System.Name)
	case p.life != nil && !p.life.hasEnded():
		return fmt.Errorf("node %d of %s runs", i, c.System.Name)
	}
	words := c.System.command(i, c.places, p.starts > 0)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.places[i].dir, p.log, p.log
	cmd.SysProcAttr = ownGroup()
	if err := c.net.Start(i, cmd); err != nil {
		return err
	}
	if p.life != nil {
		p.past += p.life.cpu
	}
	p.life = &life{cmd: cmd, ended: make(chan struct{})}
	p.starts++
	go c.await(p.life)
	return nil
}

// await waits for the end of a process, and ends the children that it leaves behind.
func (c *Cluster) await(l *life) {
	l.cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	used := l.cmd.ProcessState.UserTime() + l.cmd.ProcessState.SystemTime() // with the children that it has waited for
	if left := readGroups()[l.pid()]; len(left) > 0 {
		used += times(left)
		killGroup(l.pid()) // the group's number belongs to it as long as it has members
	}
	l.cpu = max(l.cpu, used)
	close(l.ended)
}

// End sends a signal to node i and, where it lives on after grace, SIGKILL. It returns when the process has ended. A node that does not
// run is left as it is.
func (c *Cluster) End(i int, sig syscall.Signal, grace time.Duration) {
	c.mu.Lock()
	p := c.nodes[i]
	l := p.life
	if l == nil || l.hasEnded() {
		c.mu.Unlock()
		return
	}
	p.used(readGroups()) // children that end unwaited for are not in the last account
	l.asked = true
	l.cmd.Process.Signal(sig)
	c.mu.Unlock()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-l.ended:
	case <-t.C:
		l.cmd.Process.Kill()
		<-l.ended
	}
}

// Crashed names a node that has ended though nobody ended it, until it is started again; -1: none.
func (c *Cluster) Crashed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.nodes {
		if p.life != nil && p.life.hasEnded() && !p.life.asked {
			return i
		}
	}
	return -1
}

// Stop ends all nodes at the same time; each has 5 s. What they used can be asked afterwards, nothing can be started.
func (c *Cluster) Stop() {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	var all sync.WaitGroup
	for i := range c.nodes {
		all.Go(func() { c.End(i, syscall.SIGTERM, politeTime) })
	}
	all.Wait()
	for _, p := range c.nodes {
		p.log.Close()
	}
	c.web.CloseIdleConnections()
}

// Pause stops node i's process with all that it started (SIGSTOP), until it is resumed or killed.
func (c *Cluster) Pause(i int) error { return c.signal(i, pauseGroup) }

// Resume lets it go on.
func (c *Cluster) Resume(i int) error { return c.signal(i, resumeGroup) }

func (c *Cluster) signal(i int, send func(pid int) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.nodes[i].life; l != nil && !l.hasEnded() {
		return send(l.pid())
	}
	return fmt.Errorf("node %d of %s does not run", i, c.System.Name)
}

// Ready waits until node i says that it is. Any goroutine.
func (c *Cluster) Ready(ctx context.Context, i int) error { return c.until(ctx, i, "ready", c.ask) }

// Settled waits until node i has the part in the cluster that it is to have: with Raft, until all voters have their votes. A node of a
// system that knows nothing of the kind is settled when it is ready. Any goroutine.
func (c *Cluster) Settled(ctx context.Context, i int) error {
	if c.System.Settled == "" {
		return c.Ready(ctx, i)
	}
	return c.until(ctx, i, "settled", func(ctx context.Context, i int) error {
		_, err := c.Get(ctx, i, c.System.Settled)
		return err
	})
}

func (c *Cluster) until(ctx context.Context, i int, what string, ask func(context.Context, int) error) error {
	t := time.NewTicker(readyPoll)
	defer t.Stop()
	for {
		err := ask(ctx, i)
		if err == nil {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("node %d of %s is not %s: %w", i, c.System.Name, what, err)
		}
	}
}

// Get asks node i at an address with the words of a [System], such as http://{host}:{admin}/metrics, and returns the answer.
func (c *Cluster) Get(ctx context.Context, i int, address string) ([]byte, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, c.System.words(i, len(c.places), c.places[i]).Replace(address), nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.web.Do(ask)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s", answer.Status)
	}
	return body, err
}

func (c *Cluster) ask(ctx context.Context, i int) error {
	if c.System.Ready != "" {
		_, err := c.Get(ctx, i, c.System.Ready)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyAsk)
	defer cancel()
	s, err := client.Dial(ctx, client.Config{URLs: c.URLs[i : i+1], Realm: c.System.Realm, Serializer: wamp.MsgPack, Once: true})
	if err == nil {
		s.Close()
	}
	return err
}

// answerMax bounds what is read of a node's answer.
const answerMax = 4 << 20
