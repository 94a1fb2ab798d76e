package conformance

import (
	"testing"
	"time"
)

func TestHND_02_HND_03_HND_04_HND_05_HND_13_Welcome(t *testing.T) {
	here(t, func(p *place) {
		for _, roles := range []string{`{"caller":{}}`, `{"callee":{}}`, `{"publisher":{}}`, `{"subscriber":{}}`, allRoles} {
			s := p.connect("S")
			s.send(`[1,"realm1",{"agent":"test","roles":%s}]`, roles)
			d := s.expect(`[2,"*",{"realm":"realm1","authid":"*","authrole":"anonymous","authmethod":"anonymous","agent":"*",
				"roles":{"broker":{"features":{}},"dealer":{"features":{}}}}]`)[2].(map[string]any)
			for _, key := range []string{"authid", "authrole", "agent"} {
				if text, _ := d[key].(string); text == "" {
					t.Errorf("%s is %v", key, d[key])
				}
			}
			s.quiet()
		}
		p.undisturbed(func() {
			for _, details := range []string{`{"roles":{}}`, `{}`, `{"roles":{"conductor":{}}}`} {
				s := p.connect(details)
				s.send(`[1,"realm1",%s]`, details)
				s.aborted(violation)
			}
		})
	})
}

// TestSHR_10: what is announced is what the tests of this package show to work.
func TestSHR_10_HND_04_Features(t *testing.T) {
	everywhere(t, func(p *place) {
		for range 3 {
			roles := p.join("S").details["roles"]
			for role, keys := range map[string][]string{
				"broker": {"publisher_exclusion", "subscriber_blackwhite_listing", "publisher_identification", "pattern_based_subscription"},
				"dealer": {"progressive_call_results", "call_canceling", "caller_identification", "pattern_based_registration", "shared_registration"},
			} {
				features := roles.(map[string]any)[role].(map[string]any)["features"].(map[string]any)
				for _, key := range keys {
					if features[key] != true {
						t.Errorf("%s.%s is %v", role, key, features[key])
					}
				}
			}
		}
	})
}

func TestHND_10_RealmsAreApart(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.joinAs("A", realm, allRoles), p.joinAs("B", otherRealm, allRoles), p.joinAs("C", realm, allRoles)
		uri := p.uri("both")
		c.subscribe(uri, `{}`)
		b.subscribe(uri, `{}`)
		b.register(uri, `{}`)
		c.register(uri, `{}`)
		p.settle()
		a.publish(uri, "", `,["one"]`)
		c.expect(`[36,"*","*",{},["one"]]`)
		call := a.call(uri, `{}`, "")
		c.expect(`[68,1,"*",{}]`)
		c.send(`[70,1,{}]`)
		a.expect(`[50,%d,{}]`, call)
		b.quiet()
		// the other realm's call ends there too
		d := p.joinAs("D", otherRealm, allRoles)
		d.publish(uri, `"eligible":[`+itoa(c.id)+`]`, "")
		d.call(uri, `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		c.quiet()
	})
}

func TestHND_11_RolesThatWereNotAnnounced(t *testing.T) {
	everywhere(t, func(p *place) { // tolerated
		a, b := p.joinAs("A", realm, `{"subscriber":{}}`), p.joinAs("B", realm, `{"publisher":{}}`)
		uri := p.uri("uri")
		b.subscribe(uri, `{}`)
		b.register(uri, `{}`)
		p.settle()
		a.publish(uri, "", "")
		b.expect(`[36,"*","*",{}]`)
		call := a.call(uri, `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		b.send(`[70,1,{}]`)
		a.expect(`[50,%d,{}]`, call)
	})
}

func TestHND_07_HND_08_AbortIsNotAnswered(t *testing.T) {
	watched(t, func(p *place) {
		for _, abort := range []string{`[3,{},"wamp.close.normal"]`, `[3,{"message":"bye"},"x",[1],{"a":2}]`, `[3,{},"x",[1]]`} {
			s := p.connect("before HELLO")
			s.send("%s", abort)
			s.ended()
			s = p.join("open")
			s.send("%s", abort)
			s.ended()
		}
	})
}

func TestHND_09_CLS_06_SessionsThatWereNeverWelcomedHoldNothing(t *testing.T) {
	watched(t, func(p *place) {
		topic := p.uri("topic")
		a := p.join("A")
		a.subscribe(topic, `{}`)
		s := p.connect("S") // HELLO of an unknown realm, and more in the same segment
		s.sendAll(`[1,"no.such.realm",{"roles":`+allRoles+`}]`, `[16,1,{"acknowledge":true},"`+topic+`"]`)
		s.aborted("wamp.error.no_such_realm")
		a.quiet()
	})
}

