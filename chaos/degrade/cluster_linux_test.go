package degrade

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"kleeblatt/internal/bench"
	"kleeblatt/internal/client"
	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
	"kleeblatt/internal/wamp"
)

// patience bounds what a test waits for; only a failing test gets there.
const patience = 60 * time.Second

// behind starts a node that the others reach at proxy, an address of loopback, with the same ports; and the proxy.
func behind(t *testing.T, proxy string, profile Profile, join ...string) (*node.Node, *Proxy) {
	t.Helper()
	gossip, link := freePort(t), freePort(t)
	words := []string{"--listen", "ws://127.0.0.1:0/ws", "--admin", "off", "--gossip", "127.0.0.1:" + gossip, "--link", "127.0.0.1:" + link,
		"--advertise", proxy, "--same-host", "tcp", "--workers", "2", "--insecure"}
	for _, j := range join {
		words = append(words, "--join", j)
	}
	cfg, err := config.Parse(words)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, Options{Profile: profile, Seed: 1, Pairs: []Pair{
		{net.JoinHostPort(proxy, gossip), "127.0.0.1:" + gossip}, {net.JoinHostPort(proxy, link), "127.0.0.1:" + link},
	}})
	n, err := node.Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if err := n.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	return n, p
}

func freePort(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// TestCluster: two nodes join and route through a bad link, gossip and router link alike; what one publishes comes at the other once and in order.
func TestCluster(t *testing.T) {
	a, pa := behind(t, "127.0.0.77", rough)
	b, pb := behind(t, "127.0.0.78", rough, a.GossipAddr())
	for _, flow := range []string{bench.PubSub, bench.RPC} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		rep, err := bench.Run(ctx, bench.Config{
			Flow: flow, Client: client.Config{URLs: a.URLs(), Serializer: wamp.MsgPack}, ReceiverURLs: b.URLs(), Duration: 300 * time.Millisecond,
			Senders: 2, Receivers: 2, Topics: 1, Concurrency: 4, Payload: 128, InFlight: 8,
		})
		if err != nil {
			t.Fatal(err)
		}
		if !rep.Clean() || rep.Received == 0 || rep.Latency.P50 < 1000 {
			t.Errorf("%s: %+v", flow, rep)
		}
	}
	x, y := pa.Stats(), pb.Stats() // which of both dials the link is their matter
	if x[There].Datagrams == 0 || y[There].Datagrams == 0 || x[There].Bytes+y[There].Bytes == 0 || x[Back].Bytes+y[Back].Bytes == 0 {
		t.Errorf("it did not go through the proxies: %+v, %+v", x, y)
	}
}
