package conformance

import (
	"testing"
)

func TestMSG_04_HND_12_UnknownKeysAreIgnored(t *testing.T) {
	here(t, func(p *place) {
		s := p.joinAs("S", realm, `{"publisher":{"features":{"x_foo":true,"_bar":[1,{"a":null}]},"other":7},"subscriber":{},"caller":{},"callee":{},"conductor":{}}`)
		topic := p.uri("topic")
		s.send(`[32,1,{"foo_bar":1,"_my_opt":[{"x":null}]},%q]`, topic)
		sub := num(s.expect(`[33,1,"*"]`)[2])
		s.send(`[16,2,{"acknowledge":true,"foo_bar":{"deep":[]}},%q]`, topic)
		s.expect(`[17,2,"*"]`)
		s.send(`[64,3,{"foo_bar":"x"},%q]`, topic)
		reg := num(s.expect(`[65,3,"*"]`)[2])
		s.send(`[48,4,{"foo_bar":1.5},%q]`, topic)
		s.expect(`[68,1,%d,{}]`, reg)
		s.send(`[70,1,{"foo_bar":true}]`)
		s.expect(`[50,4,{}]`)
		s.send(`[49,5,{"foo_bar":true}]`)
		s.send(`[34,6,%d,{"foo_bar":true}]`, sub)
		s.expect(`[35,6]`)
		s.send(`[66,7,%d,{}]`, reg)
		s.expect(`[67,7]`)
	})
}

// TestMSG_05: every message of the router's in every test goes through wellFormed; here are those with the most to say.
func TestMSG_05_MSG_07_DictsAndTheirKeys(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		uri := p.uri("all")
		b.subscribe(uri, `{"match":"prefix"}`)
		b.register(uri, `{"match":"wildcard"}`)
		p.settle()
		a.publish(uri, `"disclose_me":true`, "")
		b.expect(`[36,"*","*",{"topic":%q,"publisher":%d}]`, uri, a.id)
		call := a.call(uri, `{"disclose_me":true,"receive_progress":true}`, "")
		b.expect(`[68,1,"*",{"procedure":%q,"caller":%d,"receive_progress":true}]`, uri, a.id)
		b.send(`[70,1,{"progress":true}]`)
		a.expect(`[50,%d,{"progress":true}]`, call)
		a.send(`[49,%d,{}]`, call)
		b.expect(`[69,1,{"mode":"killnowait"}]`)
		a.expect(`[8,48,%d,{},"wamp.error.canceled",["*"]]`, call)
		a.goodbye()
		b.send(`[2,1,{}]`)
		b.aborted(violation)
	})
}

func TestMSG_08_IDS_09_ErrorsNameTheirRequest(t *testing.T) {
	watched(t, func(p *place) {
		s := p.join("S")
		for _, c := range []struct{ sent, want string }{
			{`[32,123,{},"a..b"]`, `[8,32,123,{},"wamp.error.invalid_uri",["*"]]`},
			{`[34,124,1]`, `[8,34,124,{},"wamp.error.no_such_subscription",["*"]]`},
			{`[16,789,{"acknowledge":true},"a..b"]`, `[8,16,789,{},"wamp.error.invalid_uri",["*"]]`},
			{`[64,5,{},"a..b"]`, `[8,64,5,{},"wamp.error.invalid_uri",["*"]]`},
			{`[66,9007199254740992,1]`, `[8,66,9007199254740992,{},"wamp.error.no_such_registration",["*"]]`},
			{`[48,1,{},"no.such.procedure"]`, `[8,48,1,{},"wamp.error.no_such_procedure",["*"]]`},
		} {
			s.send("%s", c.sent)
			s.expect("%s", c.want)
		}
	})
}

func TestMSG_09_TypesOfImplementationsAreNotForClients(t *testing.T) {
	watched(t, func(p *place) {
		for _, typ := range []string{"256", "337", "1023"} {
			s := p.join(typ)
			s.send(`[%s,1,{}]`, typ)
			s.aborted(violation)
		}
	})
}
