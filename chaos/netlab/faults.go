//go:build linux

package netlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// felt is how long a fault has to last before calls across it must have failed.
	felt = 2500 * time.Millisecond
	// churnAfter is when subscriptions and registrations change on each side; shorter faults end before that.
	churnAfter = 300 * time.Millisecond
	// keptFaults is for how many faults what was made in one stays.
	keptFaults = 3
	// callTime bounds one call of the run itself.
	callTime = 2 * time.Second
)

// suffer carries out one fault and everything that is measured around it.
func (l *lab) suffer(ctx context.Context, f Fault) error {
	ctx, cancel := context.WithTimeoutCause(ctx, faultTime, errors.New("the fault takes too long"))
	defer cancel()
	before := len(l.report.Violations)
	if err := l.measureVisible(ctx, f.Number); err != nil {
		return err
	}
	hung, err := l.hang(ctx)
	if err != nil {
		return err
	}
	l.scrape(ctx)
	missingBefore := l.missing()
	l.mu.Lock()
	l.windows = append(l.windows, window{fault: f, began: l.now()})
	l.mu.Unlock()

	began := time.Now()
	ends := make(chan hangEnd, len(hung))
	for _, h := range hung {
		l.spawn(func() { ends <- h.end(began) })
	}
	churned := make(chan struct{})
	l.spawn(func() {
		defer close(churned)
		if f.Lasts() > churnAfter && pause(ctx, churnAfter) == nil {
			l.churn(ctx, &f)
		}
	})
	if err := l.carryOut(ctx, &f); err != nil {
		return err
	}
	lasted := time.Since(began)
	healed, err := l.heal(ctx)
	if err != nil {
		return err
	}
	<-churned
	l.report.Heal.Add(healed.all())
	l.mu.Lock()
	l.windows[len(l.windows)-1].ended = l.now()
	l.mu.Unlock()
	for _, h := range hung {
		l.hangs.forget(h.token)
	}
	calls := l.judgeHung(ctx, &f, lasted, ends, len(hung))
	l.verify(ctx)
	l.scrape(ctx)
	late := time.Duration(l.late.Swap(0))
	l.report.Late.Add(late)
	l.judge(func(g *ledger) string {
		l.checkLosses()
		was := g.tally.Unanswered
		if now := g.overdue(l.now(), answerTime); now > was {
			return fmt.Sprintf("%d calls have no answer for %v", now-was, answerTime)
		}
		return ""
	})
	fmt.Fprintf(l.cfg.Lines, "%3d %-20v %6v  healed in %-8v (tables %v, routes %v)  %s  missing %d  timers late by %v%s\n", f.Number, &f, short(lasted),
		short(healed.all()), short(healed.tables), short(healed.routes), calls, l.missing()-missingBefore, short(late), l.newlyBroken(before))
	return l.dead()
}

// newlyBroken is the end of a fault's line.
func (l *lab) newlyBroken(before int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.report.Violations) - before; n > 0 {
		return fmt.Sprintf("  %d BROKEN: %s", n, l.report.Violations[before].What)
	}
	return ""
}

func (l *lab) missing() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ledger.tally.Missing
}

// carryOut does what the fault is, and undoes it.
func (l *lab) carryOut(ctx context.Context, f *Fault) error {
	p := l.processes[f.Side[0]]
	switch f.Kind {
	case KillOne:
		l.books.ended(p.name)
		if err := p.kill(); err != nil {
			return err
		}
		if err := pause(ctx, f.Lasts()); err != nil {
			return err
		}
		return p.start()
	case StopOne:
		if err := p.stop(); err != nil {
			return err
		}
		err := pause(ctx, f.Lasts())
		return errors.Join(err, p.cont())
	}
	for i, d := range f.Phases {
		act := mend
		if i%2 == 0 {
			act = func() error { return cut(f.Cuts(l.cfg.Nodes)) }
		}
		if err := act(); err != nil {
			return err
		}
		if err := pause(ctx, d); err != nil {
			return err
		}
	}
	return mend()
}

