package null

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kleeblatt/internal/bench"
	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; only a failing test gets there.
const patience = 60 * time.Second

func start(t *testing.T) *Router {
	t.Helper()
	r, err := Listen("ws://127.0.0.1:0/ws")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// TestTraffic: the product's generator takes it for a router, in every flow; nothing is lost, doubled or out of order.
func TestTraffic(t *testing.T) {
	for name, change := range map[string]func(*bench.Config){
		"fan-out":      func(*bench.Config) {},
		"large":        func(c *bench.Config) { c.Payload, c.InFlight = 400_000, 8 },
		"pairs":        func(c *bench.Config) { c.Topics, c.Senders, c.Receivers = 3, 3, 3 },
		"acknowledged": func(c *bench.Config) { c.Acknowledge = true },
		"unheard":      func(c *bench.Config) { c.Acknowledge, c.Receivers = true, 0 },
		"paced":        func(c *bench.Config) { c.Rate = 500 },
		"calls":        func(c *bench.Config) { c.Flow, c.Senders = bench.RPC, 5 },
		"shared calls": func(c *bench.Config) { c.Flow, c.Shared = bench.RPC, true },
		"connect":      func(c *bench.Config) { c.Flow = bench.Connect },
		"idle":         func(c *bench.Config) { c.Flow = bench.Idle },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := bench.Config{
				Flow: bench.PubSub, Client: client.Config{URLs: []string{start(t).URL()}, Serializer: wamp.MsgPack},
				Duration: 100 * time.Millisecond, Warmup: 20 * time.Millisecond, Senders: 2, Receivers: 3, Topics: 1,
				Sessions: 50, Concurrency: 4, Payload: 128, InFlight: 16,
			}
			change(&cfg)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			rep, err := bench.Run(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if !rep.Clean() || rep.Sent == 0 || rep.Received == 0 && cfg.Receivers > 0 {
				t.Errorf("%+v", rep)
			}
		})
	}
}
