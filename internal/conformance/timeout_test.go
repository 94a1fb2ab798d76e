package conformance

import (
	"fmt"
	"testing"
)

// timeouts are roles whose callee watches timeouts itself where it asks for that.
const timeouts = `{"caller":{"features":{"progressive_call_results":true}},"callee":{"features":{"call_timeout":true,"call_canceling":true,"progressive_call_results":true}}}`

const timedOut = "wamp.error.timeout"

// TestTMO_01: how long it takes is tested against a clock that the test moves, in internal/router; here, that a millisecond passes and an hour
// does not.
func TestTMO_01_TMO_02_TMO_03_TMO_04_TheDealerWatches(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, interruptible := range []bool{true, false} {
			roles := allRoles
			if !interruptible {
				roles = plainRoles
			}
			a, b := p.join("A"), p.joinAs("B", realm, roles)
			procedure := p.uri("procedure" + itoa(b.id))
			b.register(procedure, `{}`)
			p.settle()
			call := a.call(procedure, `{"timeout":1}`, "")
			if d := b.expect(`[68,1,"*",{}]`)[3].(map[string]any); d["timeout"] != nil {
				t.Error("the callee was told the time")
			}
			a.refused(48, call, timedOut)
			if interruptible {
				b.expect(`[69,1,{"mode":"killnowait"}]`)
			}
			b.send(`[70,1,{},["late"]]`)
			b.quiet()
			p.fence(b, a)
			for i, options := range []string{`{"timeout":3600000}`, `{"timeout":0}`, `{}`} {
				call := a.call(procedure, options, "")
				b.expect(`[68,%d,"*",{}]`, i+2)
				b.send(`[70,%d,{},["in time"]]`, i+2)
				a.expect(`[50,%d,{},["in time"]]`, call)
			}
		}
	})
}

func TestTMO_05_TMO_06_WhoWatchesItself(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.join("A")
		for i, c := range []struct {
			roles, options string
			told           bool
		}{
			{timeouts, `{"forward_timeout":true}`, true},
			{timeouts, `{"forward_timeout":false}`, false},
			{timeouts, `{}`, false},
			{allRoles, `{"forward_timeout":true}`, false}, // it does not say that it knows what to do with it
		} {
			b := p.joinAs("B", realm, c.roles)
			procedure := p.uri(fmt.Sprint("procedure", i))
			b.register(procedure, c.options)
			p.settle()
			call := a.call(procedure, `{"timeout":1}`, "")
			m := b.expect(`[68,1,"*",{}]`)
			if got := m[3].(map[string]any)["timeout"]; (got != nil) != c.told || c.told && num(got) != 1 {
				t.Errorf("%s: timeout is %v", c.options, got)
			}
			if !c.told {
				a.refused(48, call, timedOut)
				b.expect(`[69,1,{"mode":"killnowait"}]`)
				continue
			}
			// A call of another procedure, with the same time, is over; this one is not.
			other := p.joinAs("C", realm, plainRoles)
			other.register(procedure+".other", `{}`)
			p.settle()
			a.refused(48, a.call(procedure+".other", `{"timeout":1}`, ""), timedOut)
			b.send(`[8,68,1,{},%q]`, timedOut)
			a.expect(`[8,48,%d,{},%q]`, call, timedOut)
			// and what was not asked for is not told
			call = a.call(procedure, `{}`, "")
			if d := b.expect(`[68,2,"*",{}]`)[3].(map[string]any); d["timeout"] != nil {
				t.Error("a timeout out of nowhere")
			}
			b.send(`[70,2,{}]`)
			a.expect(`[50,%d,{}]`, call)
		}
	})
}

func TestTMO_08_Announced(t *testing.T) {
	here(t, func(p *place) {
		roles := p.join("A").details["roles"].(map[string]any)
		if roles["dealer"].(map[string]any)["features"].(map[string]any)["call_timeout"] != true {
			t.Error("call_timeout is not announced")
		}
	})
}

// TestPCR_11: that the time begins anew is tested against a clock that the test moves, in internal/router; here, that a stream that stalls ends.
func TestPCR_11_AStreamThatStalls(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{"timeout":1000,"receive_progress":true}`, "")
		b.expect(`[68,1,"*",{"receive_progress":true}]`)
		b.send(`[70,1,{"progress":true},[1]]`)
		m := a.recv()
		if matches(m, `[50,%d,{"progress":true},[1]]`, call) == nil { // else this machine was too slow
			m = a.recv()
		}
		if err := isRefused(m, 48, call, timedOut); err != nil {
			t.Fatal(err)
		}
		b.expect(`[69,1,{"mode":"killnowait"}]`)
	})
}
