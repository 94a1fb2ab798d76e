package scenario

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// churners is how many subscriptions of a client are under way.
const churners = 64

// churn subscribes and unsubscribes for half of the time, looks at the memory, goes on, and looks again.
func churn(ctx context.Context, l *lab) error {
	o, err := client.NewOpener(l.anywhere(0))
	if err != nil {
		return err
	}
	var cycles [2]atomic.Int64
	var memory [2]float64
	l.clients = l.cell.Nodes
	for half := range cycles {
		end := time.Now().Add(l.cell.For / 2)
		failed := make(chan error, l.cell.Nodes)
		for i := range l.cell.Nodes {
			l.spawn(func() {
				if err := cycle(ctx, o, i, end, &cycles[half]); err != nil {
					failed <- err
					return
				}
				l.report(i + 1)
			})
		}
		l.wg.Wait()
		select {
		case err := <-failed:
			return err
		default:
		}
		if err := pause(ctx, sampleEvery); err != nil {
			return err
		}
		m, err := l.cluster.Memory()
		if err != nil {
			return err
		}
		memory[half] = float64(m.RSS)
	}
	first, second := cycles[0].Load(), cycles[1].Load()
	if second == 0 {
		return fmt.Errorf("no subscription came and went")
	}
	l.figure("cycles", float64(first+second), "", int(first+second))
	l.figure("cycles per second", float64(first+second)/l.cell.For.Seconds(), "1/s", int(first+second))
	l.figure("resident, all nodes, after the first half", memory[0]/(1<<20), "MiB", int(first))
	l.figure("resident, all nodes, after the second half", memory[1]/(1<<20), "MiB", int(second))
	l.figure("memory after churn, per cycle", (memory[1]-memory[0])/float64(second), "bytes", int(second))
	return nil
}

// cycle is a client that subscribes and unsubscribes until the end.
func cycle(ctx context.Context, o *client.Opener, node int, end time.Time, cycles *atomic.Int64) error {
	b, err := o.Open(ctx, node, client.BareOptions{})
	if err != nil {
		return err
	}
	defer b.Close()
	defer context.AfterFunc(ctx, b.Close)()
	topic := 0
	subscribe := func() {
		topic++
		b.Ask(func(dst []byte, request uint64) []byte {
			return codec.AppendSubscribe(dst, b.Serializer(), request, fmt.Sprintf("scenario.churn.%d.%d", node, topic), wamp.Exact)
		})
	}
	for range churners {
		subscribe()
	}
	var m codec.Message
	for under := churners; under > 0; {
		if !b.More() {
			if err := b.Flush(); err != nil {
				return err
			}
		}
		if err := b.Receive(&m); err != nil {
			return err
		}
		switch m.Type {
		case wamp.Subscribed:
			id := m.ID
			b.Ask(func(dst []byte, request uint64) []byte {
				return codec.AppendUnsubscribe(dst, b.Serializer(), request, id)
			})
		case wamp.Unsubscribed:
			cycles.Add(1)
			if time.Now().After(end) {
				under--
				continue
			}
			subscribe()
		case wamp.Error:
			return fmt.Errorf("refused: %s", m.URI)
		}
	}
	return nil
}
