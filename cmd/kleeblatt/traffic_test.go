//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// Numbered events between clients, and what the processes say of themselves: how the tests with real processes see that nothing
// was lost, doubled or grown.

// talker publishes 1, 2, 3, … to its topic until it is stopped.
type talker struct {
	t      *testing.T
	last   atomic.Int64
	cancel context.CancelFunc
	done   chan error
}

// talk starts a talker with a number per interval.
func talk(t *testing.T, c *client.Client, topic string, interval time.Duration) *talker {
	ctx, cancel := context.WithCancel(t.Context())
	k := &talker{t: t, cancel: cancel, done: make(chan error, 1)}
	go func() { k.done <- k.run(ctx, c, topic, interval) }()
	t.Cleanup(func() { k.stop() })
	return k
}

func (k *talker) run(ctx context.Context, c *client.Client, topic string, interval time.Duration) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var failed error
	for n := int64(1); ; n++ {
		// Not ctx itself: a message that is begun is sent.
		if _, err := c.Publish(context.WithoutCancel(ctx), topic, client.Args(n), nil); err != nil && failed == nil {
			failed = fmt.Errorf("%s %d: %w", topic, n, err)
		}
		k.last.Store(n)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return failed
		}
	}
}

// stop ends the talker and returns its last number and the first error that it met.
func (k *talker) stop() (last int, err error) {
	k.cancel()
	err = <-k.done
	k.done <- err
	return int(k.last.Load()), err
}

// listener keeps the numbers that it hears, by topic, in the order of their arrival.
type listener struct {
	t     *testing.T
	mu    sync.Mutex
	heard map[string][]int
	news  chan struct{}
}

