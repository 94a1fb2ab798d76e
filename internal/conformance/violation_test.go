package conformance

import (
	"fmt"
	"testing"
)

// badInputs are messages that end a session by ABORT. first: sent instead of HELLO; else in an open session.
var badInputs = []struct {
	rows  string
	first bool
	text  string
}{
	// messages that are none
	{"MSG-01 PVI-13", false, `{}`},
	{"MSG-01 PVI-13", false, `"x"`},
	{"MSG-01 PVI-13", false, `[]`},
	{"MSG-01 PVI-13", false, `16`},
	{"MSG-01 PVI-13", false, `null`},
	{"MSG-01 PVI-13", false, `[[16]]`},
	{"MSG-01 PVI-13", false, `["16",1,{},"a.b"]`},
	{"MSG-02 PVI-13", false, `[99]`},
	{"MSG-02 PVI-13", false, `[0]`},
	{"MSG-02 PVI-13", false, `[-1]`},
	{"MSG-02 PVI-13", false, `[7,1,{}]`},
	{"MSG-02 PVI-13", false, `[18446744073709551615]`},
	{"MSG-01 PVI-13", true, `[]`},
	{"MSG-02 PVI-13", true, `[99]`},
	// elements
	{"MSG-03", false, `[32,1,{}]`},
	{"MSG-03", false, `[32,1,{},"a.b",[]]`},
	{"MSG-03", false, `[32,"1",{},"a.b"]`},
	{"MSG-03", false, `[32,1,[],"a"]`},
	{"MSG-03", false, `[32,1,null,"a"]`},
	{"MSG-03", false, `[32,1,{},7]`},
	{"MSG-03", false, `[32,1.5,{},"a"]`},
	{"MSG-03", false, `[32,-1,{},"a"]`},
	{"MSG-03", false, `[32,9007199254740993,{},"a"]`},
	{"MSG-03", false, `[48,1,{},"a",{}]`},
	{"MSG-03", false, `[48,1,{},"a",[],[]]`},
	{"MSG-03", false, `[48,1,{},"a",[],{},{}]`},
	{"MSG-03", false, `[16,1,{},"a","text"]`},
	{"MSG-03", false, `[34,1,"7"]`},
	{"MSG-03", false, `[34,1,0]`},
	{"MSG-03", false, `[64,1,{},null]`},
	{"MSG-03", false, `[66,1]`},
	{"MSG-03", false, `[49,1]`},
	{"MSG-03", false, `[70,1]`},
	{"MSG-03", false, `[6,{}]`},
	{"MSG-03", true, `[1,"realm1"]`},
	{"MSG-03", true, `[1,7,{"roles":{"caller":{}}}]`},
	{"MSG-03", true, `[1,"realm1",[]]`},
	{"MSG-03", true, `[1,"realm1",{"roles":[]}]`},
	{"MSG-03", true, `[1,"realm1",{"roles":{"caller":7}}]`},
	{"MSG-03", true, `[1,"realm1",{"roles":{"caller":{"features":[]}}}]`},
	{"MSG-03 HND-12", true, `[1,"realm1",{"roles":{"caller":{"features":{"call_canceling":1}}}}]`},
	{"MSG-03", true, `[1,"realm1",{"roles":{"caller":{}},"authmethods":"ticket"}]`},
	// options
	{"MSG-06", false, `[16,1,{"acknowledge":1},"a.b"]`},
	{"MSG-06", false, `[16,1,{"exclude_me":"false"},"a.b"]`},
	{"MSG-06", false, `[16,1,{"disclose_me":"yes"},"a.b"]`},
	{"MSG-06", false, `[16,1,{"eligible":7},"a.b"]`},
	{"MSG-06", false, `[16,1,{"exclude":["7"]},"a.b"]`},
	{"MSG-06", false, `[16,1,{"eligible_authid":[7]},"a.b"]`},
	{"MSG-06", false, `[32,1,{"match":7},"a.b"]`},
	{"MSG-06", false, `[64,1,{"invoke":true},"a.b"]`},
	{"MSG-06", false, `[48,1,{"receive_progress":0},"a.b"]`},
	{"MSG-06", false, `[48,1,{"timeout":-1},"a.b"]`},
	{"MSG-06", false, `[49,1,{"mode":1}]`},
	// who says what, and when
	{"PVI-01", false, `[1,"realm1",{"roles":{"caller":{}}}]`},
	{"PVI-02", false, `[2,1,{}]`},
	{"PVI-03", false, `[4,"x",{}]`},
	{"PVI-11", false, `[5,"x",{}]`},
	{"PVI-11 PVI-12", true, `[5,"x",{}]`},
	{"PVI-02", true, `[2,1,{}]`},
	{"PVI-03", true, `[4,"x",{}]`},
	{"PVI-04 CLS-05", true, `[6,{},"wamp.close.normal"]`},
	{"PVI-05", true, `[8,68,1,{},"a.b"]`},
	{"PVI-06 CAN-12", false, `[8,69,1,{},"a.b"]`},
	{"PVI-06", false, `[8,48,1,{},"a.b"]`},
	{"PVI-06", false, `[8,16,1,{},"a.b"]`},
	{"PVI-07", true, `[33,1,2]`},
	{"PVI-07", true, `[35,1]`},
	{"PVI-07", true, `[17,1,2]`},
	{"PVI-07", true, `[50,1,{}]`},
	{"PVI-07", true, `[65,1,2]`},
	{"PVI-07", true, `[67,1]`},
	{"PVI-07", true, `[68,1,2,{}]`},
	{"PVI-07", true, `[69,1,{}]`},
	{"PVI-07", true, `[36,1,2,{}]`},
	{"PVI-08", false, `[33,1,2]`},
	{"PVI-08", false, `[35,1]`},
	{"PVI-08", false, `[17,1,2]`},
	{"PVI-08", false, `[36,1,2,{}]`},
	{"PVI-08", false, `[50,1,{}]`},
	{"PVI-08", false, `[65,1,2]`},
	{"PVI-08", false, `[67,1]`},
	{"PVI-08", false, `[68,1,2,{}]`},
	{"PVI-08", false, `[69,1,{}]`},
	{"PVI-09", false, `[70,999,{}]`},
	{"PVI-09", false, `[8,68,999,{},"a.b"]`},
	{"PVI-12 HND-01", true, `[32,1,{},"a.b"]`},
	{"PVI-12 HND-01", true, `[16,1,{},"a.b"]`},
	{"PVI-12 HND-01", true, `[34,1,1]`},
	{"PVI-12 HND-01", true, `[48,1,{},"a.b"]`},
	{"PVI-12 HND-01", true, `[49,1,{}]`},
	{"PVI-12 HND-01", true, `[64,1,{},"a.b"]`},
	{"PVI-12 HND-01", true, `[66,1,1]`},
	{"PVI-12 HND-01", true, `[70,1,{}]`},
	{"PVI-15", false, `[48,1,{"progress":true},"a.b"]`},
	{"PVI-16", false, `[48,1,{"ppt_scheme":"x_mine"},"a.b",["\u0000AAAA"]]`},
	{"PVI-16", false, `[16,1,{"ppt_scheme":"x_mine"},"a.b",["\u0000AAAA"]]`},
	{"PVI-16", false, `[70,1,{"ppt_scheme":"x_mine"},["\u0000AAAA"]]`},
}

