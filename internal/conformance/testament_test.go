package conformance

import (
	"fmt"
	"testing"
)

// leaves adds a testament for the topic: what is said behind the topic in the call's payload.
func (p *peer) leaves(topic, rest string) {
	p.t.Helper()
	r := p.call("wamp.session.add_testament", `{}`, fmt.Sprintf(`,[%q%s`, topic, rest))
	if m := p.expect(`[50,%d,{}]`, r); len(m) != 3 {
		p.t.Errorf("%s: add_testament returns %s", p.name, show(m))
	}
}

func TestTST_01_TST_03_HoweverTheSessionEnds(t *testing.T) {
	for _, d := range departures {
		t.Run(d.name, func(t *testing.T) {
			everywhere(t, func(p *place) {
				a, b, c := p.join("A"), p.join("B"), p.join("C")
				topic := p.uri("end")
				sb, sc := b.subscribe(topic, `{}`), c.subscribe(topic, `{}`)
				p.settle()
				a.leaves(topic, `,["A",-1.5,null,{"a":[true]}],{"why":"gone"}]`)
				a.leaves(topic, `]`)
				b.quiet()
				d.leave(a)
				first := b.expect(`[36,%d,"*",{},["A",-1.5,null,{"a":[true]}],{"why":"gone"}]`, sb)
				b.expect(`[36,%d,"*",{}]`, sb)
				c.expect(`[36,%d,%d,{},["A",-1.5,null,{"a":[true]}],{"why":"gone"}]`, sc, num(first[2]))
				c.expect(`[36,%d,"*",{}]`, sc)
				b.quiet()
			})
		})
	}
}

func TestTST_02_ScopesThatAreNone(t *testing.T) {
	here(t, func(p *place) {
		a := p.join("A")
		for _, scope := range []string{`"attached"`, `1`, `[]`, `""`} {
			for _, call := range []string{"add_testament", "flush_testaments"} {
				a.refused(48, a.call("wamp.session."+call, `{}`, fmt.Sprintf(`,[%q],{"scope":%s}`, p.uri("x"), scope)), "wamp.error.invalid_argument")
			}
		}
		for _, args := range []string{``, `,[1]`, `,["a.b",{}]`, `,["a.b",[],[]]`} {
			a.refused(48, a.call("wamp.session.add_testament", `{}`, args), "wamp.error.invalid_argument")
		}
		a.refused(48, a.call("wamp.session.add_testament", `{}`, `,["a..b"]`), "wamp.error.invalid_uri")
		a.refused(48, a.call("wamp.session.add_testament", `{}`, `,["wamp.a"]`), "wamp.error.invalid_uri")
	})
}

func TestTST_04_TST_05_TST_06_OrderAndScopes(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("end")
		s := b.subscribe(topic, `{}`)
		p.settle()
		a.leaves(topic, `,["d1"]]`)
		a.leaves(topic, `,["t1"]],{"scope":"detached"}`)
		a.leaves(topic, `,["d2"]],{"scope":"destroyed"}`)
		a.leaves(topic, `,["t2"]],{"scope":"detached"}`)
		a.leaves(topic, `,["d3"]]`)
		flush := func(what string) {
			r := a.call("wamp.session.flush_testaments", `{}`, what)
			if m := a.expect(`[50,%d,{}]`, r); len(m) != 3 {
				t.Errorf("flush_testaments returns %s", show(m))
			}
		}
		c := p.join("C")
		c.leaves(topic, `,["t1"]],{"scope":"detached"}`)
		c.leaves(topic, `,["d1"]]`)
		a.publish(topic, "", `,["before"]`)
		a.conn.Close()
		b.expect(`[36,%d,"*",{},["before"]]`, s)
		for _, want := range []string{"t1", "t2", "d1", "d2", "d3"} {
			b.expect(`[36,%d,"*",{},[%q]]`, s, want)
		}
		a = c
		flush(`,[],{"scope":"detached"}`)
		flush(`,[],{"scope":"detached"}`)
		c.goodbye()
		b.expect(`[36,%d,"*",{},["d1"]]`, s)
		d := p.join("D")
		d.leaves(topic, `,["t1"]],{"scope":"detached"}`)
		d.leaves(topic, `,["d1"]]`)
		a = d
		flush("")
		d.goodbye()
		b.expect(`[36,%d,"*",{},["t1"]]`, s)
		b.quiet()
	})
}

func TestTST_07_PublishOptions(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		topic := p.uri("end")
		sb, sc := b.subscribe(topic, `{}`), c.subscribe(topic, `{}`)
		p.settle()
		a.leaves(topic, fmt.Sprintf(`,["to B"]],{"publish_options":{"eligible":[%d],"acknowledge":true}}`, b.id))
		a.leaves(topic, fmt.Sprintf(`,["to C"]],{"publish_options":{"exclude":[%d],"disclose_me":true}}`, b.id))
		a.refused(48, a.call("wamp.session.add_testament", `{}`, fmt.Sprintf(`,[%q],{"publish_options":{"eligible":7}}`, topic)), "wamp.error.invalid_argument")
		a.goodbye()
		b.expect(`[36,%d,"*",{},["to B"]]`, sb)
		c.expect(`[36,%d,"*",{"publisher":%d},["to C"]]`, sc, a.id)
		b.quiet()
		c.quiet()
	})
}

// The node of two sessions is killed. The others publish what they leave behind, each to its own subscribers: once, by the same publication id.
func TestTST_09_TheSessionsNodeDies(t *testing.T) {
	p := mortal(t)
	a, b, c := p.joinOn("A", 2), p.joinOn("B", 0), p.joinOn("C", 1)
	topic := p.uri("end")
	sb, sc := b.subscribe(topic, `{}`), c.subscribe(topic, `{}`)
	gone := p.joinOn("gone", 2)
	gone.leaves(topic, `,["of one that is gone"]]`)
	gone.goodbye()
	a.leaves(topic, `,["last"]]`)
	a.leaves(topic, `,["first"]],{"scope":"detached"}`)
	a.leaves(topic, fmt.Sprintf(`,["to C"]],{"publish_options":{"eligible":[%d]}}`, c.id))
	a.leaves(topic, `,["flushed"]]`) // with all of its scope, below
	a.call("wamp.session.flush_testaments", `{}`, "")
	a.recv()
	a.leaves(topic, `,["last"]]`)
	a.leaves(topic, fmt.Sprintf(`,["to C"]],{"publish_options":{"eligible":[%d]}}`, c.id))
	for s, id := range map[*peer]uint64{b: sb, c: sc} {
		s.expect(`[36,%d,"*",{},["of one that is gone"]]`, id)
	}
	p.settle()
	p.nodes[2].Close()
	first := b.expect(`[36,%d,"*",{},["first"]]`, sb)
	last := b.expect(`[36,%d,"*",{},["last"]]`, sb)
	c.expect(`[36,%d,%d,{},["first"]]`, sc, num(first[2]))
	c.expect(`[36,%d,%d,{},["last"]]`, sc, num(last[2]))
	c.expect(`[36,%d,"*",{},["to C"]]`, sc)
	b.quiet()
	c.quiet()
}

func TestTST_10_Announced(t *testing.T) {
	here(t, func(p *place) { p.join("A").announced("dealer", "testament_meta_api") })
}
