package scenario

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"kleeblatt/chaos/raw"
	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const (
	// staleWorkers look at a time, each with a subscriber at a node and a publisher at another one.
	staleWorkers = 6
	// arriveTime is how long an event may take on a machine that is busy; what takes longer was missed.
	arriveTime = 250 * time.Millisecond
	// seeEvery is the distance of the events that look from when on a subscription is seen.
	seeEvery = 200 * time.Microsecond
)

// taus are the times between SUBSCRIBED on one node and a publication on another one.
var taus = []time.Duration{
	0, 200 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
}

// least is where the time 0 stands on an axis that has none.
const least = 100 * time.Microsecond

// staleness looks how long other nodes do not know of a subscription that was granted.
func staleness(ctx context.Context, l *lab) error {
	var mu sync.Mutex
	tried, missed := make([]int, len(taus)), make([]int, len(taus))
	var seen []float64
	unseen := 0
	l.clients = staleWorkers
	for w := range staleWorkers {
		from, err := client.Dial(ctx, l.config((w+1)%l.cell.Nodes))
		if err != nil {
			return err
		}
		to, err := client.Dial(ctx, l.config(w%l.cell.Nodes))
		if err != nil {
			return err
		}
		l.spawn(func() {
			defer from.Close()
			defer to.Close()
			for k := 0; time.Since(l.began) < l.cell.For && ctx.Err() == nil; k++ {
				i := k % (len(taus) + 1)
				topic := fmt.Sprintf("scenario.stale.%d.%d", w, k)
				if i == len(taus) {
					ms, ok := visible(ctx, to, from, topic)
					mu.Lock()
					if ok {
						seen = append(seen, ms)
					} else {
						unseen++
					}
					mu.Unlock()
					continue
				}
				ok := reaches(ctx, to, from, topic, taus[i])
				mu.Lock()
				tried[i]++
				if !ok {
					missed[i]++
				}
				mu.Unlock()
			}
			l.report(w + 1)
		})
	}
	l.wg.Wait()
	for i, tau := range taus {
		if tried[i] == 0 {
			return fmt.Errorf("nothing was tried %v after SUBSCRIBED", tau)
		}
		l.raw.Add(raw.Row{
			Kind: raw.Point, Name: "an event is missed, by the time since SUBSCRIBED on another node", What: "% missed", Unit: "ms (0.1: at once)",
			X: float64(max(tau, least)) / 1e6, Value: 100 * float64(missed[i]) / float64(tried[i]), Count: tried[i],
		})
	}
	l.figure("missed right after SUBSCRIBED", 100*float64(missed[0])/float64(tried[0]), "%", tried[0])
	l.figure("missed 1 ms after SUBSCRIBED", 100*float64(missed[3])/float64(tried[3]), "%", tried[3])
	l.figure("missed 10 ms after SUBSCRIBED", 100*float64(missed[6])/float64(tried[6]), "%", tried[6])
	l.figure("missed 100 ms after SUBSCRIBED", 100*float64(missed[9])/float64(tried[9]), "%", tried[9])
	l.figure("seen everywhere p50", quantile(seen, 0.5), "ms", len(seen))
	l.figure("seen everywhere p99", quantile(seen, 0.99), "ms", len(seen))
	l.figure("never seen", float64(unseen), "", len(seen)+unseen)
	return nil
}

// reaches reports whether an event arrives that is published so long after SUBSCRIBED.
func reaches(ctx context.Context, to, from *client.Client, topic string, tau time.Duration) bool {
	came := make(chan struct{}, 1)
	u, err := to.Subscribe(ctx, topic, wamp.Exact, func(client.Event) {
		select {
		case came <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return false
	}
	defer u.Unsubscribe(ctx)
	if tau > 0 {
		pause(ctx, tau)
	}
	if _, err := from.Publish(ctx, topic, client.Payload{}, nil); err != nil {
		return false
	}
	t := time.NewTimer(arriveTime)
	defer t.Stop()
	select {
	case <-came:
		return true
	case <-t.C:
		return false
	}
}

// visible is how long after SUBSCRIBED the first event was published that arrived.
func visible(ctx context.Context, to, from *client.Client, topic string) (ms float64, ok bool) {
	var first atomic.Int64
	came := make(chan struct{}, 1)
	u, err := to.Subscribe(ctx, topic, wamp.Exact, func(e client.Event) {
		var at int64
		if e.Payload.Decode(&at) == nil && first.CompareAndSwap(0, at+1) {
			came <- struct{}{}
		}
	})
	if err != nil {
		return 0, false
	}
	defer u.Unsubscribe(ctx)
	began := time.Now()
	for time.Since(began) < patience {
		if _, err := from.Publish(ctx, topic, client.Args(int64(time.Since(began))), nil); err != nil {
			return 0, false
		}
		t := time.NewTimer(seeEvery)
		select {
		case <-came:
			t.Stop()
			return float64(first.Load()-1) / 1e6, true
		case <-t.C:
		}
	}
	return 0, false
}
