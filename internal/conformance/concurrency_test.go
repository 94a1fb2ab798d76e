package conformance

import (
	"fmt"
	"testing"
)

// TestSHR_12: a callee says how many invocations of a procedure it takes at a time. Its node counts, whoever calls from wherever: a call that is
// one too many goes to the next callee, and where all have enough, back.
func TestSHR_12_NobodyGetsMoreThanItTakes(t *testing.T) {
	everywhere(t, func(p *place) {
		callers := []*peer{p.join("A"), p.join("B"), p.join("C")}
		one, two := p.join("one"), p.join("two")
		procedure := p.uri("procedure")
		one.register(procedure, `{"invoke":"first","concurrency":1}`)
		p.settle()
		two.register(procedure, `{"invoke":"first","concurrency":2}`)
		p.settle()
		var calls []uint64
		for i, c := range callers {
			calls = append(calls, c.call(procedure, `{}`, fmt.Sprintf(`,[%d]`, i)))
			if i == 0 {
				one.expect(`[68,1,"*",{},[0]]`)
			} else {
				two.expect(`[68,%d,"*",{},[%d]]`, i, i)
			}
		}
		for _, c := range callers {
			c.refused(48, c.call(procedure, `{}`, `,["too many"]`), unavailable)
		}
		two.send(`[70,1,{},["two"]]`)
		callers[1].expect(`[50,%d,{},["two"]]`, calls[1])
		again := callers[0].call(procedure, `{}`, `,["again"]`)
		two.expect(`[68,3,"*",{},["again"]]`)
		one.send(`[8,68,1,{},"app.error"]`)
		callers[0].expect(`[8,48,%d,{},"app.error"]`, calls[0])
		// cancelled calls make room, too
		callers[2].send(`[49,%d,{"mode":"killnowait"}]`, calls[2])
		callers[2].refused(48, calls[2], canceled)
		two.expect(`[69,2,{"mode":"killnowait"}]`)
		last := callers[2].call(procedure, `{}`, `,["last"]`)
		one.expect(`[68,2,"*",{},["last"]]`)
		one.send(`[70,2,{}]`)
		callers[2].expect(`[50,%d,{}]`, last)
		two.send(`[70,3,{}]`)
		callers[0].expect(`[50,%d,{}]`, again)
		two.send(`[70,2,{},["late"]]`)
		one.quiet()
		two.quiet()
	})
}

// A callee that leaves or gives the procedure back leaves no count behind.
func TestSHR_12_TheCountEndsWithTheCallee(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		procedure := p.uri("procedure")
		id := b.register(procedure, `{"concurrency":1}`)
		p.settle()
		call := a.call(procedure, `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		b.unregister(id)
		b.register(procedure, `{"concurrency":2}`)
		p.settle()
		second := a.call(procedure, `{}`, "") // what runs still counts for the session
		b.expect(`[68,2,"*",{}]`)
		a.refused(48, a.call(procedure, `{}`, ""), unavailable)
		b.send(`[70,1,{}]`)
		a.expect(`[50,%d,{}]`, call)
		third := a.call(procedure, `{}`, "")
		b.expect(`[68,3,"*",{}]`)
		b.conn.Close()
		a.expectAny(fmt.Sprintf(`[8,48,%d,{},%q,["*"]]`, second, canceled), fmt.Sprintf(`[8,48,%d,{},%q,["*"]]`, third, canceled))
	})
}
