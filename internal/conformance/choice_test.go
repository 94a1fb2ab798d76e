package conformance

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/auth"
)

// Rows that leave a router the choice. What it has chosen holds always, and everywhere.

// TestPUB_14: a publisher that gets its own event has both, the event and PUBLISHED, in the same order each time.
func TestPUB_14_EventsAndTheirAcknowledgements(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		mine, theirs := a.subscribe(p.uri("topic"), `{}`), b.subscribe(p.uri("topic"), `{}`)
		p.settle()
		for i := range 100 {
			r := a.nextRequest()
			a.send(`[16,%d,{"acknowledge":true,"exclude_me":false},%q,[%d]]`, r, p.uri("topic"), i)
			m := a.expect(`[36,%d,"*",{},[%d]]`, mine, i)
			a.expect(`[17,%d,%d]`, r, num(m[2]))
			b.expect(`[36,%d,%d,{},[%d]]`, theirs, num(m[2]), i)
		}
	})
}

// TestCAL_13: an error of the router's own has a text, whichever node it comes from; an error of the callee's goes as it came, even if it
// has the URI of one of the router's.
func TestCAL_13_ErrorsSayWhy(t *testing.T) {
	everywhere(t, func(p *place) {
		c := p.begin(true)
		for _, uri := range []string{canceled, noSuchProcedure, notAuthorized, "app.error"} {
			c.b.send(`[8,68,%d,{},%q]`, c.id, uri)
			c.a.expect(`[8,48,%d,{},%q]`, c.call, uri)
			c.again()
		}
		c.b.conn.Close()
		c.a.refused(48, c.call, canceled)
		c.a.refused(48, c.a.call(p.uri("none"), `{}`, ""), noSuchProcedure)
		c.a.refused(48, c.a.call("a..b", `{}`, ""), "wamp.error.invalid_uri")
		c.a.send(`[34,%d,1]`, c.a.nextRequest())
		c.a.refused(34, c.a.request, "wamp.error.no_such_subscription")
		c.a.send(`[66,%d,1]`, c.a.nextRequest())
		c.a.refused(66, c.a.request, noSuchRegistration)
		q := p.joinRuled("Q")
		q.send(`[16,%d,{"acknowledge":true},%q]`, q.nextRequest(), p.uri("forbidden"))
		q.refused(16, q.request, notAuthorized)
	})
}

// TestPCR_12: a caller that does not read the progress that it asked for is cut off at a bound. Its callee is told, and nobody else notices.
func TestPCR_12_ACallerThatDoesNotRead(t *testing.T) {
	everywhere(t, func(p *place) {
		p.undisturbed(func() {
			a, b := p.join("A"), p.join("B")
			b.register(p.uri("procedure"), `{}`)
			p.settle()
			a.call(p.uri("procedure"), `{"receive_progress":true}`, "")
			b.expect(`[68,1,"*",{"receive_progress":true}]`)
			chunk := b.encode(`[70,1,{"progress":true},[%q]]`, strings.Repeat("x", 64<<10))
			stop, ended := make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						ended <- nil
						return
					default:
					}
					if err := b.wire.write(chunk); err != nil {
						ended <- err
						return
					}
				}
			}()
			b.expect(`[69,1,{"mode":"killnowait"}]`)
			close(stop)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			b.quiet() // and what it still yields is no violation
		})
	})
}

// TestREF_01: reflection is announced and there, or neither.
func TestREF_01_REF_02_REF_03_REF_04_REF_05_ReflectionIsNeitherAnnouncedNorThere(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		for role, v := range a.details["roles"].(map[string]any) {
			if v.(map[string]any)["reflection"] != nil {
				t.Errorf("%s.reflection is announced", role)
			}
		}
		var names []string
		for _, kind := range []string{"topic", "procedure", "error"} {
			names = append(names, "wamp.reflection."+kind+".list", "wamp.reflection."+kind+".describe")
		}
		for _, what := range []string{"reflect.define", "reflect.describe", "interface.list", "interface.get", "interface.match_procedure",
			"interface.match_topic", "type.list", "type.get"} {
			names = append(names, "wamp."+what)
		}
		for _, name := range names {
			a.refused(48, a.call(name, `{}`, `,["t.x",{}]`), noSuchProcedure)
			b.refused(48, b.call(name, `{}`, ``), noSuchProcedure)
			r := a.nextRequest()
			a.send(`[64,%d,{},%q]`, r, name) // nor does anybody else provide it
			a.refused(64, r, "wamp.error.invalid_uri")
		}
		sub := b.subscribe("wamp.reflect.on_define", `{}`) // which never comes
		b.unsubscribe(sub)

		// REF-05: payloads are their receivers' business.
		b.register(p.uri("procedure"), `{}`)
		p.settle()
		call := a.call(p.uri("procedure"), `{}`, `,["whatever",{"it":null}],{"is":[]}`)
		b.expect(`[68,1,"*",{},["whatever",{"it":null}],{"is":[]}]`)
		b.send(`[70,1,{}]`)
		a.expect(`[50,%d,{}]`, call)
	})
}

