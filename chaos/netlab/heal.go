//go:build linux

package netlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// lookEvery is between looks at what cannot be waited for: another process's tables, a route.
	lookEvery = 10 * time.Millisecond
	// eventTime is how long a probe's event may take before another one is sent.
	eventTime = 500 * time.Millisecond
	// settleTime is for what is still under way at the end.
	settleTime = 15 * time.Second
	// visibleSamples is how many changes are measured before each fault.
	visibleSamples = 4
	// visibleEvery is between attempts to use a route that is not there yet: the measure's grain.
	visibleEvery = time.Millisecond
)

type routeKind uint8

const (
	toCallee routeKind = iota
	toSubscriber
)

// route is something that a client at one node holds and that clients at all nodes can use.
type route struct {
	kind  routeKind
	owner int
	uri   string
}

func (r route) String() string {
	what := "the registration of "
	if r.kind == toSubscriber {
		what = "the subscription to "
	}
	return what + r.uri + " at " + nodeName(r.owner)
}

// routes are all that should live now.
func (l *lab) routes() (all []route) {
	for _, p := range l.processes {
		all = append(all, route{toCallee, p.node, echoOf(p.name)}, route{toSubscriber, p.node, probeTopic(p.name)})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, fresh := range l.fresh {
		if s.ctx.Err() == nil {
			for _, r := range fresh {
				all = append(all, r.route)
			}
		}
	}
	return all
}

// works uses the route once, from that session.
func (l *lab) works(ctx context.Context, s *session, r route) bool {
	if r.kind == toCallee {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		answer, err := s.Call(ctx, r.uri, client.Args("probe", 0), nil)
		var node string
		return err == nil && answer.Payload.Decode(&node) == nil && node == nodeName(r.owner)
	}
	ctx, cancel := context.WithTimeout(ctx, eventTime)
	defer cancel()
	token := l.token()
	came := l.probes.expect(token).came
	defer l.probes.forget(token)
	if _, err := s.Publish(ctx, r.uri, client.Args(token), nil); err != nil {
		return false
	}
	select {
	case <-came:
		return true
	case <-ctx.Done():
		return false
	}
}

// healing is how long it took from the end of a fault.
type healing struct{ tables, routes time.Duration }

func (h healing) all() time.Duration { return max(h.tables, h.routes) }

// heal waits until all nodes reach each other, have equal tables, and every route works from every node.
func (l *lab) heal(ctx context.Context) (h healing, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, healTime, fmt.Errorf("not healed in %v", healTime))
	defer cancel()
	began := time.Now()
	var wg sync.WaitGroup
	var tableErr error
	wg.Go(func() {
		_, tableErr = l.awaitTables(ctx)
		h.tables = time.Since(began)
	})
	var mu sync.Mutex
	var dead []error
	for i := range l.processes {
		for _, r := range l.routes() {
			wg.Go(func() {
				err := l.awaitRoute(ctx, i, r)
				mu.Lock()
				defer mu.Unlock()
				h.routes = max(h.routes, time.Since(began))
				if err != nil {
					dead = append(dead, err)
				}
			})
		}
	}
	wg.Wait()
	slices.SortFunc(dead, func(a, b error) int { return len(a.Error()) - len(b.Error()) })
	return h, errors.Join(append(dead, tableErr)...)
}

// awaitRoute tries until the route works from node i, or its owner's session ends. Events of which nothing is heard are not waited for: the
// next one goes out soon after.
func (l *lab) awaitRoute(ctx context.Context, i int, r route) error {
	token := l.token()
	came := l.probes.expect(token).came
	defer l.probes.forget(token)
	for {
		s := l.seats["prober"][i].now.Load()
		switch {
		case !l.owned(r):
			return nil
		case s == nil:
		case r.kind == toSubscriber:
			s.Publish(ctx, r.uri, client.Args(token), nil) // what fails is tried again
		case l.works(ctx, s, r):
			return nil
		}
		select {
		case <-came:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%v does not work from %s: %w", r, nodeName(i), context.Cause(ctx))
		case <-time.After(lookEvery):
		}
	}
}

// owned reports whether the route is still one that should live.
func (l *lab) owned(r route) bool { return slices.Contains(l.routes(), r) }