// listen subscribes c to the topics.
func listen(t *testing.T, c *client.Client, topics ...string) *listener {
	t.Helper()
	l := &listener{t: t, heard: map[string][]int{}, news: make(chan struct{}, 1)}
	ctx, cancel := contextOf(t)
	defer cancel()
	for _, topic := range topics {
		if _, err := c.Subscribe(ctx, topic, wamp.Exact, l.hear); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *listener) hear(e client.Event) {
	n := numberOf(e.Payload)
	l.mu.Lock()
	l.heard[e.Topic] = append(l.heard[e.Topic], n)
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// numberOf is the payload's first argument, -1 if that is no number.
func numberOf(p client.Payload) int {
	text, _, _ := strings.Cut(strings.TrimPrefix(p.String(), "["), ",")
	n, err := strconv.Atoi(strings.TrimSuffix(text, "]"))
	if err != nil {
		return -1
	}
	return n
}

func (l *listener) numbers(topic string) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[topic][:len(l.heard[topic]):len(l.heard[topic])]
}

// last is the last number that it has heard, 0 for none.
func (l *listener) last(topic string) int {
	if n := l.numbers(topic); len(n) > 0 {
		return n[len(n)-1]
	}
	return 0
}

// await waits until it has heard n or more.
func (l *listener) await(what, topic string, n int) {
	l.t.Helper()
	over := time.After(patience)
	for l.last(topic) < n {
		select {
		case <-l.news:
		case <-over:
			l.t.Fatalf("%s has heard %d of %s, waiting for %d", what, l.last(topic), topic, n)
		}
	}
}

// complete checks that it has heard the numbers first to last of the topic, each once and in order. first 0: from wherever it began.
func (l *listener) complete(what, topic string, first, last int) {
	l.t.Helper()
	l.await(what, topic, last)
	numbers := l.numbers(topic)
	if first == 0 {
		first = numbers[0]
	}
	for i, n := range numbers {
		if n != first+i {
			l.t.Errorf("%s: %s %d where %d was due", what, topic, n, first+i)
			return
		}
	}
}

// growing checks that it has heard no number of the topic twice, and none after a greater one.
func (l *listener) growing(what, topic string) {
	l.t.Helper()
	before := 0
	for _, n := range l.numbers(topic) {
		if n <= before {
			l.t.Errorf("%s: %s %d after %d", what, topic, n, before)
			return
		}
		before = n
	}
}

// hanging is a procedure whose calls do not end by themselves.
type hanging struct {
	procedure string
	called    chan struct{}
}

func hang(t *testing.T, c *client.Client, procedure string) hanging {
	t.Helper()
	h := hanging{procedure, make(chan struct{}, 100)}
	ctx, cancel := contextOf(t)
	defer cancel()
	if _, err := c.Register(ctx, procedure, nil, func(ctx context.Context, _ *client.Invocation) (client.Payload, error) {
		h.called <- struct{}{}
		<-ctx.Done()
		return client.Payload{}, ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

// call calls it and returns once the callee is at it.
func (h hanging) call(t *testing.T, c *client.Client) *client.Pending {
	t.Helper()
	ctx, cancel := contextOf(t)
	defer cancel()
	p, err := c.Start(ctx, h.procedure, client.Payload{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.called:
	case <-ctx.Done():
		t.Fatalf("nobody has seen the call of %s", h.procedure)
	}
	return p
}

const (
	// callFailsIn is when calls at a node that cannot be reached have failed at the latest.
	callFailsIn = 1500 * time.Millisecond
	// busyFor is what a machine that does other things meanwhile may add to it.
	busyFor = time.Second
)

// canceled checks that the calls end with wamp.error.canceled, soon after since.
func canceled(t *testing.T, since time.Time, calls ...*client.Pending) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), since.Add(callFailsIn+busyFor))
	defer cancel()
	for _, p := range calls {
		if _, err := p.Next(ctx); !client.HasURI(err, wamp.ErrCanceled) {
			t.Errorf("%v after the loss of the callee's node its call has ended with: %v", time.Since(since), err)
		}
	}
}

// answers calls the procedure n times, each call must succeed, and returns who answered how often.
func answers(t *testing.T, c *client.Client, procedure string, n int) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for range n {
		got, err := call(t, c, procedure)
		if err != nil {
			t.Errorf("%s: %v", procedure, err)
		}
		seen[strings.Trim(got, `["]`)]++
	}
	return seen
}

// metric is one number of /metrics; label is "" for a metric without. Where there is no such line it is 0.
func (p *proc) metric(name, label string) float64 {
	p.t.Helper()
	status, body, err := p.get("/metrics")
	if err != nil || status != http.StatusOK {
		p.t.Fatalf("%s: /metrics: %d, %v", p.name, status, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		head, value, _ := strings.Cut(lines.Text(), " ")
		if head == name || label != "" && strings.HasPrefix(head, name+"{") && strings.Contains(head, `="`+label+`"`) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// state is what p thinks of another node, "" when it cannot be asked or knows nothing of it.
func (p *proc) state(other *proc) string {
	s, err := p.cluster()
	if err != nil {
		return ""
	}
	for _, m := range s.Members {
		if m.Name == other.name {
			return m.State
		}
	}
	return ""
}

// memory is what Linux says of the process's resident memory, in bytes: VmRSS for now, VmHWM for the most since forgetPeak.
func (p *proc) memory(field string) int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skip("resident memory is read from /proc: ", err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, field+": %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	p.t.Fatalf("/proc says nothing of %s", field)
	return 0
}

// forgetPeak begins to look for the most memory anew, and returns what is in use now.
func (p *proc) forgetPeak() int {
	p.t.Helper()
	const resetPeak = "5" // proc_pid_clear_refs(5)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte(resetPeak), 0); err != nil {
		p.t.Skip("the peak of resident memory cannot be reset: ", err)
	}
	return p.memory("VmRSS")
}

// others are the cluster's nodes but for one.
func (c *cluster) others(p *proc) (out []*proc) {
	for _, o := range c.nodes {
		if o != p {
			out = append(out, o)
		}
	}
	return out
}