// scrape takes what the nodes count. A node that does not answer keeps its last numbers.
func (l *lab) scrape(ctx context.Context) {
	for _, p := range l.processes {
		if c, err := p.counts(ctx); err == nil {
			l.books.scraped(p.name, c)
			if n := c["kleeblatt_gossip_alarms_total"]; n > l.alarms {
				l.alarms = n
				l.broken("%s has seen %d contradictions between tables", p.name, n)
			}
		}
	}
}

// watchLateness notes how late this process's own timers are, until ctx ends: the nodes fare alike.
func (l *lab) watchLateness(ctx context.Context) {
	for {
		began := time.Now()
		if pause(ctx, lookEvery) != nil {
			return
		}
		late := int64(time.Since(began) - lookEvery)
		for was := l.late.Load(); late > was && !l.late.CompareAndSwap(was, late); was = l.late.Load() {
		}
	}
}

// hung is a call that nobody answers until it is forgotten.
type hung struct {
	from, to int
	token    string
	over     chan struct{} // closed when it has ended, with err at that time
	err      error
	at       time.Time
}

type hangEnd struct {
	*hung
	after time.Duration
}

// hang places one for each pair of nodes.
func (l *lab) hang(ctx context.Context) (all []*hung, err error) {
	for i := range l.processes {
		for j := range l.processes {
			if i == j {
				continue
			}
			h, err := l.hangOne(ctx, i, j)
			if err != nil {
				return nil, fmt.Errorf("a call from %s to %s: %w", nodeName(i), nodeName(j), err)
			}
			all = append(all, h)
		}
	}
	return all, nil
}

// hangOne places a call. One that fails before it has arrived is a broken promise, for there is no fault, and is made again.
func (l *lab) hangOne(ctx context.Context, i, j int) (*hung, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errors.New("it neither arrives nor fails"))
	defer cancel()
	for {
		s := l.seats["prober"][i].now.Load()
		if s == nil {
			return nil, errors.New("no client")
		}
		h := &hung{from: i, to: j, token: l.token(), over: make(chan struct{})}
		came := l.hangs.expect(h.token).came
		call, err := s.Start(ctx, hangOf(nodeName(j)), client.Args(h.token), nil)
		if err != nil {
			return nil, err
		}
		l.spawn(func() {
			defer close(h.over)
			_, h.err = call.Next(context.Background())
			h.at = time.Now()
		})
		select {
		case <-came:
			return h, nil
		case <-h.over:
			l.broken("a call from %s to %s failed before it arrived though nothing is between them: %v", nodeName(i), nodeName(j), h.err)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		l.hangs.forget(h.token)
		if err := pause(ctx, lookEvery); err != nil {
			return nil, err
		}
	}
}

// end waits for the end of the call.
func (h *hung) end(began time.Time) hangEnd {
	<-h.over
	return hangEnd{h, h.at.Sub(began)}
}

// judgeHung takes the ends of all placed calls, and says in short what became of those across the fault.
func (l *lab) judgeHung(ctx context.Context, f *Fault, lasted time.Duration, ends <-chan hangEnd, n int) string {
	patience := time.NewTimer(answerTime)
	defer patience.Stop()
	across := &Figure{}
	for range n {
		select {
		case e := <-ends:
			l.judgeEnd(f, lasted, e, across)
		case <-patience.C:
			l.broken("a call that was under way at fault %d has no answer", f.Number)
			return "calls without an answer"
		case <-ctx.Done():
			return ""
		}
	}
	if len(across.all) == 0 {
		return "no call failed"
	}
	text := fmt.Sprintf("%d calls failed after %v to %v", len(across.all), short(across.Of(0)), short(across.Of(1)))
	if len(l.slow) > 0 {
		text += fmt.Sprintf(" (late: %s)", strings.Join(l.slow, ", "))
		l.slow = nil
	}
	return text
}

