package conformance

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/auth"
)

// proofRealm is where some users of the configuration may join, and those whom t.authenticator knows, which is asked in ruledRealm.
const proofRealm = "proof.realm"

// privateKey and publicKey are a pair of the specification's examples.
const (
	privateKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"
	publicKey  = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d"
)

const (
	denied   = "wamp.error.authentication_denied"
	failed   = "wamp.error.authentication_failed"
	noMethod = "wamp.error.no_matching_auth_method"
)

// configFile is a file with that text.
func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "k.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func chance() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:])
}

// offer sends HELLO with more details, written without the braces.
func (p *peer) offer(details string) {
	p.t.Helper()
	p.send(`[1,%q,{"roles":%s,%s}]`, proofRealm, allRoles, details)
}

// prove sends HELLO with a proof.
func (p *peer) prove(proof *auth.Proof) (hello auth.Extra) {
	p.t.Helper()
	hello, err := proof.Hello(chance)
	if err != nil {
		p.t.Fatal(err)
	}
	extra, _ := json.Marshal(map[string]string{"nonce": hello.Nonce, "pubkey": hello.PubKey})
	details := `"authmethods":["` + proof.Method + `"],"authextra":` + string(extra)
	if proof.AuthID != "" {
		details += `,"authid":"` + proof.AuthID + `"`
	}
	p.offer(details)
	return hello
}

// challenge expects CHALLENGE.
func (p *peer) challenge(method string) (x auth.Extra) {
	p.t.Helper()
	d := p.expect(`[4,%q,{}]`, method)[2].(map[string]any)
	text := func(key string) string { s, _ := d[key].(string); return s }
	number := func(key string) uint64 {
		if d[key] == nil {
			return 0
		}
		return num(d[key])
	}
	return auth.Extra{
		Nonce: text("nonce"), Salt: text("salt"), KDF: text("kdf"), Challenge: text("challenge"), PubKey: text("pubkey"), Signature: text("signature"),
		Iterations: number("iterations"), Memory: number("memory"), KeyLen: number("keylen"),
	}
}

// answer answers CHALLENGE; the router's own proof is returned.
func (p *peer) answer(proof *auth.Proof, hello, challenge auth.Extra) (verifier string) {
	p.t.Helper()
	a, err := proof.Answer(&hello, &challenge)
	if err != nil {
		p.t.Fatal(err)
	}
	extra := "{}"
	if a.Extra.Nonce != "" {
		extra = `{"nonce":"` + a.Extra.Nonce + `"}`
	}
	p.send(`[5,%q,%s]`, a.Signature, extra)
	return a.Verifier
}

// welcomed expects WELCOME for this name.
func (p *peer) welcomed(authID, role, method, provider string) map[string]any {
	p.t.Helper()
	m := p.expect(`[2,"*",{"realm":%q,"authid":%q,"authrole":%q,"authmethod":%q,"authprovider":%q}]`, proofRealm, authID, role, method, provider)
	return m[2].(map[string]any)
}

// TestAUT_02: each method lets in who has what it takes, as itself, and nobody else.
func TestAUT_02_AUT_08_TIK_01_CRA_02_CRA_03_SCR_01_SCR_04_CSG_01_TheRightOnesGetIn(t *testing.T) {
	here(t, func(p *place) {
		for _, c := range []auth.Proof{
			{Method: auth.MethodTicket, AuthID: "peter"}, {Method: auth.MethodCRA, AuthID: "peter"}, {Method: auth.MethodCRA, AuthID: "salty"},
			{Method: auth.MethodScram, AuthID: "peter"}, {Method: auth.MethodScramShort, AuthID: "peter"},
			{Method: auth.MethodScram, AuthID: "argo"}, {Method: auth.MethodScramShort, AuthID: "argo"},
			{Method: auth.MethodCryptosign, AuthID: "peter", Secret: privateKey},
		} {
			if c.Secret == "" {
				c.Secret = "s3cret"
			}
			q := p.connect(c.AuthID + " by " + c.Method)
			hello := q.prove(&c)
			verifier := q.answer(&c, hello, q.challenge(c.Method))
			d := q.welcomed(c.AuthID, "proven", c.Method, "static")
			if extra, _ := d["authextra"].(map[string]any); verifier != "" && extra["verifier"] != verifier && extra["scram_server_signature"] != verifier {
				t.Errorf("%s: the router proves itself by %v, not %s", q.name, d["authextra"], verifier)
			}
			wrong := c
			wrong.Secret = "00" + c.Secret[2:]
			for _, stranger := range []auth.Proof{wrong, {Method: c.Method, AuthID: "nobody", Secret: wrong.Secret}} {
				q := p.connect(stranger.AuthID + " by " + c.Method + " with a wrong secret")
				if c.Method == auth.MethodCryptosign || stranger.AuthID == "nobody" {
					continue // an authenticator would be asked: see below
				}
				q.answer(&stranger, q.prove(&stranger), q.challenge(c.Method))
				q.aborted(denied)
			}
		}
	})
}

