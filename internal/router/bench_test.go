package router

import (
	"fmt"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Paths beside the hottest one, so that none falls an order of magnitude behind its neighbours unseen. An op is a publication, unless
// something else is said.

// BenchmarkPublishFrom is one to ten subscribers that speak the publisher's serializer, another one, or all of them.
func BenchmarkPublishFrom(b *testing.B) {
	for _, from := range allSerializers {
		for _, to := range append([]wamp.Serializer{wamp.SerializerBound}, allSerializers...) {
			name := from.String() + "/" + "all"
			if to != wamp.SerializerBound {
				name = from.String() + "/" + to.String()
			}
			b.Run(name, func(b *testing.B) {
				x := newBench(b, 1)
				for i := range 10 {
					s := to
					if to == wamp.SerializerBound {
						s = allSerializers[i%len(allSerializers)]
					}
					x.join(s, `[32,1,{},"a.b"]`)
				}
				pub, _ := x.join(from)
				x.publishes(b, pub, encoded(b, from, `[16,1,{},"a.b",`+payload+`]`))
			})
		}
	}
}

// publishes is the loop of most benchmarks.
func (x *bench) publishes(b *testing.B, pub Conn, m []byte) {
	if len(x.message(pub, m)) == 0 {
		b.Fatal("nobody gets it")
	}
	b.ReportAllocs()
	for b.Loop() {
		x.message(pub, m)
	}
}

// BenchmarkPublishPatterns is one that ten wildcard and ten prefix subscriptions match, of a session each, among a thousand others of
// either kind.
func BenchmarkPublishPatterns(b *testing.B) {
	x := newBench(b, 1)
	for i := range 1000 {
		x.join(wamp.MsgPack, fmt.Sprintf(`[32,1,{"match":"wildcard"},"com..s%d.v"]`, i), fmt.Sprintf(`[32,2,{"match":"prefix"},"com.p%d"]`, i))
	}
	const topic = "com.example.sensor.7.kitchen.temperature"
	for i, pattern := range []string{
		"com..sensor.7.kitchen.temperature", "com.example..7.kitchen.temperature", "com.example.sensor..kitchen.temperature", "com.example.sensor.7..temperature",
		"com.example.sensor.7.kitchen.", "com...7.kitchen.temperature", "com..sensor..kitchen.temperature", "com..sensor.7..temperature", "com.....temperature", ".....",
	} {
		x.join(wamp.MsgPack, fmt.Sprintf(`[32,1,{"match":"wildcard"},%q]`, pattern), fmt.Sprintf(`[32,2,{"match":"prefix"},%q]`, topic[:4*i+3]))
	}
	pub, _ := x.join(wamp.MsgPack)
	x.publishes(b, pub, encoded(b, wamp.MsgPack, `[16,1,{},"`+topic+`",`+payload+`]`))
}

// BenchmarkPublishMillionTopics is to each of a million topics in turn, so that nothing is remembered of the last time: some that nobody
// but a prefix subscriber wants, and some with a subscriber of their own.
func BenchmarkPublishMillionTopics(b *testing.B) {
	const topics = 1_000_000
	for _, own := range []int{0, 60_000} { // as many as a session may have
		b.Run(fmt.Sprintf("%d subscriptions", own), func(b *testing.B) {
			x := newBench(b, 1)
			sub, _ := x.join(wamp.MsgPack, `[32,1,{"match":"prefix"},"com.t"]`)
			for i := range own {
				x.apply(x.message(sub, codec.AppendSubscribe(nil, wamp.MsgPack, uint64(i+2), fmt.Sprintf("com.t%06d", i), wamp.Exact)))
			}
			pub, _ := x.join(wamp.MsgPack)
			m := encoded(b, wamp.MsgPack, `[16,1,{},"com.t000000",`+payload+`]`)
			digits := m[5+len("com.t"):][:6] // behind the heads of list and text, the type, the request and the options
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				for k, v := 5, i; k >= 0; k, v = k-1, v/10 {
					digits[k] = byte('0' + v%10)
				}
				if len(x.message(pub, m)) == 0 {
					b.Fatal("nobody gets it")
				}
				if i += 7919; i >= topics {
					i -= topics
				}
			}
		})
	}
}

