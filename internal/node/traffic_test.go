package node

import (
	"fmt"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// collect reads the events first to last, in order and none twice, on a goroutine, and tells progress after each.
func collect(c *client, first, last uint64, progress func(n uint64)) <-chan error {
	done := make(chan error, 1)
	go func() {
		for n := first; n <= last; n++ {
			m, err := c.read()
			if err != nil {
				done <- fmt.Errorf("waiting for event %d: %w", n, err)
				return
			}
			if m.Type != wamp.Event || numberOf(m) != n {
				done <- fmt.Errorf("got %v %d, want event %d", m.Type, numberOf(m), n)
				return
			}
			if progress != nil {
				progress(n)
			}
		}
		done <- nil
	}()
	return done
}

// flood publishes the numbers first to last, pad bytes with each, acknowledged in windows.
func (c *client) flood(topic string, first, last uint64, pad int) {
	c.t.Helper()
	const step, open = 250, 4
	acks := 0
	var b []byte
	for n := first; n <= last; n++ {
		o := &codec.PublishOptions{}
		ack := (n-first)%step == step-1 || n == last
		if ack {
			o = acknowledged
		}
		b = codec.AppendPublish(b[:0], ser, c.next(), o, topic, number(n, pad))
		c.queue(b)
		if !ack {
			continue
		}
		if err := c.write(); err != nil {
			c.t.Fatal(err)
		}
		for acks++; acks > open || n == last && acks > 0; acks-- {
			c.expect(wamp.Published)
		}
	}
}

func await(t *testing.T, what string, done <-chan error) {
	t.Helper()
	if err := <-done; err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func TestP8_100000EventsReachTwoNodesInOrderByOneFrameEach(t *testing.T) {
	last := uint64(100_000)
	if raced {
		last = 10_000
	}
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprint("workers ", workers), func(t *testing.T) {
			nodes := sharedCluster(t, workers)
			var done []<-chan error
			for _, n := range nodes[1:] {
				for range 2 {
					c := join(t, n)
					c.subscribe("t.flood", wamp.Exact)
					done = append(done, collect(c, 1, last, nil))
				}
			}
			settle(t, nodes...)
			var before [3]uint64
			for i, n := range nodes[1:] {
				before[i+1] = linkTo(nodes[0], n).FramesOut
			}
			join(t, nodes[0]).flood("t.flood", 1, last, 0)
			for i, d := range done {
				await(t, fmt.Sprint("subscriber ", i), d)
			}
			for i, n := range nodes[1:] {
				if got := linkTo(nodes[0], n).FramesOut - before[i+1]; got != last {
					t.Errorf("%d frames to %s for %d events", got, n.name, last)
				}
			}
			if s := nodes[0].Counters(); s.SlowClosed != 0 {
				t.Errorf("%d sessions were closed", s.SlowClosed)
			}
		})
	}
}
