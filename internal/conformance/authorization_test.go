package conformance

import (
	"os"
	"testing"
)

// ruledRealm is where a user may join whose role has rules. Who proves nothing may do everything there, as in the other realms.
const ruledRealm = "ruled.realm"

// rulesFile is the part of the configuration that only a file can say. A test's own URIs are t.NAME.…
const rulesFile = `
anonymous: anonymous
users:
  - {authid: joe, role: ruled, realms: ruled.realm, ticket: sesame}
  - {authid: amy, role: asked, realms: ruled.realm, ticket: sesame}
  - {authid: zoe, role: decider, realms: ruled.realm, ticket: sesame}
  - {authid: kim, role: warded, realms: ruled.realm, ticket: sesame}
  - {authid: root, role: killer, realms: [kill.realm, meta.realm], ticket: sesame}
  - authid: peter
    role: proven
    realms: proof.realm
    ticket: s3cret
    wampcra: s3cret
    scram: s3cret
    cryptosign: 1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d
  - {authid: salty, role: proven, realms: proof.realm, wampcra: {secret: s3cret, salt: salt123, iterations: 100, keylen: 16}}
  - {authid: argo, role: proven, realms: proof.realm, scram: {password: s3cret, kdf: argon2id13, iterations: 1, memory: 64}}
authenticator: {procedure: t.authenticator, realm: ruled.realm, realms: proof.realm, roles: [guest], timeout: 20s}
roles:
  proven: {trustlevel: 0}
  decider: {trustlevel: 7}
  asked: {rules: [{uri: t..fence., match: wildcard, allow: subscribe}], authorizer: {procedure: t.authorizer, realm: ruled.realm, timeout: 20s}}
  warded:
    rules: [{uri: "", match: prefix, allow: [call, register, publish, subscribe]}]
    authorizer: {procedure: t.warden, realm: ruled.realm, timeout: 20s}
  killer:
    - {uri: "", match: prefix, allow: [call, register, publish, subscribe]}
    - {uri: wamp., match: prefix, allow: call}
  ruled:
    - {uri: t..exact.one, match: wildcard, allow: [call, register, publish, subscribe]}
    - {uri: t..fence., match: wildcard, allow: subscribe}
    - {uri: t..named, match: wildcard, allow: [call, publish], disclose: [caller, publisher]}
    - {uri: ruled., match: prefix, allow: [register, subscribe]}
    - {uri: ruled.secret., match: prefix, deny: subscribe}
    - {uri: ruled.secret.lent, allow: subscribe}
    - {uri: wamp.session.count, allow: call}
    - {uri: wamp.subscription.get_events, allow: call}
`

func writeRules() (name string, err error) {
	f, err := os.CreateTemp("", "kleeblatt-*.yaml")
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = f.WriteString(rulesFile)
	return f.Name(), err
}

// joinRuled opens a session whose role has rules.
func (p *place) joinRuled(name string) *peer {
	p.Helper()
	return p.joinWithTicket(name, "joe", "ruled")
}

func (p *place) joinWithTicket(name, authID, role string) *peer {
	p.Helper()
	return p.joinProven(name, ruledRealm, authID, role)
}

// joinKiller opens a session whose role may end what others have.
func (p *place) joinKiller(name, realm string) *peer {
	p.Helper()
	return p.joinProven(name, realm, "root", "killer")
}

func (p *place) joinProven(name, realm, authID, role string) *peer {
	p.Helper()
	q := p.connect(name)
	q.send(`[1,%q,{"roles":%s,"authmethods":["ticket"],"authid":%q}]`, realm, allRoles, authID)
	q.expect(`[4,"ticket",{}]`)
	q.send(`[5,"sesame",{}]`)
	m := q.expect(`[2,"*",{"authrole":%q}]`, role)
	q.id, q.details = num(m[1]), m[2].(map[string]any)
	return q
}

const notAuthorized = "wamp.error.not_authorized"

