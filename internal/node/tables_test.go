package node

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"kleeblatt/internal/admin"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// subscribeMany subscribes to t.<prefix>.0 and so on, in pipelined steps, and returns the ids.
func (c *client) subscribeMany(prefix string, count int) []uint64 {
	c.t.Helper()
	const step = 1000 // below what a session may have unanswered
	ids := make([]uint64, 0, count)
	for len(ids) < count {
		n := min(step, count-len(ids))
		for i := range n {
			c.queue(codec.AppendSubscribe(nil, ser, c.next(), fmt.Sprint("t.", prefix, ".", len(ids)+i), wamp.Exact))
		}
		if err := c.write(); err != nil {
			c.t.Fatal(err)
		}
		for range n {
			ids = append(ids, c.expect(wamp.Subscribed).ID)
		}
	}
	return ids
}

// TestP12_200000EntriesReachAJoiningNode: all of them, before it takes clients, and they are routed by.
func TestP12_200000EntriesReachAJoiningNode(t *testing.T) {
	t.Parallel()
	sessions, each := 4, 50_000
	if raced {
		each = 5_000
	}
	first := runCluster(t, 1)[0]
	var subs []*client
	var work sync.WaitGroup
	for i := range sessions {
		c := join(t, first)
		subs = append(subs, c)
		work.Go(func() { c.subscribeMany(fmt.Sprint("many", i), each) })
	}
	work.Wait()
	joining := runNext(t, []*Node{first})
	if err := joining.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	for _, p := range joining.Counters().Parts {
		if want := map[string]int{first.name: sessions * (each + 1)}[p.Owner]; p.Entries != want { // each session is an entry, too
			t.Errorf("the new node takes clients and knows %d of %d entries of %s", p.Entries, want, p.Owner)
		}
	}
	settle(t, first, joining)
	pub := join(t, joining)
	for n := range uint64(50) {
		at := rand.IntN(each)
		for i, c := range subs {
			pub.publish(fmt.Sprint("t.many", i, ".", at), n)
			c.event(n)
		}
	}
	joining.Close() // before the sessions: their end is not what is tested
	first.Close()
}

// TestP17_DigestsAreEqualWhateverTheOrder: many sessions change the tables of all nodes at once, each in an order of its own.
func TestP17_DigestsAreEqualWhateverTheOrder(t *testing.T) {
	nodes := sharedCluster(t, 2)
	var all []*client
	var work sync.WaitGroup
	for i := range 9 {
		c := join(t, nodes[i%3])
		all = append(all, c)
		r := rand.New(rand.NewPCG(17, uint64(i)))
		work.Go(func() {
			held := map[string]uint64{}
			for range 400 {
				topic := fmt.Sprint("t.order.", r.IntN(60))
				if id, ok := held[topic]; ok {
					c.unsubscribe(id)
					delete(held, topic)
				} else {
					held[topic] = c.subscribe(topic, wamp.Match(r.IntN(2)))
				}
			}
		})
	}
	work.Wait()
	settle(t, nodes...)
	for _, c := range all[:5] {
		c.conn.Close()
	}
	// Equal digests are equal parts; the ends of the sessions may still be under way while one looks.
	eventually(t, "all nodes hold the same parts", func() bool {
		for _, n := range nodes {
			if stats(n).Sessions > 2 {
				return false
			}
		}
		held := partsOf(nodes[0])
		return slices.Equal(held, partsOf(nodes[1])) && slices.Equal(held, partsOf(nodes[2]))
	}, nodes...)
	settle(t, nodes...)
}

// partsOf are the parts that a node holds, by owner.
func partsOf(n *Node) []admin.Part {
	parts := n.Counters().Parts
	slices.SortFunc(parts, func(a, b admin.Part) int { return strings.Compare(a.Owner, b.Owner) })
	return parts
}

// TestP1_OneOfTwoSubscribersLeaves: the other one still gets the events of another node.
func TestP1_OneOfTwoSubscribersLeaves(t *testing.T) {
	nodes := sharedCluster(t, 2)
	pub := join(t, nodes[0])
	leaving := map[string]func(c *client, id uint64){
		"unsubscribes": func(c *client, id uint64) { c.unsubscribe(id) },
		"is cut":       func(c *client, id uint64) { c.conn.Close() },
	}
	for name, leave := range leaving {
		t.Run(name, func(t *testing.T) {
			topic := "t.p1." + name[:2]
			stay, other := join(t, nodes[1]), join(t, nodes[1])
			stay.subscribe(topic, wamp.Exact)
			id := other.subscribe(topic, wamp.Exact)
			settle(t, nodes...)
			pub.publish(topic, 1)
			stay.event(1)
			other.event(1)
			leave(other, id)
			eventually(t, "one subscription is left", func() bool { return stats(nodes[1]).Sessions < 2 || name == "unsubscribes" }, nodes[1])
			settle(t, nodes...)
			pub.publish(topic, 2)
			stay.event(2)
			stay.conn.Close()
		})
	}
}

