package conformance

import (
	"strings"
	"testing"
)

// A realm of this test's own, which the template tenantRealms makes.
func (p *place) tenant(name string) string {
	return strings.ReplaceAll(tenantRealms, "*", strings.ReplaceAll(p.uri(name), ".", "-"))
}

const tenantRealms = "tenant.*"

func TestHND_06_HND_10_RealmsOnDemand(t *testing.T) {
	everywhere(t, func(p *place) {
		mine, other := p.tenant("a"), p.tenant("b")
		a, b, c := p.joinAs("A", mine, allRoles), p.joinAs("B", mine, allRoles), p.joinAs("C", other, allRoles)
		topic, procedure := p.uri("topic"), p.uri("proc")
		s := a.subscribe(topic, `{}`)
		r := a.register(procedure, `{}`)
		p.settle()

		b.publish(topic, "", `,["hello"]`)
		a.expect(`[36,%d,"*",{},["hello"]]`, s)
		b.send(`[48,77,{},%q,[7]]`, procedure)
		m := a.expect(`[68,1,%d,{},[7]]`, r)
		a.send(`[70,%d,{},[8]]`, num(m[1]))
		b.expect(`[50,77,{},[8]]`)

		c.publish(topic, "", `,["another realm"]`)
		a.quiet()
		c.send(`[48,77,{},%q]`, procedure)
		c.refused(48, 77, "wamp.error.no_such_procedure")
		c.register(procedure, `{}`)
		p.eventually("all nodes know both of the realm's sessions", func() bool {
			q := c.nextRequest()
			c.send(`[48,%d,{},"wamp.session.count"]`, q)
			n := num(c.expect(`[50,%d,{},"*"]`, q)[3].([]any)[0])
			q = b.nextRequest()
			b.send(`[48,%d,{},"wamp.session.count"]`, q)
			return n == 1 && num(b.expect(`[50,%d,{},"*"]`, q)[3].([]any)[0]) == 2
		})
	})
}

func TestHND_06_URI_05_NamesThatNoTemplateMakes(t *testing.T) {
	here(t, func(p *place) {
		for name, reason := range map[string]string{
			"tenant": "wamp.error.no_such_realm", "tenant.a.b": "wamp.error.no_such_realm", tenantRealms: "wamp.error.no_such_realm",
			"tenant.": "wamp.error.invalid_uri", "tenant." + strings.Repeat("x", 300): "wamp.error.no_such_realm",
		} {
			q := p.connect(name)
			q.send(`[1,%q,{"roles":%s}]`, name, allRoles)
			q.aborted(reason)
		}
	})
}

// A node makes so many realms and no more: who would make another is refused in plain words, and those that there are go on. A realm that
// was made stays until the node ends, also when everybody has left it; what it keeps is still there.
func TestHND_06_RealmsOnDemandAreBounded(t *testing.T) {
	alone(t, func(p *place) {
		a := p.joinAs("A", "tenant.a", allRoles)
		a.publish("kept", `"retain":true`, `,["x"]`)
		b := p.joinAs("B", "tenant.b", allRoles)
		a.goodbye()
		b.goodbye()
		c := p.connect("C")
		c.send(`[1,"tenant.c",{"roles":%s}]`, allRoles)
		if d := c.expect(`[3,{},"wamp.error.no_such_realm"]`)[1].(map[string]any); d["message"] != "there are too many realms on this node" {
			t.Errorf("details %v", d)
		}
		c.ended()
		a = p.joinAs("A again", "tenant.a", allRoles)
		sub := a.subscribe("kept", `{"get_retained":true}`)
		a.expect(`[36,%d,"*",{"retained":true},["x"]]`, sub)
		p.join("in the realm that was configured").goodbye()
	}, "--realm", realm, "--realm", tenantRealms, "--limit-realms", "2")
}
