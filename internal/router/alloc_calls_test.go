package router

import (
	"encoding/binary"
	"fmt"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// everyFeature is the HELLO.Details of a session that knows all about calls.
const everyFeature = `{"roles":{"publisher":{"features":{"payload_passthru_mode":true}},"subscriber":{},` +
	`"caller":{"features":{"payload_passthru_mode":true,"progressive_call_invocations":true}},` +
	`"callee":{"features":{"call_canceling":true,"payload_passthru_mode":true,"progressive_call_results":true,"progressive_call_invocations":true,"call_reroute":true,"call_timeout":true}}}}`

const options = `"disclose_me":true,"receive_progress":true,"timeout":70000,"ppt_scheme":"wamp","ppt_serializer":"cbor","ppt_keyid":"0x17","x_any":[1,null]`

// numbered is a message whose request id is written over time and again.
type numbered struct {
	bytes []byte
	id    []byte
}

func newNumbered(t testing.TB, json string) numbered {
	m := encoded(t, wamp.MsgPack, json)
	return numbered{m, m[3:11]} // behind the list's head, the type and the head of a 64-bit number
}

func (m numbered) at(id uint64) []byte {
	binary.BigEndian.PutUint64(m.id, id)
	return m.bytes
}

const anyNumber = "4294967296"

// A call in parts allocates nothing, not even for its first one, with every option and through other serializers.
func TestCallInPartsAllocs(t *testing.T) {
	for _, s := range allSerializers {
		b := newBench(t, 1)
		b.features = everyFeature
		callee, _ := b.join(s, `[64,1,{"forward_timeout":true},"p.q"]`)
		caller, _ := b.join(wamp.MsgPack)
		first := newNumbered(t, `[48,`+anyNumber+`,{"progress":true,`+options+`},"p.q",`+payload+`]`)
		part := newNumbered(t, `[48,`+anyNumber+`,{"progress":true},"p.q",`+payload+`]`)
		last := newNumbered(t, `[48,`+anyNumber+`,{},"p.q",`+payload+`]`)
		var yields [512][]byte
		for i := range yields {
			yields[i] = encoded(t, s, fmt.Sprintf(`[70,%d,{"ppt_scheme":"wamp"},%s]`, i+1, payload))
		}
		i := uint64(0)
		b.noAllocs("call in parts", func() {
			i++
			b.want(b.message(caller, first.at(i)), FxSend)
			b.want(b.message(caller, part.at(i)), FxSend)
			b.want(b.message(caller, part.at(i)), FxSend)
			b.want(b.message(caller, last.at(i)), FxSend)
			b.want(b.message(callee, yields[i-1]), FxSend)
		})
		if b.w.caller.Len()+b.w.callee.Len() != 0 {
			t.Error("a call did not end")
		}
	}
}

// Parts that wait for a callee on another node are kept without allocating.
func TestCallInPartsOutAllocs(t *testing.T) {
	b := newBench(t, 1)
	b.features = everyFeature
	e := Element{Realm: "r", URI: "p.q", Session: 77, Order: 1}
	if _, err := b.tables.RemoteAdd(1, "n", string(AppendRegistration(nil, &e)), nil); err != nil {
		t.Fatal(err)
	}
	b.tables.Commit()
	caller, id := b.join(wamp.MsgPack)
	first := newNumbered(t, `[48,`+anyNumber+`,{"progress":true,`+options+`},"p.q",`+payload+`]`)
	last := newNumbered(t, `[48,`+anyNumber+`,{},"p.q",`+payload+`]`)
	accept := frame{kind: frameAccept, session: id}
	reply := frame{kind: frameReply, session: id, serializer: wamp.CBOR, payload: codec.Payload{N: 1, Raw: []byte{0x81, 0x01}}}
	var sent frame
	var bytes []byte
	i := uint64(0)
	b.noAllocs("call in parts out", func() {
		i++
		fx := b.message(caller, first.at(i))
		if sent.parse(fx[0].Bytes) != nil {
			t.Fatal("a frame that cannot be read")
		}
		b.want(b.message(caller, last.at(i)), FxPause)
		accept.call, reply.call = sent.call, sent.call
		bytes = appendFrame(bytes[:0], &accept)
		b.want(b.step(Input{Kind: InFrame, Node: 1, Bytes: bytes}), FxResume, FxRelay)
		bytes = appendFrame(bytes[:0], &reply)
		b.want(b.step(Input{Kind: InFrame, Node: 1, Bytes: bytes}), FxSend)
	})
	if b.w.caller.Len() != 0 {
		t.Error("a call did not end")
	}
}

func TestReroutedCallAllocs(t *testing.T) {
	b := newBench(t, 1)
	b.features = everyFeature
	away, _ := b.join(wamp.MsgPack, `[64,1,{"invoke":"first"},"p.q"]`)
	there, _ := b.join(wamp.MsgPack, `[64,1,{"invoke":"first"},"p.q"]`)
	caller, _ := b.join(wamp.MsgPack)
	call := newNumbered(t, `[48,`+anyNumber+`,{`+options+`},"p.q",`+payload+`]`)
	yield := newNumbered(t, `[70,`+anyNumber+`,{},`+payload+`]`)
	refuse := encoded(t, wamp.MsgPack, `[8,68,`+anyNumber+`,{},"wamp.error.unavailable"]`)
	i := uint64(0)
	b.noAllocs("rerouted call", func() {
		i++
		b.want(b.message(caller, call.at(i)), FxSend)
		binary.BigEndian.PutUint64(refuse[4:], i)
		b.want(b.message(away, refuse), FxSend)
		b.want(b.message(there, yield.at(i)), FxSend)
	})
	if b.w.caller.Len()+b.w.callee.Len() != 0 {
		t.Error("a call did not end")
	}
}

func TestPublishPassthruAllocs(t *testing.T) {
	b := newBench(t, 1)
	b.features = everyFeature
	for _, s := range allSerializers {
		b.join(s, `[32,1,{},"a.b"]`)
	}
	for _, s := range allSerializers {
		pub, _ := b.join(s)
		m := encoded(t, s, `[16,1,{"ppt_scheme":"wamp","ppt_cipher":"aes256gcm","x_any":{"a":[1.5]}},"a.b",["\u0000wcHBwcHBwcE="]]`)
		b.want(b.message(pub, m), FxFanout, FxFanout, FxFanout)
		b.noAllocs("publish", func() { b.message(pub, m) })
	}
}

// An error that explains itself allocates nothing either: where nobody takes the call, and where its callee's worker ends it.
func TestRefusedCallAllocs(t *testing.T) {
	for _, s := range allSerializers {
		b := newBench(t, 1)
		b.features = `{"roles":{"callee":{}}}` // its worker answers, since it cannot be interrupted
		callee, _ := b.join(wamp.MsgPack, `[64,1,{},"p.q"]`)
		b.features = everyFeature
		caller, _ := b.join(s)
		nobody := encoded(t, s, `[48,7,{},"p.nobody"]`)
		b.noAllocs("call that nobody takes", func() { b.want(b.message(caller, nobody), FxSend) })
		call, cancel := encoded(t, s, `[48,8,{},"p.q"]`), encoded(t, s, `[49,8,{"mode":"kill"}]`)
		i := uint64(0)
		yield := newNumbered(t, `[70,`+anyNumber+`,{},[1]]`)
		b.noAllocs("call that is canceled", func() {
			i++
			b.want(b.message(caller, call), FxSend)
			b.want(b.message(caller, cancel), FxSend)
			b.message(callee, yield.at(i))
		})
	}
}