// TestP2_ThreeMatchesOneFrame: a session that is subscribed exactly, by prefix and by wildcard gets three events by one frame.
func TestP2_ThreeMatchesOneFrame(t *testing.T) {
	nodes := sharedCluster(t, 1)
	pub, sub := join(t, nodes[0]), join(t, nodes[1])
	want := map[uint64]bool{
		sub.subscribe("t.p2.x", wamp.Exact): true, sub.subscribe("t.p2", wamp.Prefix): true, sub.subscribe("t..x", wamp.Wildcard): true,
	}
	settle(t, nodes...)
	before := linkTo(nodes[0], nodes[1]).FramesOut
	pub.publish("t.p2.x", 1)
	for range 3 {
		m := sub.expect(wamp.Event)
		if !want[m.Request] {
			t.Errorf("an event of subscription %d", m.Request)
		}
		delete(want, m.Request)
	}
	pub.publish("t.p2.y", 2) // the prefix alone: had anything come twice, it would be read here
	sub.event(2)
	if got := linkTo(nodes[0], nodes[1]).FramesOut - before; got != 2 {
		t.Errorf("%d frames for 2 events", got)
	}
}

// TestP6_UnsubscribeOvertakenBySubscribe: what counts is the state in the end, however fast it changes.
func TestP6_UnsubscribeOvertakenBySubscribe(t *testing.T) {
	nodes := sharedCluster(t, 2)
	pub, sub := join(t, nodes[0]), join(t, nodes[1])
	id := sub.subscribe("t.p6", wamp.Exact)
	for range 50 {
		sub.queue(codec.AppendUnsubscribe(nil, ser, sub.next(), id))
		sub.queue(codec.AppendSubscribe(nil, ser, sub.next(), "t.p6", wamp.Exact))
		if err := sub.write(); err != nil {
			t.Fatal(err)
		}
		sub.expect(wamp.Unsubscribed)
		id = sub.expect(wamp.Subscribed).ID
	}
	settle(t, nodes...)
	pub.publish("t.p6", 1)
	sub.event(1)
}

// TestP18_ManySubscribersOfSeveralKindsUnderLoad: 50 by the topic, 50 by its prefix, on three nodes, of three publishers.
func TestP18_ManySubscribersOfSeveralKindsUnderLoad(t *testing.T) {
	const each, publishers = 300, 3
	nodes := sharedCluster(t, 2)
	var done []<-chan error
	for i := range 100 {
		c := join(t, nodes[i%3])
		if i < 50 {
			c.subscribe("t.p18.x", wamp.Exact)
		} else {
			c.subscribe("t.p18", wamp.Prefix)
		}
		errs := make(chan error, 1)
		done = append(done, errs)
		go func() { // the order holds per publisher: number n is the n/publishers-th of publisher n%publishers
			var last [publishers]uint64
			for range each * publishers {
				m, err := c.read()
				if err != nil {
					errs <- err
					return
				}
				n := numberOf(m)
				if p := n % publishers; m.Type != wamp.Event || n/publishers != last[p]+1 {
					errs <- fmt.Errorf("%v %d of publisher %d after %d", m.Type, n/publishers, p, last[p])
					return
				} else {
					last[p]++
				}
			}
			errs <- nil
		}()
	}
	settle(t, nodes...)
	var work sync.WaitGroup
	for p := range uint64(publishers) {
		c := join(t, nodes[p])
		work.Go(func() {
			for n := uint64(1); n <= each; n++ {
				c.queue(codec.AppendPublish(nil, ser, c.next(), &codec.PublishOptions{Acknowledge: n%50 == 0}, "t.p18.x", number(n*publishers+p, 20)))
				if n%50 == 0 {
					c.write()
					c.expect(wamp.Published)
				}
			}
		})
	}
	work.Wait()
	for i, d := range done {
		await(t, fmt.Sprint("subscriber ", i), d)
	}
}

// TestP32_AnnouncedLengthsCostNothing: sessions that announce 16 MiB and send little of it, and connections that never end a message.
func TestP32_AnnouncedLengthsCostNothing(t *testing.T) {
	n := runCluster(t, 1)[0]
	settle(t, n)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	good := join(t, n)
	good.subscribe("t.p32", wamp.Exact)
	before := heap()
	var all []*client
	for range 50 {
		c := join(t, n)
		// RawSocket: the X bit, a length of 16 MiB, and the head of a message without end
		c.out = append(append(c.out, 8, 0, 0, 0), codec.AppendPublish(nil, ser, 1, nil, "t.p32", number(1, 2000))[:1000]...)
		if err := c.write(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	other := join(t, n)
	for i := range uint64(100) { // every loop has read what came before
		other.publish("t.p32", i)
		good.event(i)
	}
	// 50 clients of this test with a buffer of 64 KiB each are part of the heap.
	if grown := int64(heap()) - int64(before); grown > 50*(64<<10)+16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for _, c := range all {
		c.conn.Close()
	}
	other.publish("t.p32", 100)
	good.event(100)
}
