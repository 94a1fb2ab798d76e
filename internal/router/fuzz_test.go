package router

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

// chaosMessages are messages of every type, right and wrong; %d is a small number.
var chaosMessages = []string{
	`[1,"r",{"roles":{"caller":{},"callee":{"features":{"call_canceling":true}}}}]`, `[1,"strict",{"roles":{"publisher":{}}}]`, `[1,"r",{}]`,
	`[2,%d,{}]`, `[3,{},"x.y"]`, `[4,"x",{}]`, `[5,"x",{}]`, `[6,{},"wamp.close.normal"]`, `[8,68,%d,{},"e.r",[%d]]`, `[8,48,%d,{},"e.r"]`,
	`[16,%d,{},"a.b",[%d]]`, `[16,%d,{"acknowledge":true,"exclude":[%d],"eligible_authrole":["anonymous"],"disclose_me":true},"a.b",[],{"k":%d}]`,
	`[17,%d,%d]`, `[32,%d,{},"a.b"]`, `[32,%d,{"match":"prefix"},"a"]`, `[32,%d,{"match":"wildcard"},".b"]`, `[33,%d,%d]`, `[34,%d,%d]`, `[35,%d]`,
	`[36,%d,%d,{}]`, `[48,%d,{"receive_progress":true,"timeout":%d},"p.q",[1]]`, `[48,%d,{},"p.r"]`, `[49,%d,{}]`, `[49,%d,{"mode":"kill"}]`,
	`[49,%d,{"mode":"skip"}]`, `[50,%d,{}]`, `[64,%d,{},"p.q"]`, `[64,%d,{"invoke":"roundrobin","concurrency":%d},"p.r"]`,
	`[64,%d,{"match":"prefix","disclose_caller":true},"p"]`, `[65,%d,%d]`, `[66,%d,%d]`, `[67,%d]`, `[68,%d,%d,{}]`, `[69,%d,{}]`, `[70,%d,{},[%d]]`,
	`[48,%d,{},"wamp.session.get",[%d]]`, `[48,%d,{"timeout":%d},"wamp.session.list"]`, `[48,%d,{},"kleeblatt.cluster.explain",["a.b"]]`,
	`[48,%d,{},"kleeblatt.barrier",[%d]]`, `[32,%d,{"match":"prefix"},"wamp."]`,
	`[1,"r",` + everyFeature + `]`, `[1,"r",` + everyFeature + `]`, `[1,"strict",` + everyFeature + `]`,
	`[48,%d,{"progress":true,"timeout":%d,"ppt_scheme":"s"},"p.q",[1]]`, `[48,%d,{"progress":true,"x_a":%d},"p.q"]`, `[48,%d,{"progress":true},"p.r",[%d]]`, `[48,%d,{},"p.q",[%d]]`,
	`[8,68,%d,{},"wamp.error.unavailable"]`, `[70,%d,{"ppt_scheme":"s","progress":true},[%d]]`, `[70,%d,{"ppt_scheme":"s"}]`, `[64,%d,{"forward_timeout":true,"invoke":"roundrobin"},"p.r"]`,
	`[70,%d,{"progress":true}]`, `[337,%d]`, `[]`, `{}`, `7`,
}

