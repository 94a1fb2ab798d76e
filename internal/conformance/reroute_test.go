package conformance

import (
	"fmt"
	"testing"
)

const (
	unavailable = "wamp.error.unavailable"
	nobodyThere = "wamp.error.no_available_callee"

	// away are roles of a callee that may be unavailable.
	away = `{"publisher":{},"subscriber":{},"caller":{},"callee":{"features":{"call_reroute":true,"shared_registration":true,"progressive_call_results":true,"call_canceling":true}}}`
)

// isAway answers the invocation by unavailable.
func (p *peer) isAway(invocation int) {
	p.t.Helper()
	p.send(`[8,68,%d,{},%q]`, invocation, unavailable)
}

func TestRER_01_TheNextCalleeAnswers(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.joinAs("B", realm, away), p.joinAs("C", realm, away)
		procedure := p.uri("procedure")
		b.register(procedure, `{"invoke":"first"}`)
		c.register(procedure, `{"invoke":"first"}`)
		p.settle()
		for i := 1; i <= 3; i++ {
			call := a.call(procedure, `{"receive_progress":true,"disclose_me":true,"x_mine":1}`, fmt.Sprintf(`,[%d],{"k":[null]}`, i))
			for _, callee := range []*peer{b, c} {
				callee.expect(`[68,%d,"*",{"receive_progress":true,"caller":%d,"x_mine":1},[%d],{"k":[null]}]`, i, a.id, i)
				if callee == b {
					b.isAway(i)
				}
			}
			c.send(`[70,%d,{"progress":true},["half"]]`, i)
			c.send(`[70,%d,{},["whole"]]`, i)
			a.expect(`[50,%d,{"progress":true},["half"]]`, call)
			a.expect(`[50,%d,{},["whole"]]`, call)
		}
		b.quiet()
		a.quiet()
	})
}

// After progress the caller would notice: the error is its.
func TestRER_01_NotAfterProgress(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.joinAs("B", realm, away), p.joinAs("C", realm, away)
		procedure := p.uri("procedure")
		b.register(procedure, `{"invoke":"first"}`)
		c.register(procedure, `{"invoke":"first"}`)
		p.settle()
		call := a.call(procedure, `{"receive_progress":true}`, "")
		b.expect(`[68,1,"*",{}]`)
		b.send(`[70,1,{"progress":true},[1]]`)
		b.isAway(1)
		a.expect(`[50,%d,{"progress":true},[1]]`, call)
		a.expect(`[8,48,%d,{},%q]`, call, unavailable)
		p.fence(a, c)
	})
}

func TestRER_02_TheOnlyCallee(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.joinAs("B", realm, away)
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		b.isAway(1)
		a.refused(48, call, nobodyThere)
		b.quiet()
	})
}

func TestRER_03_RER_04_ByThePolicyUntilNobodyIsLeft(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.join("A")
		callees := []*peer{p.joinAs("B", realm, away), p.joinAs("C", realm, away), p.joinAs("D", realm, away)}
		for _, c := range []struct {
			policy string
			order  []int
		}{{"first", []int{0, 1, 2}}, {"last", []int{2, 1, 0}}, {"roundrobin", nil}, {"random", nil}} {
			procedure := p.uri(c.policy)
			for _, callee := range callees {
				callee.register(procedure, `{"invoke":"`+c.policy+`"}`)
				p.settle() // in this order, on all nodes
			}
			for range 2 {
				call := a.call(procedure, `{}`, `,["x"]`)
				if c.order != nil {
					for _, i := range c.order {
						m := callees[i].expect(`[68,"*","*",{},["x"]]`)
						callees[i].isAway(int(num(m[1])))
					}
				} else {
					p.everyoneAway(callees)
				}
				a.refused(48, call, nobodyThere)
				for _, callee := range callees {
					callee.quiet()
				}
			}
		}
	})
}

// everyoneAway has each callee refuse one invocation, in whatever order they get it.
func (p *place) everyoneAway(callees []*peer) {
	p.Helper()
	failed := make(chan error, len(callees))
	for _, callee := range callees {
		go func() {
			m, err := callee.next()
			if err == nil {
				err = matches(m, `[68,"*","*",{},["x"]]`)
			}
			if err == nil {
				var b []byte
				if b, err = encode(callee.ser, fmt.Sprintf(`[8,68,%d,{},%q]`, num(m[1]), unavailable)); err == nil {
					err = callee.wire.write(b)
				}
			}
			failed <- err
		}()
	}
	for range callees {
		if err := <-failed; err != nil {
			p.Fatal(err)
		}
	}
}

func TestRER_03_RoundRobinGoesOnWithTheNext(t *testing.T) {
	here(t, func(p *place) { // the order of turns is a node's own
		a := p.join("A")
		callees := []*peer{p.joinAs("B", realm, away), p.joinAs("C", realm, away), p.joinAs("D", realm, away)}
		for _, callee := range callees {
			callee.register(p.uri("procedure"), `{"invoke":"roundrobin"}`)
		}
		call := a.call(p.uri("procedure"), `{}`, "")
		for _, callee := range callees[:2] {
			callee.expect(`[68,1,"*",{}]`)
			callee.isAway(1)
		}
		callees[2].expect(`[68,1,"*",{}]`)
		callees[2].send(`[70,1,{},["D"]]`)
		a.expect(`[50,%d,{},["D"]]`, call)
	})
}

func TestRER_05_WhoDidNotAnnounceIt(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.joinAs("C", realm, away)
		roles := a.details["roles"].(map[string]any)
		if roles["dealer"].(map[string]any)["features"].(map[string]any)["call_reroute"] != true {
			t.Error("call_reroute is not announced")
		}
		procedure := p.uri("procedure")
		b.register(procedure, `{"invoke":"first"}`)
		c.register(procedure, `{"invoke":"first"}`)
		p.settle()
		call := a.call(procedure, `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		b.send(`[8,68,1,{},%q,["not here"]]`, unavailable)
		a.expect(`[8,48,%d,{},%q,["not here"]]`, call, unavailable)
		p.fence(a, c)
	})
}