// BenchmarkChurn is a subscription ended and made anew while ten publications go to another topic; ns/op is of all twelve.
func BenchmarkChurn(b *testing.B) {
	for _, others := range []int{0, 60_000} {
		b.Run(fmt.Sprintf("%d subscriptions", others), func(b *testing.B) {
			x := newBench(b, 1)
			sub, _ := x.join(wamp.MsgPack, `[32,1,{},"a.b"]`)
			for i := range others {
				x.apply(x.message(sub, codec.AppendSubscribe(nil, wamp.MsgPack, uint64(i+2), fmt.Sprintf("com.t%06d", i), wamp.Exact)))
			}
			other, _ := x.join(wamp.MsgPack)
			pub, _ := x.join(wamp.MsgPack)
			m := encoded(b, wamp.MsgPack, `[16,1,{},"a.b",`+payload+`]`)
			id := x.subscriptionID(other, "c.d")
			n := uint64(2)
			b.ReportAllocs()
			for b.Loop() {
				x.apply(x.message(other, codec.AppendUnsubscribe(nil, wamp.MsgPack, n, id)))
				for range 10 {
					x.message(pub, m)
				}
				x.apply(x.message(other, codec.AppendSubscribe(nil, wamp.MsgPack, n+1, "c.d", wamp.Exact)))
				n += 2
			}
			if len(x.message(pub, encoded(b, wamp.MsgPack, `[16,1,{},"c.d"]`))) != 1 {
				b.Fatal("the subscription is lost")
			}
		})
	}
}

// subscriptionID subscribes, and returns the id, which is the topic's for ever.
func (x *bench) subscriptionID(c Conn, topic string) uint64 {
	x.apply(x.message(c, codec.AppendSubscribe(nil, wamp.MsgPack, 1, topic, wamp.Exact)))
	var parser codec.Parser
	var m codec.Message
	for i := range x.out {
		if x.out[i].Kind == FxSend && parser.Parse(wamp.MsgPack, x.out[i].Bytes, &m) == nil && m.Type == wamp.Subscribed {
			return m.ID
		}
	}
	x.t.Fatal("not subscribed")
	return 0
}

// BenchmarkRelay is a publication that leaves for three nodes, and one that comes from a node for ten sessions.
func BenchmarkRelay(b *testing.B) {
	b.Run("out", func(b *testing.B) {
		x := newBench(b, 1)
		for _, n := range []NodeSlot{1, 2, 90} {
			if _, err := x.tables.RemoteAdd(n, "n", string(AppendInterest(nil, "r", wamp.Exact, "a.b")), nil); err != nil {
				b.Fatal(err)
			}
		}
		x.tables.Commit()
		pub, _ := x.join(wamp.MsgPack)
		x.publishes(b, pub, encoded(b, wamp.MsgPack, `[16,1,{},"a.b",`+payload+`]`))
	})
	b.Run("in", func(b *testing.B) {
		x := newBench(b, 1)
		for range 10 {
			x.join(wamp.MsgPack, `[32,1,{},"a.b"]`)
		}
		f := frame{kind: framePublish, flags: flagExcludeMe, realm: []byte("r"), uri: []byte("a.b"), id: 7, serializer: wamp.MsgPack}
		f.from = identity{session: 99, authID: []byte("joe"), authRole: []byte("anonymous")}
		f.payload = codec.Payload{N: 1, Raw: []byte{0x91, 0x01}}
		bytes := appendFrame(nil, &f)
		x.want(x.step(Input{Kind: InFrame, Node: 3, Bytes: bytes}), FxFanout)
		b.ReportAllocs()
		for b.Loop() {
			x.step(Input{Kind: InFrame, Node: 3, Bytes: bytes})
		}
	})
}
