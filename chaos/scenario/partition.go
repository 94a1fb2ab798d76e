package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kleeblatt/chaos/raw"
	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// writeEvery is how often each node is asked for a subscription and a registration while something is cut.
	writeEvery = 500 * time.Millisecond
	// healTime bounds the wait for routes to work again.
	healTime = 20 * time.Second
	// healEvery is how often a route is tried meanwhile.
	healEvery = 50 * time.Millisecond
)

// breach is one thing that keeps nodes apart.
type breach struct {
	name   string
	parts  [][]int // of nodes that reach each other
	names  []string
	paused int // the node that is stopped; -1: none
}

// split is a run of breaches.
type split struct {
	*lab
	t     *tally
	asks  []*client.Client // one at each node
	sends []*client.Client
	worst map[string]float64 // share of the worst part, by what was asked for

	mu      sync.Mutex
	told    int              // registrations that were revoked
	writes  map[asked][2]int // good, all
	granted []string         // topics that were, the last one of each node
}

// asked is what was asked for in a part.
type asked struct{ what, part string }

// partitions cuts a cluster in two, then in three, then stops a node: with Raft the one that leads.
func partitions(ctx context.Context, l *lab) (err error) {
	s := &split{lab: l, t: l.newTally(), worst: map[string]float64{}}
	defer s.close()
	for i := range l.cell.Nodes {
		cfg := l.config(i)
		cfg.Notify = func(n client.Notice) {
			if n.Kind == client.Revoked {
				s.mu.Lock()
				s.told++
				s.mu.Unlock()
			}
		}
		for _, to := range []*[]*client.Client{&s.asks, &s.sends} {
			c, err := client.Dial(ctx, cfg)
			if err != nil {
				return err
			}
			*to = append(*to, c)
		}
	}
	l.clients = 1
	for k, b := range s.breaches() {
		if err := s.suffer(ctx, k, &b); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	s.t.figures(nil, 0)
	for _, what := range []string{"subscribes", "registers"} {
		l.figure("worst component: "+what+" ok", s.worst[what], "%", 0)
	}
	s.mu.Lock()
	l.figure("registrations revoked, and their owners told", float64(s.told), "", 0)
	s.mu.Unlock()
	l.report(1)
	return nil
}

func (s *split) close() {
	for _, c := range append(s.asks, s.sends...) {
		c.Close()
	}
}

// breaches draws who is apart. The first node is in the minority of the first one.
func (s *split) breaches() []breach {
	r := s.chance(0)
	order := r.Perm(s.cell.Nodes)
	i := slices.Index(order, 0)
	order[0], order[i] = order[i], order[0]
	other := r.Perm(s.cell.Nodes)
	return []breach{
		{"2 against 3", [][]int{order[:2], order[2:]}, []string{"the part of 2", "the part of 3"}, -1},
		{"2 against 2 against 1", [][]int{other[:2], other[2:4], other[4:]}, []string{"the parts of 2", "the parts of 2", "the part of 1"}, -1},
		{"one stopped", [][]int{other[1:]}, []string{"the others"}, other[0]},
	}
}

// suffer carries one out: a third of the time for each, of which two thirds are broken.
func (s *split) suffer(ctx context.Context, k int, b *breach) error {
	if b.paused >= 0 {
		if i := s.leader(ctx); i >= 0 {
			var others []int
			for j := range s.cell.Nodes {
				if j != i {
					others = append(others, j)
				}
			}
			b.paused, b.parts = i, [][]int{others}
		}
	}
	s.writes, s.granted = map[asked][2]int{}, make([]string, s.cell.Nodes)
	for i, c := range s.asks { // what works again if nothing new was granted
		topic := fmt.Sprintf("scenario.stand.%d.%d", k, i)
		if _, err := timed(ctx, func(ctx context.Context) error {
			_, err := c.Subscribe(ctx, topic, wamp.Exact, func(client.Event) {})
			return err
		}); err == nil {
			s.granted[i] = topic
		}
	}
	s.raw.Add(raw.Row{Kind: raw.Fault, T: s.now(), Node: b.paused + 1, What: b.name})
	if err := s.breakIt(b); err != nil {
		return err
	}
	end := time.Now().Add(s.cell.For * 2 / 9)
	var under sync.WaitGroup
	only := s.compete(ctx, k, b, &under)
	for round := 0; time.Now().Before(end); round++ {
		s.round(ctx, k, round, b, &under)
		if err := pause(ctx, writeEvery); err != nil {
			return err
		}
	}
	under.Wait()
	s.sum(b)
	if err := s.mend(b); err != nil {
		return err
	}
	s.raw.Add(raw.Row{Kind: raw.Fault, T: s.now(), Node: b.paused + 1, What: "mended"})
	s.heal(ctx, b, s.granted)
	if b.paused < 0 {
		accepted := 0.0
		if *only > 1 {
			accepted = 1
		}
		s.figure("accepted twice, "+b.name, accepted, "procedures", 1)
	}
	return nil
}

// leader is the node that leads, as the system tells; -1: it has none.
func (s *split) leader(ctx context.Context) int {
	if s.system.Settled == "" {
		return -1
	}
	for i := range s.cell.Nodes {
		var at struct{ Leader string }
		if b, err := s.cluster.Get(ctx, i, s.system.Settled); err == nil && json.Unmarshal(b, &at) == nil && len(at.Leader) > 1 {
			var n int
			if _, err := fmt.Sscanf(at.Leader, "n%d", &n); err == nil && n < s.cell.Nodes {
				return n
			}
		}
	}
	return -1
}

func (s *split) breakIt(b *breach) error {
	if b.paused >= 0 {
		return s.cluster.Pause(b.paused)
	}
	return s.net.Cut(b.parts...)
}

func (s *split) mend(b *breach) error {
	if b.paused >= 0 {
		return s.cluster.Resume(b.paused)
	}
	return s.net.Mend()
}

// sum makes figures of what was asked for in each part.
func (s *split) sum(b *breach) {
	for _, what := range []string{"subscribes", "registers"} {
		for _, part := range slices.Compact(slices.Clone(b.names)) {
			n := s.writes[asked{what, part}]
			share := 100 * float64(n[0]) / float64(max(n[1], 1))
			if worst, ok := s.worst[what]; !ok || share < worst {
				s.worst[what] = share
			}
			s.figure(fmt.Sprintf("%s: %s ok in %s", b.name, what, part), share, "%", n[1])
		}
	}
}

// round asks each node that is not stopped for a subscription and a registration, and sends an event to it within its part. It does not
// wait: what is slow does not make the next round late.
func (s *split) round(ctx context.Context, k, round int, b *breach, under *sync.WaitGroup) {
	for p, part := range b.parts {
		for at, i := range part {
			sender := s.sends[part[(at+1)%len(part)]]
			topic := fmt.Sprintf("scenario.split.%d.%d.%d", k, round, i)
			under.Go(func() {
				came := make(chan struct{}, 1)
				ok := s.write(ctx, "subscribes", b.names[p], i, func(ctx context.Context) error {
					_, err := s.asks[i].Subscribe(ctx, topic, wamp.Exact, func(client.Event) {
						select {
						case came <- struct{}{}:
						default:
						}
					})
					return err
				})
				if ok {
					s.mu.Lock()
					s.granted[i] = topic
					s.mu.Unlock()
				}
				s.event(ctx, i, ok, sender, topic, came)
			})
			under.Go(func() {
				s.write(ctx, "registers", b.names[p], i, func(ctx context.Context) error {
					_, err := s.asks[i].Register(ctx, topic, nil, nothing)
					return err
				})
			})
		}
	}
}

func nothing(context.Context, *client.Invocation) (client.Payload, error) {
	return client.Payload{}, nil
}

func (s *split) write(ctx context.Context, what, part string, node int, f func(context.Context) error) bool {
	at := s.now()
	ms, err := timed(ctx, f)
	s.t.add(1, node+1, strings.TrimSuffix(what, "s"), at, ms, err == nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.writes[asked{what, part}]
	n[1]++
	if err == nil {
		n[0]++
	}
	s.writes[asked{what, part}] = n
	return err == nil
}

// event sends one to who has subscribed, from another node of its part.
func (s *split) event(ctx context.Context, node int, subscribed bool, sender *client.Client, topic string, came <-chan struct{}) {
	at := s.now()
	if !subscribed {
		s.t.add(1, node+1, "event within the part", at, 0, false)
		return
	}
	ms, err := timed(ctx, func(ctx context.Context) error {
		for { // the subscription may not be visible there yet
			if _, err := sender.Publish(ctx, topic, client.Payload{}, nil); err != nil {
				return err
			}
			again := time.NewTimer(healEvery)
			select {
			case <-came:
				again.Stop()
				return nil
			case <-again.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	s.t.add(1, node+1, "event within the part", at, ms, err == nil)
}

// compete lets one client of each part register the same procedure, and counts those that got it.
func (s *split) compete(ctx context.Context, k int, b *breach, under *sync.WaitGroup) *int {
	got := new(int)
	if b.paused >= 0 {
		return got
	}
	for _, part := range b.parts {
		under.Go(func() {
			// Those that are apart have to have noticed: a claim waits for nodes that are taken to be there.
			pause(ctx, s.cell.For/9)
			ctx, cancel := context.WithTimeout(ctx, s.cell.For/10)
			defer cancel()
			_, err := s.asks[part[0]].Register(ctx, fmt.Sprintf("scenario.only.%d", k), nil, nothing)
			s.mu.Lock()
			defer s.mu.Unlock()
			if err == nil {
				*got++
			}
		})
	}
	return got
}

// heal measures how long it takes until who subscribed while it was cut off gets events from all nodes.
func (s *split) heal(ctx context.Context, b *breach, granted []string) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, healTime)
	defer cancel()
	var all sync.WaitGroup
	for i, topic := range granted {
		if topic == "" {
			continue
		}
		for j, sender := range s.sends {
			if i == j {
				continue
			}
			all.Go(func() {
				mark := fmt.Sprint(i, ".", j)
				came := make(chan struct{}, 1)
				u, err := s.asks[i].Subscribe(ctx, topic, wamp.Exact, func(e client.Event) {
					var got string
					if e.Payload.Decode(&got) == nil && got == mark {
						select {
						case came <- struct{}{}:
						default:
						}
					}
				})
				if err != nil {
					return
				}
				defer u.Unsubscribe(context.WithoutCancel(ctx))
				for ctx.Err() == nil {
					sender.Publish(ctx, topic, client.Args(mark), nil)
					again := time.NewTimer(healEvery)
					select {
					case <-came:
						again.Stop()
						return
					case <-again.C:
					case <-ctx.Done():
					}
				}
			})
		}
	}
	all.Wait()
	s.figure("healed after "+b.name, time.Since(began).Seconds(), "s", 1)
	for i := range s.cell.Nodes { // the next one begins with a complete cluster
		if s.cluster.Settled(ctx, i) != nil {
			return
		}
	}
}
