package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// pair is a sender at a node and a receiver at the one before: events and calls go from node to node. Both are clients as one writes
// them: when their session ends they dial the next node and say again what they want.
type pair struct {
	lab     *lab
	tally   *tally
	number  int // of its client, from 1
	node    int
	listens *client.Client
	talks   *client.Client
	mu      sync.Mutex
	pending map[int]float64 // events that are due, and since when
}

// pairs lets events and calls go on between all neighbours, from now until the end.
func (l *lab) pairs(ctx context.Context, t *tally) {
	first := l.clients
	l.clients += l.cell.Nodes
	var all []*pair
	for i := range l.cell.Nodes {
		p := &pair{lab: l, tally: t, number: first + i + 1, node: i, pending: map[int]float64{}}
		if err := p.open(ctx); err != nil {
			continue // it does not report
		}
		all = append(all, p)
	}
	for _, p := range all {
		l.spawn(func() { p.run(ctx) })
	}
}

func (p *pair) topic() string { return fmt.Sprint("scenario.pair.", p.node) }

func (p *pair) open(ctx context.Context) (err error) {
	l := p.lab
	if p.listens, err = client.Dial(ctx, l.anywhere(p.node)); err != nil {
		return err
	}
	if p.talks, err = client.Dial(ctx, l.anywhere(p.node+1)); err != nil {
		return err
	}
	if _, err := p.listens.Subscribe(ctx, p.topic(), wamp.Exact, p.event); err != nil {
		return err
	}
	_, err = p.listens.Register(ctx, p.topic(), &client.RegisterOptions{Invoke: wamp.RoundRobin}, func(_ context.Context, inv *client.Invocation) (client.Payload, error) {
		return inv.Payload, nil
	})
	return err
}

func (p *pair) event(e client.Event) {
	var k int
	if e.Payload.Decode(&k) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, due := p.pending[k]; due {
		delete(p.pending, k)
		ms := (p.lab.now() - at) * 1e3
		p.tally.add(p.number, p.node+1, "event", at, ms, ms <= float64(patience/time.Millisecond))
	}
}

func (p *pair) run(ctx context.Context) {
	var under sync.WaitGroup
	p.lab.every(ctx, 0, pairEvery, p.lab.cell.For, func(k int) {
		at := p.lab.now()
		p.mu.Lock()
		p.pending[k] = at
		p.mu.Unlock()
		under.Go(func() {
			timed(ctx, func(ctx context.Context) error {
				_, err := p.talks.Publish(ctx, p.topic(), client.Args(k), nil)
				return err
			})
		})
		under.Go(func() {
			ms, err := timed(ctx, func(ctx context.Context) error {
				_, err := p.talks.Call(ctx, p.topic(), client.Args(k), nil)
				return err
			})
			p.tally.add(p.number, p.node+1, "call", at, ms, err == nil)
		})
	})
	under.Wait()
	pause(ctx, patience)
	p.listens.Close()
	p.talks.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.pending { // what never came
		p.tally.add(p.number, p.node+1, "event", at, 0, false)
	}
	p.lab.report(p.number)
}