func TestSUB_07_REG_06_CAL_10_PUB_03_PUB_04_AZN_01_AZN_02_WhatARoleMayDo(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinRuled("A"), p.joinAs("B", ruledRealm, allRoles)
		one, two := p.uri("exact.one"), p.uri("exact.two")
		events := b.subscribe(p.uri(""), `{"match":"prefix"}`)
		b.register(two, "{}")
		p.settle()

		a.subscribe(one, "{}")
		a.send(`[32,%d,{},%q]`, a.nextRequest(), two)
		a.refused(32, a.request, notAuthorized)

		registration := a.register(one, "{}")
		a.send(`[64,%d,{"invoke":"roundrobin"},%q]`, a.nextRequest(), two)
		a.refused(64, a.request, notAuthorized)

		id := a.publish(one, "", ",[1]")
		b.expect(`[36,%d,%d,{},[1]]`, events, id)
		a.send(`[16,%d,{"acknowledge":true},%q]`, a.nextRequest(), two)
		a.refused(16, a.request, notAuthorized)
		a.send(`[16,%d,{},%q]`, a.nextRequest(), two)
		a.quiet()

		p.settle()
		call := b.call(one, "{}", "")
		i := a.expect(`[68,"*",%d,{}]`, registration)
		a.send(`[70,%d,{},[2]]`, num(i[1]))
		b.expect(`[50,%d,{},[2]]`, call)
		a.refused(48, a.call(two, "{}", ""), notAuthorized)
		a.refused(48, a.call(p.uri("exact.nobody"), "{}", ""), notAuthorized) // whether it exists is not told

		// The protocol's own procedures and topics are no exception.
		a.expect(`[50,%d,{},["*"]]`, a.call("wamp.session.count", "{}", ""))
		a.refused(48, a.call("wamp.session.list", "{}", ""), notAuthorized)
		a.send(`[32,%d,{},"wamp.session.on_join"]`, a.nextRequest())
		a.refused(32, a.request, notAuthorized)
		b.quiet()
	})
}

// TestAZN_03: nothing comes by a pattern that may not be had by itself.
func TestAZN_03_APatternIsGrantedAsAWhole(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinRuled("A"), p.joinAs("B", ruledRealm, allRoles)
		own := clean(p.Name())
		for _, c := range []struct{ match, uri string }{
			{"prefix", ""}, {"prefix", "ruled"}, {"prefix", "ruled."}, {"prefix", "ruled.secret"}, {"prefix", "ruled.secret.x"},
			{"prefix", "ruled.secret.lent"}, {"wildcard", ""}, {"wildcard", ".secret.lent"}, {"wildcard", "ruled.."}, {"wildcard", "ruled.secret."},
		} {
			a.send(`[32,%d,{"match":%q},%q]`, a.nextRequest(), c.match, c.uri)
			a.refused(32, a.request, notAuthorized)
		}
		for _, c := range []struct{ match, uri string }{{"prefix", ""}, {"prefix", "rule"}, {"wildcard", ".secret"}, {"wildcard", ".."}} {
			a.send(`[64,%d,{"match":%q},%q]`, a.nextRequest(), c.match, c.uri)
			a.refused(64, a.request, notAuthorized)
		}
		a.unregister(a.register("ruled.", `{"match":"prefix"}`)) // what is denied is subscribing
		all := a.subscribe("ruled."+own, `{"match":"prefix"}`)
		lent := a.subscribe("ruled.secret.lent", "{}")
		p.settle()
		for _, topic := range []string{"ruled.secret." + own, "ruled", "elsewhere." + own, "ruled.x" + own} {
			b.publish(topic, "", "")
		}
		id := b.publish("ruled."+own+".x", "", "")
		a.expect(`[36,%d,%d,{}]`, all, id)
		id = b.publish("ruled.secret.lent", "", "")
		a.expect(`[36,%d,%d,{}]`, lent, id)
		p.fence(b, a)
	})
}

func TestPID_05_RulesNameWhoDidNotAskForIt(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinRuled("A"), p.joinAs("B", ruledRealm, allRoles)
		named, other := p.uri("named"), p.uri("exact.one")
		events, registration := b.subscribe(p.uri(""), `{"match":"prefix"}`), b.register(named, "{}")
		p.settle()
		a.publish(named, "", "")
		b.expect(`[36,%d,"*",{"publisher":%d,"publisher_authid":"joe","publisher_authrole":"ruled"}]`, events, a.id)
		a.publish(other, "", "")
		if m := b.expect(`[36,%d,"*",{}]`, events); m[3].(map[string]any)["publisher"] != nil {
			t.Errorf("a publisher is named that no rule names: %s", show(m))
		}
		call := a.call(named, "{}", "")
		i := b.expect(`[68,"*",%d,{"caller":%d,"caller_authid":"joe","caller_authrole":"ruled"}]`, registration, a.id)
		b.send(`[70,%d,{}]`, num(i[1]))
		a.expect(`[50,%d,{}]`, call)
	})
}
