package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// connect: each of Concurrency clients joins, says goodbye, and does it again. Sent are the attempts, received the welcomes.
func (r *run) connect(ctx context.Context) error {
	if err := r.visit(ctx, 0, r.now()); err != nil { // so that a wrong URL is told and not measured
		return err
	}
	r.sent.Store(0)
	r.received.Store(0)
	var next atomic.Uint64
	start := r.now()
	for range r.cfg.Concurrency {
		r.readers.Go(func() {
			for r.ctx.Err() == nil {
				k := next.Add(1) - 1
				due := r.now()
				if r.cfg.Rate > 0 {
					due = start + int64(float64(k)*1e9/r.cfg.Rate)
					if wait := due - r.now(); wait > 0 {
						if !r.pause(time.Duration(wait)) {
							return
						}
						r.delay.add(r.now() - due)
					}
				}
				if err := r.visit(ctx, int(k), due); err != nil {
					r.failed.Add(1)
					r.fault(err)
				}
			}
		})
	}
	r.measure(func() bool { return r.received.Load()+r.failed.Load() >= r.sent.Load() })
	return nil
}

// visit is one session from its first byte to its goodbye.
func (r *run) visit(ctx context.Context, i int, due int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, fmt.Errorf("a session was not opened within %v", openTimeout))
	defer cancel()
	r.sent.Add(1)
	if r.counts(due) {
		r.sentMeasured.Add(1)
	}
	b, err := r.opener.Open(ctx, i, client.BareOptions{ReadBytes: readBytes})
	if err != nil {
		return err
	}
	now := r.now()
	r.received.Add(1)
	r.sessions.Add(1)
	r.lastCame.Store(now)
	if r.counts(due) {
		r.measured.Add(1)
		r.latency.add(now - due)
	}
	defer context.AfterFunc(ctx, b.Reset)()
	defer b.Reset() // what is said is said: the port is needed again
	b.Tell(func(dst []byte) []byte { return codec.AppendGoodbye(dst, b.Serializer(), wamp.CloseRealm, "") })
	if err := await(b, wamp.Goodbye); err != nil {
		return fmt.Errorf("after GOODBYE: %w", err)
	}
	return nil
}
