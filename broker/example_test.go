package broker_test

import (
	"fmt"

	"kleeblatt/broker"
	"kleeblatt/internal/wamp"
)

// A publication is matched against the index, filtered, and handed to the sessions that this worker holds.
func Example() {
	const worker, id = 0, 4711
	key := broker.Key{Match: wamp.Prefix, Topic: "com.shop."}

	var local broker.Local
	var index *broker.Index
	for _, slot := range []broker.Slot{7, 3, 5} {
		if first, _ := local.Add(id, slot); first { // 0→1: this alone travels up
			index = index.WithWorker(key, id, worker, true)
		}
	}
	index = index.WithNode(key, id, 2, true)

	filter := broker.Filter{Has: broker.HasExclude, Exclude: []uint64{103}}
	for _, entry := range index.Match([]byte("com.shop.price"), nil) {
		for _, slot := range local.Subscribers(entry.ID) {
			session := 100 + uint64(slot)
			fmt.Println("session", session, filter.Admits(session, "", ""))
		}
		for node := range entry.Nodes.Each {
			fmt.Println("one relay frame to node", node)
		}
	}
	// Output:
	// session 107 true
	// session 103 false
	// session 105 true
	// one relay frame to node 2
}
