package conformance

import (
	"fmt"
	"testing"
)

const notSupported = "wamp.error.feature_not_supported"

// inParts are roles that know progressive call invocations and all that goes with them.
const inParts = `{"publisher":{},"subscriber":{},"caller":{"features":{"progressive_call_invocations":true,"call_canceling":true,"progressive_call_results":true}},` +
	`"callee":{"features":{"progressive_call_invocations":true,"call_canceling":true,"progressive_call_results":true,"call_timeout":true,"shared_registration":true}}}`

// part sends one part of a call.
func (p *peer) part(request uint64, options, procedure string, payload string) {
	p.t.Helper()
	p.send(`[48,%d,%s,%q%s]`, request, options, procedure, payload)
}

func TestPCI_01_PCI_11_OneCallInParts(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, inParts), p.joinAs("B", realm, inParts)
		procedure := p.uri("procedure")
		id := b.register(procedure, `{}`)
		p.settle()
		call := a.call(procedure, `{"progress":true}`, `,[1]`)
		b.expect(`[68,1,%d,{"progress":true},[1]]`, id)
		a.part(call, `{"progress":true}`, procedure, `,[],{"k":2}`)
		b.expect(`[68,1,%d,{"progress":true},[],{"k":2}]`, id)
		a.part(call, `{}`, procedure, `,[3]`)
		if d := b.expect(`[68,1,%d,{},[3]]`, id)[3].(map[string]any); d["progress"] == true {
			t.Error("the last part says progress")
		}
		b.send(`[70,1,{},["all"]]`)
		a.expect(`[50,%d,{},["all"]]`, call)

		// both ways, and not in pairs
		call = a.call(procedure, `{"progress":true,"receive_progress":true}`, `,["a"]`)
		b.expect(`[68,2,%d,{"progress":true,"receive_progress":true},["a"]]`, id)
		for _, word := range []string{"A", "B", "C"} {
			b.send(`[70,2,{"progress":true},[%q]]`, word)
			a.expect(`[50,%d,{"progress":true},[%q]]`, call, word)
		}
		a.part(call, `{"progress":true}`, procedure, `,["b"]`)
		a.part(call, `{}`, procedure, `,["c"]`)
		b.expect(`[68,2,%d,{"progress":true,"receive_progress":true},["b"]]`, id)
		b.expect(`[68,2,%d,{"receive_progress":true},["c"]]`, id)
		b.send(`[70,2,{"progress":true},["D"]]`)
		b.send(`[70,2,{},["end"]]`)
		a.expect(`[50,%d,{"progress":true},["D"]]`, call)
		a.expect(`[50,%d,{},["end"]]`, call)
		p.fence(a, b)
		a.quiet()
	})
}

// Parts come in order and none is lost, however fast they are sent and although the first may still look for its callee.
func TestPCI_01_TenThousandPartsInOrder(t *testing.T) {
	everywhere(t, func(p *place) {
		const n = 10_000
		a, b := p.joinAs("A", realm, inParts), p.joinAs("B", realm, inParts)
		procedure := p.uri("procedure")
		b.register(procedure, `{}`)
		p.settle()
		request, sent := a.nextRequest(), make(chan error, 1)
		go func() {
			sent <- a.flood(n, func(i int) string {
				return fmt.Sprintf(`[48,%d,{"progress":%v},%q,[%d]]`, request, i < n-1, procedure, i)
			})
		}()
		for i := range n {
			m := b.recv()
			if num(m[0]) != 68 || num(m[1]) != 1 || len(m) != 5 || num(m[4].([]any)[0]) != uint64(i) || (m[3].(map[string]any)["progress"] == true) != (i < n-1) {
				t.Fatalf("part %d is %s", i, show(m))
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		b.send(`[70,1,{},["all"]]`)
		a.expect(`[50,%d,{},["all"]]`, request)
	})
}

func TestPCI_02_WhoDidNotAnnounceIt(t *testing.T) {
	everywhere(t, func(p *place) {
		b := p.joinAs("B", realm, inParts)
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		a := p.join("A")
		a.send(`[48,1,{"progress":true},%q]`, p.uri("procedure"))
		a.aborted(violation)
		b.quiet()
	})
}

func TestPCI_03_CalleesThatDoNotKnowIt(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.joinAs("A", realm, inParts)
		for i, features := range []string{`"call_canceling":true`, `"progressive_call_invocations":true`, ``} {
			b := p.joinAs("B", realm, calleeWith(features))
			procedure := p.uri(fmt.Sprint("procedure", i))
			b.register(procedure, `{}`)
			p.settle()
			call := a.call(procedure, `{"progress":true}`, `,[1]`)
			a.refused(48, call, notSupported)
			a.part(call, `{}`, procedure, `,[2]`) // it was on its way
			again := a.call(procedure, `{}`, `,["whole"]`)
			b.expect(`[68,1,"*",{},["whole"]]`)
			b.send(`[70,1,{}]`)
			a.expect(`[50,%d,{}]`, again)
		}
	})
}

