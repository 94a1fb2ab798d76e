//go:build linux

package netlab

import (
	"context"
	"errors"
	"sync"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// What goes on all the time, at each node:
//
//	talker    publishes numbered events, each acknowledged, on the node's topic
//	listener  has the topics of all nodes, and judges
//	caller    calls each node's procedure and a shared one, numbered, without waiting for answers
//	callee    answers, and judges what runs
//	prober    makes the runs own calls and publications: routes, and what nobody answers
//	fresh     has what changes while there are faults

const (
	talkEvery = 10 * time.Millisecond
	callEvery = 20 * time.Millisecond
	// answerTime is how long a call may wait for its final answer: a silent cut takes 1.5 s to be noticed, a stopped node takes
	// as long as the longest fault.
	answerTime = longest + 5*time.Second
)

const (
	talkPrefix = "lab.talk."
	shared     = "lab.shared"
)

func talkTopic(node string) string  { return talkPrefix + node }
func probeTopic(node string) string { return "lab.probe." + node }
func echoOf(node string) string     { return "lab.echo." + node }
func hangOf(node string) string     { return "lab.hang." + node }

func (l *lab) talker(_ context.Context, s *session) error {
	l.spawn(func() {
		for seq := uint64(1); !l.quiet.Load(); seq++ {
			_, err := s.Publish(s.ctx, talkTopic(s.node), client.Args(s.name, s.node, seq), &client.PublishOptions{Acknowledge: true})
			if err != nil {
				if s.ctx.Err() == nil && !errors.Is(err, client.ErrLost) {
					l.broken("%s: event %d is refused: %v", s.name, seq, err)
				}
				return
			}
			l.judge(func(g *ledger) string { g.published(s.party, seq); return "" })
			if pause(s.ctx, talkEvery) != nil {
				return
			}
		}
	})
	return nil
}

func (l *lab) listener(ctx context.Context, s *session) error {
	hear := func(e client.Event) {
		var from party
		var seq uint64
		if err := e.Payload.Decode(&from.name, &from.node, &seq); err != nil {
			l.broken("%s got an event that nobody sent: %v", s.name, err)
			return
		}
		l.judge(func(g *ledger) string {
			if wrong := g.received(from, s.party, seq); wrong != "" {
				return "event " + wrong + ": from " + from.name + " at " + s.name
			}
			return ""
		})
	}
	// Half of them by prefix: an event comes once on either way.
	if s.at.node%2 == 0 {
		if _, err := s.Subscribe(ctx, talkPrefix, wamp.Prefix, hear); err != nil {
			return err
		}
	} else {
		for _, p := range l.processes {
			if _, err := s.Subscribe(ctx, talkTopic(p.name), wamp.Exact, hear); err != nil {
				return err
			}
		}
	}
	_, err := s.Subscribe(ctx, probeTopic(s.node), wamp.Exact, l.probed)
	return err
}

func (l *lab) callee(ctx context.Context, s *session) error {
	echo := func(_ context.Context, inv *client.Invocation) (client.Payload, error) {
		var caller string
		var seq uint64
		if err := inv.Payload.Decode(&caller, &seq); err != nil {
			return client.Payload{}, err
		}
		if seq > 0 { // 0 is a probe's
			l.judge(func(g *ledger) string {
				if wrong := g.ran(caller, s.name, seq); wrong != "" {
					return "call " + wrong + ": from " + caller + " at " + s.name
				}
				return ""
			})
		}
		return client.Args(s.node), nil
	}
	hang := func(ctx context.Context, inv *client.Invocation) (client.Payload, error) {
		var token string
		if err := inv.Payload.Decode(&token); err != nil {
			return client.Payload{}, err
		}
		release := l.hangs.arrived(token)
		select {
		case <-ctx.Done():
			return client.Payload{}, context.Cause(ctx)
		case <-release:
			return client.Args(s.node), nil
		}
	}
	for _, r := range []struct {
		name    string
		options client.RegisterOptions
		handler client.Handler
	}{
		{echoOf(s.node), client.RegisterOptions{Inline: true}, echo},
		{shared, client.RegisterOptions{Inline: true, Invoke: wamp.RoundRobin}, echo},
		{hangOf(s.node), client.RegisterOptions{}, hang},
	} {
		err := insist(ctx, func() error {
			_, err := s.Register(ctx, r.name, &r.options, r.handler)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) caller(_ context.Context, s *session) error {
	l.spawn(func() {
		for seq := uint64(1); !l.quiet.Load(); seq++ {
			target := int(seq) % (len(l.processes) + 1)
			procedure := shared
			if target < len(l.processes) {
				procedure = echoOf(nodeName(target))
			}
			began := l.now()
			l.judge(func(g *ledger) string { g.called(s.name, seq, began); return "" })
			call, err := s.Start(s.ctx, procedure, client.Args(s.name, seq), nil)
			if err != nil {
				l.judge(func(g *ledger) string { g.abandoned(s.name, seq, l.now()); return "" })
				return
			}
			l.spawn(func() { l.settle(s, call, seq, target, began) })
			if pause(s.ctx, callEvery) != nil {
				return
			}
		}
	})
	return nil
}

// settle takes the end of a call.
func (l *lab) settle(s *session, call *client.Pending, seq uint64, target int, began time.Duration) {
	_, err := call.Next(context.Background())
	now := l.now()
	var refusal *client.Error
	failed := errors.As(err, &refusal)
	l.judge(func(g *ledger) string {
		if err != nil && !failed {
			g.abandoned(s.name, seq, now)
		} else {
			g.answered(s.name, seq, failed, now)
		}
		return ""
	})
	if failed && !l.excused(s.at.node, target, began) {
		l.broken("a call from %s to %s failed though nothing is between them: %v", s.node, l.nameOf(target), refusal)
	}
}

// idle is a seat whose session is used by others.
func (l *lab) idle(context.Context, *session) error { return nil }

// probed takes an event of a probe.
func (l *lab) probed(e client.Event) {
	var token string
	if e.Payload.Decode(&token) == nil {
		l.probes.arrived(token)
	}
}

// arrivals are tokens that are waited for.
type arrivals struct {
	mu  sync.Mutex
	all map[string]*arrival
}

type arrival struct {
	came    chan struct{}
	release chan struct{} // for who holds it
	once    sync.Once
}

// expect waits for a token from now on, until it is forgotten.
func (a *arrivals) expect(token string) *arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[string]*arrival{}
	}
	w := &arrival{came: make(chan struct{}), release: make(chan struct{})}
	a.all[token] = w
	return w
}

// arrived says that the token has come. The channel is closed when it need not be held any longer; one that nobody waits for is not held.
func (a *arrivals) arrived(token string) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.all[token]
	if w == nil {
		done := make(chan struct{})
		close(done)
		return done
	}
	w.once.Do(func() { close(w.came) })
	return w.release
}

func (a *arrivals) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.all[token]; w != nil {
		close(w.release)
		delete(a.all, token)
	}
}
