package conformance

import (
	"fmt"
	"testing"
)

const invalidURI, invalidArgument = "wamp.error.invalid_uri", "wamp.error.invalid_argument"

func TestURI_01_URI_04_PUB_03_PUB_04_InvalidURIs(t *testing.T) {
	watched(t, func(p *place) {
		for range 3 {
			s := p.join("S")
			for _, uri := range []string{"a..b", "a b", "a#b", "", ".a", "a.", "a.\u00a0.b", "."} {
				s.send(`[32,1,{},%q]`, uri)
				s.refused(32, 1, invalidURI)
				s.send(`[64,2,{},%q]`, uri)
				s.refused(64, 2, invalidURI)
				s.send(`[48,3,{},%q]`, uri)
				s.refused(48, 3, invalidURI)
				s.send(`[16,4,{"acknowledge":true},%q]`, uri)
				s.refused(16, 4, invalidURI)
				s.send(`[16,5,{},%q]`, uri)
				s.quiet()
			}
		}
	})
}

func TestURI_02_URI_10_LooseURIs(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		base := p.uri("x")
		upper, lower, odd := base+".a.B", base+".a.b", base+".Ä.*.x-Y.日本"
		ids := map[uint64]bool{b.subscribe(upper, `{}`): true, b.subscribe(lower, `{}`): true, b.subscribe(odd, `{}`): true}
		if len(ids) != 3 {
			t.Errorf("%d ids", len(ids))
		}
		b.register(odd, `{}`)
		p.settle()
		for _, topic := range []string{upper, lower, odd} {
			a.publish(topic, "", fmt.Sprintf(`,[%q]`, topic))
			b.expect(`[36,"*","*",{},[%q]]`, topic)
		}
		a.call(odd, `{}`, "")
		b.expect(`[68,1,"*",{}]`)
		p.fence(a, b)
	})
}

func TestURI_05_HND_06_Realms(t *testing.T) {
	watched(t, func(p *place) {
		for range 3 {
			for r, reason := range map[string]string{
				"a..b": invalidURI, "": invalidURI, "a b": invalidURI, "no.such.realm": "wamp.error.no_such_realm", "REALM1": "wamp.error.no_such_realm",
			} {
				s := p.connect(r)
				s.send(`[1,%q,{"roles":%s}]`, r, allRoles)
				s.aborted(reason)
			}
		}
	})
}

func TestURI_06_ReservedNames(t *testing.T) {
	watched(t, func(p *place) {
		s := p.join("S")
		s.send(`[64,1,{},"wamp.foo"]`)
		s.refused(64, 1, invalidURI)
		s.send(`[64,2,{"match":"prefix"},"wamp."]`)
		s.refused(64, 2, invalidURI)
		s.send(`[16,3,{"acknowledge":true},"wamp.session.on_join"]`)
		s.refused(16, 3, invalidURI)
		s.send(`[16,4,{},"wamp.session.on_join"]`)
		s.send(`[48,5,{},"wamp.no.such.procedure"]`)
		s.refused(48, 5, "wamp.error.no_such_procedure")
		s.subscribe("wamp.session.on_join", `{}`) // to listen is no harm
		s.register(p.uri("wamp.foo"), `{}`)
	})
}

func TestURI_07_EmptyComponentsInPatterns(t *testing.T) {
	here(t, func(p *place) {
		s := p.join("S")
		base := p.uri("x")
		for i, c := range []struct {
			match, uri string
			ok         bool
		}{
			{"prefix", base + ".", true}, {"prefix", "", true}, {"prefix", base, true}, {"prefix", base + "..", false}, {"prefix", "." + base, false},
			{"wildcard", "..", true}, {"wildcard", base + "..b", true}, {"wildcard", "." + base, true}, {"wildcard", base + ".", true},
			{"wildcard", base + ".a b", false}, {"prefix", base + ".a#", false},
			{"exact", base + ".", false}, {"exact", base + "..b", false}, {"exact", "", false},
		} {
			for typ, answer := range map[int]int{32: 33, 64: 65} {
				r := uint64(100 + 2*i + typ/64)
				s.send(`[%d,%d,{"match":%q},%q]`, typ, r, c.match, c.uri)
				if c.ok {
					id := num(s.expect(`[%d,%d,"*"]`, answer, r)[2])
					s.send(`[%d,%d,%d]`, typ+2, r, id) // patterns of everything would disturb other tests
					s.expect(`[%d,%d]`, answer+2, r)
				} else {
					s.refused(uint64(typ), r, invalidURI)
				}
			}
		}
	})
}

func TestURI_08_OneNameForTopicAndProcedure(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		uri := p.uri("both")
		sub, reg := b.subscribe(uri, `{}`), b.register(uri, `{}`)
		p.settle()
		a.publish(uri, "", "")
		b.expect(`[36,%d,"*",{}]`, sub)
		call := a.call(uri, `{}`, "")
		b.expect(`[68,1,%d,{}]`, reg)
		b.send(`[8,68,1,{},%q]`, uri)
		a.expect(`[8,48,%d,{},%q]`, call, uri)
	})
}

// TestURI_09: words that no policy has.
func TestURI_09_SHR_12_UnknownPolicies(t *testing.T) {
	watched(t, func(p *place) {
		for range 3 {
			s := p.join("S")
			s.send(`[32,1,{"match":"regex"},"a.b"]`)
			s.refused(32, 1, invalidArgument)
			s.send(`[64,2,{"match":""},"a.b"]`)
			s.refused(64, 2, invalidArgument)
			s.send(`[64,3,{"invoke":"load"},"a.b"]`)
			s.refused(64, 3, invalidArgument)
			s.send(`[64,4,{"invoke":"partition"},"a.b"]`)
			s.refused(64, 4, invalidArgument)
			s.quiet()
		}
	})
}
