package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/bench"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/bench.txt anew")

// TestBench: each flow against a real node, as a user would run it.
func TestBench(t *testing.T) {
	url := startNode(t, "ws://127.0.0.1:0/ws").URLs()[0]
	for _, line := range []string{
		"pubsub --subscribers 2 --in-flight 4 --warmup 0s --duration 100ms",
		"pubsub --subscribers 2 --rate 200 --ack --duration 100ms --warmup 10ms",
		"rpc --callers 2 --duration 100ms --warmup 10ms --serializer json",
		"connect --clients 2 --duration 100ms --warmup 10ms",
		"idle --sessions 5 --duration 10ms",
	} {
		words := append([]string{"bench", "--url", url + "," + url}, strings.Fields(line)...)
		status, out, complaints := ask(t.Context(), append(words, "-o", "json")...)
		var rep bench.Report
		if err := json.Unmarshal([]byte(out), &rep); err != nil || status != statusOK || complaints != "" {
			t.Errorf("%s: %d, %q, %q, %v", line, status, out, complaints, err)
			continue
		}
		if rep.Sent == 0 || rep.Received == 0 || len(rep.URLs) != 2 || rep.Latency.Max <= 0 || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %s", line, out)
		}
	}
	if status, out, complaints := ask(t.Context(), "bench", "pubsub", "--url", url, "--duration", "50ms", "--warmup", "0s"); status != statusOK ||
		!strings.Contains(out, "received") || complaints != "" {
		t.Errorf("%d, %s%s", status, out, complaints)
	}
	if status, out, complaints := ask(t.Context(), "bench", "rpc", "--url", url, "--realm", "nowhere"); status != statusFailed || out != "" ||
		!strings.Contains(complaints, "wamp.error.no_such_realm") {
		t.Errorf("%d, %q, %q", status, out, complaints)
	}
}

// TestBenchTexts: the help, the tables and the line of progress are what people have seen and found good. Rewrite with -rewrite.
func TestBenchTexts(t *testing.T) {
	_, help, _ := ask(t.Context(), "bench", "--help")
	help = withoutShared(help)
	good := bench.Latency{Count: 9, P50: 83.21, P90: 120, P99: 812.5, P999: 1234.567, Max: 12345.678}
	fine := bench.Generator{Processors: 2, Busy: 0.47, Waiting: 90}
	texts := []string{help,
		benchTable(&bench.Report{Flow: bench.PubSub, URLs: []string{"ws://127.0.0.1:8080/ws"}, Serializer: "msgpack", Payload: 128, Senders: 1, Receivers: 100, InFlight: 64,
			Seconds: 10.0001, Sent: 1234567, Received: 123456700, SentRate: 123456.7, ReceivedRate: 12345670, Latency: good, Generator: fine,
			Routers: &bench.Routers{CPUSeconds: 9.87, PerCPUSecond: 12508277.6, Memory: 31415926, Grown: 1000}}),
		benchTable(&bench.Report{Flow: bench.PubSub, URLs: []string{"ws://a/ws", "rs://b"}, Serializer: "cbor", Payload: 64, Senders: 10, Receivers: 20, Rate: 500,
			Seconds: 5, Sent: 2500, Received: 49996, Lost: 4, OutOfOrder: 3, Duplicates: 2, Unanswered: 1, LostSessions: 1, SentRate: 500, ReceivedRate: 9999, Latency: good, Second: &good,
			Generator: bench.Generator{Processors: 2, Busy: 0.97}, Bottleneck: "the generator was the bottleneck: …"}),
		benchTable(&bench.Report{Flow: bench.RPC, URLs: []string{"ws://a/ws"}, Serializer: "json", Payload: 128, Senders: 10, Receivers: 4, InFlight: 1, Seconds: 1, Sent: 10, Received: 9, Failed: 1,
			SentRate: 10, ReceivedRate: 9, Latency: good, Generator: bench.Generator{Processors: 2, Busy: -1}}),
		benchTable(&bench.Report{Flow: bench.Connect, URLs: []string{"ws://a/ws"}, Serializer: "json", Seconds: 1, Sent: 10, Received: 10, SentRate: 10, ReceivedRate: 10, Latency: good, Generator: fine}),
		benchTable(&bench.Report{Flow: bench.Idle, URLs: []string{"ws://a/ws"}, Serializer: "json", Seconds: 2.5, Sessions: 50000, Sent: 50000, Received: 50000, ReceivedRate: 20000,
			Latency: good, Second: &good, Generator: fine, Routers: &bench.Routers{CPUSeconds: 1.5, PerCPUSecond: 33333, Memory: 120e6, Grown: 102e6}}),
		progressLine(bench.Progress{Phase: "opening", Elapsed: 900 * time.Millisecond, Sessions: 1234}) + "\n",
		progressLine(bench.Progress{Phase: "measuring", Elapsed: 12 * time.Second, Sessions: 101, Sent: 123456, Received: 12345678, P50: 83 * time.Microsecond, P99: 1234 * time.Microsecond}) + "\n",
	}
	got := strings.Join(texts, "\n----\n")
	file := filepath.Join("testdata", "bench.txt")
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s differs (-rewrite, if that is meant): %v\n%s", file, err, got)
	}
}

// withoutShared takes the flags that all tools share out of a help text.
func withoutShared(help string) string {
	var d dialFlags
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	d.add(fs)
	lines := strings.SplitAfter(help, "\n")
	var out strings.Builder
	for i := 0; i < len(lines); i++ {
		name, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(lines[i], "  --")), " ")
		if strings.HasPrefix(lines[i], "  --") && fs.Lookup(name) != nil {
			i++ // its text
			continue
		}
		out.WriteString(lines[i])
	}
	return out.String()
}
