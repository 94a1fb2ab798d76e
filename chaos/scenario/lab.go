package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"kleeblatt/chaos/netlab"
	"kleeblatt/chaos/raw"
	"kleeblatt/chaos/systems"
	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// lab is one run.
type lab struct {
	cell    Cell
	system  *systems.System
	cluster *systems.Cluster
	net     *network
	raw     *raw.Writer
	home    string
	began   time.Time // the load began; before that, the run
	wg      sync.WaitGroup

	mu       sync.Mutex
	reported map[int]bool // clients that did what they were to do, to the end
	clients  int          // that there are to be
}

// sampleEvery is the distance of two samples of memory and processor time.
const sampleEvery = time.Second

// start brings the cluster up, and waits until it is complete.
func (l *lab) start(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, settleTime, errors.New("the cluster is not complete"))
	defer cancel()
	if l.cell.Spec.Network {
		if l.net, err = netlab.NewNetwork(l.cell.Nodes); err != nil {
			return err
		}
		l.cluster, err = systems.StartIn(l.net, l.system, l.cell.Nodes, l.home)
	} else {
		l.cluster, err = systems.StartIn(systems.Pinned(l.cell.Routers), l.system, l.cell.Nodes, l.home)
	}
	if err != nil {
		return err
	}
	for i := range l.cell.Nodes {
		if err := l.cluster.Ready(ctx, i); err != nil {
			return err
		}
	}
	l.figure("cold start: all ready", time.Since(l.began).Seconds(), "s", l.cell.Nodes)
	for i := range l.cell.Nodes {
		if err := l.cluster.Settled(ctx, i); err != nil {
			return err
		}
	}
	if err := l.meet(ctx); err != nil {
		return err
	}
	l.figure("cold start: complete", time.Since(l.began).Seconds(), "s", l.cell.Nodes)
	l.began = time.Now()
	return nil
}

// meet waits until an event from each node arrives at each other.
func (l *lab) meet(ctx context.Context) error {
	var sessions []*client.Client
	defer func() {
		for _, s := range sessions {
			s.Close()
		}
	}()
	seen := make(chan [2]int, l.cell.Nodes*l.cell.Nodes)
	for i := range l.cell.Nodes {
		s, err := client.Dial(ctx, l.config(i))
		if err != nil {
			return err
		}
		sessions = append(sessions, s)
		if _, err := s.Subscribe(ctx, "scenario.meet", wamp.Exact, func(e client.Event) {
			var from int
			if e.Payload.Decode(&from) == nil {
				select {
				case seen <- [2]int{from, i}:
				default:
				}
			}
		}); err != nil {
			return err
		}
	}
	missing := map[[2]int]bool{}
	for i := range l.cell.Nodes {
		for j := range l.cell.Nodes {
			if i != j { // a publisher does not get its own event
				missing[[2]int{i, j}] = true
			}
		}
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for len(missing) > 0 {
		for i, s := range sessions {
			s.Publish(ctx, "scenario.meet", client.Args(i), nil)
		}
		for waits := true; waits && len(missing) > 0; {
			select {
			case pair := <-seen:
				delete(missing, pair)
			case <-again.C:
				waits = false
			case <-ctx.Done():
				return fmt.Errorf("%w: %d pairs of nodes exchange no events", context.Cause(ctx), len(missing))
			}
		}
	}
	return nil
}

// config is a client's that stays at one node.
func (l *lab) config(node int) client.Config {
	return client.Config{URLs: []string{l.cluster.URLs[node]}, Realm: l.system.Realm, Serializer: wamp.MsgPack}
}

// anywhere is one that begins at a node and goes round.
func (l *lab) anywhere(first int) client.Config {
	urls := l.cluster.URLs
	first %= len(urls)
	return client.Config{URLs: append(slices.Clone(urls[first:]), urls[:first]...), Realm: l.system.Realm, Serializer: wamp.MsgPack}
}

// balanced is one that tries the nodes in random order, once.
func (l *lab) balanced(r *rand.Rand) client.Config {
	cfg := l.anywhere(0)
	r.Shuffle(len(cfg.URLs), func(i, j int) { cfg.URLs[i], cfg.URLs[j] = cfg.URLs[j], cfg.URLs[i] })
	cfg.Once = true
	return cfg
}

// node is the number of a URL's node from 1, 0 for none.
func (l *lab) node(url string) int { return slices.Index(l.cluster.URLs, url) + 1 }

// chance is a source of its own for each user.
func (l *lab) chance(user uint64) *rand.Rand { return rand.New(rand.NewPCG(l.cell.Seed, user)) }

// now is the time since the load began, in seconds.
func (l *lab) now() float64 { return time.Since(l.began).Seconds() }

func (l *lab) figure(name string, value float64, unit string, n int) {
	l.raw.Add(raw.Row{Kind: raw.Figure, Name: name, Value: value, Unit: unit, Count: n})
}

// spawn runs f on a goroutine that stop waits for.
func (l *lab) spawn(f func()) { l.wg.Go(f) }

// stop waits for the clients and ends the nodes.
func (l *lab) stop() {
	l.wg.Wait()
	if l.cluster != nil {
		l.cluster.Stop()
	}
}

// report notes that a client has done all of its work, whatever came of it.
func (l *lab) report(c int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reported == nil {
		l.reported = map[int]bool{}
	}
	l.reported[c] = true
}

// judge says why the run does not count.
func (l *lab) judge() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := 1; c <= l.clients; c++ {
		if !l.reported[c] {
			return fmt.Errorf("client %d did not report", c)
		}
	}
	return nil
}

// watch samples memory and processor time until ctx ends.
func (l *lab) watch(ctx context.Context) {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		if m, err := l.cluster.Memory(); err == nil {
			l.raw.Add(raw.Row{Kind: raw.Sample, T: l.now(), RSS: m.RSS, PSS: m.PSS, Count: m.Nodes, CPU: l.cluster.CPUs().Seconds()})
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// every calls f for each time that is due, first after offset, until the time is over. f must not wait for longer than it may: what
// is late is done at once. It returns how many were due.
func (l *lab) every(ctx context.Context, offset, period, until time.Duration, f func(k int)) (due int) {
	t := time.NewTimer(0)
	defer t.Stop()
	for at := offset; at < until; at += period {
		t.Reset(time.Until(l.began.Add(at)))
		select {
		case <-t.C:
		case <-ctx.Done():
			return due
		}
		f(due)
		due++
	}
	return due
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
