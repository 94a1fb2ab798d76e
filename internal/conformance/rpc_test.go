package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

const (
	noSuchProcedure = "wamp.error.no_such_procedure"
	alreadyExists   = "wamp.error.procedure_already_exists"
	canceled        = "wamp.error.canceled"
)

func TestREG_01_REG_03_CAL_01_CAL_02_RegisterCallUnregister(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		procedure := p.uri("procedure")
		call := a.call(procedure, `{}`, "")
		a.refused(48, call, noSuchProcedure)
		reg := b.register(procedure, `{}`)
		p.settle()
		for i, rest := range []string{``, `,[1,"ü",null]`, `,[],{"k":{"a":[1.5]}}`, `,[1],{"k":2}`} {
			call = a.call(procedure, `{}`, rest)
			b.expect(`[68,%d,%d,{}%s]`, i+1, reg, rest)
			b.send(`[70,%d,{}%s]`, i+1, rest)
			a.expect(`[50,%d,{}%s]`, call, rest)
		}
		b.unregister(reg)
		p.eventually("the procedure is gone", func() bool {
			call := a.call(procedure, `{}`, "")
			a.refused(48, call, noSuchProcedure) // also while the other node still believes in it
			return true
		})
		b.quiet()
	})
}

func TestREG_02_SHR_02_SingleHasOneOwner(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		procedure := p.uri("procedure")
		a.register(procedure, `{}`)
		p.settle()
		for _, s := range []*peer{b, a} {
			for _, options := range []string{`{}`, `{"invoke":"single"}`, `{"invoke":"roundrobin"}`, `{"invoke":"last"}`} {
				r := s.nextRequest()
				s.send(`[64,%d,%s,%q]`, r, options, procedure)
				s.refused(64, r, alreadyExists)
			}
		}
		call := b.call(procedure, `{}`, "")
		a.expect(`[68,1,"*",{}]`)
		a.send(`[70,1,{}]`)
		b.expect(`[50,%d,{}]`, call)
	})
}

func TestCAL_03_ErrorsPassUnchanged(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		for i, rest := range []string{``, `,["text",1]`, `,[],{"why":{"a":null}}`, `,[1],{"k":2}`} {
			call := a.call(p.uri("procedure"), `{}`, "")
			b.expect(`[68,%d,"*",{}]`, i+1)
			b.send(`[8,68,%d,{},"com.myapp.error.object_write_protected"%s]`, i+1, rest)
			a.expect(`[8,48,%d,{},"com.myapp.error.object_write_protected"%s]`, call, rest)
		}
	})
}

// TestCAL_04: a second answer to an invocation that was issued is dropped.
func TestCAL_04_PCR_04_OneFinalAnswer(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("topic")
		a.subscribe(topic, `{}`)
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		answers := []string{`[70,%d,{},["yield"]]`, `[8,68,%d,{},"app.error"]`, `[70,%d,{"progress":true}]`}
		for i, first := range answers[:2] {
			call := a.call(p.uri("procedure"), `{"receive_progress":true}`, "")
			b.expect(`[68,%d,"*",{}]`, i+1)
			b.send(first, i+1)
			for _, second := range answers {
				b.send(second, i+1)
			}
			if i == 0 {
				a.expect(`[50,%d,{},["yield"]]`, call)
			} else {
				a.expect(`[8,48,%d,{},"app.error"]`, call)
			}
			b.publish(topic, "", "") // and so everything that B sent has come
			a.expect(`[36,"*","*",{}]`)
		}
		b.quiet()
	})
}

func TestCAL_05_CAL_08_AnswersInAnyOrder(t *testing.T) {
	everywhere(t, func(p *place) {
		const n = 100
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		for i := 1; i <= n; i++ {
			a.call(p.uri("procedure"), `{}`, fmt.Sprintf(`,[%d]`, i))
		}
		for i := 1; i <= n; i++ {
			b.expect(`[68,%d,"*",{},[%d]]`, i, i)
		}
		for i := n; i > 0; i-- {
			b.send(`[70,%d,{},[%d]]`, i, i)
		}
		seen := map[uint64]bool{}
		for range n {
			m := a.expect(`[50,"*",{},["*"]]`)
			if num(m[1]) != num(m[3].([]any)[0]) || seen[num(m[1])] {
				t.Fatalf("the answer to another call, or twice: %s", show(m))
			}
			seen[num(m[1])] = true
		}
		a.quiet()
	})
}

