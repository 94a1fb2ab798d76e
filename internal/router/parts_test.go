package router

import (
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// What a session's calls in parts keep is bounded; another session does not notice, and what is over makes room.
func TestCallsInPartsAreBoundedPerSession(t *testing.T) {
	c := newCluster(t, 2, 1, 0, Limits{})
	open := func(name string, node int) *testConn {
		conn := c.open(name, node, 0, wamp.JSON, 0)
		conn.send(`[1,"r",` + everyFeature + `]`)
		c.settle()
		conn.out = nil
		return conn
	}
	callee, caller, other := open("callee", 1), open("caller", 0), open("other", 0)
	c.say(callee, `[64,1,{"match":"prefix"},"p."]`)
	long := strings.Repeat("x", codec.PassBytesMax-100) // goes with every part, so it is kept
	call := func(id int) string { return fmt.Sprintf(`[48,%d,{"progress":true,"x_long":%q},"p.q"]`, id, long) }
	refused := 0
	const calls = 2*partsSessionMax/codec.PassBytesMax + 10
	for i := range calls {
		c.say(caller, call(i+1))
	}
	for _, m := range caller.out {
		if !strings.Contains(m, "wamp.error.unavailable") {
			t.Fatal(m)
		}
		refused++
	}
	if accepted := len(callee.out) - 1; accepted+refused != calls || refused < 10 || accepted < partsSessionMax/partsHeadMax {
		t.Errorf("%d calls in parts were accepted, %d refused", accepted, refused)
	}
	c.say(other, call(1))
	if len(other.out) != 0 {
		t.Errorf("another session's call was answered by %q", other.out)
	}
	accepted := len(callee.out) - 2
	for i := range accepted {
		c.say(callee, fmt.Sprintf(`[70,%d,{}]`, i+1))
	}
	caller.out = nil
	c.say(caller, call(calls+1))
	if len(caller.out) != 0 {
		t.Errorf("there is room again, but: %q", caller.out)
	}
}