func (l *lab) judgeEnd(f *Fault, lasted time.Duration, e hangEnd, across *Figure) {
	var refusal *client.Error
	failed := errors.As(e.err, &refusal)
	victimCalls := (f.Kind == KillOne || f.Kind == StopOne) && f.has(e.from)
	switch {
	case victimCalls: // its session has ended, or its node could not say anything
	case failed && !f.Touches(e.from, e.to):
		l.broken("a call under way from %s to %s failed though nothing is between them: %v", nodeName(e.from), nodeName(e.to), refusal)
	case failed:
		across.Add(e.after)
	case e.err != nil:
		l.broken("a call under way from %s to %s ended with its session: %v", nodeName(e.from), nodeName(e.to), e.err)
	case f.Kind == KillOne && f.has(e.to):
		l.broken("a call from %s to %s was answered though its callee had gone", nodeName(e.from), nodeName(e.to))
	}
	if victimCalls || !f.Severs(e.from, e.to) {
		return
	}
	figure := &l.report.CutError
	switch {
	case f.Kind == KillOne:
		figure = &l.report.KillError
	case f.Kind == Flap || !failed && lasted < felt: // a cut that may be too short to be felt
		return
	}
	figure.Add(e.after)
	if e.after > figure.P99 {
		l.slow = append(l.slow, fmt.Sprintf("%s to %s %v", nodeName(e.from), nodeName(e.to), short(e.after)))
	}
}

// freshRoute is a subscription or a registration that was made in a fault.
type freshRoute struct {
	fault int
	route
	remove func(ctx context.Context) error
}

// churn makes a subscription and a registration at each node that can, and removes old ones. Asked at the node itself they work at once.
func (l *lab) churn(ctx context.Context, f *Fault) {
	for i, p := range l.processes {
		s, prober := l.seats["fresh"][i].now.Load(), l.seats["prober"][i].now.Load()
		if s == nil || prober == nil || f.has(i) && (f.Kind == KillOne || f.Kind == StopOne) {
			continue
		}
		uri := fmt.Sprintf("lab.new.f%d.%s", f.Number, p.name)
		err := l.add(ctx, s, f.Number, uri)
		for _, kind := range []routeKind{toCallee, toSubscriber} {
			r := route{kind, i, uri}
			if err == nil && !l.works(ctx, prober, r) && s.ctx.Err() == nil && prober.ctx.Err() == nil {
				l.broken("%v does not work at its own node right after it was granted", r)
			}
		}
		if err == nil {
			err = l.removeOld(ctx, s, f.Number)
		}
		if err != nil && s.ctx.Err() == nil && ctx.Err() == nil {
			l.broken("%s cannot change what it has: %v", s.name, err)
		}
	}
}

func (l *lab) add(ctx context.Context, s *session, fault int, uri string) error {
	u, err := s.Subscribe(ctx, uri, wamp.Exact, l.probed)
	if err != nil {
		return err
	}
	r, err := s.Register(ctx, uri, &client.RegisterOptions{Inline: true}, func(context.Context, *client.Invocation) (client.Payload, error) {
		return client.Args(s.node), nil
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.ctx.Err() == nil {
		l.fresh[s] = append(l.fresh[s],
			freshRoute{fault, route{toSubscriber, s.at.node, uri}, u.Unsubscribe}, freshRoute{fault, route{toCallee, s.at.node, uri}, r.Unregister})
	}
	return nil
}

func (l *lab) removeOld(ctx context.Context, s *session, fault int) error {
	l.mu.Lock()
	var old []freshRoute
	l.fresh[s] = slices.DeleteFunc(l.fresh[s], func(r freshRoute) bool {
		if r.fault > fault-keptFaults {
			return false
		}
		old = append(old, r)
		return true
	})
	l.mu.Unlock()
	for _, r := range old {
		if err := r.remove(ctx); err != nil {
			return err
		}
		if r.kind == toCallee {
			l.mu.Lock()
			l.removed = append(l.removed, r.uri)
			l.mu.Unlock()
		}
	}
	return nil
}
