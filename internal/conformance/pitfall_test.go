package conformance

import (
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// crashers ended another router.
func crashers(p *place) map[string]func() {
	return map[string]func(){
		"RawSocket frames of reserved types": func() {
			for typ := byte(3); typ < 8; typ++ {
				s := p.joinIn("S", speech{ser: wamp.MsgPack, nibble: 15})
				s.raw(rawFrame(nil, typ, []byte("x")))
				s.ended()
			}
		},
		"a message of 16 MiB": func() {
			s := p.joinIn("S", speech{ser: wamp.JSON, nibble: 15})
			s.frame(padded(`[48,1,{},"no.such.procedure",["`, `"]]`, 1<<24))
			s.refused(48, 1, noSuchProcedure)
		},
		"16 MiB before HELLO": func() {
			s := p.dial("S", 0, speech{ser: wamp.JSON, nibble: 15})
			s.raw([]byte{8, 0, 0, 0})
			s.ended()
		},
		"twice in a shared registration": func() {
			s := p.join("S")
			procedure := p.uri("twice" + itoa(s.id))
			s.register(procedure, `{"invoke":"roundrobin"}`)
			s.register(procedure, `{"invoke":"roundrobin"}`)
			s.conn.Close()
		},
		"UNREGISTER of anything": func() {
			s := p.join("S")
			s.send(`[66,1,%d]`, s.id)
			s.refused(66, 1, noSuchRegistration)
		},
		"GOODBYE at once": func() {
			s := p.connect("S")
			s.sendAll(`[1,"realm1",{"roles":`+allRoles+`}]`, `[6,{},"wamp.close.normal"]`, `[6,{},"wamp.close.normal"]`)
			s.expect(`[2,"*",{}]`)
			s.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
			s.ended()
		},
	}
}

func TestP29_WhatCrashedOthers(t *testing.T) {
	everywhere(t, func(p *place) {
		for name := range crashers(p) {
			p.within(clean(name), func(p *place) {
				crashers(p)[name]()
				p.join("afterwards").quiet()
			})
		}
		p.undisturbed(func() {
			for range 2 {
				for _, crash := range crashers(p) {
					crash()
				}
			}
		})
	})
}

// TestP25: the caller's identity travels along whether it is shown or not, and is shown only where disclosed.
func TestP25_WhoCallsIsToldOnlyIfAsked(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		b.register(p.uri("procedure"), `{}`)
		b.register(p.uri("curious"), `{"disclose_caller":true}`)
		p.settle()
		for _, c := range []struct {
			procedure, options string
			told               bool
		}{
			{"procedure", `{}`, false}, {"procedure", `{"disclose_me":false}`, false}, {"procedure", `{"disclose_me":true}`, true},
			{"curious", `{}`, true}, {"curious", `{"disclose_me":true}`, true},
		} {
			call := a.call(p.uri(c.procedure), c.options, "")
			m := b.expect(`[68,"*","*",{}]`)
			if c.told {
				if err := matches(m, `[68,"*","*",{"caller":%d,"caller_authid":%q,"caller_authrole":"anonymous"}]`, a.id, a.details["authid"]); err != nil {
					t.Error(err)
				}
			} else {
				for key := range m[3].(map[string]any) {
					if strings.HasPrefix(key, "caller") {
						t.Errorf("CALL %s: the callee is told %s", c.options, key)
					}
				}
			}
			b.send(`[70,%d,{}]`, num(m[1]))
			a.expect(`[50,%d,{}]`, call)
		}
	})
}

// TestP14: the lists also hold for sessions that come and go between the events.
func TestP14_BWL_09_ListsOnEveryPath(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.joinOn("A", 0)
		topic := p.uri("topic")
		var all []*peer
		for i, match := range []string{"exact", "prefix", "wildcard", "exact", "prefix", "wildcard"} {
			s := p.joinOn(fmt.Sprint(match, i), i/2)
			s.subscribe(topic, fmt.Sprintf(`{"match":%q}`, match))
			all = append(all, s)
		}
		p.settle()
		for i, only := range all {
			a.publish(topic, fmt.Sprintf(`"eligible":[%d]`, only.id), fmt.Sprintf(`,["only",%d]`, i))
			only.expect(`[36,"*","*",{},["only",%d]]`, i)
			a.publish(topic, fmt.Sprintf(`"exclude_authid":[%q]`, only.details["authid"]), fmt.Sprintf(`,["not",%d]`, i))
			for _, s := range all {
				if s != only {
					s.expect(`[36,"*","*",{},["not",%d]]`, i)
				}
			}
		}
		p.fence(a, all...)
	})
}
