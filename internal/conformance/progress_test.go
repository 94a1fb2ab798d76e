package conformance

import (
	"fmt"
	"testing"
)

// calleeWith are roles whose callee announces these features.
func calleeWith(features string) string {
	return `{"caller":{"features":{"progressive_call_results":true,"call_canceling":true}},"callee":{"features":{` + features + `}}}`
}

// TestPCR_01: receive_progress reaches a callee that announces progressive_call_results, in strict realms only if it announces
// call_canceling too.
func TestPCR_01_PCR_02_P22_WhoIsAskedForProgress(t *testing.T) {
	const results, canceling = `"progressive_call_results":true`, `"call_canceling":true`
	everywhere(t, func(p *place) {
		for _, r := range []string{otherRealm, strictRealm} {
			for i, c := range []struct {
				features        string
				lenient, strict bool
			}{
				{"", false, false},
				{canceling, false, false},
				{results, true, false},
				{`"progressive_call_results":false,` + canceling, false, false},
				{results + "," + canceling, true, true},
				{results + `,"call_cancelling":true`, true, true}, // the other spelling
			} {
				a, b := p.joinAs("A", r, allRoles), p.joinAs("B", r, calleeWith(c.features))
				procedure := p.uri(fmt.Sprint(r, i))
				b.register(procedure, `{}`)
				p.settle()
				asked := func(options string) any {
					a.call(procedure, options, "")
					return b.expect(`[68,"*","*",{}]`)[3].(map[string]any)["receive_progress"]
				}
				want := c.lenient
				if r == strictRealm {
					want = c.strict
				}
				if got := asked(`{"receive_progress":true}`); (got == true) != want || got != nil && got != true {
					t.Errorf("%s, %s: receive_progress is %v", r, c.features, got)
				}
				for _, options := range []string{`{}`, `{"receive_progress":false}`} {
					if got := asked(options); got != nil && got != false {
						t.Errorf("%s, %s: CALL %s, receive_progress is %v", r, c.features, options, got)
					}
				}
			}
		}
	})
}

func TestPCR_03_PCR_04_PCR_05_PCR_07_Progress(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		id := 0
		begin := func() uint64 {
			id++
			call := a.call(p.uri("procedure"), `{"receive_progress":true}`, "")
			b.expect(`[68,%d,"*",{"receive_progress":true}]`, id)
			return call
		}
		payloads := []string{``, `,[1]`, `,[],{"k":1}`, `,[{"a":[null]}],{"k":1.5}`}
		for _, last := range payloads {
			call := begin()
			for _, payload := range payloads {
				b.send(`[70,%d,{"progress":true}%s]`, id, payload)
				a.expect(`[50,%d,{"progress":true}%s]`, call, payload) // at once: nothing follows
			}
			b.send(`[70,%d,{}%s]`, id, last)
			if d := a.expect(`[50,%d,{}%s]`, call, last)[2].(map[string]any); d["progress"] == true {
				t.Error("the final result says progress")
			}
		}
		call := begin()
		b.send(`[70,%d,{"progress":true},["half"]]`, id)
		a.expect(`[50,%d,{"progress":true},["half"]]`, call)
		b.send(`[8,68,%d,{},"app.error",["broke"]]`, id)
		a.expect(`[8,48,%d,{},"app.error",["broke"]]`, call)
		call = begin() // a callee need not take the offer
		b.send(`[70,%d,{},["all"]]`, id)
		a.expect(`[50,%d,{},["all"]]`, call)
		a.quiet()
	})
}

func TestPCR_06_TenThousandResultsInOrder(t *testing.T) {
	everywhere(t, func(p *place) {
		const n = 10_000
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{"receive_progress":true}`, "")
		b.expect(`[68,1,"*",{}]`)
		sent := make(chan error, 1)
		go func() {
			sent <- b.flood(n, func(i int) string { return fmt.Sprintf(`[70,1,{"progress":%v},[%d]]`, i < n-1, i) })
		}()
		for i := range n {
			m := a.recv()
			if num(m[0]) != 50 || num(m[1]) != call || len(m) != 4 || num(m[3].([]any)[0]) != uint64(i) {
				t.Fatalf("result %d is %s", i, show(m))
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		a.quiet()
	})
}

// TestPCR_10: progress that nobody asked for is dropped, the call goes on.
func TestPCR_10_UnaskedProgress(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		b.send(`[70,1,{"progress":true},[1]]`)
		b.send(`[70,1,{"progress":true},[2]]`)
		b.send(`[70,1,{},["final"]]`)
		a.expect(`[50,%d,{},["final"]]`, call)
		b.quiet()
	})
}

// TestPCR_05: progress through every pair of serializers.
func TestPCR_05_ProgressIsTranscoded(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, from := range serializers {
			for _, to := range serializers {
				a, b := p.joinIn("A", speech{ser: to, nibble: 15}), p.joinIn("B", speech{ser: from, ws: true})
				procedure := p.uri(from.String() + to.String())
				b.register(procedure, `{}`)
				p.settle()
				call := a.call(procedure, `{"receive_progress":true}`, `,`+values)
				b.expect(`[68,1,"*",{"receive_progress":true},"*","*"]`)
				b.send(`[70,1,{"progress":true},%s]`, values)
				m := a.expect(`[50,%d,{"progress":true},"*","*"]`, call)
				want, err := parseText(`[` + values + `]`)
				if err == nil {
					err = same(want, any(m[3:]))
				}
				if err != nil {
					t.Errorf("%v to %v: %v", from, to, err)
				}
			}
		}
	})
}