func TestCAL_06_TenThousandCallsInOrder(t *testing.T) {
	everywhere(t, func(p *place) {
		const n = 10_000
		a, b := p.join("A"), p.join("B")
		base := p.uri("procedure")
		b.register(base+".p1", `{}`)
		b.register(base+".p2", `{}`)
		p.settle()
		sent := make(chan error, 1)
		go func() {
			sent <- a.flood(n, func(i int) string { return fmt.Sprintf(`[48,%d,{},"%s.p%d",[%d]]`, i+1, base, 1+i%2, i) })
		}()
		for i := range n {
			m := b.recv()
			if num(m[0]) != 68 || num(m[1]) != uint64(i+1) || len(m) != 5 || num(m[4].([]any)[0]) != uint64(i) {
				t.Fatalf("invocation %d is %s", i+1, show(m))
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if err := b.flood(n, func(i int) string { return fmt.Sprintf(`[70,%d,{}]`, i+1) }); err != nil {
			t.Fatal(err)
		}
		for range n {
			a.expect(`[50,"*",{}]`)
		}
		a.quiet()
	})
}

func TestCAL_07_TheAnswerComesFirst(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		procedure := p.uri("procedure")
		stop := a.while(func(i int) string { return fmt.Sprintf(`[48,%d,{},%q]`, i+1, procedure) })
		for range 30 {
			r := b.nextRequest()
			b.send(`[64,%d,{},%q]`, r, procedure)
			reg := num(b.expect(`[65,%d,"*"]`, r)[2]) // and no INVOCATION before it
			answer := func(m []any) {
				if err := matches(m, `[68,"*",%d,{}]`, reg); err != nil {
					t.Fatal(err)
				}
				b.send(`[70,%d,{}]`, num(m[1]))
			}
			answer(b.recv())
			r = b.nextRequest()
			b.send(`[66,%d,%d]`, r, reg)
			m := b.recv()
			for ; matches(m, `[67,%d]`, r) != nil; m = b.recv() {
				answer(m)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		b.quiet()
	})
}

func TestCAL_09_OwnProcedures(t *testing.T) {
	here(t, func(p *place) {
		for range 3 {
			s := p.join("S")
			s.register(p.uri(s.ser.String()), `{}`)
			call := s.call(p.uri(s.ser.String()), `{}`, `,["me"]`)
			s.expect(`[68,1,"*",{},["me"]]`)
			s.send(`[70,1,{},["myself"]]`)
			s.expect(`[50,%d,{},["myself"]]`, call)
		}
	})
}

func TestCAL_11_RAW_06_WhatIsTooLargeForItsReceiver(t *testing.T) {
	everywhere(t, func(p *place) {
		const exceeded = "wamp.error.payload_size_exceeded"
		a, b := p.joinIn("A", small), p.joinIn("B", speech{ser: wamp.JSON, nibble: 15})
		c := p.joinIn("C", small)
		large := strings.Repeat("x", 2000)
		b.register(p.uri("b"), `{}`)
		c.register(p.uri("c"), `{}`)
		p.settle()
		// a result
		call := a.call(p.uri("b"), `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		b.send(`[70,1,{},[%q]]`, large)
		a.refused(48, call, exceeded)
		// progress: the call ends, and its callee is told
		call = a.call(p.uri("b"), `{"receive_progress":true}`, "")
		b.expect(`[68,2,"*",{"receive_progress":true}]`)
		b.send(`[70,2,{"progress":true},[%q]]`, large)
		a.refused(48, call, exceeded)
		b.expect(`[69,2,{"mode":"killnowait"}]`)
		// an error keeps its URI
		call = a.call(p.uri("b"), `{}`, "")
		b.expect(`[68,3,"*",{}]`)
		b.send(`[8,68,3,{},"app.error",[%q]]`, large)
		a.expect(`[8,48,%d,{},"app.error"]`, call)
		// an invocation
		call = b.call(p.uri("c"), `{}`, fmt.Sprintf(`,[%q]`, large))
		b.refused(48, call, exceeded)
		call = b.call(p.uri("c"), `{}`, `,["small"]`)
		id := num(c.expect(`[68,"*","*",{},["small"]]`)[1])
		c.send(`[70,%d,{}]`, id)
		b.expect(`[50,%d,{}]`, call)
		a.quiet()
	})
}

func TestCAL_12_PVI_09_AnswersToInvocationsOfOthers(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		for _, stolen := range []string{`[70,1,{},["stolen"]]`, `[8,68,1,{},"stolen"]`, `[70,1,{"progress":true}]`} {
			for home := range 3 {
				c := p.joinOn("C", home)
				c.send("%s", stolen)
				c.aborted(violation)
			}
		}
		b.send(`[70,1,{},["mine"]]`)
		a.expect(`[50,%d,{},["mine"]]`, call)
	})
}

func TestLEV_01_LEV_03_LEV_05_PCR_08_TheCallerLeaves(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, d := range departures {
			for _, options := range []string{`{}`, `{"receive_progress":true}`} {
				a, b := p.join("A"), p.join("B")
				procedure := p.uri(clean(d.name + options))
				b.register(procedure, `{}`)
				p.settle()
				a.call(procedure, options, "")
				a.call(procedure, options, "")
				b.expect(`[68,1,"*",{}]`)
				b.expect(`[68,2,"*",{}]`)
				d.leave(a)
				b.expect(`[69,1,{"mode":"killnowait"}]`)
				b.expect(`[69,2,{"mode":"killnowait"}]`)
				b.send(`[70,1,{},["late"]]`)
				b.send(`[70,2,{"progress":true}]`)
				b.send(`[8,68,2,{},"late.too"]`)
				b.quiet()
			}
		}
	})
}

func TestLEV_02_CAN_04_NoInterruptForWhoCannotTakeIt(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.joinOn("A", 0)
		b, c := p.connectOn("B", 1).hello(realm, plainRoles), p.joinOn("C", 1)
		b.register(p.uri("b"), `{}`)
		c.register(p.uri("c"), `{}`)
		p.settle()
		a.call(p.uri("b"), `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		a.call(p.uri("c"), `{}`, "")
		c.expect(`[68,1,"*",{}]`)
		a.goodbye()
		c.expect(`[69,1,{"mode":"killnowait"}]`) // behind B's, had there been one
		b.quiet()
		b.send(`[70,1,{}]`)
		b.quiet()
	})
}

func TestLEV_04_LEV_05_PCR_09_TheCalleeLeaves(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, d := range departures {
			a, b := p.join("A"), p.join("B")
			procedure := p.uri(clean(d.name))
			b.register(procedure, `{}`)
			p.settle()
			first, second, third := a.call(procedure, `{}`, ""), a.call(procedure, `{"receive_progress":true}`, ""), a.call(procedure, `{}`, "")
			for i := range 3 {
				b.expect(`[68,%d,"*",{}]`, i+1)
			}
			b.send(`[70,2,{"progress":true},[1]]`)
			b.send(`[70,1,{}]`)
			a.expect(`[50,%d,{"progress":true},[1]]`, second)
			a.expect(`[50,%d,{}]`, first)
			d.leave(b)
			a.refused(48, second, canceled)
			a.refused(48, third, canceled)
			a.quiet()
		}
	})
}

// TestLEV_06: what runs may finish.
func TestLEV_06_UnregisterWhileACallRuns(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		reg := b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{"receive_progress":true}`, "")
		b.expect(`[68,1,%d,{}]`, reg)
		b.unregister(reg)
		b.send(`[70,1,{"progress":true}]`)
		a.expect(`[50,%d,{"progress":true}]`, call)
		b.send(`[70,1,{},["done"]]`)
		a.expect(`[50,%d,{},["done"]]`, call)
	})
}

// TestP20: one final answer to each call in every order of deaths, and an INTERRUPT for each invocation whose caller is gone.
func TestP20_OneAnswerInEveryOrderOfDeaths(t *testing.T) {
	everywhere(t, func(p *place) {
		const n = 20
		for _, d := range departures {
			a, c, b := p.join("A"), p.join("C"), p.join("B")
			procedure := p.uri(clean(d.name))
			b.register(procedure, `{}`)
			p.settle()
			var calls []uint64
			for i := range n {
				calls = append(calls, a.call(procedure, `{}`, fmt.Sprintf(`,["a%d"]`, i)))
				b.expect(`[68,%d,"*",{},["a%d"]]`, 2*i+1, i)
				c.call(procedure, `{}`, fmt.Sprintf(`,["c%d"]`, i))
				b.expect(`[68,%d,"*",{},["c%d"]]`, 2*i+2, i)
			}
			for i := range n / 2 { // half of A's are answered
				b.send(`[70,%d,{}]`, 2*i+1)
				a.expect(`[50,%d,{}]`, calls[i])
			}
			a.send(`[49,%d,{"mode":"kill"}]`, calls[n-1])
			b.expect(`[69,%d,{"mode":"kill"}]`, 2*n-1)
			d.leave(c)
			for i := range n {
				b.expect(`[69,%d,{"mode":"killnowait"}]`, 2*i+2)
			}
			d.leave(b)
			var left []uint64
			for range n / 2 {
				m := a.recv()
				if err := isRefused(m, 48, num(m[2]), canceled); err != nil {
					t.Fatal(err)
				}
				left = append(left, num(m[2]))
			}
			slices.Sort(left)
			if !slices.Equal(left, calls[n/2:]) {
				t.Errorf("%s: answers to %d, wanted %d", d.name, left, calls[n/2:])
			}
			a.quiet()
		}
	})
}
