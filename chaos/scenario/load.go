package scenario

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"kleeblatt/internal/bench"
)

const (
	// warmup is before each measured part.
	warmup = 500 * time.Millisecond
	// phaseTick is how exactly the begin and the end of the measured part are met when processor time is read.
	phaseTick = 20 * time.Millisecond
	// openers is how many sessions are opened at a time.
	openers = 16
	// payload is the bytes of a message's argument.
	payload = 64
)

// spent is the processor time of the nodes in the measured part of a load.
type spent struct {
	mu          sync.Mutex
	from, to    time.Duration
	begun, over bool
	at, until   time.Time
}

// load runs a load whose senders are at one node and whose receivers are at another (senders -1: both at all nodes), and returns its report and
// how much processor time the nodes used per second meanwhile. A load that loses a session makes the run void.
func (l *lab) load(ctx context.Context, cfg bench.Config, senders, receivers int) (*bench.Report, float64, error) {
	cfg.Client = l.anywhere(0)
	if senders >= 0 {
		cfg.Client = l.config(senders % l.cell.Nodes)
		cfg.ReceiverURLs = l.cluster.URLs[receivers%l.cell.Nodes:][:1]
	}
	cfg.Warmup, cfg.Concurrency, cfg.Tick = warmup, openers, phaseTick
	cfg.Payload = max(cfg.Payload, bench.PayloadMin)
	cfg.InFlight = max(cfg.InFlight, 1)
	var s spent
	cfg.Progress = func(p bench.Progress) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case p.Phase == "measuring" && !s.begun:
			s.begun, s.from, s.at = true, l.cluster.CPUs(), time.Now()
		case s.begun && !s.over && p.Elapsed > 0 && (p.Phase != "measuring" || time.Since(s.at) > cfg.Duration-2*phaseTick):
			s.over, s.to, s.until = true, l.cluster.CPUs(), time.Now()
		}
	}
	r, err := bench.Run(ctx, cfg)
	if err != nil {
		return nil, 0, err
	}
	if r.LostSessions > 0 {
		return nil, 0, fmt.Errorf("a client did not report: %s", r.Problem)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		return r, 0, nil
	}
	return r, (s.to - s.from).Seconds() / s.until.Sub(s.at).Seconds(), nil
}

// events writes the figures of a load with publishers.
func (l *lab) events(name string, r *bench.Report, cpu float64) {
	l.figure(name+"events per second", r.ReceivedRate, "1/s", int(r.Received))
	l.perCPU(name+"events per CPU second", r.ReceivedRate, cpu)
	l.figure(name+"delivery p50", r.Latency.P50/1e3, "ms", int(r.Latency.Count))
	l.figure(name+"delivery p99", r.Latency.P99/1e3, "ms", int(r.Latency.Count))
	if r.Second != nil {
		l.figure(name+"acknowledgement p50", r.Second.P50/1e3, "ms", int(r.Second.Count))
		l.figure(name+"acknowledgement p99", r.Second.P99/1e3, "ms", int(r.Second.Count))
	}
	l.figure(name+"lost", float64(r.Lost), "", int(r.Sent))
}

func (l *lab) perCPU(name string, rate, cpu float64) {
	if cpu > 0 {
		l.figure(name, rate/cpu, "1/s", 0)
	}
}

// highLoad is acknowledged publications, one shape after the other.
func highLoad(ctx context.Context, l *lab) error {
	for _, shape := range []struct {
		name string
		cfg  bench.Config
	}{
		{"all to all: ", bench.Config{Senders: 10, Receivers: 10, Topics: 1, InFlight: 1, Acknowledge: true}},
		{"pairs: ", bench.Config{Senders: 10, Receivers: 10, Topics: 10, InFlight: 16}},
		{"fan-out: ", bench.Config{Senders: 1, Receivers: 100, Topics: 1, InFlight: 16}},
	} {
		shape.cfg.Flow, shape.cfg.Payload, shape.cfg.Duration = bench.PubSub, payload, l.cell.For/3
		r, cpu, err := l.load(ctx, shape.cfg, 0, 1)
		if err != nil {
			return err
		}
		l.events(shape.name, r, cpu)
	}
	return nil
}

// calls is echoes, few and many.
func calls(ctx context.Context, l *lab) error {
	for _, shape := range []struct {
		name string
		cfg  bench.Config
	}{
		{"one: ", bench.Config{Senders: 1, Receivers: 1, InFlight: 1}},
		{"many: ", bench.Config{Senders: 10, Receivers: 4, InFlight: 32}},
	} {
		shape.cfg.Flow, shape.cfg.Payload, shape.cfg.Duration = bench.RPC, payload, l.cell.For/2
		r, cpu, err := l.load(ctx, shape.cfg, 0, 1)
		if err != nil {
			return err
		}
		l.figure(shape.name+"calls per second", r.ReceivedRate, "1/s", int(r.Received))
		l.perCPU(shape.name+"calls per CPU second", r.ReceivedRate, cpu)
		l.figure(shape.name+"call p50", r.Latency.P50/1e3, "ms", int(r.Latency.Count))
		l.figure(shape.name+"call p99", r.Latency.P99/1e3, "ms", int(r.Latency.Count))
		l.figure(shape.name+"failed", float64(r.Failed+r.Lost), "", int(r.Sent))
	}
	return nil
}