// Each bad input gets an ABORT and the end of its transport, and two others on the same node never notice.
func TestPVI_01_PVI_02_PVI_03_PVI_04_PVI_05_PVI_06_PVI_07_PVI_08_PVI_09_PVI_11_PVI_12_PVI_13_PVI_15_PVI_16_PVI_17_MSG_01_MSG_02_MSG_03_MSG_06_HND_01_CAN_12_BadInput(t *testing.T) {
	watched(t, func(p *place) {
		for _, bad := range badInputs {
			for i, ser := range serializers {
				how := speech{ser: ser, ws: (i+len(bad.text))%2 == 1, nibble: 15}
				s := p.dial(fmt.Sprintf("%s: %s in %v", bad.rows, bad.text, ser), 0, how)
				if !bad.first {
					s.hello(realm, allRoles)
				}
				s.send("%s", bad.text)
				s.aborted(violation)
			}
		}
	})
}

// TestPVI_17_PVI_18: nothing behind the violation is looked at, and what the session held is gone.
func TestPVI_17_PVI_18_NothingBehindTheViolation(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		topic, procedure, held := p.uri("topic"), p.uri("procedure"), p.uri("held")
		a.subscribe(topic, `{}`)
		b.subscribe(topic, `{}`)
		p.settle()
		for _, bad := range []string{`[2,1,{}]`, `[]`, `[70,999,{}]`, `{}`} {
			for range 3 {
				s := p.join("S")
				s.subscribe(topic, `{}`)
				s.register(held, `{}`)
				s.sendAll(`[16,10,{"acknowledge":true},"`+topic+`",["before"]]`, bad,
					`[16,11,{"acknowledge":true},"`+topic+`",["behind"]]`, `[64,12,{},"`+procedure+`"]`, `[32,13,{},"`+topic+`.2"]`)
				s.expect(`[17,10,"*"]`)
				s.aborted(violation)
				for _, o := range []*peer{a, b} {
					o.expect(`[36,"*","*",{},["before"]]`)
				}
				p.eventually("its registrations are gone", func() bool {
					r := b.nextRequest()
					b.send(`[64,%d,{},%q]`, r, held)
					if m := b.recv(); num(m[0]) == 65 {
						b.unregister(num(m[2]))
						return true
					}
					return false
				})
				b.unregister(b.register(procedure, `{}`))
			}
		}
		p.fence(a, b)
		p.fence(b, a)
	})
}
