package conformance

import "testing"

func TestCID_01_CID_02_CID_04_CID_05_WhoCalls(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("quiet"), `{}`)
		b.register(p.uri("asks"), `{"disclose_caller":true}`)
		p.settle()
		for i, c := range []struct {
			procedure, options string
			named              bool
		}{
			{"quiet", `{}`, false},
			{"quiet", `{"disclose_me":false}`, false},
			{"quiet", `{"disclose_me":true}`, true},
			{"asks", `{}`, true},
			{"asks", `{"disclose_me":false}`, true},
			{"asks", `{"disclose_me":true}`, true},
		} {
			call := a.call(p.uri(c.procedure), c.options, "")
			d := b.expect(`[68,%d,"*",{}]`, i+1)[3].(map[string]any)
			if c.named && (num(d["caller"]) != a.id || d["caller_authid"] != a.details["authid"] || d["caller_authrole"] != a.details["authrole"]) ||
				!c.named && (d["caller"] != nil || d["caller_authid"] != nil || d["caller_authrole"] != nil) {
				t.Errorf("%s %s: %v", c.procedure, c.options, d)
			}
			b.send(`[70,%d,{}]`, i+1)
			a.expect(`[50,%d,{}]`, call)
		}
	})
}