func TestHND_14_HelloHasToComeInTime(t *testing.T) {
	alone(t, func(p *place) {
		for range 6 {
			s := p.connect("S")
			if m, err := s.next(); err == nil {
				if err := matches(m, `[3,{},"wamp.error.timeout"]`); err != nil {
					t.Error(err)
				}
				s.ended()
			}
		}
	}, "--limit-hello", "20ms")
}

func TestCLS_01_Goodbye(t *testing.T) {
	everywhere(t, func(p *place) {
		for range 6 {
			p.join("S").goodbye()
		}
		s := p.join("S")
		s.send(`[6,{"message":"I have to go"},"any.reason"]`)
		s.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		s.ended()
	})
}

func TestCLS_02_CLS_04_Shutdown(t *testing.T) {
	alone(t, func(p *place) {
		n := p.nodes[0]
		a := p.join("A")
		topic := p.uri("topic")
		var all []*peer
		for range 30 {
			s := p.join("S")
			s.subscribe(topic, `{}`)
			s.register(p.uri(itoa(s.id)), `{}`)
			all = append(all, s)
		}
		a.publish(topic, "", "")
		opening := p.connect("no HELLO yet")
		opening.send(`[1,"no.such.realm",{"roles":{"caller":{}}}]`) // its ABORT shows that the router knows of the connection
		opening.aborted("wamp.error.no_such_realm")
		opening = p.connect("no HELLO yet")
		drained := make(chan struct{})
		go func() { n.Drain(); close(drained) }()
		for _, s := range all {
			s.expect(`[36,"*","*",{}]`)
			s.expect(`[6,{},"wamp.close.system_shutdown"]`)
			s.send(`[16,1,{"acknowledge":true},%q]`, topic) // ignored, like all but GOODBYE
			s.send(`[2,1,{}]`)
			s.send(`[48,2,{},"no.such.procedure"]`)
		}
		a.expect(`[6,{},"wamp.close.system_shutdown"]`)
		for _, s := range append(all, a) {
			s.send(`[6,{},"wamp.close.goodbye_and_out"]`)
			s.ended()
		}
		select {
		case <-drained:
		case <-time.After(patience):
			t.Fatal("the node does not come to an end")
		}
		if m, err := opening.next(); err == nil {
			if err := matches(m, `[3,{},"wamp.close.system_shutdown"]`); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestCLS_03_NothingBehindGoodbye(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.join("A")
		topic := p.uri("topic")
		for range 20 {
			b := p.join("B")
			b.subscribe(topic, `{}`)
			p.settle()
			for range 50 {
				a.send(`[16,%d,{},%q]`, a.nextRequest(), topic)
			}
			b.send(`[6,{},"wamp.close.close_realm"]`)
			for {
				m := b.recv()
				if num(m[0]) == 36 {
					continue
				}
				if err := matches(m, `[6,{},"wamp.close.goodbye_and_out"]`); err != nil {
					t.Fatal(err)
				}
				break
			}
			b.ended()
		}
	})
}

func TestCLS_05_GoodbyeBeforeWelcome(t *testing.T) {
	watched(t, func(p *place) {
		s := p.connect("S")
		s.send(`[6,{},"wamp.close.normal"]`)
		s.aborted(violation)
	})
}

func TestCLS_06_SUB_06_REG_05_WhatASessionHeldIsReleased(t *testing.T) {
	everywhere(t, func(p *place) {
		for _, d := range departures {
			a, b := p.join("A"), p.join("B")
			uri := p.uri(clean(d.name))
			b.subscribe(uri, `{}`)
			b.register(uri, `{}`)
			p.settle()
			a.publish(uri, "", "")
			b.expect(`[36,"*","*",{}]`)
			d.leave(b)
			p.eventually("the procedure is gone", func() bool {
				call := a.call(uri, `{}`, "")
				m := a.recv()
				switch {
				case isRefused(m, 48, call, "wamp.error.no_such_procedure") == nil:
					return true
				case isRefused(m, 48, call, "wamp.error.canceled") != nil: // it was on its way
					t.Fatalf("%s: %s", d.name, show(m))
				}
				return false
			})
			p.settle()
			a.register(uri, `{"invoke":"first"}`) // the URI is free again, whatever the policy
			a.publish(uri, "", "")
		}
	})
}

// TestREG_05: whoever says goodbye properly may register again at once.
func TestREG_05_RegisterAgainAtOnce(t *testing.T) {
	here(t, func(p *place) {
		uri := p.uri("procedure")
		for range 50 {
			s := p.join("S")
			s.register(uri, `{}`)
			s.goodbye()
		}
	})
}