func TestAUT_01_AUT_03_AUT_07_TIK_02_WhichMethodCounts(t *testing.T) {
	here(t, func(p *place) {
		for details, method := range map[string]string{
			`"authmethods":["foo","anonymous"]`: "anonymous", `"agent":"x"`: "anonymous",
			`"authmethods":["anonymous","ticket"]`: "anonymous", `"authmethods":[]`: "anonymous",
		} {
			q := p.connect(details)
			q.offer(details)
			q.expect(`[2,"*",{"authmethod":%q,"authrole":"anonymous"}]`, method)
		}
		q := p.connect("first of two")
		q.offer(`"authmethods":["wampcra","ticket"],"authid":"peter"`)
		q.expect(`[4,"wampcra",{}]`)
		q = p.connect("no method")
		q.offer(`"authmethods":["foo","tls"],"authid":"peter"`)
		q.aborted(noMethod)
		q = p.connect("no authid")
		q.offer(`"authmethods":["ticket"]`)
		q.aborted(denied)
	})
}

func TestAUT_04_EachFailureHasItsReason(t *testing.T) {
	here(t, func(p *place) {
		for details, reason := range map[string]string{
			`"authmethods":["ticket"],"authid":"peter","authrole":"nobody.has.it"`:                               "wamp.error.no_such_role",
			`"authmethods":["cryptosign"],"authid":"peter","authextra":{"pubkey":"00"}`:                          failed,
			`"authmethods":["cryptosign"],"authextra":{"pubkey":"` + publicKey + `","channel_binding":"x"}`:      failed,
			`"authmethods":["cryptosign"],"authextra":{"pubkey":"` + publicKey + `","challenge":"no challenge"}`: failed,
			`"authmethods":["wamp-scram"],"authid":"peter"`:                                                      failed,
		} {
			q := p.connect(details)
			q.offer(details)
			q.aborted(reason)
		}
		q := p.connect("another role") // of somebody else
		q.offer(`"authmethods":["ticket"],"authid":"peter","authrole":"ruled"`)
		q.expect(`[4,"ticket",{}]`)
		q.send(`[5,"s3cret",{}]`)
		q.aborted(denied)
		q = p.connect("no realm")
		q.send(`[1,"no.realm",{"roles":%s,"authmethods":["ticket"],"authid":"peter"}]`, allRoles)
		q.aborted("wamp.error.no_such_realm")
		q = p.connect("instead of AUTHENTICATE")
		q.offer(`"authmethods":["ticket"],"authid":"peter"`)
		q.expect(`[4,"ticket",{}]`)
		q.send(`[48,1,{},"a.b"]`)
		q.aborted(violation)
	})
	file := configFile(t, "users: [{authid: joe, role: r, ticket: x}]")
	alone(t, func(p *place) {
		for _, details := range []string{`"agent":"x"`, `"authmethods":["anonymous"]`} {
			q := p.connect(details)
			q.send(`[1,%q,{"roles":%s,%s}]`, realm, allRoles, details)
			q.aborted("wamp.error.authentication_required")
		}
	}, "--config", file, "--realm", realm)
}

