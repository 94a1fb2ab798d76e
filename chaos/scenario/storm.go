package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	"kleeblatt/chaos/raw"
	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// stormers is how many clients connect at a time.
const stormers = 32

// storm lets clients connect, subscribe to a topic of their own and go, as fast as they can, all nodes in turn.
func storm(ctx context.Context, l *lab) error {
	o, err := client.NewOpener(l.anywhere(0))
	if err != nil {
		return err
	}
	l.clients = stormers
	cpu := l.cluster.CPUs()
	began := time.Now()
	var mu sync.Mutex
	var opened, subscribed []float64
	failed := 0
	for c := range stormers {
		l.spawn(func() {
			for k := c; time.Since(began) < l.cell.For && ctx.Err() == nil; k += stormers {
				ms, sub, err := stormOnce(ctx, o, c, k)
				mu.Lock()
				if err != nil {
					failed++
				} else {
					opened, subscribed = append(opened, ms), append(subscribed, sub)
				}
				mu.Unlock()
			}
			l.report(c + 1)
		})
	}
	l.wg.Wait()
	took, used := time.Since(began).Seconds(), (l.cluster.CPUs() - cpu).Seconds()
	n := len(subscribed)
	l.figure("sessions per second", float64(n)/took, "1/s", n)
	if used > 0 {
		l.figure("sessions per CPU second", float64(n)/used, "1/s", n)
	}
	l.figure("failed", 100*float64(failed)/float64(max(n+failed, 1)), "%", n+failed)
	l.figure("WELCOME p50", quantile(opened, 0.5), "ms", n)
	l.figure("SUBSCRIBED p50", quantile(subscribed, 0.5), "ms", n)
	l.figure("SUBSCRIBED p99", quantile(subscribed, 0.99), "ms", n)
	l.distribution("SUBSCRIBED: share of answers that came within", subscribed)
	return nil
}

// stormOnce is one session; the times are until WELCOME and from SUBSCRIBE to SUBSCRIBED.
func stormOnce(ctx context.Context, o *client.Opener, c, k int) (opened, subscribed float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*patience)
	defer cancel()
	at := time.Now()
	b, err := o.Open(ctx, k, client.BareOptions{ReadBytes: 512})
	if err != nil {
		return 0, 0, err
	}
	defer b.Reset() // its port is needed again
	defer context.AfterFunc(ctx, b.Close)()
	opened, at = since(at), time.Now()
	b.Ask(func(dst []byte, request uint64) []byte {
		return codec.AppendSubscribe(dst, b.Serializer(), request, fmt.Sprintf("scenario.storm.%d.%d", c, k), wamp.Exact)
	})
	if err := b.Flush(); err != nil {
		return 0, 0, err
	}
	var m codec.Message
	for {
		if err := b.Receive(&m); err != nil {
			return 0, 0, err
		}
		switch m.Type {
		case wamp.Subscribed:
			return opened, since(at), nil
		case wamp.Error:
			return 0, 0, fmt.Errorf("refused: %s", m.URI)
		}
	}
}

// distribution writes a curve of latencies: which share came within x.
func (l *lab) distribution(name string, ms []float64) {
	for _, q := range []float64{0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1} {
		if x := quantile(ms, q); x > 0 {
			l.raw.Add(raw.Row{Kind: raw.Point, Name: name, What: "% of them", Unit: "ms", X: x, Value: 100 * q, Count: len(ms)})
		}
	}
}

func since(at time.Time) float64 { return float64(time.Since(at)) / 1e6 }
