package bench

import (
	"fmt"
	"runtime"
	"time"

	"kleeblatt/internal/bench/histogram"
)

// Report is what came of a run. Counts are of the whole run, rates and latencies of its measured part. Times are microseconds.
type Report struct {
	Flow       string   `json:"flow"`
	URLs       []string `json:"urls"`
	Serializer string   `json:"serializer"`
	Payload    int      `json:"payload_bytes,omitempty"`
	Senders    int      `json:"senders,omitempty"`
	Receivers  int      `json:"receivers,omitempty"`
	InFlight   int      `json:"in_flight,omitempty"` // closed loop
	Rate       float64  `json:"rate,omitempty"`      // open loop, asked for
	Seconds    float64  `json:"seconds"`

	Sessions     uint64 `json:"sessions"`
	Sent         uint64 `json:"sent"`
	Received     uint64 `json:"received"`
	Lost         uint64 `json:"lost"`
	OutOfOrder   uint64 `json:"out_of_order"`
	Duplicates   uint64 `json:"duplicates"`
	Failed       uint64 `json:"failed"` // answered with an error, or not connected
	LostSessions uint64 `json:"lost_sessions"`
	Unanswered   uint64 `json:"unanswered"` // acknowledgements that never came
	Problem      string `json:"problem,omitempty"`

	SentRate     float64 `json:"sent_per_second"`
	ReceivedRate float64 `json:"received_per_second"`

	Latency Latency  `json:"latency_us"`
	Second  *Latency `json:"second_latency_us,omitempty"` // of acknowledgements; idle: of the events at the end

	Routers    *Routers  `json:"routers,omitempty"`
	Generator  Generator `json:"generator"`
	Bottleneck string    `json:"bottleneck,omitempty"` // why the generator was the limit
}

// Latency is a distribution in microseconds.
type Latency struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

// Generator is what this process was while it measured.
type Generator struct {
	Processors int     `json:"processors"`
	Busy       float64 `json:"busy"`       // share of them that it used, 0 to 1; -1: unknown
	Waiting    float64 `json:"waiting_us"` // 99 % of its goroutines waited at most so long for a processor
	Late       float64 `json:"late_us"`    // 99 % of the messages that waited for their time left at most so late; open loop
}

// Clean reports whether everything arrived once and in order.
func (r *Report) Clean() bool {
	return r.Lost+r.OutOfOrder+r.Duplicates+r.Failed+r.LostSessions+r.Unanswered == 0
}

func (r *run) report() *Report {
	cfg, took := &r.cfg, r.watch.Took.Seconds()
	rep := &Report{
		Flow: cfg.Flow, URLs: cfg.Client.URLs, Serializer: cfg.Client.Serializer.String(), Rate: cfg.Rate, Seconds: took,
		Sessions: r.sessions.Load(), Sent: r.sent.Load(), Received: r.received.Load(),
		OutOfOrder: r.late.Load(), Duplicates: r.doubled.Load(), Failed: r.failed.Load(),
		Latency: summary(r.latency.copy()),
		Generator: Generator{
			Processors: runtime.GOMAXPROCS(0), Busy: r.watch.Busy,
			Waiting: micros(int64(r.watch.Waiting)), Late: micros(r.delay.copy().Quantile(0.99)),
		},
	}
	if took > 0 {
		rep.SentRate, rep.ReceivedRate = float64(r.sentMeasured.Load())/took, float64(r.measured.Load())/took
	}
	owed := rep.Sent
	switch cfg.Flow {
	case PubSub, RPC:
		rep.Payload, rep.Senders, rep.Receivers = cfg.Payload, cfg.Senders, cfg.Receivers
		if cfg.Rate == 0 {
			rep.InFlight = cfg.InFlight
		}
		if cfg.Flow == PubSub {
			owed = r.owedEvents
		} else {
			owed -= rep.Failed
		}
	case Connect:
		owed -= rep.Failed
	case Idle:
		if took > 0 {
			rep.ReceivedRate = float64(cfg.Sessions) / took
		}
	}
	if came := rep.Received; owed > came {
		rep.Lost = owed - came
	}
	came := rep.ReceivedRate
	if cfg.Flow == PubSub && cfg.Receivers == 0 && took > 0 {
		came = float64(r.acks.copy().Count()) / took // there is nobody else to whom something comes
	}
	rep.Routers = r.routersReport(came, took)
	if acks := r.acks.copy(); acks.Count() > 0 {
		s := summary(acks)
		rep.Second = &s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rep.LostSessions, rep.Unanswered = r.lost, r.unanswered
	if r.problem != nil {
		rep.Problem = r.problem.Error()
	}
	rep.Bottleneck = bottleneck(rep)
	return rep
}

func summary(h *histogram.Histogram) Latency {
	return Latency{h.Count(), micros(h.Quantile(0.5)), micros(h.Quantile(0.9)), micros(h.Quantile(0.99)), micros(h.Quantile(0.999)), micros(h.Max())}
}

func micros(ns int64) float64 { return float64(ns) / 1e3 }

const (
	// busyMax is the share of its processors from which on a generator sends no faster if the router does.
	busyMax = 0.85
	// waitingMax: goroutines that wait longer for a processor put their own time into the latencies.
	waitingMax = 2 * time.Millisecond
	// lateMax: messages that leave later than that blur an open loop.
	lateMax = 2 * time.Millisecond
)

// bottleneck says in plain words why the generator was the limit, or nothing.
func bottleneck(r *Report) string {
	g := &r.Generator
	switch {
	case g.Busy >= busyMax:
		return fmt.Sprintf("the generator was the bottleneck: it used %.0f %% of its %d processors; the router may do more", 100*g.Busy, g.Processors)
	case g.Waiting >= micros(int64(waitingMax)):
		return fmt.Sprintf("the generator was short of processors: 1 %% of its goroutines waited longer than %s for one; a part of the latencies is its own", Micros(g.Waiting))
	case g.Late >= micros(int64(lateMax)):
		return fmt.Sprintf("the generator was late: 1 %% of the messages left more than %s after their time; a part of the latencies is its own", Micros(g.Late))
	}
	return ""
}

// Micros is a time in microseconds for people.
func Micros(us float64) string { return Span(time.Duration(us * 1e3)) }

// Span is a duration for people: three or four digits.
func Span(d time.Duration) string {
	for unit := 10 * time.Second; unit >= 10*time.Microsecond; unit /= 10 {
		if d >= unit {
			return d.Round(unit / 1000).String()
		}
	}
	return d.Round(10 * time.Nanosecond).String()
}