// TestCRA_01: the challenge says for whom it is, and when.
func TestCRA_01_WhatTheChallengeSays(t *testing.T) {
	here(t, func(p *place) {
		q := p.connect("A")
		proof := &auth.Proof{Method: auth.MethodCRA, AuthID: "peter", Secret: "s3cret"}
		hello := q.prove(proof)
		x := q.challenge(auth.MethodCRA)
		var c struct {
			AuthID, AuthRole, AuthMethod, AuthProvider, Nonce, Timestamp string
			Session                                                      uint64
		}
		if err := json.Unmarshal([]byte(x.Challenge), &c); err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.Timestamp)
		if c.AuthID != "peter" || c.AuthRole != "proven" || c.AuthMethod != "wampcra" || c.AuthProvider != "static" || c.Nonce == "" || err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("%s: %v", x.Challenge, err)
		}
		q.answer(proof, hello, x)
		if m := q.expect(`[2,"*",{}]`); num(m[1]) != c.Session {
			t.Errorf("the challenge is for session %d, WELCOME for %v", c.Session, m[1])
		}
		mac := hmac.New(sha256.New, []byte("s3cret")) // CRA-02, without any code of the router's
		mac.Write([]byte(x.Challenge))
		if a, _ := proof.Answer(&hello, &x); a.Signature != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			t.Error("the signature is another")
		}
	})
}

func TestCRA_04_ALateAnswer(t *testing.T) {
	file := configFile(t, "users: [{authid: joe, role: r, ticket: x}]")
	alone(t, func(p *place) {
		q := p.connect("A")
		q.send(`[1,%q,{"roles":%s,"authmethods":["ticket"],"authid":"joe"}]`, realm, allRoles)
		q.expect(`[4,"ticket",{}]`)
		q.aborted("wamp.error.timeout")
	}, "--config", file, "--realm", realm, "--limit-hello", "300ms")
}

// TestCSG_02, P30: what is signed has to be the challenge, and to be signed by the key.
func TestCSG_02_P30_ASignatureOfSomethingElse(t *testing.T) {
	here(t, func(p *place) {
		proof := &auth.Proof{Method: auth.MethodCryptosign, AuthID: "peter", Secret: privateKey}
		first := p.connect("first")
		hello := first.prove(proof)
		captured, err := proof.Answer(&hello, &auth.Extra{Challenge: first.challenge(auth.MethodCryptosign).Challenge})
		if err != nil {
			t.Fatal(err)
		}
		first.send(`[5,%q,{}]`, captured.Signature)
		first.welcomed("peter", "proven", "cryptosign", "static")
		for what, forge := range map[string]func(right string) string{
			"replayed":         func(string) string { return captured.Signature },
			"message replaced": func(right string) string { return captured.Signature[:128] + right[128:] },
			"short":            func(right string) string { return right[:128] },
			"no hex":           func(right string) string { return "x" + right[1:] },
			"flipped":          func(right string) string { return strings.Map(flip, right[:2]) + right[2:] },
		} {
			q := p.connect(what)
			hello := q.prove(proof)
			challenge := q.challenge(auth.MethodCryptosign)
			right, err := proof.Answer(&hello, &challenge)
			if err != nil {
				t.Fatal(err)
			}
			q.send(`[5,%q,{}]`, forge(right.Signature))
			q.aborted(denied)
		}
	})
}

func flip(r rune) rune {
	if r == '0' {
		return '1'
	}
	return '0'
}

// TestCSG_05: the router signs a challenge of the client's.
func TestCSG_05_CSG_06_TheRouterProvesItself(t *testing.T) {
	here(t, func(p *place) {
		challenge := strings.Repeat("5a", 32)
		var known string
		for range 2 {
			q := p.connect("A")
			q.offer(`"authmethods":["cryptosign"],"authextra":{"pubkey":"` + publicKey + `","challenge":"` + challenge + `"}`)
			x := q.challenge(auth.MethodCryptosign)
			key, _ := hex.DecodeString(x.PubKey)
			signed, _ := hex.DecodeString(x.Signature)
			if len(key) != 32 || len(signed) != 96 || hex.EncodeToString(signed[64:]) != challenge || !ed25519.Verify(key, signed[64:], signed[:64]) {
				t.Fatalf("%+v", x)
			}
			if known != "" && known != x.PubKey {
				t.Error("another key than before")
			}
			known = x.PubKey
			q.answer(&auth.Proof{Method: auth.MethodCryptosign, Secret: privateKey}, auth.Extra{}, x)
			q.welcomed("peter", "proven", "cryptosign", "static") // CSG-06: the key is his
		}
	})
}