// playChaos does what the bytes say: any input of any kind, in any state of any session. It must not panic, and the wiring's own checks
// (nothing behind the last message, one close) must hold.
func playChaos(t testing.TB, script []byte) {
	c := newCluster(t, 2, 2, 1, Limits{Calls: 4, Subscriptions: 4, Registrations: 4, Sessions: 16, Waiting: 3})
	var conns []*testConn
	next := func() int {
		if len(script) == 0 {
			return 0
		}
		b := script[0]
		script = script[1:]
		return int(b)
	}
	anyWorker := func() (*testNode, int) { i := next(); return c.nodes[i%2], i / 2 % 2 }
	var frames [][]byte
	for len(script) > 0 {
		c.now += int64(next()) * 1e6
		var conn *testConn
		if len(conns) > 0 {
			conn = conns[next()%len(conns)]
		}
		switch op := next() % 32; {
		case conn == nil || op < 2:
			conn = c.open(fmt.Sprint("c", len(conns)), next()%2, next()%2, allSerializers[next()%3], next()*3)
			conns = append(conns, conn)
		case op < 20:
			text := chaosMessages[next()%len(chaosMessages)]
			conn.send(fillIn(text, func() uint64 { return someNumber(c, next()) }))
		case op < 21:
			n := next() % 20
			n = min(n, len(script))
			conn.sendRaw(script[:n])
			script = script[n:]
		case op < 23:
			c.drop(conn)
		case op < 25:
			if !conn.gone {
				conn.node.feed(conn.worker, Input{Kind: InPressure, Conn: conn.id, Level: uint8(next() % 4), On: next()%2 == 0})
			}
		case op < 26:
			c.everyWorker(Input{Kind: InTick})
		case op < 27:
			n, w := anyWorker()
			kind := []InputKind{InNodeLost, InNodeUp, InNodePaused, 0, 99}[next()%5]
			n.feed(w, Input{Kind: kind, Node: NodeSlot(next()), On: next()%2 == 0})
		case op < 28:
			n, w := anyWorker()
			n.feed(w, Input{Kind: InApplied, Token: uint64(next()), ID: uint64(next()), Err: []string{"", "x.y"}[next()%2]})
			n.feed(w, Input{Kind: InAnswer, Token: someCall(c, next()), Answer: &Answer{Err: []string{"", "x.y"}[next()%2]}})
		case op < 30: // a frame out of nowhere
			n, w := anyWorker()
			f := frame{
				kind: frameKind(next()%int(frameAccept) + 1), flags: uint16(next()) | uint16(next())<<8, level: uint8(next()), worker: uint8(next() % 2), mode: wamp.CancelMode(next() % 3),
				session: someNumber(c, next()), call: someCall(c, next()), id: someNumber(c, next()), realm: []byte("r"), uri: []byte("a.b"), serializer: 1,
			}
			f.from.session = someNumber(c, next())
			if f.kind == frameRefuse && len(frames) > 0 {
				f.rest = frames[next()%len(frames)]
			}
			b := appendFrame(nil, &f)
			frames = append(frames, b)
			n.feed(w, Input{Kind: InFrame, Node: NodeSlot(next() % 3), Bytes: b})
		case op < 31:
			n, w := anyWorker()
			node, size := NodeSlot(next()), next()%40
			n.feed(w, Input{Kind: InFrame, Node: node, Bytes: script[:min(len(script), size)]})
		default:
			if next()%8 == 0 {
				c.everyWorker(Input{Kind: InDrain})
			}
		}
		for range next() % 4 {
			c.step()
		}
	}
	c.settle()
	c.dropAll()
}

func fillIn(text string, number func() uint64) string {
	var args []any
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '%' {
			args = append(args, number())
		}
	}
	return fmt.Sprintf(text, args...)
}

// someNumber is a small number, or an id that is in use.
func someNumber(c *testCluster, pick int) uint64 {
	n := c.nodes[pick%2]
	w := n.workers[pick/2%2]
	switch pick / 4 % 8 {
	case 0:
		for i := range w.sessions {
			if w.sessions[i].id != 0 {
				return w.sessions[i].id
			}
		}
	case 1:
		for e := range n.realms.at(0).Cell.Load().Broker.All {
			return e.ID
		}
	case 2:
		for r := range n.realms.at(0).Cell.Load().Dealer.All {
			return r.ID
		}
	}
	return uint64(pick % 9)
}

// someCall is the number of a call that is pending, if the pick is lucky.
func someCall(c *testCluster, pick int) (id uint64) {
	id = uint64(pick)
	w := c.nodes[pick%2].workers[pick/2%2]
	for slot := range w.sessions {
		for call := range eachCall(w, slot) {
			id = call
		}
	}
	return id
}

// FuzzAnythingInAnyStateP19: any sequence of inputs is taken without a panic.
func FuzzAnythingInAnyStateP19(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(randomScript(seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) { playChaos(t, script) })
}

func randomScript(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 5))
	b := make([]byte, 2000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestAnythingInAnyStateP19(t *testing.T) {
	for seed := range uint64(100) {
		playChaos(t, randomScript(seed))
	}
}

// eachCall yields the numbers of a session's pending calls.
func eachCall(w *Worker, slot int) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		w.caller.EachOfSession(dealer.Slot(slot), func(c *dealer.Call) bool { return yield(c.ID) })
	}
}
