package conformance

import (
	"fmt"
	"testing"

	"kleeblatt/internal/wamp"
)

// spread shows that ids are random over the whole range: distinct, legal, and as many in each sixteenth as chance has it.
func spread(t *testing.T, what string, ids []uint64) {
	t.Helper()
	seen := map[uint64]bool{}
	var sixteenths [17]int
	for _, id := range ids {
		if !wamp.ValidID(id) || seen[id] {
			t.Fatalf("%s %d is illegal or came twice", what, id)
		}
		seen[id] = true
		sixteenths[id>>49]++
	}
	n := len(ids) / 16
	for i, got := range sixteenths[:16] {
		if got < n/3 || got > 3*n { // for 1000 ids beyond any chance: more than five standard deviations
			t.Errorf("%d of %d %ss lie in sixteenth %d", got, len(ids), what, i)
		}
	}
}

func TestIDS_01_IDS_02_SessionIDsAreRandom(t *testing.T) {
	everywhere(t, func(p *place) {
		ids := make([]uint64, 1000)
		for i := range ids {
			s := p.joinIn("S", speech{ser: serializers[i%3], nibble: 15})
			ids[i] = s.id
			s.conn.Close()
		}
		spread(t, "session", ids)
	})
}

func TestIDS_01_IDS_03_PBS_08_PublicationIDsAreRandomAndShared(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		topic := p.uri("topic")
		b.subscribe(topic, `{}`)
		b.subscribe(topic, `{"match":"prefix"}`)
		c.subscribe(topic, `{"match":"wildcard"}`)
		p.settle()
		ids := make([]uint64, 1000)
		for i := range ids {
			ids[i] = a.publish(topic, "", "")
			b.expect(`[36,"*",%d,{}]`, ids[i])
			b.expect(`[36,"*",%d,{}]`, ids[i])
			c.expect(`[36,"*",%d,{}]`, ids[i])
		}
		spread(t, "publication", ids)
	})
}

func TestIDS_04_IDS_05_OneSubscriptionOneID(t *testing.T) {
	everywhere(t, func(p *place) {
		topic := p.uri("topic")
		ids := map[uint64]string{}
		for _, match := range []string{"exact", "prefix", "wildcard"} {
			var first uint64
			for _, name := range []string{"A", "B", "C"} {
				id := p.join(name).subscribe(topic, fmt.Sprintf(`{"match":%q}`, match))
				if first == 0 {
					first = id
				}
				if id != first {
					t.Errorf("%s: %s has another id", match, name)
				}
			}
			if other := ids[first]; other != "" {
				t.Errorf("%s and %s have the same id", match, other)
			}
			ids[first] = match
		}
	})
}

func TestIDS_06_PVI_10_StrictRealmsCountRequests(t *testing.T) {
	watched(t, func(p *place) {
		const subscribe, publish, call = `[32,%d,{},"a.b"]`, `[16,%d,{},"a.b"]`, `[48,%d,{},"no.such.procedure"]`
		for name, c := range map[string]struct {
			first []string // with ids 1, 2, …
			bad   string
			id    int
		}{
			"SUBSCRIBE 2 first": {nil, subscribe, 2},
			"PUBLISH 3":         {[]string{subscribe}, publish, 3},
			"PUBLISH 1 again":   {[]string{subscribe}, publish, 1},
			"CALL 0":            {nil, call, 0},
			"CALL 1 again":      {[]string{call}, call, 1},
			"REGISTER 5":        {[]string{publish}, `[64,%d,{},"a.b"]`, 5},
			"UNSUBSCRIBE 2":     {nil, `[34,%d,1]`, 2},
			"UNREGISTER 9":      {[]string{publish, publish}, `[66,%d,1]`, 9},
		} {
			s := p.joinAs(name, strictRealm, allRoles)
			for i, good := range c.first {
				s.send(good, i+1)
				if num(s.encodeType(good)) != 16 {
					s.recv()
				}
			}
			s.send(c.bad, c.id)
			s.aborted(violation)
		}
		s := p.joinAs("in order", strictRealm, allRoles)
		s.send(subscribe, 1)
		s.expect(`[33,1,"*"]`)
		s.send(publish, 2)
		s.send(call, 3)
		s.refused(48, 3, "wamp.error.no_such_procedure")
	})
}

// encodeType is the message type that a text begins with.
func (p *peer) encodeType(text string) any {
	v, err := parseText(fmt.Sprintf(text, 1))
	if err != nil {
		p.t.Fatal(err)
	}
	return v.([]any)[0]
}

// TestIDS_06: what is lenient by default: any legal id that is not in use by a pending call.
func TestIDS_06_LenientRealmsTakeAnyID(t *testing.T) {
	watched(t, func(p *place) {
		s := p.join("S")
		for _, id := range []uint64{123, 789, 789, 1, 9007199254740992} {
			s.send(`[16,%d,{"acknowledge":true},"a.b"]`, id)
			s.expect(`[17,%d,"*"]`, id)
		}
		s.send(`[16,0,{"acknowledge":true},"a.b"]`)
		s.aborted(violation)
		s = p.join("pending")
		s.register(p.uri("procedure"), `{}`)
		s.send(`[48,7,{},%q]`, p.uri("procedure"))
		s.expect(`[68,1,"*",{}]`)
		s.send(`[48,7,{},%q]`, p.uri("procedure"))
		s.aborted(violation)
	})
}

func TestIDS_07_InvocationsAreCountedPerCallee(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		b.register(p.uri("b"), `{}`)
		c.register(p.uri("c"), `{}`)
		p.settle()
		for i := 1; i <= 100; i++ {
			a.call(p.uri("b"), `{}`, "")
			b.expect(`[68,%d,"*",{}]`, i)
			if i%10 == 0 {
				a.call(p.uri("c"), `{}`, "")
				c.expect(`[68,%d,"*",{}]`, i/10)
			}
		}
	})
}

func TestIDS_10_CAN_05_CancelDoesNotCount(t *testing.T) {
	here(t, func(p *place) {
		s := p.joinAs("S", strictRealm, allRoles)
		s.send(`[64,1,{},%q]`, p.uri("procedure"))
		s.expect(`[65,1,"*"]`)
		s.send(`[48,2,{},%q]`, p.uri("procedure"))
		s.expect(`[68,1,"*",{}]`)
		s.send(`[49,2,{"mode":"skip"}]`)
		s.refused(48, 2, "wamp.error.canceled")
		s.send(`[49,2,{}]`)
		s.send(`[49,99,{"mode":"kill"}]`)
		s.send(`[48,3,{},%q]`, p.uri("procedure"))
		s.expect(`[68,2,"*",{}]`)
	})
}