// gather plays a callee: it answers the last part of a call by how many parts there were.
func (p *place) gather(s *peer) {
	done := make(chan struct{})
	p.Cleanup(func() { s.conn.Close(); <-done })
	go func() {
		defer close(done)
		parts := map[uint64]int{}
		for {
			m, err := s.next()
			if err != nil {
				return
			}
			if num(m[0]) != 68 {
				continue
			}
			id := num(m[1])
			if parts[id]++; m[3].(map[string]any)["progress"] == true {
				continue
			}
			b, err := encode(s.ser, fmt.Sprintf(`[70,%d,{},[%d]]`, id, parts[id]))
			if err != nil || s.wire.write(b) != nil {
				return
			}
		}
	}()
}

func TestPCI_04_AllPartsToOneCallee(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.joinAs("A", realm, inParts)
		callees := []*peer{p.joinAs("B", realm, inParts), p.joinAs("C", realm, inParts), p.joinAs("D", realm, inParts)}
		policies := []string{"roundrobin", "random", "first", "last"}
		for _, c := range callees {
			for _, policy := range policies {
				c.register(p.uri(policy), `{"invoke":"`+policy+`"}`)
			}
		}
		p.settle()
		for _, c := range callees {
			p.gather(c)
		}
		const n = 5
		for _, policy := range policies {
			var calls []uint64
			for range 6 {
				calls = append(calls, a.call(p.uri(policy), `{"progress":true}`, `,[0]`))
			}
			for i := 1; i < n; i++ {
				for _, call := range calls { // all at a time
					a.part(call, fmt.Sprintf(`{"progress":%v}`, i < n-1), p.uri(policy), fmt.Sprintf(`,[%d]`, i))
				}
			}
			var want []string
			for _, call := range calls {
				want = append(want, fmt.Sprintf(`[50,%d,{},[%d]]`, call, n))
			}
			a.expectAny(want...)
		}
	})
}