// TestPPT_03: a realm may do without the mode. There it is not announced, and who uses it all the same is aborted, though it announced it.
func TestPPT_03_ARealmWithoutIt(t *testing.T) {
	everywhere(t, func(p *place) {
		b := p.joinAs("B", plainRealm, passthru)
		for _, role := range []string{"broker", "dealer"} {
			features := b.details["roles"].(map[string]any)[role].(map[string]any)["features"].(map[string]any)
			if features["payload_passthru_mode"] != nil || len(features) == 0 {
				t.Errorf("%s announces %v", role, features)
			}
		}
		b.register(p.uri("procedure"), `{}`)
		b.subscribe(p.uri("topic"), `{}`)
		p.settle()
		for _, text := range []string{
			fmt.Sprintf(`[48,1,{"ppt_scheme":"wamp"},%q,%s]`, p.uri("procedure"), opaque),
			fmt.Sprintf(`[16,1,{"ppt_scheme":"wamp"},%q,%s]`, p.uri("topic"), opaque),
		} {
			a := p.joinAs("A", plainRealm, passthru)
			a.send("%s", text)
			a.aborted(violation)
		}
		b.quiet()
		for _, answer := range []string{`[70,%d,{"ppt_scheme":"wamp"},%s]`, `[8,68,%d,{"ppt_scheme":"wamp"},"app.error",%s]`} {
			a, c := p.joinAs("A", plainRealm, passthru), p.joinAs("C", plainRealm, passthru)
			c.register(p.uri("of"+itoa(c.id)), `{}`)
			p.settle()
			call := a.call(p.uri("of"+itoa(c.id)), `{"ppt_scheme":""}`, "")
			c.expect(`[68,1,"*",{}]`)
			c.send(answer, 1, opaque)
			c.aborted(violation)
			a.refused(48, call, canceled)
		}
	})
}

// TestPPT_12: what two sessions encrypt for each other passes through a router that has no key, and comes out as it went in.
func TestPPT_12_EncryptedFromEndToEnd(t *testing.T) {
	block, err := aes.NewCipher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	const secret = `[["the combination is",12345],{}]`
	nonce := make([]byte, seal.NonceSize())
	payload := `["\u0000` + base64.StdEncoding.EncodeToString(seal.Seal(nonce, nonce, []byte(secret), nil)) + `"]`
	open := func(m []any, at int) {
		t.Helper()
		b, ok := m[at].([]any)[0].([]byte)
		if !ok || len(b) < len(nonce) {
			t.Fatalf("%s has no binary payload", show(m))
		}
		if text, err := seal.Open(nil, b[:len(nonce)], b[len(nonce):], nil); err != nil || string(text) != secret {
			t.Errorf("%q, %v", text, err)
		}
	}
	const ppt = `"ppt_scheme":"x_own","ppt_serializer":"json","ppt_cipher":"aes256gcm","ppt_keyid":"k1"`
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", realm, passthru), p.joinAs("B", realm, passthru)
		b.register(p.uri("uri"), `{}`)
		b.subscribe(p.uri("uri"), `{}`)
		p.settle()
		a.publish(p.uri("uri"), ppt, `,`+payload)
		open(b.expect(`[36,"*","*",{%s},["*"]]`, ppt), 4)
		call := a.call(p.uri("uri"), `{`+ppt+`}`, `,`+payload)
		open(b.expect(`[68,1,"*",{%s},["*"]]`, ppt), 4)
		b.send(`[70,1,{%s},%s]`, ppt, payload)
		open(a.expect(`[50,%d,{%s},["*"]]`, call, ppt), 3)
	})
}

// TestAUT_05: a second round of challenges is allowed. No method here has one: the first answer decides, and another one is a violation.
func TestAUT_05_OneRoundDecides(t *testing.T) {
	here(t, func(p *place) {
		for _, proof := range []auth.Proof{
			{Method: auth.MethodTicket, AuthID: "peter", Secret: "s3cret"}, {Method: auth.MethodCRA, AuthID: "peter", Secret: "s3cret"},
			{Method: auth.MethodScram, AuthID: "peter", Secret: "s3cret"}, {Method: auth.MethodCryptosign, AuthID: "peter", Secret: privateKey},
		} {
			q := p.connect(proof.Method)
			hello := q.prove(&proof)
			challenge := q.challenge(proof.Method)
			answer, err := proof.Answer(&hello, &challenge)
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf(`[5,%q,{"nonce":%q}]`, answer.Signature, answer.Extra.Nonce)
			q.sendAll(text, text)
			q.expect(`[2,"*",{"authid":"peter","authmethod":%q}]`, proof.Method)
			q.aborted(violation)

			q = p.connect("wrong " + proof.Method)
			q.prove(&proof)
			q.expect(`[4,%q,{}]`, proof.Method)
			q.send(`[5,"wrong",{}]`)
			q.aborted(denied) // no second attempt
		}
	})
}

// TestMUX_01: a connection carries one session at a time; two are two connections, and have nothing in common but the node.
func TestMUX_01_MUX_02_OneSessionPerConnection(t *testing.T) {
	here(t, func(p *place) {
		a, b := p.joinAs("A", realm, allRoles), p.joinAs("B", otherRealm, allRoles)
		if a.id == b.id || a.details["authid"] == b.details["authid"] || a.details["realm"] == b.details["realm"] {
			t.Errorf("%v and %v", a.details, b.details)
		}
		a.subscribe(p.uri("topic"), `{}`)
		b.publish(p.uri("topic"), `"exclude_me":false`, "")
		a.quiet()
		a.send(`[1,%q,{"roles":%s}]`, otherRealm, allRoles) // no second one beside the first
		a.aborted(violation)
		b.quiet()
	})
}
