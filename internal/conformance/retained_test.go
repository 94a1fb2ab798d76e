package conformance

import (
	"fmt"
	"strings"
	"testing"
)

// retained asks for the retained events of a topic in a subscription of its own, and returns those that come: they are there when the answer to
// the next request is.
func (p *peer) retained(topic, options string) (events [][]any) {
	p.t.Helper()
	if options != "" {
		options = "," + options
	}
	id := p.subscribe(topic, `{"get_retained":true`+options+`}`)
	events = p.drain()
	p.unsubscribe(id)
	return events
}

// soon asks until the peer's node knows of as many retained events as are expected: the publication may be on its way to it.
func (p *place) soon(s *peer, topic, options string, n int) (events [][]any) {
	p.Helper()
	p.eventually(fmt.Sprintf("%d events of %s are retained", n, topic), func() bool {
		events = s.retained(topic, options)
		return len(events) == n
	})
	return events
}

func TestRET_01_RET_02_RET_03_RET_06_TheLastOneIsKept(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		topic := p.uri("state")
		first := a.publish(topic, `"retain":true`, `,["one",-1.5,null,{"a":[true]}],{"k":"v"}`)
		a.publish(topic, "", `,["ordinary"]`)
		a.publish(topic, `"retain":false`, `,["ordinary"]`)
		for _, s := range []*peer{b, c} {
			e := p.soon(s, topic, "", 1)[0]
			if err := matches(e, `[36,"*",%d,{"retained":true},["one",-1.5,null,{"a":[true]}],{"k":"v"}]`, first); err != nil {
				t.Error(err) // the original id
			}
		}
		if e := b.retained(p.uri("other"), ""); len(e) > 0 {
			t.Errorf("of another topic: %s", show(e[0]))
		}
		s := b.subscribe(topic, `{}`)
		b.quiet()
		b.unsubscribe(s)
		s = b.subscribe(topic, `{"get_retained":false}`)
		b.quiet()
		p.settle()
		second := a.publish(topic, `"retain":true`, `,["two"]`)
		m := b.expect(`[36,%d,%d,{},["two"]]`, s, second)
		if d := m[3].(map[string]any); d["retained"] != nil && d["retained"] != false {
			t.Errorf("a live event says that it is retained: %s", show(m))
		}
		p.eventually("the second is kept", func() bool {
			e := c.retained(topic, "")
			return len(e) == 1 && matches(e[0], `[36,"*",%d,{"retained":true},["two"]]`, second) == nil
		})
	})
}

func TestRET_04_RET_05_P14_OnlyWhatOneWouldHaveGot(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		topic := func(n int) string { return p.uri(fmt.Sprint("state", n)) }
		for i, options := range []string{
			`"eligible_authrole":["admin"]`, fmt.Sprintf(`"eligible":[%d]`, c.id), fmt.Sprintf(`"exclude":[%d]`, b.id),
			`"exclude_authrole":["anonymous"]`, fmt.Sprintf(`"eligible_authid":[%q]`, c.details["authid"]), fmt.Sprintf(`"exclude_authid":[%q]`, b.details["authid"]),
		} {
			a.publish(topic(i), `"retain":true`, `,["for all"]`)
			a.publish(topic(i), `"retain":true,`+options, fmt.Sprintf(`,["some",%d]`, i))
			a.publish(topic(i+100), `"retain":true,`+options, `,["some"]`)
		}
		forC := []bool{false, true, true, false, true, true}
		p.soon(b, p.uri("state"), `"match":"prefix"`, 6) // each of the topics below 100, none beyond
		p.soon(c, p.uri("state"), `"match":"prefix"`, 10)
		for i, some := range forC {
			for s, want := range map[*peer]bool{b: false, c: some} {
				text := `["for all"]`
				if want {
					text = fmt.Sprintf(`["some",%d]`, i)
				}
				if err := matches(s.retained(topic(i), "")[0], `[36,"*","*",{"retained":true},%s]`, text); err != nil {
					t.Errorf("%s, list %d: %v", s.name, i, err)
				}
				if got := s.retained(topic(i+100), ""); (len(got) == 1) != want {
					t.Errorf("%s, list %d: %d events", s.name, i, len(got))
				}
			}
		}
		mine := p.uri("mine")
		a.publish(mine, `"retain":true`, `,["x"]`)
		a.publish(mine+".too", `"retain":true,"exclude_me":false,"disclose_me":true`, `,["y"]`)
		p.soon(b, mine, `"match":"prefix"`, 2)
		e := a.retained(mine, `"match":"prefix"`)
		if len(e) != 1 || matches(e[0], `[36,"*","*",{"retained":true,"topic":%q,"publisher":%d},["y"]]`, mine+".too", a.id) != nil {
			t.Errorf("of its own: %s", show(e[0]))
		}
	})
}