// The first callee is busy: the call goes to the second, and with it the parts that were sent before that was known.
func TestPCI_04_PartsFollowACallThatIsRefused(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.joinAs("A", realm, inParts), p.joinAs("B", realm, inParts), p.joinAs("C", realm, inParts)
		procedure := p.uri("procedure")
		b.register(procedure, `{"invoke":"first","concurrency":1}`)
		c.register(procedure, `{"invoke":"first","concurrency":1}`)
		p.settle()
		first := a.call(procedure, `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		second := a.nextRequest()
		a.sendAll(fmt.Sprintf(`[48,%d,{"progress":true},%q,[1]]`, second, procedure), fmt.Sprintf(`[48,%d,{"progress":true},%q,[2]]`, second, procedure),
			fmt.Sprintf(`[48,%d,{},%q,[3]]`, second, procedure))
		c.expect(`[68,1,"*",{"progress":true},[1]]`)
		c.expect(`[68,1,"*",{"progress":true},[2]]`)
		c.expect(`[68,1,"*",{},[3]]`)
		third := a.nextRequest()
		a.sendAll(fmt.Sprintf(`[48,%d,{"progress":true},%q,[1]]`, third, procedure), fmt.Sprintf(`[48,%d,{},%q,[2]]`, third, procedure))
		a.refused(48, third, "wamp.error.unavailable")
		c.send(`[70,1,{},["C"]]`)
		a.expect(`[50,%d,{},["C"]]`, second)
		b.send(`[70,1,{},["B"]]`)
		a.expect(`[50,%d,{},["B"]]`, first)
		a.quiet()
	})
}

func TestPCI_05_GapsInStrictRealms(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", strictRealm, inParts), p.joinAs("B", strictRealm, inParts)
		procedure := p.uri("procedure")
		b.register(procedure, `{}`)
		p.settle()
		a.part(1, `{"progress":true}`, procedure, "")
		b.expect(`[68,1,"*",{"progress":true}]`)
		a.part(2, `{}`, procedure, "")
		b.expect(`[68,2,"*",{}]`)
		a.part(1, `{}`, procedure, "")
		b.expect(`[68,1,"*",{}]`)
		a.part(4, `{}`, procedure, "")
		a.aborted(violation)
	})
}

func TestPCI_06_PartsBetweenOtherCalls(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, inParts), p.joinAs("B", realm, inParts)
		procedure, other := p.uri("procedure"), p.uri("other")
		b.register(procedure, `{}`)
		b.register(other, `{}`)
		p.settle()
		call := a.call(procedure, `{"progress":true}`, `,[1]`)
		b.expect(`[68,1,"*",{"progress":true},[1]]`)
		whole := a.call(other, `{}`, `,["whole"]`)
		b.expect(`[68,2,"*",{},["whole"]]`)
		a.part(call, `{"progress":true}`, other, `,["of another procedure"]`) // is no part of it
		a.part(call, `{}`, procedure, `,[2]`)
		b.expect(`[68,1,"*",{},[2]]`)
		b.send(`[70,2,{},["whole"]]`)
		b.send(`[70,1,{},["parts"]]`)
		a.expect(`[50,%d,{},["whole"]]`, whole)
		a.expect(`[50,%d,{},["parts"]]`, call)
	})
}

func TestPCI_07_CallsThatAreNotInParts(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, r := range []string{realm, strictRealm} {
			for _, first := range []string{`{}`, `{"progress":false}`} {
				a, b := p.joinAs("A", r, inParts), p.joinAs("B", r, inParts)
				procedure := p.uri("procedure" + itoa(b.id))
				b.register(procedure, `{}`)
				p.settle()
				a.part(1, first, procedure, "")
				b.expect(`[68,1,"*",{}]`)
				a.part(1, `{}`, procedure, "")
				a.aborted(violation)
				b.expect(`[69,1,{"mode":"killnowait"}]`)
			}
		}
	})
}

// TestPCI_08: what comes for a call that is over is dropped, and the session goes on.
func TestPCI_08_PCI_13_PartsOfCallsThatAreOver(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, r := range []string{realm, strictRealm} {
			a, b := p.joinAs("A", r, inParts), p.joinAs("B", r, inParts)
			procedure := p.uri("procedure" + itoa(b.id))
			b.register(procedure, `{}`)
			p.settle()
			for i, answer := range []string{`[8,68,%d,{},"app.enough",[1]]`, `[70,%d,{},["enough"]]`} {
				id := i + 1
				call := a.call(procedure, `{"progress":true}`, `,[1]`)
				b.expect(`[68,%d,"*",{"progress":true},[1]]`, id)
				b.send(answer, id)
				if num(a.recv()[0]) == 0 {
					t.Fatal("no answer")
				}
				a.part(call, `{"progress":true}`, procedure, `,[2]`)
				a.part(call, `{}`, procedure, `,[3]`)
				a.part(call, `{}`, procedure, `,[4]`)
			}
			whole := a.call(procedure, `{}`, `,["whole"]`)
			b.expect(`[68,3,"*",{},["whole"]]`)
			b.send(`[70,3,{}]`)
			a.expect(`[50,%d,{}]`, whole)
		}
	})
}

func TestPCI_09_PCI_10_TheFirstPartsOptionsHold(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, inParts), p.joinAs("B", realm, inParts)
		b.register(p.uri(""), `{"match":"prefix","forward_timeout":true}`)
		p.settle()
		for i, c := range []struct{ first, then, details string }{
			{`"disclose_me":true,"receive_progress":true,"timeout":3600000,"x_mine":[7]`, `"timeout":1,"x_mine":8`,
				fmt.Sprintf(`"caller":%d,"receive_progress":true,"timeout":3600000,"x_mine":[7],`, a.id)},
			{`"x_mine":7`, `"disclose_me":true,"receive_progress":true,"timeout":1`, `"x_mine":7,`},
		} {
			procedure := p.uri(fmt.Sprint("p", i))
			call := a.call(procedure, `{"progress":true,`+c.first+`}`, `,[0]`)
			for n, progress := range []string{"true", "true", "false"} {
				if n > 0 {
					a.part(call, `{"progress":`+progress+`,`+c.then+`}`, procedure, fmt.Sprintf(`,[%d]`, n))
				}
				d := b.expect(`[68,%d,"*",{%s"procedure":%q},[%d]]`, i+1, c.details, procedure, n)[3].(map[string]any)
				for _, key := range []string{"caller", "receive_progress", "timeout"} {
					if d[key] != nil && i == 1 {
						t.Errorf("part %d: the second part's %s got through: %v", n, key, d)
					}
				}
			}
			b.send(`[70,%d,{}]`, i+1)
			a.expect(`[50,%d,{}]`, call)
		}
	})
}

func TestPCI_12_EitherEndLeavesInTheMiddle(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, d := range departures {
			p.within(d.name, func(p *place) {
				a, b := p.joinAs("A", realm, inParts), p.joinAs("B", realm, inParts)
				procedure := p.uri("procedure")
				b.register(procedure, `{}`)
				p.settle()
				a.call(procedure, `{"progress":true}`, `,[1]`)
				b.expect(`[68,1,"*",{"progress":true},[1]]`)
				d.leave(a)
				b.expect(`[69,1,{"mode":"killnowait"}]`)

				c := p.joinAs("C", realm, inParts)
				call := c.call(procedure, `{"progress":true}`, `,[1]`)
				b.expect(`[68,2,"*",{"progress":true},[1]]`)
				d.leave(b)
				c.refused(48, call, canceled)
				c.part(call, `{}`, procedure, `,[2]`)
				if again := c.call(procedure, `{}`, ""); again == call {
					t.Fatal("the same id")
				} else {
					c.refused(48, again, noSuchProcedure)
				}
			})
		}
	})
}

// TestPCI_14: as any invocation that runs, one in parts may finish after its procedure was given back.
func TestPCI_14_GivenBackInTheMiddle(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, inParts), p.joinAs("B", realm, inParts)
		procedure := p.uri("procedure")
		id := b.register(procedure, `{"disclose_caller":true}`)
		p.settle()
		call := a.call(procedure, `{"progress":true}`, `,[1]`)
		b.expect(`[68,1,%d,{"progress":true,"caller":%d},[1]]`, id, a.id)
		b.unregister(id)
		p.settle()
		a.part(call, `{}`, procedure, `,[2]`)
		b.expect(`[68,1,%d,{"caller":%d},[2]]`, id, a.id)
		b.send(`[70,1,{},["done"]]`)
		a.expect(`[50,%d,{},["done"]]`, call)
	})
}
