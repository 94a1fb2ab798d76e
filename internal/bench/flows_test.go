package bench

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kleeblatt/internal/client"
	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
	"kleeblatt/internal/wamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; only a failing test gets there.
const patience = 60 * time.Second

// startNode runs a node in this process, of a cluster where it is given another's gossip address.
func startNode(t *testing.T, join ...string) *node.Node {
	t.Helper()
	words := []string{"--listen", "ws://127.0.0.1:0/ws", "--admin", "off", "--gossip", "127.0.0.1:0", "--link", "127.0.0.1:0", "--workers", "2"}
	for _, j := range join {
		words = append(words, "--join", j)
	}
	cfg, err := config.Parse(words)
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if err := n.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	return n
}

// short is a configuration for a run that is over soon.
func short(flow string, urls ...string) Config {
	return Config{
		Flow: flow, Client: client.Config{URLs: urls, Serializer: wamp.MsgPack}, Duration: 200 * time.Millisecond, Warmup: 50 * time.Millisecond,
		Senders: 2, Receivers: 3, Topics: 1, Sessions: 20, Concurrency: 4, Payload: 64, InFlight: 8,
	}
}

func mustRun(t *testing.T, cfg Config) *Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	rep, err := Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Clean() || rep.Problem != "" || rep.Sent == 0 {
		t.Fatalf("%+v", rep)
	}
	return rep
}

func TestPubSub(t *testing.T) {
	url := startNode(t).URLs()[0]
	raw := strings.TrimSuffix(strings.Replace(url, "ws://", "rs://", 1), "/ws")
	for name, change := range map[string]func(*Config){
		"closed":       func(*Config) {},
		"one":          func(c *Config) { c.InFlight = 1; c.Senders = 1; c.Receivers = 1 },
		"pairs":        func(c *Config) { c.Topics, c.Receivers = 2, 2 },
		"uneven":       func(c *Config) { c.Topics, c.Senders, c.Receivers = 2, 3, 5 },
		"acknowledged": func(c *Config) { c.Acknowledge = true },
		"nobody":       func(c *Config) { c.Acknowledge, c.Receivers = true, 0 },
		"open":         func(c *Config) { c.Rate = 500 },
		"open, acks":   func(c *Config) { c.Rate, c.Acknowledge = 500, true },
		"json":         func(c *Config) { c.Client.Serializer = wamp.JSON },
		"cbor, raw":    func(c *Config) { c.Client.Serializer, c.Client.URLs = wamp.CBOR, []string{raw} },
		"large":        func(c *Config) { c.Payload, c.InFlight = 200_000, 2 },
		"smallest":     func(c *Config) { c.Payload = PayloadMin },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := short(PubSub, url)
			change(&cfg)
			rep := mustRun(t, cfg)
			audience := uint64(cfg.Receivers)
			if cfg.Topics == 1 && rep.Received != audience*rep.Sent {
				t.Errorf("%d publications reached %d subscribers %d times", rep.Sent, audience, rep.Received)
			}
			if cfg.Acknowledge != (rep.Second != nil) {
				t.Errorf("latencies of acknowledgements: %+v", rep.Second)
			}
		})
	}
}

// TestPubSubAcross: publishers and subscribers at different nodes. Not one event is missed, though what a node knows of the other takes a hop.
func TestPubSubAcross(t *testing.T) {
	a := startNode(t)
	b := startNode(t, a.GossipAddr())
	cfg := short(PubSub, a.URLs()[0])
	cfg.ReceiverURLs = b.URLs()
	mustRun(t, cfg)
	cfg.Flow = RPC
	cfg.Senders = 4
	mustRun(t, cfg)
	cfg = short(Idle, a.URLs()[0], b.URLs()[0])
	mustRun(t, cfg)
}

func TestRPC(t *testing.T) {
	url := startNode(t).URLs()[0]
	for name, change := range map[string]func(*Config){
		"closed": func(*Config) {},
		"shared": func(c *Config) { c.Shared, c.Receivers = true, 3 },
		"open":   func(c *Config) { c.Rate = 500 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := short(RPC, url)
			cfg.Receivers = 2
			change(&cfg)
			rep := mustRun(t, cfg)
			if rep.Sent != rep.Received {
				t.Errorf("%d calls, %d results", rep.Sent, rep.Received)
			}
		})
	}
}

func TestConnect(t *testing.T) {
	n := startNode(t)
	cfg := short(Connect, n.URLs()...)
	mustRun(t, cfg)
	cfg.Rate = 100
	mustRun(t, cfg)
}

func TestIdle(t *testing.T) {
	n := startNode(t)
	rep := mustRun(t, short(Idle, n.URLs()...))
	if rep.Sessions != 20 || rep.Received != 20 || rep.Second == nil || rep.Second.Count != 20 || rep.Latency.Count != 20 {
		t.Errorf("%+v", rep)
	}
}

// TestLostSession: a router that goes away ends the run, and the report says so.
func TestLostSession(t *testing.T) {
	n := startNode(t)
	cfg := short(PubSub, n.URLs()...)
	cfg.Duration = patience
	var once atomic.Bool
	cfg.Tick = time.Millisecond
	closed := make(chan struct{})
	cfg.Progress = func(p Progress) {
		if p.Received > 0 && once.CompareAndSwap(false, true) {
			go func() { n.Close(); close(closed) }()
		}
	}
	rep, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	<-closed
	if rep.Clean() || rep.LostSessions == 0 || !strings.Contains(rep.Problem, "was lost") {
		t.Errorf("%+v", rep)
	}
}

// TestInterrupted: what was measured until then is told.
func TestInterrupted(t *testing.T) {
	n := startNode(t)
	cfg := short(PubSub, n.URLs()...)
	cfg.Duration, cfg.Tick = patience, time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg.Progress = func(p Progress) {
		if p.P50 > 0 {
			cancel()
		}
	}
	rep, err := Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Clean() || rep.Received == 0 || rep.Latency.Count == 0 || rep.ReceivedRate <= 0 {
		t.Errorf("%+v", rep)
	}
}

func TestUnreachable(t *testing.T) {
	for _, flow := range []string{PubSub, RPC, Connect, Idle} {
		cfg := short(flow, "unix:///nonexistent/socket")
		cfg.Receivers = 2
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Errorf("%s ran against nobody", flow)
		}
	}
}
