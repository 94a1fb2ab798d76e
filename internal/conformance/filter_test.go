package conformance

import (
	"fmt"
	"strings"
	"testing"
)

// TestXME_01: the steps of the specification's own vector, publisher_exclusion_disabled.
func TestXME_01_OfficialVector(t *testing.T) {
	here(t, func(p *place) {
		for range 3 {
			s := p.joinAs("session_1", realm, `{"publisher":{},"subscriber":{}}`)
			s.send(`[32,123,{},"com.myapp.topic1"]`)
			sub := num(s.expect(`[33,123,"*"]`)[2])
			s.send(`[16,789,{"exclude_me":false},"com.myapp.topic1",["Hello, world!"]]`)
			s.expect(`[36,%d,"*",{},["Hello, world!"]]`, sub)
			s.goodbye()
		}
	})
}

func TestXME_01_XME_02_XME_03_ThePublisherIsExcludedUnlessItAsks(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("topic")
		var want []string
		for _, match := range []string{"exact", "prefix", "wildcard"} {
			id := a.subscribe(topic, fmt.Sprintf(`{"match":%q}`, match))
			want = append(want, fmt.Sprintf(`[36,%d,"*",{}]`, id))
		}
		b.subscribe(topic, `{}`)
		p.settle()
		for _, option := range []string{``, `"exclude_me":true`} {
			a.publish(topic, option, "")
			a.quiet()
			b.expect(`[36,"*","*",{}]`)
		}
		r := a.nextRequest()
		a.send(`[16,%d,{"exclude_me":false},%q]`, r, topic)
		a.expectAny(want...)
		b.expect(`[36,"*","*",{}]`)
		p.fence(a, a, b)
	})
}

// TestBWL: A publishes; B and C subscribe, once exactly and once by pattern, near A and far from it.
func TestBWL_01_BWL_02_BWL_03_BWL_04_BWL_05_BWL_06_BWL_08_BWL_09_P14_Lists(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, match := range []string{"exact", "prefix", "wildcard"} {
			p.within(match, func(p *place) {
				a, near, b, c := p.joinOn("A", 0), p.joinOn("near", 0), p.joinOn("B", 1), p.joinOn("C", 2)
				topic := p.uri("topic")
				all := []*peer{near, b, c}
				for _, s := range all {
					s.subscribe(topic, fmt.Sprintf(`{"match":%q}`, match))
				}
				p.settle()
				authid := func(s *peer) string { return s.details["authid"].(string) }
				for i, x := range []struct {
					options string
					to      []*peer
				}{
					{fmt.Sprintf(`"exclude":[%d]`, b.id), []*peer{near, c}},
					{fmt.Sprintf(`"exclude":[%d,%d,1]`, near.id, c.id), []*peer{b}},
					{`"exclude":[1]`, all},
					{`"exclude":[]`, all},
					{fmt.Sprintf(`"eligible":[%d]`, b.id), []*peer{b}},
					{fmt.Sprintf(`"eligible":[%d,%d,7]`, near.id, c.id), []*peer{near, c}},
					{`"eligible":[]`, nil}, // nobody is in an empty list
					{`"eligible":[1]`, nil},
					{fmt.Sprintf(`"eligible":[%d,%d],"exclude":[%d]`, b.id, c.id, b.id), []*peer{c}},
					{fmt.Sprintf(`"exclude_authid":[%q]`, authid(b)), []*peer{near, c}},
					{fmt.Sprintf(`"exclude_authid":[%q,%q]`, authid(near), authid(b)), []*peer{c}},
					{`"exclude_authid":[]`, all},
					{fmt.Sprintf(`"eligible_authid":[%q]`, authid(c)), []*peer{c}},
					{`"eligible_authid":[]`, nil},
					{`"exclude_authrole":["anonymous"]`, nil},
					{`"exclude_authrole":["admin"]`, all},
					{`"eligible_authrole":["anonymous"]`, all},
					{`"eligible_authrole":["admin","anonymous"]`, all},
					{`"eligible_authrole":["admin"]`, nil},
					{`"eligible_authrole":[]`, nil},
					{fmt.Sprintf(`"eligible_authrole":["anonymous"],"exclude_authid":[%q],"exclude":[%d]`, authid(near), c.id), []*peer{b}},
					{fmt.Sprintf(`"eligible":[%d,%d],"eligible_authid":[%q,%q]`, near.id, b.id, authid(b), authid(c)), []*peer{b}},
				} {
					pub := a.publish(topic, x.options, fmt.Sprintf(`,[%d]`, i))
					for _, s := range x.to {
						s.expect(`[36,"*",%d,{},[%d]]`, pub, i)
					}
				}
				p.fence(a, all...)
			})
		}
	})
}

func TestBWL_07_EligibleDoesNotBringThePublisherBack(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("topic")
		a.subscribe(topic, `{}`)
		b.subscribe(topic, `{}`)
		p.settle()
		a.publish(topic, fmt.Sprintf(`"eligible":[%d]`, a.id), "")
		a.quiet()
		a.send(`[16,99,{"exclude_me":false,"eligible":[%d]},%q]`, a.id, topic)
		a.expect(`[36,"*","*",{}]`)
		a.send(`[16,100,{"exclude_me":false,"exclude":[%d]},%q]`, a.id, topic)
		b.expect(`[36,"*","*",{}]`)
		p.fence(a, a, b)
	})
}

// TestBWL_01: lists so long that they are searched in another way than short ones.
func TestBWL_01_BWL_02_LongLists(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		topic := p.uri("topic")
		b.subscribe(topic, `{}`)
		c.subscribe(topic, `{}`)
		p.settle()
		var ids []string
		for i := range 500 {
			ids = append(ids, itoa(uint64(1000-i)))
		}
		list := strings.Join(append(ids, itoa(b.id)), ",")
		a.publish(topic, `"eligible":[`+list+`]`, "")
		b.expect(`[36,"*","*",{}]`)
		a.publish(topic, `"exclude":[`+list+`]`, "")
		c.expect(`[36,"*","*",{}]`)
		p.fence(a, b, c)
	})
}

func TestPID_01_PID_02_PID_04_P25_WhoPublishedIsToldOnlyIfAsked(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		topic := p.uri("topic")
		b.subscribe(topic, `{}`)
		c.subscribe(topic, `{"match":"prefix"}`)
		p.settle()
		for _, options := range []string{``, `"disclose_me":false`, `"eligible_authrole":["anonymous"]`} {
			a.publish(topic, options, "")
			for _, s := range []*peer{b, c} {
				d := s.expect(`[36,"*","*",{}]`)[3].(map[string]any)
				for key := range d {
					if strings.HasPrefix(key, "publisher") {
						t.Errorf("with {%s} the event has %s", options, key)
					}
				}
			}
		}
		a.publish(topic, `"disclose_me":true`, "")
		for _, s := range []*peer{b, c} {
			s.expect(`[36,"*","*",{"publisher":%d,"publisher_authid":%q,"publisher_authrole":"anonymous"}]`, a.id, a.details["authid"])
		}
	})
}
