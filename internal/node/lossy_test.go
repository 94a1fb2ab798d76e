package node

import (
	"testing"
	"time"

	"kleeblatt/internal/admin"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport/link"
)

// TestLossyResetEndsCallsOnBothEnds: the caller has one final answer, the callee is told that nobody waits any more, and what it says later
// goes nowhere. What was given up is counted by kind, and afterwards all is as before.
func TestLossyResetEndsCallsOnBothEnds(t *testing.T) {
	w := newWorld(t, 1, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	caller, callee := w.join(a, 0), w.join(b, 0)
	callee.send(codec.AppendSubscribe(nil, ser, 1, "t.x", wamp.Exact))
	callee.send(codec.AppendRegister(nil, ser, 2, nil, "t.proc"))
	w.advance(2 * time.Second)
	caller.send(codec.AppendCall(nil, ser, 1, nil, "t.proc", number(1, 0)))
	w.advance(10 * time.Millisecond)
	callee.expect(wamp.Invocation)
	var p codec.Parser
	var m codec.Message
	if err := p.Parse(ser, append([]byte(nil), callee.l.last...), &m); err != nil {
		t.Fatal(err)
	}
	invocation := m.Request
	atCaller, atCallee := caller.l.sent, callee.l.sent

	w.dead["b"] = true
	for i := range uint64(7) {
		caller.send(codec.AppendPublish(nil, ser, 2+i, nil, "t.x", number(1, 0)))
	}
	w.advance(40 * time.Second)
	caller.expect(wamp.Error)
	callee.expect(wamp.Interrupt)
	callee.send(codec.AppendYield(nil, ser, invocation, false, number(1, 0)))

	w.dead["b"] = false
	w.member(a, b, true)
	w.member(b, a, true)
	w.advance(10 * time.Second)
	if got := caller.l.sent - atCaller; got != 1 {
		t.Errorf("%d messages for the caller", got)
	}
	if got := callee.l.sent - atCallee; got != 1 {
		t.Errorf("%d messages for the callee", got)
	}
	var c admin.Counters
	a.hubs[0].home.count(&c)
	for _, n := range c.Lost {
		if want := map[string]uint64{link.LostNames[link.LostEvent]: 7}[n.Label]; n.Label != link.LostNames[link.LostOther] && n.Value != want {
			t.Errorf("%d of kind %s are counted as lost", n.Value, n.Label)
		}
	}
	caller.send(codec.AppendCall(nil, ser, 20, nil, "t.proc", number(2, 0)))
	w.advance(10 * time.Millisecond)
	callee.expect(wamp.Invocation)
}
