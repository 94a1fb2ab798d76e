package conformance

import "testing"

// TestPTL_01: the level that the configuration gives a role is told of what its sessions publish and call; of others none is.
func TestPTL_01_CTL_01_TrustLevels(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinWithTicket("A", "zoe", "decider"), p.joinAs("B", ruledRealm, allRoles)
		uri := p.uri("u")
		s, r := b.subscribe(uri, "{}"), b.register(uri, "{}")
		c := p.joinAs("C", ruledRealm, allRoles)
		p.settle()
		a.publish(uri, "", ",[1]")
		b.expect(`[36,%d,"*",{"trustlevel":7},[1]]`, s)
		a.call(uri, "{}", "")
		b.expect(`[68,"*",%d,{"trustlevel":7}]`, r)
		c.publish(uri, "", ",[1]")
		if d := b.expect(`[36,%d,"*",{},[1]]`, s)[3].(map[string]any); d["trustlevel"] != nil {
			t.Errorf("details %v", d)
		}
		c.call(uri, "{}", "")
		if d := b.expect(`[68,"*",%d,{}]`, r)[3].(map[string]any); d["trustlevel"] != nil {
			t.Errorf("details %v", d)
		}
	})
	here(t, func(p *place) { // zero is a level
		a := p.connect("A")
		a.offer(`"authmethods":["ticket"],"authid":"peter"`)
		a.expect(`[4,"ticket",{}]`)
		a.send(`[5,"s3cret",{}]`)
		a.expect(`[2,"*",{}]`)
		b := p.joinAs("B", proofRealm, allRoles)
		s := b.subscribe(p.uri("u"), "{}")
		a.publish(p.uri("u"), "", "")
		b.expect(`[36,%d,"*",{"trustlevel":0}]`, s)
	})
}
