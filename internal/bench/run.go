package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"kleeblatt/internal/bench/histogram"
	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
)

const (
	// openTimeout bounds the opening of one session.
	openTimeout = 30 * time.Second
	// readyTimeout bounds the wait until what is sent arrives everywhere.
	readyTimeout = 30 * time.Second
	// readyPause is the time between two probes.
	readyPause = 20 * time.Millisecond
	// drainQuiet ends the wait for what is under way once nothing has come for so long: longer than a link takes to come back.
	drainQuiet = 3 * time.Second
	drainPoll  = 5 * time.Millisecond
	// stuckAfter is when a sender gives up its oldest message.
	stuckAfter = 2 * time.Second
	stuckPoll  = 250 * time.Millisecond
	// flushBytes is what a writer gathers at most before it writes.
	flushBytes = 64 << 10
	// readBytes is the buffer of a session that waits; those of busy ones are larger.
	readBytes = 512
)

// run is one run of a flow.
type run struct {
	cfg     Config
	opener  *client.Opener // senders
	catcher *client.Opener // receivers
	name    string         // makes the run's URIs its own
	began   time.Time
	ctx     context.Context // ends when sending shall end
	stop    context.CancelCauseFunc
	phase   atomic.Pointer[string]

	from, to atomic.Int64 // the measured part, ns since began; 0: not yet

	sessions, sent, received, doubled, late, failed, acknowledged atomic.Uint64
	measured                                                      atomic.Uint64 // received of those that were due in the measured part
	sentMeasured                                                  atomic.Uint64
	lastCame                                                      atomic.Int64

	latency, acks, delay recorder

	mu      sync.Mutex
	problem error  // the first
	lost    uint64 // sessions
	// Of a finished pubsub run.
	owedEvents, unanswered uint64
	open                   []*client.Bare
	closing                atomic.Bool
	readers                sync.WaitGroup
	watch                  watcher

	// Of the routers' processes: while it was measured, and at the end of that.
	routers    usage
	memory     int64
	routersErr error
}

// recorder is a histogram for many goroutines.
type recorder struct {
	mu sync.Mutex
	h  histogram.Histogram
}

func (r *recorder) add(values ...int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		r.h.Record(v)
	}
}

func (r *recorder) copy() *histogram.Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.h
	return &h
}

// Run runs one flow until its end or that of ctx. The report tells what was measured until then; an error says why nothing was.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	r, err := newRun(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer r.stop(nil)
	done := r.tellProgress()
	defer done()
	defer r.closeAll()
	flow := map[string]func(context.Context) error{PubSub: r.pubsub, RPC: r.rpc, Connect: r.connect, Idle: r.idle}[cfg.Flow]
	if err := flow(ctx); err != nil {
		return nil, err
	}
	return r.report(), nil
}

func newRun(ctx context.Context, cfg Config) (*run, error) {
	r := &run{cfg: cfg, name: runName(), began: time.Now()}
	var err error
	if _, err = usageOf(cfg.PIDs); err != nil {
		return nil, err
	}
	if r.opener, err = client.NewOpener(cfg.Client); err != nil {
		return nil, err
	}
	r.catcher = r.opener
	if len(cfg.ReceiverURLs) > 0 {
		cfg.Client.URLs = cfg.ReceiverURLs
		if r.catcher, err = client.NewOpener(cfg.Client); err != nil {
			return nil, err
		}
	}
	r.enter("opening")
	r.ctx, r.stop = context.WithCancelCause(ctx)
	return r, nil
}

func (r *run) enter(phase string) { r.phase.Store(&phase) }

// now is the run's clock: ns since it began.
func (r *run) now() int64 { return int64(time.Since(r.began)) }

// counts reports whether something that was due at this time belongs to the measured part.
func (r *run) counts(at int64) bool {
	from, to := r.from.Load(), r.to.Load()
	return from > 0 && at >= from && (to == 0 || at < to)
}

// fault notes why the run is not what it should be; the first reason is told.
func (r *run) fault(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.problem == nil {
		r.problem = err
	}
}

// lose notes a session that ended by itself, and ends the run: what follows would measure something else.
func (r *run) lose(b *client.Bare, err error) {
	if r.closing.Load() {
		return
	}
	r.fault(fmt.Errorf("a session at %s was lost: %w", b.URL(), err))
	r.mu.Lock()
	r.lost++
	r.mu.Unlock()
	r.stop(err)
}

// session opens session i of o and keeps it for closeAll.
func (r *run) session(ctx context.Context, o *client.Opener, i int, opt client.BareOptions) (*client.Bare, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, fmt.Errorf("a session was not opened within %v", openTimeout))
	defer cancel()
	b, err := o.Open(ctx, i, opt)
	if err != nil {
		return nil, err
	}
	r.sessions.Add(1)
	r.mu.Lock()
	r.open = append(r.open, b)
	r.mu.Unlock()
	return b, nil
}

// closeAll ends all sessions and their goroutines.
func (r *run) closeAll() {
	r.stop(nil)
	r.closing.Store(true)
	r.mu.Lock()
	open := r.open
	r.mu.Unlock()
	for _, b := range open {
		b.Close()
	}
	r.readers.Wait()
}

// each does f for 0 … n-1, at most so many at a time as sessions may be opened, and returns the first error.
func (r *run) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, r.cfg.Concurrency) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// read hands each message to handle until the session ends; settled is called whenever no further one has arrived yet.
func (r *run) read(b *client.Bare, handle func(m *codec.Message), settled func()) {
	r.readers.Go(func() {
		var m codec.Message
		for {
			if err := b.Receive(&m); err != nil {
				settled()
				r.lose(b, err)
				return
			}
			handle(&m)
			if !b.More() {
				settled()
			}
		}
	})
}

// measure lets the senders run: warm-up, measured part, then the wait until arrived reports that nothing is missing or nothing more comes.
func (r *run) measure(arrived func() bool) {
	r.enter("warming up")
	if r.pause(r.cfg.Warmup) {
		r.enter("measuring")
		r.begin()
		r.from.Store(max(r.now(), 1))
		r.pause(r.cfg.Duration)
		r.to.Store(r.now())
		r.end()
	}
	r.stop(nil)
	r.drain(arrived)
}

func (r *run) drain(arrived func() bool) {
	r.enter("draining")
	r.lastCame.Store(max(r.now(), r.lastCame.Load()))
	for !arrived() && r.now()-r.lastCame.Load() < int64(drainQuiet) {
		time.Sleep(drainPoll)
	}
}

// pause waits, and reports whether the run still goes on.
func (r *run) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return r.ctx.Err() == nil
	case <-r.ctx.Done():
		return false
	}
}

// tellProgress tells the configuration's Progress until the returned function is called.
func (r *run) tellProgress() func() {
	if r.cfg.Progress == nil {
		return func() {}
	}
	if r.cfg.Tick == 0 {
		r.cfg.Tick = time.Second
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(r.cfg.Tick)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				r.cfg.Progress(r.progress())
			case <-end:
				return
			}
		}
	})
	return func() { close(end); wg.Wait() }
}

func (r *run) progress() Progress {
	h := r.latency.copy()
	return Progress{
		Phase: *r.phase.Load(), Elapsed: time.Since(r.began), Sessions: r.sessions.Load(), Sent: r.sent.Load(), Received: r.received.Load(),
		P50: time.Duration(h.Quantile(0.5)), P99: time.Duration(h.Quantile(0.99)),
	}
}