// joinAuthenticator opens the session that knows the users of proofRealm whom the configuration does not know.
func (p *place) joinAuthenticator() *peer {
	p.Helper()
	z := p.joinWithTicket("authenticator", "zoe", "decider")
	z.register("t.authenticator", `{"invoke":"last"}`) // that of the test before may not be gone yet
	p.settle()
	return z
}

// vouches answers the authenticator's next question, which must be about this name.
func (p *peer) vouches(answer, authID, details string) {
	p.t.Helper()
	i := p.expect(`[68,"*","*",{},[%q,%q,%s]]`, proofRealm, authID, details)
	p.send(`[70,%d,{},[%s]]`, num(i[1]), answer)
}

// knowsNobody answers that there is no such user. A dict without a role says it too, and how the others are challenged.
func (p *peer) knowsNobody(parameters string) {
	p.t.Helper()
	i := p.expect(`[68,"*","*",{},["*","*",{}]]`)
	if parameters == "" {
		p.send(`[8,68,%d,{},"com.example.no_such_user"]`, num(i[1]))
	} else {
		p.send(`[70,%d,{},[%s]]`, num(i[1]), parameters)
	}
}

// scramKeys are what an authenticator keeps of the password s3cret.
func scramKeys(t *testing.T) string {
	t.Helper()
	k, err := auth.NewScramKey(auth.KDFPBKDF2, "s3cret", []byte("0123456789abcdef"), 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	return `"salt":"` + b64(k.Salt) + `","iterations":100,"stored-key":"` + hex.EncodeToString(k.StoredKey) + `","server_key":"` + b64(k.ServerKey) + `"`
}

func TestAUT_02_AUT_09_AProcedureKnowsWhoMayJoin(t *testing.T) {
	everywhere(t, func(p *place) {
		z := p.joinAuthenticator()
		for _, c := range []struct{ method, secret, answer string }{
			{auth.MethodTicket, "s3cret", `"guest"`},
			{auth.MethodTicket, "s3cret", `{"role":"guest","authid":"eve"}`},
			{auth.MethodCRA, "s3cret", `{"role":"guest","secret":"s3cret"}`},
			{auth.MethodCRA, "s3cret", `{"role":"guest","secret":"` + salted(t) + `","salt":"salt123","iterations":100,"keylen":16}`},
			{auth.MethodScram, "s3cret", `{"role":"guest",` + scramKeys(t) + `}`},
			{auth.MethodScramShort, "s3cret", `{"role":"guest","kdf":"pbkdf2",` + scramKeys(t) + `}`},
			{auth.MethodCryptosign, strings.Repeat("07", 32), `{"role":"guest"}`},
		} {
			proof := &auth.Proof{Method: c.method, AuthID: "eve", Secret: auth.Secret(c.secret)}
			q := p.connect("eve by " + c.method)
			hello := q.prove(proof)
			if c.method != auth.MethodTicket {
				z.vouches(c.answer, "eve", `{"session":"*"}`)
			}
			q.answer(proof, hello, q.challenge(c.method))
			if c.method == auth.MethodTicket {
				z.vouches(c.answer, "eve", `{"authmethod":"ticket","ticket":"s3cret"}`)
			}
			q.welcomed("eve", "guest", c.method, "dynamic")
			// She is who she is said to be, everywhere.
			if c.method == auth.MethodTicket {
				b := p.connect("B")
				b.send(`[1,%q,{"roles":%s}]`, proofRealm, allRoles)
				b.expect(`[2,"*",{}]`)
				topic := p.uri("topic")
				s := b.subscribe(topic, "{}")
				p.settle()
				q.publish(topic, `"disclose_me":true`, "")
				b.expect(`[36,%d,"*",{"publisher_authid":"eve","publisher_authrole":"guest"}]`, s)
			}
		}
	})
}

func salted(t *testing.T) string {
	t.Helper()
	k, err := auth.NewCRAKey("s3cret", "salt123", 100, 16)
	if err != nil {
		t.Fatal(err)
	}
	return string(k.Key)
}

// TestCRA_05: whom nobody knows is challenged like somebody, always alike, and denied in the same words.
func TestAUT_04_CRA_05_SCR_06_NobodyIsTreatedLikeSomebody(t *testing.T) {
	everywhere(t, func(p *place) {
		z := p.joinAuthenticator()
		for _, c := range []struct{ method, answer, nobody string }{
			{auth.MethodTicket, "", ""},
			{auth.MethodCRA, `{"role":"guest","secret":"s3cret"}`, ""},
			{
				auth.MethodCRA, `{"role":"guest","secret":"` + salted(t) + `","salt":"salt123","iterations":100,"keylen":16}`,
				`{"salt":"xxxx999","iterations":100,"keylen":16}`,
			},
			{auth.MethodScram, `{"role":"guest",` + scramKeys(t) + `}`, `{"salt":"MDEyMzQ1Njc4OWFiY2RlZg==","iterations":100}`},
			{auth.MethodCryptosign, `{"role":"guest"}`, ""},
		} {
			secret := auth.Secret("wrong")
			if c.method == auth.MethodCryptosign {
				secret = auth.Secret(strings.Repeat("09", 32))
			}
			var shapes []auth.Extra
			home := p.count // nodes without a common key make up others
			for i, name := range []string{"eve", "nobody", "nobody"} {
				proof := &auth.Proof{Method: c.method, AuthID: name, Secret: secret}
				q := p.connectOn(name+" by "+c.method, home)
				hello := q.prove(proof)
				if c.method != auth.MethodTicket {
					p.asked(z, name, c.answer, c.nobody)
				}
				x := q.challenge(c.method)
				if c.method == auth.MethodCryptosign {
					proof.Secret = auth.Secret(strings.Repeat("0a", 32)) // another key than the one that was shown
				}
				q.answer(proof, hello, x)
				if c.method == auth.MethodTicket {
					z.knowsNobody("")
				}
				m := q.expect(`[3,{"message":"the credentials are not right"},%q]`, denied)
				q.ended()
				if keys := m[1].(map[string]any); len(keys) != 1 {
					t.Errorf("%v tells more", m)
				}
				x.Nonce, x.Challenge = "", ""
				if shapes = append(shapes, x); i == 2 && shapes[1] != shapes[2] {
					t.Errorf("%s: the same nobody is challenged by %+v, then by %+v", c.method, shapes[1], shapes[2])
				}
			}
			n, eve := shapes[1], shapes[0]
			if len(n.Salt) != len(eve.Salt) {
				t.Errorf("%s: nobody has the salt %s, eve %s", c.method, n.Salt, eve.Salt)
			}
			if n.Salt, eve.Salt = "", ""; n != eve {
				t.Errorf("%s: nobody is challenged by %+v, eve by %+v", c.method, n, eve)
			}
		}
	})
}

// asked answers for eve, and knows nobody else.
func (p *place) asked(z *peer, name, answer, nobody string) {
	p.Helper()
	if name == "eve" {
		z.vouches(answer, name, "{}")
	} else {
		z.knowsNobody(nobody)
	}
}

// TestAUT_04: what an authenticator says may be of no use, and it may be away.
func TestAUT_04_AnAuthenticatorThatCannotBeAsked(t *testing.T) {
	everywhere(t, func(p *place) {
		z := p.joinAuthenticator()
		for answer, reason := range map[string]string{
			`7`: failed, `{"authid":"eve"}`: failed, `{"role":"guest","authid":"joe"}`: failed, `null`: failed,
			`{"role":"no.role.of.the.configuration"}`: "wamp.error.no_such_role",
		} {
			q := p.connect("eve, and " + answer)
			q.offer(`"authmethods":["ticket"],"authid":"eve"`)
			q.expect(`[4,"ticket",{}]`)
			q.send(`[5,"x",{}]`)
			z.vouches(answer, "eve", "{}")
			q.aborted(reason)
		}
		q := p.connect("eve, and nobody to ask")
		q.offer(`"authmethods":["ticket"],"authid":"eve"`)
		q.expect(`[4,"ticket",{}]`)
		q.send(`[5,"x",{}]`)
		z.expect(`[68,"*","*",{},["*","eve",{}]]`)
		z.goodbye()
		q.aborted(failed)
	})
}
