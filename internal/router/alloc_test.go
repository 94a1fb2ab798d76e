package router

import (
	"encoding/binary"
	"fmt"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// bench is a worker among others whose effects a test looks at without keeping them.
type bench struct {
	t      testing.TB
	w      *Worker
	tables *Tables
	out    []Effect
	in     Input
	next   Conn
	// HELLO.Details of who joins
	features string
}

func newBench(t testing.TB, workers int) *bench {
	c := newCluster(t, 1, workers, 0, Limits{})
	return &bench{features: allFeatures, t: t, w: c.nodes[0].workers[0], tables: c.nodes[0].tables}
}

// step feeds the worker and applies what it proposes; the effects stay until the next step.
func (b *bench) step(in Input) []Effect {
	b.in = in
	b.in.Now = 1
	b.out = b.w.Step(&b.in, b.out[:0])
	return b.out
}

func (b *bench) apply(fx []Effect) {
	var tx []TablesEffect
	for i := range fx {
		if fx[i].Kind == FxPropose {
			tx = b.tables.Propose(*fx[i].Op, fx[i].Token, 1, tx)
		}
	}
	for i := 0; i < len(tx); i++ {
		switch e := tx[i]; e.Kind {
		case TxPropose:
			tx = b.tables.Applied(e.Token, tx)
			b.tables.Commit()
		case TxBarrier:
			tx = b.tables.Barrier(e.Token, 0, 0, tx)
		case TxApplied:
			b.tables.Commit()
			b.step(Input{Kind: InApplied, Token: e.Token, ID: e.ID, Err: e.Err})
		}
	}
}

func (b *bench) message(c Conn, msg []byte) []Effect {
	return b.step(Input{Kind: InMessage, Conn: c, Bytes: msg})
}

func encoded(t testing.TB, s wamp.Serializer, json string) []byte {
	m, err := codec.FromJSON(nil, s, []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// join opens a session and sends what it is given.
func (b *bench) join(s wamp.Serializer, msgs ...string) (Conn, uint64) {
	return b.joinRealm("r", s, msgs...)
}

func (b *bench) joinRealm(realm string, s wamp.Serializer, msgs ...string) (Conn, uint64) {
	b.next++
	c := b.next
	b.step(Input{Kind: InOpened, Conn: c, Serializer: s})
	b.message(c, encoded(b.t, s, fmt.Sprintf(`[1,%q,%s]`, realm, b.features)))
	for _, m := range msgs {
		b.apply(b.message(c, encoded(b.t, s, m)))
	}
	slot, _ := b.w.byConn.get(uint64(c))
	return c, b.w.sessions[slot].id
}

func (b *bench) noAllocs(what string, f func()) {
	b.t.Helper()
	f()
	if n := testing.AllocsPerRun(200, f); n != 0 {
		b.t.Errorf("%s allocates %v times", what, n)
	}
}

func (b *bench) want(fx []Effect, kinds ...EffectKind) {
	b.t.Helper()
	if len(fx) != len(kinds) {
		b.t.Fatalf("%d effects, want %d", len(fx), len(kinds))
	}
	for i := range fx {
		if fx[i].Kind != kinds[i] {
			b.t.Fatalf("effect %d has kind %d, want %d", i, fx[i].Kind, kinds[i])
		}
	}
}

const payload = `["the quick brown fox jumps over the lazy dog",{"a":[1,2,3.5,null]}],{"k":"v"}`

var allSerializers = []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR}

func TestPublishLocalAllocs(t *testing.T) {
	for _, s := range allSerializers {
		b := newBench(t, 1)
		for i := range 100 {
			b.join([]wamp.Serializer{s, s, s, wamp.JSON, wamp.CBOR}[i%5], `[32,1,{},"a.b"]`)
		}
		b.join(s, `[32,1,{"match":"prefix"},"a"]`)
		pub, _ := b.join(s)
		plain := encoded(t, s, `[16,1,{},"a.b",`+payload+`]`)
		acked := encoded(t, s, `[16,1,{"acknowledge":true,"disclose_me":true,"exclude":[1,2,3],"eligible_authrole":["anonymous"]},"a.b",`+payload+`]`)
		b.noAllocs("publish", func() { b.message(pub, plain) })
		b.noAllocs("filtered publish", func() { b.message(pub, acked) })
		cold := make([][]byte, 300)
		for i := range cold {
			cold[i] = encoded(t, s, fmt.Sprintf(`[16,1,{},"a.c%d",[1]]`, i))
		}
		i := 0
		b.noAllocs("publish to topics that are used once", func() { b.message(pub, cold[i]); i++ })
	}
}

func TestRelayOutAllocs(t *testing.T) {
	b := newBench(t, 2)
	pub, _ := b.join(wamp.MsgPack)
	b.tables.Propose(Op{Kind: OpSubscribe, Worker: 1, Realm: "r", URI: "a.b"}, 1, 1, nil)
	b.tables.Applied(1, nil)
	for _, n := range []NodeSlot{1, 2, 90} {
		if _, err := b.tables.RemoteAdd(n, "n", string(AppendInterest(nil, "r", wamp.Exact, "a.b")), nil); err != nil {
			t.Fatal(err)
		}
	}
	b.tables.Commit()
	m := encoded(t, wamp.MsgPack, `[16,1,{"exclude_authid":["x"],"eligible":[5]},"a.b",`+payload+`]`)
	b.want(b.message(pub, m), FxPost, FxRelay, FxRelay, FxRelay)
	b.noAllocs("relay out", func() { b.message(pub, m) })
}

func TestRelayInAllocs(t *testing.T) {
	b := newBench(t, 1)
	for range 10 {
		b.join(wamp.MsgPack, `[32,1,{},"a.b"]`)
	}
	f := frame{kind: framePublish, flags: flagExcludeMe | flagDisclose, realm: []byte("r"), uri: []byte("a.b"), id: 7, serializer: wamp.MsgPack}
	f.from = identity{session: 99, authID: []byte("joe"), authRole: []byte("user")}
	f.filter.Has, f.filter.Exclude = 1, []uint64{4, 5}
	f.payload = codec.Payload{N: 1, Raw: []byte{0x91, 0x01}}
	bytes := appendFrame(nil, &f)
	b.want(b.step(Input{Kind: InFrame, Node: 3, Bytes: bytes}), FxFanout)
	b.noAllocs("relay in", func() { b.step(Input{Kind: InFrame, Node: 3, Bytes: bytes}) })
}

func TestCallAndYieldAllocs(t *testing.T) {
	for _, s := range allSerializers {
		b := newBench(t, 1)
		callee, _ := b.join(s, `[64,1,{"invoke":"roundrobin"},"p.q"]`)
		caller, _ := b.join(wamp.MsgPack)
		call := encoded(t, wamp.MsgPack, `[48,1,{"receive_progress":true,"disclose_me":true,"timeout":1000},"p.q",`+payload+`]`)
		var yields, progress [512][]byte
		for i := range yields {
			yields[i] = encoded(t, s, fmt.Sprintf(`[70,%d,{},%s]`, i+1, payload))
			progress[i] = encoded(t, s, fmt.Sprintf(`[70,%d,{"progress":true},%s]`, i+1, payload))
		}
		i := 0
		b.noAllocs("call, progress and yield", func() {
			b.message(caller, call)
			b.message(callee, progress[i])
			b.message(callee, yields[i])
			i++
		})
		if b.w.caller.Len()+b.w.callee.Len() != 0 {
			t.Error("a call did not end")
		}
	}
}

func TestCallOutAllocs(t *testing.T) {
	b := newBench(t, 1)
	e := Element{Realm: "r", URI: "p.q", Session: 77, Order: 1}
	if _, err := b.tables.RemoteAdd(1, "n", string(AppendRegistration(nil, &e)), nil); err != nil {
		t.Fatal(err)
	}
	b.tables.Commit()
	caller, id := b.join(wamp.MsgPack)
	call := encoded(t, wamp.MsgPack, `[48,1,{},"p.q",`+payload+`]`)
	reply := frame{kind: frameReply, session: id, serializer: wamp.CBOR, payload: codec.Payload{N: 1, Raw: []byte{0x81, 0x01}}}
	var sent frame
	var bytes []byte
	b.noAllocs("call out, reply in", func() {
		fx := b.message(caller, call)
		if sent.parse(fx[len(fx)-1].Bytes) != nil {
			t.Fatal("a frame that cannot be read")
		}
		reply.call = sent.call
		bytes = appendFrame(bytes[:0], &reply)
		b.step(Input{Kind: InFrame, Node: 1, Bytes: bytes})
	})
	if b.w.caller.Len() != 0 {
		t.Error("a call did not end")
	}
}

func TestInvokeInAllocs(t *testing.T) {
	b := newBench(t, 1)
	callee, id := b.join(wamp.MsgPack, `[64,1,{},"p.q"]`)
	invoke := frame{kind: frameInvoke, session: id, realm: []byte("r"), uri: []byte("p.q"), serializer: wamp.CBOR}
	invoke.id = b.w.registrations.all[1].id
	invoke.from = identity{session: 99, authID: []byte("joe"), authRole: []byte("user")}
	invoke.payload = codec.Payload{N: 1, Raw: []byte{0x81, 0x01}}
	var yields [512][]byte
	for i := range yields {
		yields[i] = encoded(t, wamp.MsgPack, fmt.Sprintf(`[70,%d,{},%s]`, i+1, payload))
	}
	var bytes []byte
	i := 0
	b.noAllocs("invoke in, yield out", func() {
		invoke.call++
		bytes = appendFrame(bytes[:0], &invoke)
		b.want(b.step(Input{Kind: InFrame, Node: 1, Bytes: bytes}), FxSend)
		b.want(b.message(callee, yields[i]), FxRelay)
		i++
	})
}

func BenchmarkPublishTo100(b *testing.B) {
	x := newBench(b, 1)
	for range 100 {
		x.join(wamp.MsgPack, `[32,1,{},"a.b"]`)
	}
	pub, _ := x.join(wamp.MsgPack)
	m := encoded(b, wamp.MsgPack, `[16,1,{},"a.b",`+payload+`]`)
	b.ReportAllocs()
	for b.Loop() {
		x.message(pub, m)
	}
}

func BenchmarkPublishTo1(b *testing.B) {
	x := newBench(b, 1)
	x.join(wamp.MsgPack, `[32,1,{},"a.b"]`)
	pub, _ := x.join(wamp.MsgPack)
	m := encoded(b, wamp.MsgPack, `[16,1,{},"a.b",`+payload+`]`)
	b.ReportAllocs()
	for b.Loop() {
		x.message(pub, m)
	}
}

func BenchmarkCall(b *testing.B) {
	x := newBench(b, 1)
	callee, _ := x.join(wamp.MsgPack, `[64,1,{},"p.q"]`)
	caller, _ := x.join(wamp.MsgPack)
	call := encoded(b, wamp.MsgPack, `[48,1,{},"p.q",`+payload+`]`)
	yield := encoded(b, wamp.MsgPack, `[70,4294967296,{},`+payload+`]`)
	id := yield[3:11] // behind the list's head, the type and the head of a 64-bit number
	b.ReportAllocs()
	for i := uint64(1); b.Loop(); i++ {
		x.message(caller, call)
		binary.BigEndian.PutUint64(id, i)
		x.message(callee, yield)
	}
	if x.w.caller.Len() != 0 {
		b.Fatal("calls without an answer")
	}
}