// awaitTables waits until all nodes are ready, reach each other and have equal tables.
func (l *lab) awaitTables(ctx context.Context) (digest string, err error) {
	for {
		var all []view
		if all, err = l.views(ctx); err == nil {
			if err = equal(all); err == nil {
				return all[0].Digest, nil
			}
		}
		if dead := l.dead(); dead != nil {
			return "", dead
		}
		if pause(ctx, lookEvery) != nil {
			return "", fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func (l *lab) views(ctx context.Context) ([]view, error) {
	all, errs := make([]view, len(l.processes)), make([]error, len(l.processes))
	var wg sync.WaitGroup
	for i, p := range l.processes {
		wg.Go(func() { all[i], errs[i] = p.view(ctx) })
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// equal says in what the nodes do not agree yet.
func equal(all []view) error {
	for i, v := range all {
		switch {
		case !v.Ready:
			return fmt.Errorf("%s is not ready", nodeName(i))
		case v.reaches() != len(all)-1:
			return fmt.Errorf("%s reaches %d of %d others", nodeName(i), v.reaches(), len(all)-1)
		case v.Digest != all[0].Digest:
			return fmt.Errorf("%s and %s have unequal tables", nodeName(i), nodeName(0))
		}
	}
	return nil
}

// verify uses all routes once more, and what is removed as well: after a heal nothing changes any more.
func (l *lab) verify(ctx context.Context) {
	l.mu.Lock()
	removed := l.removed
	l.removed = nil
	l.mu.Unlock()
	routes := l.routes()
	var wg sync.WaitGroup
	for i := range l.processes {
		wg.Go(func() {
			s := l.seats["prober"][i].now.Load()
			if s == nil {
				l.broken("no client gets to %s after the heal", nodeName(i))
				return
			}
			for _, r := range routes {
				if !l.works(ctx, s, r) && ctx.Err() == nil && l.owned(r) {
					l.broken("%v works no longer from %s after the heal", r, nodeName(i))
				}
			}
			for _, uri := range removed {
				if _, err := s.Call(ctx, uri, client.Payload{}, nil); !client.HasURI(err, wamp.ErrNoSuchProcedure) && ctx.Err() == nil {
					l.broken("%s is removed and yet called from %s: %v", uri, nodeName(i), err)
				}
			}
		})
	}
	wg.Wait()
}

// measureVisible takes the time from an answer until clients at all other nodes are served by what it granted.
func (l *lab) measureVisible(ctx context.Context, fault int) error {
	for k := range visibleSamples {
		owner := (fault + k) % len(l.processes)
		s := l.seats["fresh"][owner].now.Load()
		if s == nil {
			return fmt.Errorf("no client at %s", nodeName(owner))
		}
		r := route{routeKind(k % 2), owner, fmt.Sprintf("lab.visible.f%d.%d", fault, k)}
		remove, err := l.grant(ctx, s, r)
		if err != nil {
			return fmt.Errorf("%v: %w", r, err)
		}
		granted := time.Now()
		var wg sync.WaitGroup
		for i := range l.processes {
			if p := l.seats["prober"][i].now.Load(); i != owner && p != nil {
				wg.Go(func() { l.awaitVisible(ctx, p, r) })
			}
		}
		wg.Wait()
		l.report.Visible.Add(time.Since(granted))
		if err := errors.Join(ctx.Err(), remove(ctx)); err != nil {
			return fmt.Errorf("%v: %w", r, err)
		}
	}
	return nil
}

// grant makes what the route leads to.
func (l *lab) grant(ctx context.Context, s *session, r route) (remove func(context.Context) error, err error) {
	if r.kind == toSubscriber {
		u, err := s.Subscribe(ctx, r.uri, wamp.Exact, l.probed)
		if err != nil {
			return nil, err
		}
		return u.Unsubscribe, nil
	}
	reg, err := s.Register(ctx, r.uri, &client.RegisterOptions{Inline: true}, func(context.Context, *client.Invocation) (client.Payload, error) {
		return client.Args(s.node), nil
	})
	if err != nil {
		return nil, err
	}
	return reg.Unregister, nil
}

// awaitVisible uses the route every millisecond until it works. Events of which nothing is heard are not waited for.
func (l *lab) awaitVisible(ctx context.Context, s *session, r route) {
	if r.kind == toCallee {
		for !l.works(ctx, s, r) && pause(ctx, visibleEvery) == nil {
		}
		return
	}
	token := l.token()
	came := l.probes.expect(token).came
	defer l.probes.forget(token)
	for {
		if _, err := s.Publish(ctx, r.uri, client.Args(token), nil); err != nil {
			return
		}
		select {
		case <-came:
			return
		case <-ctx.Done():
			return
		case <-time.After(visibleEvery):
		}
	}
}

// checkLosses holds what is missing against what the nodes have counted; what was told of before is not told again.
func (l *lab) checkLosses() {
	n, ways := l.books.uncounted(l.ledger.missing())
	if n > l.uncounted {
		l.brokenLocked(fmt.Sprintf("%d events are missing that no node has counted: %s", n-l.uncounted, ways))
	}
	l.uncounted = n
}

// reckon ends the traffic, waits for what is under way, and closes the books.
func (l *lab) reckon(ctx context.Context) error {
	l.quiet.Store(true)
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		l.mu.Lock()
		behind := l.ledger.behind()
		l.mu.Unlock()
		if behind == 0 || pause(ctx, lookEvery) != nil {
			break
		}
	}
	scrape, done := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer done()
	l.scrape(scrape)
	strays := uint64(0)
	for _, seats := range l.seats {
		for _, t := range seats {
			if s := t.now.Load(); s != nil {
				strays += s.Strays()
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ledger.close()
	l.ledger.tally.AnsweredTwice += l.strays + strays
	l.report.Tally, l.report.Counted = l.ledger.tally, l.books.total()
	l.checkLosses()
	if n := l.ledger.tally.AnsweredTwice; n > 0 {
		l.brokenLocked(fmt.Sprintf("%d requests were answered twice", n))
	}
	if n := l.ledger.overdue(l.now(), answerTime); n > 0 {
		l.brokenLocked(fmt.Sprintf("%d calls have no answer", n))
	}
	return nil
}
