package conformance

import "testing"

// limitsFile are a node's roles and realms with little room.
const limitsFile = `
realms:
  realm1: {limits: {subscriptions: 2, calls: 1, sessions: 3}}
  strict.uri: {strict_uri: true}
  unnamed.realm: {disclose: never}
  named.realm: {disclose: always}
  rated.realm: {limits: {rate: 500, burst: 100}}
roles:
  anonymous: {limits: {registrations: 1, message: 1KiB}}
limits: {rate_grace: 300ms}
`

func TestURI_03_StrictURIs(t *testing.T) {
	alone(t, func(p *place) {
		a := p.joinAs("A", "strict.uri", allRoles)
		for i, uri := range []string{"A.b", "a-b", "ä.b", "a..b"} {
			n := uint64(10 * (i + 1))
			a.send(`[32,%d,{},%q]`, n, uri)
			a.refused(32, n, "wamp.error.invalid_uri")
			a.send(`[64,%d,{},%q]`, n+1, uri)
			a.refused(64, n+1, "wamp.error.invalid_uri")
			a.send(`[48,%d,{},%q]`, n+2, uri)
			a.refused(48, n+2, "wamp.error.invalid_uri")
			a.send(`[16,%d,{"acknowledge":true},%q]`, n+3, uri)
			a.refused(16, n+3, "wamp.error.invalid_uri")
		}
		a.subscribe("a_1.b2", "{}")
		p.joinAs("B", "named.realm", allRoles).subscribe("A.b", "{}")
	}, "--config", configFile(t, limitsFile))
}

func TestPID_03_CID_03_NobodyIsNamed(t *testing.T) {
	alone(t, func(p *place) {
		a, b := p.joinAs("A", "unnamed.realm", allRoles), p.joinAs("B", "unnamed.realm", allRoles)
		s, r := b.subscribe("a.b", "{}"), b.register("a.b", "{}")
		a.send(`[16,1,{"acknowledge":true,"disclose_me":true},"a.b"]`)
		a.refused(16, 1, "wamp.error.option_disallowed.disclose_me")
		a.send(`[48,2,{"disclose_me":true},"a.b"]`)
		a.refused(48, 2, "wamp.error.option_disallowed.disclose_me")
		b.send(`[64,77,{"disclose_caller":true},"c.d"]`)
		b.refused(64, 77, "wamp.error.option_disallowed.disclose_me")
		b.quiet() // neither was carried out
		a.send(`[16,3,{},"a.b",[1]]`)
		if d := b.expect(`[36,%d,"*",{},[1]]`, s)[3].(map[string]any); len(d) != 0 {
			t.Errorf("details %v", d)
		}
		a.send(`[48,4,{},"a.b"]`)
		if d := b.expect(`[68,"*",%d,{}]`, r)[3].(map[string]any); d["caller"] != nil {
			t.Errorf("details %v", d)
		}
	}, "--config", configFile(t, limitsFile))
}

func TestPID_05_CID_06_EverybodyIsNamed(t *testing.T) {
	alone(t, func(p *place) {
		a, b := p.joinAs("A", "named.realm", allRoles), p.joinAs("B", "named.realm", allRoles)
		s, r := b.subscribe("a.b", "{}"), b.register("a.b", "{}")
		a.send(`[16,1,{},"a.b",[1]]`)
		b.expect(`[36,%d,"*",{"publisher":%d},[1]]`, s, a.id)
		a.send(`[48,2,{},"a.b"]`)
		b.expect(`[68,"*",%d,{"caller":%d}]`, r, a.id)
	}, "--config", configFile(t, limitsFile))
}

// TestLimitsOfARoleAndARealm: what a role and a realm allow, on sockets.
func TestLimitsOfARoleAndARealm(t *testing.T) {
	alone(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		a.subscribe("a.1", "{}")
		a.subscribe("a.2", "{}")
		a.send(`[32,77,{},"a.3"]`)
		a.refused(32, 77, "wamp.error.unavailable")
		a.register("a.1", "{}")
		a.send(`[64,78,{},"a.2"]`)
		a.refused(64, 78, "wamp.error.unavailable")
		b.call("a.1", "{}", "")
		a.expect(`[68,1,"*",{}]`)
		b.refused(48, b.call("a.1", "{}", ""), "wamp.error.unavailable")

		c := p.join("C")
		d := p.connect("D")
		d.send(`[1,%q,{"roles":%s}]`, realm, allRoles)
		d.aborted("wamp.error.unavailable")
		c.goodbye()
		p.eventually("there is room again", func() bool {
			q := p.connect("E")
			q.send(`[1,%q,{"roles":%s}]`, realm, allRoles)
			return num(q.recv()[0]) == 2
		})
		b.send(`[16,99,{},"a.1",[%q]]`, zeros(2000))
		if m, err := b.next(); err == nil && num(m[0]) != 3 {
			t.Errorf("a message of 2 kB is answered %s", show(m))
		}
	}, "--config", configFile(t, limitsFile))
}

// TestRateSlowedThenClosed: who never stops is slowed, then closed; its neighbours do not notice.
func TestRateSlowedThenClosed(t *testing.T) {
	alone(t, func(p *place) {
		a := p.joinAs("A", "rated.realm", allRoles)
		msg := a.encode(`[16,1,{},"a.b"]`)
		p.undisturbed(func() {
			for {
				if err := a.wire.write(msg, msg, msg, msg); err != nil {
					break // closed; what it was told may be lost behind what it sent
				}
			}
		})
		if n := p.nodes[0].Counters().RateClosed; n != 1 {
			t.Errorf("%d sessions were closed for their rate", n)
		}
	}, "--config", configFile(t, limitsFile), "--workers", "1")
}

func zeros(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0'
	}
	return string(b)
}
