package node

import (
	"fmt"
	"testing"

	"kleeblatt/broker"
	"kleeblatt/internal/wamp"
)

// TestBarrier: when it is over, every other node routes by what was changed before it.
func TestBarrier(t *testing.T) {
	nodes := sharedCluster(t, 2)
	sub := join(t, nodes[0])
	for i := range 20 {
		topic := fmt.Sprint("t.barrier.", i)
		sub.subscribe(topic, wamp.Exact)
		over := make(chan [2]int, 1)
		h := nodes[0].hubs[0]
		h.ask(func() { h.home.barrier(patience, func(acked, of int) { over <- [2]int{acked, of} }) })
		if got := <-over; got != [2]int{2, 2} {
			t.Fatalf("%d of %d nodes have the change", got[0], got[1])
		}
		for _, n := range nodes[1:] {
			if n.realms.Get("realm1").Cell.Load().Broker.Get(broker.Key{Match: wamp.Exact, Topic: topic}) == nil {
				t.Fatalf("%s does not route %s", n.name, topic)
			}
		}
	}
}
