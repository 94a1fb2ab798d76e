package router

import (
	"fmt"
	"testing"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// TestEverythingOnAllocs: with rules, an authorizer whose answers are remembered, disclosure, trust levels, limits and a rate, publications and
// calls allocate nothing either.
func TestEverythingOnAllocs(t *testing.T) {
	for _, s := range allSerializers {
		b := newBench(t, 1)
		a, _ := b.joinRealm("everything", s)
		c, _ := b.joinRealm("everything", s, `[32,1,{},"com.open.a"]`, `[64,2,{},"com.open.a"]`)
		slot, _ := b.w.byConn.get(uint64(a))
		for _, x := range []struct {
			action auth.Action
			uri    string
		}{{auth.Publish, "com.asked"}, {auth.Call, "com.asked"}} {
			d := decision{action: x.action, uri: x.uri}
			d.Allowed = true
			b.w.remember(slot, &Authorizer{}, d)
		}
		by := decision{action: auth.Subscribe, uri: "com.asked"}
		by.Allowed = true
		of, _ := b.w.byConn.get(uint64(c))
		b.w.remember(of, &Authorizer{}, by)
		by.action = auth.Register
		b.w.remember(of, &Authorizer{}, by)
		b.apply(b.message(c, encoded(t, s, `[32,3,{},"com.asked"]`)))
		b.apply(b.message(c, encoded(t, s, `[64,4,{},"com.asked"]`)))
		n := uint64(0)
		for _, uri := range []string{"com.open.a", "com.asked"} { // by a rule, and by the authorizer
			publish := encoded(t, s, fmt.Sprintf(`[16,1,{"acknowledge":true},%q,%s]`, uri, payload))
			b.want(b.message(a, publish), FxFanout, FxSend)
			b.noAllocs(s.String()+": publish "+uri, func() { b.message(a, publish) })

			call := encoded(t, s, fmt.Sprintf(`[48,9,{},%q,%s]`, uri, payload))
			var yields [512][]byte
			for i := range yields {
				yields[i] = encoded(t, s, fmt.Sprintf(`[70,%d,{},%s]`, n+uint64(i)+1, payload))
			}
			i := 0
			b.noAllocs(s.String()+": call "+uri, func() {
				b.want(b.message(a, call), FxSend)
				b.want(b.message(c, yields[i]), FxSend)
				i++
				n++
			})
		}
		if b.w.Stats().Inquiries != 0 {
			t.Error("somebody was asked")
		}
	}
}

// TestEverythingOnRelayAllocs: what comes from another node costs the same.
func TestEverythingOnRelayAllocs(t *testing.T) {
	b := newBench(t, 1)
	for range 10 {
		b.joinRealm("everything", wamp.MsgPack, `[32,1,{},"com.open.a"]`)
	}
	f := frame{kind: framePublish, flags: flagExcludeMe | flagDisclose, realm: []byte("everything"), uri: []byte("com.open.a"), id: 7, serializer: wamp.MsgPack}
	f.from = identity{session: 99, authID: []byte("joe"), authRole: []byte("user"), trust: 8}
	f.payload = codec.Payload{N: 1, Raw: []byte{0x91, 0x01}}
	bytes := appendFrame(nil, &f)
	b.want(b.step(Input{Kind: InFrame, Node: 3, Bytes: bytes}), FxFanout)
	b.noAllocs("relay in", func() { b.step(Input{Kind: InFrame, Node: 3, Bytes: bytes}) })
}
