package bench

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// sessionsPerAddress is how many sessions are dialed from one loopback address: Linux has 28,232 ports for them.
const sessionsPerAddress = 25_000

// idle: many sessions with one subscription each wait, and are then reached by one event each. The latency is that of opening one
// (TCP to WELCOME); how long an event takes is in acks.
func (r *run) idle(ctx context.Context) error {
	waiters := make([]*waiter, r.cfg.Sessions+len(r.cfg.Client.URLs))
	r.from.Store(max(r.now(), 1))
	r.begin()
	open := func(ctx context.Context, i int) error { return r.wait(ctx, waiters, i) }
	if err := r.each(ctx, r.cfg.Sessions, open); err != nil {
		return fmt.Errorf("session %d: %w", r.sessions.Load()+1, err)
	}
	r.to.Store(r.now())
	r.end()
	// The last session at each URL is a sentinel: what is visible of it is visible of those before.
	for i := r.cfg.Sessions; i < len(waiters); i++ {
		if err := open(ctx, i); err != nil {
			return err
		}
	}
	r.enter("holding")
	r.pause(r.cfg.Duration)
	if ctx.Err() != nil || r.problem != nil {
		return nil
	}
	return r.reach(ctx, waiters)
}

// waiter is an idle session.
type waiter struct {
	b        *client.Bare
	tracker  tracker
	reached  chan struct{} // closed with the first probe; of a sentinel
	probed   bool
	sentinel bool
}

func (r *run) idleTopic(i int) string { return fmt.Sprintf("bench.%s.i%d", r.name, i) }

// wait opens session i, which is at URL i modulo their number.
func (r *run) wait(ctx context.Context, waiters []*waiter, i int) error {
	due := r.now()
	at := i
	if i >= r.cfg.Sessions {
		at = i - r.cfg.Sessions
	}
	b, err := r.session(ctx, r.opener, at, client.BareOptions{From: r.sourceOf(i), ReadBytes: readBytes})
	if err != nil {
		return err
	}
	w := &waiter{b: b, reached: make(chan struct{}), sentinel: i >= r.cfg.Sessions}
	if w.sentinel {
		r.sessions.Add(^uint64(0)) // it is none of those that wait
	} else {
		r.latency.add(r.now() - due)
	}
	b.Ask(func(dst []byte, request uint64) []byte {
		return codec.AppendSubscribe(dst, b.Serializer(), request, r.idleTopic(i), wamp.Exact)
	})
	if err := await(b, wamp.Subscribed); err != nil {
		return err
	}
	waiters[i] = w
	r.read(b, func(m *codec.Message) { r.reachedBy(w, m) }, func() {})
	return nil
}

// sourceOf is the loopback address to dial from, where there are too many sessions for the ports of one.
func (r *run) sourceOf(i int) netip.Addr {
	u, err := url.Parse(r.cfg.Client.URLs[i%len(r.cfg.Client.URLs)])
	if err != nil || r.cfg.Sessions <= sessionsPerAddress {
		return netip.Addr{}
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if a, err := netip.ParseAddr(host); err != nil || !a.Is4() || !a.IsLoopback() {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i/sessionsPerAddress)})
}

func (r *run) reachedBy(w *waiter, m *codec.Message) {
	st, ok := readStamp(m.Payload.Raw)
	switch {
	case m.Type != wamp.Event || !ok:
	case st.seq == probe:
		if !w.probed {
			w.probed = true
			close(w.reached)
		}
	default:
		if w.tracker.take(0) == doubled {
			r.doubled.Add(1)
			return
		}
		now := r.now()
		r.received.Add(1)
		r.lastCame.Store(now)
		r.acks.add(now - st.at)
	}
}

// reach publishes once to each session's topic and waits for the events.
func (r *run) reach(ctx context.Context, waiters []*waiter) error {
	b, err := r.session(ctx, r.opener, 0, client.BareOptions{})
	if err != nil {
		return err
	}
	r.sessions.Add(^uint64(0)) // nor is this one
	r.read(b, func(*codec.Message) {}, func() {})
	body := newPayload(b.Serializer(), max(r.cfg.Payload, PayloadMin))
	publish := func(i int, seq uint32) error {
		body.set(stamp{0, seq, r.now()})
		_, err := b.Ask(func(dst []byte, request uint64) []byte {
			return codec.AppendPublish(dst, b.Serializer(), request, nil, r.idleTopic(i), body.Payload)
		})
		return err
	}
	for i := r.cfg.Sessions; i < len(waiters); i++ {
		if err := r.probeUntil(waiters[i].reached, func() error {
			if err := publish(i, probe); err != nil {
				return err
			}
			return b.Flush()
		}); err != nil {
			return err
		}
	}
	r.enter("reaching")
	for i := 0; i < r.cfg.Sessions && r.ctx.Err() == nil; i++ {
		if err := publish(i, 0); err != nil {
			return err
		}
		r.sent.Add(1)
		if b.Held() >= flushBytes || i == r.cfg.Sessions-1 {
			if err := b.Flush(); err != nil {
				r.lose(b, err)
			}
		}
	}
	r.drain(func() bool { return r.received.Load() >= r.sent.Load() || r.ctx.Err() != nil })
	return nil
}

func (r *run) probeUntil(done <-chan struct{}, send func() error) error {
	for deadline := time.Now().Add(readyTimeout); time.Now().Before(deadline); {
		if err := send(); err != nil {
			return err
		}
		select {
		case <-done:
			return nil
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case <-time.After(readyPause):
		}
	}
	return fmt.Errorf("after %v, an event does not reach a session", readyTimeout)
}