func TestRET_07_BehindSubscribed(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic := p.uri("state")
		a.publish(topic, `"retain":true`, `,[1]`)
		p.soon(b, topic, "", 1)
		for i := range 20 {
			r := b.nextRequest()
			b.send(`[32,%d,{"get_retained":true},%q]`, r, topic)
			id := num(b.expect(`[33,%d,"*"]`, r)[2])
			b.expect(`[36,%d,"*",{"retained":true},[1]]`, id)
			if i%2 == 0 {
				b.unsubscribe(id)
			}
		}
	})
}

func TestRET_08_RET_09_OneForEachTopicOfAPattern(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		ids := map[string]uint64{}
		for _, last := range []string{"b.x", "a.x", "a.x", "a.y", "c.z.x"} {
			ids[last] = a.publish(p.uri(last), `"retain":true`, fmt.Sprintf(`,[%q]`, last))
		}
		for _, c := range []struct {
			match, uri string
			want       []string
		}{
			{"prefix", p.uri(""), []string{"a.x", "a.y", "b.x", "c.z.x"}},
			{"prefix", p.uri("a"), []string{"a.x", "a.y"}},
			{"wildcard", p.uri(".x"), []string{"a.x", "b.x"}},
			{"exact", p.uri("a.x"), []string{"a.x"}},
		} {
			p.eventually("all are there", func() bool {
				got := b.retained(c.uri, fmt.Sprintf(`"match":%q`, c.match))
				if len(got) != len(c.want) {
					return false
				}
				for i, last := range c.want {
					topic := ""
					if c.match != "exact" {
						topic = fmt.Sprintf(`,"topic":%q`, p.uri(last))
					}
					if matches(got[i], `[36,"*",%d,{"retained":true%s},[%q]]`, ids[last], topic, last) != nil { // the original id
						return false
					}
				}
				return true
			})
		}
	})
}

// RET-12 and A-21: what is published with no payload is retained like any other event; there is no deleting.
func TestRET_10_RET_12_WhatIsNotKept(t *testing.T) {
	alone(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		for i := range 3 {
			a.publish(p.uri(fmt.Sprint("t", i)), `"retain":true`, fmt.Sprintf(`,[%d]`, i))
		}
		if got := b.retained(p.uri("t"), `"match":"prefix"`); len(got) != 2 {
			t.Errorf("%d events are kept, not 2", len(got))
		}
		a.publish(p.uri("t0"), `"retain":true`, ``)
		if got := b.retained(p.uri("t0"), ""); len(got) != 1 || len(got[0]) != 4 {
			t.Errorf("without a payload: %v", got)
		}
		s := b.subscribe(p.uri("t1"), `{}`)
		a.publish(p.uri("t1"), `"retain":true`, fmt.Sprintf(`,[%q]`, strings.Repeat("x", 30<<10)))
		b.expect(`[36,%d,"*",{},["*"]]`, s) // it is routed all the same
		if got := b.retained(p.uri("t1"), ""); len(got) != 1 || matches(got[0], `[36,"*","*",{},[1]]`) != nil {
			t.Errorf("too large: %v", got)
		}
	}, "--limit-retained-events", "2")
}

func TestRET_11_Announced(t *testing.T) {
	here(t, func(p *place) { p.join("A").announced("broker", "event_retention") })
}

// However close subscription and publication are, nobody gets an event twice.
func TestP15_OnceLiveOrRetained(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		for i := range 30 {
			topic := p.uri(fmt.Sprint("state", i))
			r, s := a.nextRequest(), b.nextRequest()
			a.send(`[16,%d,{"acknowledge":true,"retain":true},%q,["x"]]`, r, topic)
			b.send(`[32,%d,{"get_retained":true},%q]`, s, topic)
			a.expect(`[17,%d,"*"]`, r)
			b.expect(`[33,%d,"*"]`, s)
			p.soon(c, topic, "", 1) // it has come to the other nodes
			if got := b.drain(); len(got) > 1 {
				t.Fatalf("twice: %s, %s", show(got[0]), show(got[1]))
			}
		}
		topic := p.uri("first")
		s := b.subscribe(topic, `{"get_retained":true}`)
		p.settle()
		a.publish(topic, `"retain":true`, `,["x"]`)
		b.expect(`[36,%d,"*",{},["x"]]`, s)
		b.quiet()
	})
}

// A node with retained events is killed. The others have them, and so has a node that joins when it is gone.
func TestRET_04_TheCarrierDies(t *testing.T) {
	p := mortal(t)
	a, b := p.joinOn("A", 2), p.joinOn("B", 0)
	for i := range 20 {
		a.publish(p.uri(fmt.Sprint("t", i)), `"retain":true`, fmt.Sprintf(`,[%d]`, i))
	}
	p.soon(b, p.uri("t"), `"match":"prefix"`, 20)
	p.settle()
	p.nodes[2].Close()
	if got := b.retained(p.uri("t"), `"match":"prefix"`); len(got) != 20 {
		t.Errorf("%d events are left", len(got))
	}
	late, err := startNode(append(memberWords("late"), "--join", p.nodes[0].GossipAddr())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(late.Close)
	if err := late.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	p.nodes = append(p.nodes, late)
	p.soon(p.joinOn("C", 3), p.uri("t"), `"match":"prefix"`, 20)
}
