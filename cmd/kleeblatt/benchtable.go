package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"kleeblatt/internal/bench"
)

// benchWords are what a flow's numbers are called.
var benchWords = map[string]struct{ sent, received, latency, second string }{
	bench.PubSub:  {"published", "received", "due to received", "due to acknowledged"},
	bench.RPC:     {"called", "answered", "due to answered", ""},
	bench.Connect: {"attempted", "welcomed", "due to welcomed", ""},
	bench.Idle:    {"published", "reached", "dialed to welcomed", "published to received"},
}

// benchTable is a report for people.
func benchTable(r *bench.Report) string {
	var out strings.Builder
	w := benchWords[r.Flow]
	fmt.Fprintf(&out, "%s, %s, %s\n\n", r.Flow, r.Serializer, benchHow(r))
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, n uint64, rate float64) {
		per := ""
		if rate > 0 {
			per = thousands(uint64(rate+0.5)) + "/s"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", name, thousands(n), per)
	}
	if r.Flow == bench.Idle {
		row("sessions", r.Sessions, r.ReceivedRate)
		row(w.sent, r.Sent, 0)
		row(w.received, r.Received, 0)
	} else {
		row(w.sent, r.Sent, r.SentRate)
		row(w.received, r.Received, r.ReceivedRate)
	}
	row("lost", r.Lost, 0)
	row("out of order", r.OutOfOrder, 0)
	row("duplicates", r.Duplicates, 0)
	for _, x := range []struct {
		name string
		n    uint64
	}{{"failed", r.Failed}, {"unanswered", r.Unanswered}, {"lost sessions", r.LostSessions}} {
		if x.n > 0 {
			row(x.name, x.n, 0)
		}
	}
	t.Flush()
	out.WriteString("\n")
	fmt.Fprintf(t, "\tp50\tp90\tp99\tp99.9\tmax\t\n")
	latencyRow(t, w.latency, &r.Latency)
	if r.Second != nil {
		latencyRow(t, w.second, r.Second)
	}
	t.Flush()
	out.WriteString("\n" + routersLine(r) + generatorLine(r))
	return out.String()
}

// benchHow is what was asked for.
func benchHow(r *bench.Report) string {
	how := []string{strings.Join(r.URLs, " ")}
	if r.Senders > 0 {
		how = append(how, fmt.Sprintf("%d to %d sessions", r.Senders, r.Receivers), fmt.Sprintf("%d bytes", r.Payload))
	}
	switch {
	case r.Rate > 0:
		how = append(how, strconv.FormatFloat(r.Rate, 'f', -1, 64)+"/s asked for")
	case r.InFlight > 0:
		how = append(how, fmt.Sprintf("%d in flight", r.InFlight))
	}
	return strings.Join(append(how, fmt.Sprintf("%.3g s", r.Seconds)), ", ")
}

func latencyRow(t *tabwriter.Writer, name string, l *bench.Latency) {
	fmt.Fprintf(t, "%s", name)
	for _, us := range []float64{l.P50, l.P90, l.P99, l.P999, l.Max} {
		fmt.Fprintf(t, "\t%s", bench.Micros(us))
	}
	fmt.Fprint(t, "\t\n")
}

// routersLine tells what the processes used that were named.
func routersLine(r *bench.Report) string {
	u := r.Routers
	switch {
	case u == nil:
		return ""
	case r.Flow == bench.Idle && r.Sessions > 0:
		return fmt.Sprintf("the router used %.2f s of processor time; its memory is %.1f MB, %.2f KB more per session\n",
			u.CPUSeconds, float64(u.Memory)/1e6, float64(u.Grown)/float64(r.Sessions)/1e3)
	}
	what := benchWords[r.Flow].received
	if r.Receivers == 0 && r.Flow == bench.PubSub {
		what = "acknowledged"
	}
	return fmt.Sprintf("the router used %.2f s of processor time: %s %s per second of it; its memory is %.1f MB\n",
		u.CPUSeconds, thousands(uint64(u.PerCPUSecond+0.5)), what, float64(u.Memory)/1e6)
}

func generatorLine(r *bench.Report) string {
	g := &r.Generator
	line := ""
	if g.Busy >= 0 {
		line = fmt.Sprintf("the generator used %.0f %% of its %d processors\n", 100*g.Busy, g.Processors)
	}
	if r.Bottleneck != "" {
		line += r.Bottleneck + "\n"
	}
	return line
}

// thousands writes 1234567 as 1,234,567.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
