package conformance

import (
	"fmt"
	"testing"
)

// joinAsked opens a session for whose role a procedure is asked, and the one that has the procedure.
func (p *place) joinAsked(name string) (asked, authorizer *peer) {
	p.Helper()
	z := p.joinWithTicket("authorizer", "zoe", "decider")
	z.register("t.authorizer", `{"invoke":"last"}`) // that of the test before may not be gone yet
	a := p.joinWithTicket(name, "amy", "asked")
	p.settle()
	return a, z
}

// says answers the authorizer's next question, which must be this one.
func (p *peer) says(answer string, by *peer, uri, action string) {
	p.t.Helper()
	i := p.expect(`[68,"*","*",{},[{"session":%d,"realm":%q,"authid":"amy","authrole":"asked"},%q,%q,{}]]`, by.id, ruledRealm, uri, action)
	p.send(`[70,%d,{},[%s]]`, num(i[1]), answer)
}

func TestSUB_07_REG_06_CAL_10_PUB_03_AZN_01_AProcedureSaysWhatARoleMayDo(t *testing.T) {
	everywhere(t, func(p *place) {
		a, z := p.joinAsked("A")
		b := p.joinAs("B", ruledRealm, allRoles)
		mine := p.uri("mine")
		events := b.subscribe(mine, "{}")
		p.settle()

		a.send(`[32,%d,{},%q]`, a.nextRequest(), mine)
		z.says("true", a, mine, "subscribe")
		own := num(a.expect(`[33,%d,"*"]`, a.request)[2])
		a.send(`[32,%d,{},%q]`, a.nextRequest(), mine)
		z.says("false", a, mine, "subscribe")
		a.refused(32, a.request, notAuthorized)

		a.send(`[16,%d,{"acknowledge":true,"exclude_me":false},%q,[1]]`, a.nextRequest(), mine)
		z.says(`{"allow":true,"disclose":true}`, a, mine, "publish")
		a.expectAny(`[17,`+itoa(a.request)+`,"*"]`, `[36,`+itoa(own)+`,"*",{},[1]]`)
		b.expect(`[36,%d,"*",{"publisher":%d,"publisher_authid":"amy"},[1]]`, events, a.id)
		a.send(`[16,%d,{"acknowledge":true},%q]`, a.nextRequest(), mine)
		z.says(`{"allow":false}`, a, mine, "publish")
		a.refused(16, a.request, notAuthorized)

		a.send(`[64,%d,{},%q]`, a.nextRequest(), mine)
		z.says(`"of course"`, a, mine, "register")
		a.refused(64, a.request, "wamp.error.authorization_failed")
		r := a.call(mine, "{}", "")
		z.says(`true`, a, mine, "call")
		a.refused(48, r, "wamp.error.no_such_procedure")
	})
}

// TestPUB_10: what is sent behind a question is not looked at before it is answered.
func TestPUB_10_CAL_06_OrderHoldsWhileAnAuthorizerIsAsked(t *testing.T) {
	everywhere(t, func(p *place) {
		a, z := p.joinAsked("A")
		b := p.joinAs("B", ruledRealm, allRoles)
		one, two := p.uri("one"), p.uri("two")
		first, second := b.subscribe(one, "{}"), b.subscribe(two, "{}")
		p.settle()
		a.sendAll(`[16,1,{},"`+one+`",[1]]`, `[16,2,{},"`+two+`",[2]]`, `[16,3,{},"`+one+`",[3]]`)
		z.says(`{"allow":true,"cache":true}`, a, one, "publish")
		z.says(`{"allow":true,"cache":true}`, a, two, "publish")
		b.expect(`[36,%d,"*",{},[1]]`, first)
		b.expect(`[36,%d,"*",{},[2]]`, second)
		b.expect(`[36,%d,"*",{},[3]]`, first)
		// Both answers hold for a while.
		for i := 4; i < 20; i += 2 {
			a.sendAll(`[16,`+itoa(uint64(i))+`,{},"`+one+`"]`, `[16,`+itoa(uint64(i+1))+`,{},"`+two+`"]`)
			b.expect(`[36,%d,"*",{}]`, first)
			b.expect(`[36,%d,"*",{}]`, second)
		}
		z.quiet()
	})
}

// TestAZN_03: a pattern is granted as a whole, or not.
func TestAZN_03_AnAuthorizerIsAskedAboutAPatternAsAWhole(t *testing.T) {
	everywhere(t, func(p *place) {
		a, z := p.joinAsked("A")
		a.send(`[32,%d,{"match":"prefix"},%q]`, a.nextRequest(), p.uri("all."))
		i := z.expect(`[68,"*","*",{},[{},%q,"subscribe",{"match":"prefix"}]]`, p.uri("all."))
		z.send(`[70,%d,{},[true]]`, num(i[1]))
		a.expect(`[33,%d,"*"]`, a.request)
	})
}

// TestSMA_16: a rule for everything does not speak of what ends what others have. Beside it the authorizer is asked about that, and about
// nothing else.
func TestSMA_16_RRV_04_SRV_01_AnAuthorizerBesideARuleForEverything(t *testing.T) {
	everywhere(t, func(p *place) {
		z := p.joinWithTicket("warden", "zoe", "decider")
		z.register("t.warden", `{"invoke":"last"}`)
		a, v := p.joinWithTicket("A", "kim", "warded"), p.joinAs("V", ruledRealm, allRoles)
		uri := p.uri("uri")
		sub, reg := v.subscribe(uri, `{}`), v.register(uri, `{}`)
		p.settle()
		a.publish(uri, "", ",[1]") // what the rule speaks of
		v.expect(`[36,%d,"*",{},[1]]`, sub)
		a.expect(`[50,%d,{},["*"]]`, a.call("wamp.session.count", `{}`, ""))
		z.quiet()
		for _, c := range []struct {
			procedure, args string
			done            func()
		}{
			{"wamp.subscription.remove_subscriber", fmt.Sprintf(",[%d,%d]", sub, v.id), func() { a.publish(uri, "", "") }},
			{"wamp.registration.remove_callee", fmt.Sprintf(",[%d,%d]", reg, v.id), func() { a.refused(48, a.call(uri, `{}`, ""), noSuchProcedure) }},
			{"wamp.session.kill", fmtArgs(v.id), func() { v.killed("wamp.close.killed") }},
		} {
			for _, answer := range []string{`false`, `true`} {
				r := a.call(c.procedure, `{}`, c.args)
				i := z.expect(`[68,"*","*",{},[{"session":%d,"realm":%q,"authid":"kim","authrole":"warded"},%q,"call",{}]]`, a.id, ruledRealm, c.procedure)
				if answer == "false" {
					v.quiet() // nothing is done before it is allowed
				}
				z.send(`[70,%d,{},[%s]]`, num(i[1]), answer)
				if answer == "false" {
					a.refused(48, r, notAuthorized)
					v.quiet()
					continue
				}
				a.expect(`[50,%d,{}]`, r)
			}
			p.settle()
			c.done()
		}
	})
}
