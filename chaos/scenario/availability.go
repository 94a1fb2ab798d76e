package scenario

import (
	"context"
	"fmt"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// visitors is how many clients come and go, as in the paper.
	visitors = 10
	// patience is what an attempt may take, as in the paper.
	patience = time.Second
	// pairEvery is the period of events and of calls per pair of nodes.
	pairEvery = 100 * time.Millisecond
)

// literalAvailability is the paper's: clients open a session and leave it. The first kill is after a sixth of the time, one comes every
// twelfth.
func literalAvailability(ctx context.Context, l *lab) error {
	return l.underKills(ctx, l.cell.For/6, l.cell.For/12, false, func(ctx context.Context, t *tally) {
		l.visit(ctx, t, time.Second, false)
	})
}

// strictAvailability looks at everything else too.
func strictAvailability(ctx context.Context, l *lab) error {
	period := min(10*time.Second, l.cell.For/4)
	return l.underKills(ctx, period/2, period, true, func(ctx context.Context, t *tally) {
		l.visit(ctx, t, 250*time.Millisecond, true)
		l.pairs(ctx, t)
	})
}

// underKills runs clients while nodes are killed, and makes figures of what they saw.
func (l *lab) underKills(ctx context.Context, first, period time.Duration, both bool, load func(context.Context, *tally)) error {
	t := l.newTally()
	watching, enough := context.WithCancel(ctx)
	l.spawn(func() { l.watch(watching) })
	load(ctx, t)
	// The last kill has time to be felt.
	faults, err := l.kills(ctx, first, period, l.cell.For-period/2, both)
	if err == nil {
		err = pause(ctx, time.Until(l.began.Add(l.cell.For+2*patience)))
	}
	enough()
	l.wg.Wait()
	l.figure("kills", float64(len(faults)), "", len(faults))
	t.figures(faults, l.cell.For.Seconds())
	return err
}

// visit lets clients come and go: each in its own part of the period.
func (l *lab) visit(ctx context.Context, t *tally, period time.Duration, asks bool) {
	first := l.clients
	l.clients += visitors
	for c := range visitors {
		r := l.chance(uint64(c) + 1)
		number := first + c + 1
		l.spawn(func() {
			// An attempt may be longer than the period: it does not hold up the next one.
			l.every(ctx, period*time.Duration(c)/visitors, period, l.cell.For, func(k int) {
				cfg := l.balanced(r)
				l.spawn(func() { l.visitOnce(ctx, t, cfg, number, k, asks) })
			})
			l.report(number)
		})
	}
}

// visitOnce opens a session and leaves it; one that asks also subscribes and registers.
func (l *lab) visitOnce(ctx context.Context, t *tally, cfg client.Config, c, k int, asks bool) {
	at := l.now()
	s, ms, err := dial(ctx, cfg)
	node := 0
	if err == nil {
		node = l.node(s.URL())
		defer s.Close()
	}
	t.add(c, node, "connect", at, ms, err == nil)
	if !asks {
		return
	}
	for what, ask := range map[string]func(context.Context, string) error{
		"subscribe": func(ctx context.Context, uri string) error {
			_, err := s.Subscribe(ctx, uri, wamp.Exact, func(client.Event) {})
			return err
		},
		"register": func(ctx context.Context, uri string) error {
			_, err := s.Register(ctx, uri, nil, func(context.Context, *client.Invocation) (client.Payload, error) { return client.Payload{}, nil })
			return err
		},
	} {
		if err != nil { // nobody to ask
			t.add(c, 0, what, at, 0, false)
			continue
		}
		at := l.now()
		took, err := timed(ctx, func(ctx context.Context) error { return ask(ctx, fmt.Sprintf("scenario.visit.%d.%d", c, k)) })
		t.add(c, node, what, at, took, err == nil)
	}
}

// dial opens a session within patience.
func dial(ctx context.Context, cfg client.Config) (s *client.Client, ms float64, err error) {
	ms, err = timed(ctx, func(ctx context.Context) error {
		s, err = client.Dial(ctx, cfg)
		return err
	})
	return s, ms, err
}

// timed runs f within patience and returns how long it took, in milliseconds.
func timed(ctx context.Context, f func(context.Context) error) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	err := f(ctx)
	return float64(time.Since(began)) / 1e6, err
}