// scaling spreads the same clients over all nodes, then looks what crosses links.
func scaling(ctx context.Context, l *lab) error {
	even := bench.Config{Flow: bench.PubSub, Senders: 10, Receivers: 10, Topics: 1, InFlight: 16, Payload: payload, Duration: l.cell.For / 2}
	r, cpu, err := l.load(ctx, even, -1, -1)
	if err != nil {
		return err
	}
	l.events("even: ", r, cpu)
	if l.cell.Nodes == 1 {
		return nil
	}
	frames, bytes := l.links(ctx)
	one := bench.Config{Flow: bench.PubSub, Senders: 1, Receivers: 5, Topics: 1, InFlight: 16, Payload: payload, Duration: l.cell.For / 2}
	if r, _, err = l.load(ctx, one, 0, 1); err != nil {
		return err
	}
	f, b := l.links(ctx)
	if r.Sent == 0 {
		return fmt.Errorf("nothing was published")
	}
	l.figure("link frames per event, one node with subscribers", (f-frames)/float64(r.Sent), "", int(r.Sent))
	l.figure("link bytes per event, one node with subscribers", (b-bytes)/float64(r.Sent), "bytes", int(r.Sent))
	return nil
}

// links sums up what all nodes have sent over their links: frames of clients' messages, bytes of everything.
func (l *lab) links(ctx context.Context) (frames, bytes float64) {
	for i := range l.cell.Nodes {
		text, err := l.cluster.Get(ctx, i, "http://{host}:{admin}/metrics")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
			v, err := strconv.ParseFloat(value, 64)
			switch {
			case err != nil:
			case strings.HasPrefix(name, "kleeblatt_relay_out_total{"):
				frames += v
			case strings.HasPrefix(name, "kleeblatt_link_written_bytes_total{"):
				bytes += v
			}
		}
	}
	return frames, bytes
}

// timed publications of clients that are all subscribed, as in the paper.
func (l *lab) literal(ctx context.Context, clients int, rate float64) error {
	r, cpu, err := l.load(ctx, bench.Config{
		Flow: bench.PubSub, Senders: clients, Receivers: clients, Topics: 1, Rate: rate * float64(clients), Duration: l.cell.For,
	}, -1, -1)
	if err != nil {
		return err
	}
	l.figure("events due per second", rate*float64(clients*clients), "1/s", 0)
	l.figure("events delivered per second", r.ReceivedRate, "1/s", int(r.Received))
	l.figure("lost or never published", max(0, 100*(1-r.ReceivedRate/(rate*float64(clients*clients)))), "%", int(r.Sent))
	l.perCPU("events per CPU second", r.ReceivedRate, cpu)
	l.figure("delivery p50", r.Latency.P50/1e3, "ms", int(r.Latency.Count))
	l.figure("delivery p99", r.Latency.P99/1e3, "ms", int(r.Latency.Count))
	return nil
}

// The paper's client publishes by a timer of 1 ms.
func literalLoad(ctx context.Context, l *lab) error { return l.literal(ctx, 10, 1000) }

// literalScaling has clients in proportion to the nodes.
func literalScaling(ctx context.Context, l *lab) error { return l.literal(ctx, 2*l.cell.Nodes, 200) }

// literalMemory samples memory under a small load whose events are counted: what serves nobody is no use.
func literalMemory(ctx context.Context, l *lab) error {
	watching, enough := context.WithCancel(ctx)
	var samples []float64
	var pss []float64
	l.spawn(func() { l.watch(watching) })
	l.spawn(func() {
		for pause(watching, sampleEvery/2) == nil {
			if m, err := l.cluster.Memory(); err == nil && m.Nodes == l.cell.Nodes {
				samples, pss = append(samples, float64(m.RSS)), append(pss, float64(m.PSS))
			}
		}
	})
	err := l.literal(ctx, 10, 10)
	enough()
	l.wg.Wait()
	if err != nil {
		return err
	}
	n := float64(l.cell.Nodes)
	l.figure("resident, all nodes, median", quantile(samples, 0.5)/(1<<20), "MiB", len(samples))
	l.figure("resident, all nodes, most", quantile(samples, 1)/(1<<20), "MiB", len(samples))
	l.figure("proportional, all nodes, median", quantile(pss, 0.5)/(1<<20), "MiB", len(pss))
	l.figure("resident per node, median", quantile(samples, 0.5)/n/(1<<20), "MiB", len(samples))
	return nil
}
