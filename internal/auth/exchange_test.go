package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

var (
	seed   = sha256.Sum256([]byte("joe's key"))
	joeKey = ed25519.NewKeyFromSeed(seed[:])
)

// realm has a user of each kind. Joe can prove himself in every way.
func realm(t *testing.T, change ...func(*RealmConfig)) *Realm {
	t.Helper()
	must := func(k *ScramKey, err error) *ScramKey {
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	plain, _ := NewCRAKey("secret2", "", 0, 0)
	salted, err := NewCRAKey("secret3", "salt123", 1000, 32)
	if err != nil {
		t.Fatal(err)
	}
	c := RealmConfig{Name: "realm1", Key: []byte("cluster"), Users: []User{
		{
			AuthID: "joe", Role: "backend", Ticket: "ticket1", CRA: plain, Keys: []PublicKey{PublicKey(joeKey.Public().(ed25519.PublicKey))},
			Scram:        must(NewScramKey(KDFPBKDF2, "pencil", []byte("0123456789abcdef"), 4096, 0)),
			Certificates: []string{strings.Repeat("ab", 32)},
		},
		{AuthID: "ann", Role: "backend", CRA: salted, Scram: must(NewScramKey(KDFArgon2, "ink", []byte("fedcba9876543210"), 1, 64))},
		{AuthID: "eve", Role: "guest", Ticket: "elsewhere", Realms: []string{"realm2"}},
	}}
	for _, f := range change {
		f(&c)
	}
	r, err := NewRealm(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func attempt(authID string, methods ...string) *Attempt {
	return &Attempt{Realm: "realm1", AuthID: authID, Methods: methods, Session: 4711, Millis: 1_500_000_000_123}
}

func chance() func() uint64 { return rand.New(rand.NewPCG(1, 2)).Uint64 }

func refused(t *testing.T, o Outcome, uri string) {
	t.Helper()
	if o.Refusal == nil || o.Refusal.URI != uri || o.Principal != nil {
		t.Errorf("%+v, want a refusal by %s", o, uri)
	}
}

func admitted(t *testing.T, o Outcome, authID, role, method string) {
	t.Helper()
	want := Principal{AuthID: authID, AuthRole: role, AuthMethod: method, AuthProvider: ProviderStatic}
	if o.Principal == nil || *o.Principal != want {
		t.Errorf("%+v, want %+v (AUT-08)", o, want)
	}
}

func challenged(t *testing.T, o Outcome, method string) *Exchange {
	t.Helper()
	if o.Exchange == nil || o.Exchange.Method != method {
		t.Fatalf("%+v, want a challenge by %s", o, method)
	}
	return o.Exchange
}

// TestMethods: the client's first method that is possible counts, and what none is says so (AUT-01, AUT-03, AUT-04, AUT-07).
func TestMethods(t *testing.T) {
	r := realm(t)
	open := realm(t, func(c *RealmConfig) { c.Anonymous, c.AnonymousRole = true, "public" })
	challenged(t, r.Begin(attempt("joe", "foo", MethodTicket, MethodCRA), chance()), MethodTicket)
	challenged(t, r.Begin(attempt("joe", MethodAnonymous, MethodCRA), chance()), MethodCRA)
	refused(t, r.Begin(attempt("joe", "foo"), chance()), wamp.ErrNoMatchingAuthMethod)
	refused(t, r.Begin(attempt("joe", MethodAnonymous), chance()), wamp.ErrAuthenticationRequired)
	refused(t, r.Begin(attempt("joe"), chance()), wamp.ErrAuthenticationRequired)
	for _, methods := range [][]string{nil, {"foo", MethodAnonymous}} {
		if o := open.Begin(attempt("joe", methods...), chance()); o.Principal == nil || o.Principal.AuthRole != "public" || o.Principal.AuthID == "joe" {
			t.Errorf("%+v", o)
		}
	}
	for _, m := range []string{MethodTicket, MethodCRA, MethodScram} {
		refused(t, r.Begin(attempt("", m), chance()), wamp.ErrAuthenticationDenied) // TIK-02
	}
}

func TestTicket(t *testing.T) {
	r := realm(t)
	admitted(t, challenged(t, r.Begin(attempt("joe", MethodTicket), chance()), MethodTicket).Answer("ticket1", &Extra{}), "joe", "backend", MethodTicket)
	for _, who := range []string{"joe", "nobody", "eve", "ann"} {
		for _, ticket := range []string{"", "ticket2", "elsewhere"} {
			x := challenged(t, r.Begin(attempt(who, MethodTicket), chance()), MethodTicket)
			if x.Challenge != (Extra{}) {
				t.Errorf("TIK-01: %+v", x.Challenge)
			}
			refused(t, x.Answer(ticket, &Extra{}), wamp.ErrAuthenticationDenied)
		}
	}
	a := attempt("joe", MethodTicket)
	a.AuthRole = "admin"
	refused(t, challenged(t, r.Begin(a, chance()), MethodTicket).Answer("ticket1", &Extra{}), wamp.ErrAuthenticationDenied)
}

func sign(key, challenge string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(challenge))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func TestCRA(t *testing.T) {
	r := realm(t)
	x := challenged(t, r.Begin(attempt("joe", MethodCRA), chance()), MethodCRA)
	var c map[string]any
	if err := json.Unmarshal([]byte(x.Challenge.Challenge), &c); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{ // CRA-01
		"authid": "joe", "authrole": "backend", "authmethod": "wampcra", "authprovider": "static", "session": 4711.0,
		"timestamp": "2017-07-14T02:40:00.123Z",
	} {
		if c[k] != want {
			t.Errorf("%s is %v, want %v", k, c[k], want)
		}
	}
	if nonce, _ := c["nonce"].(string); len(nonce) != 32 {
		t.Errorf("nonce %q", c["nonce"])
	}
	admitted(t, x.Answer(sign("secret2", x.Challenge.Challenge), &Extra{}), "joe", "backend", MethodCRA)
	refused(t, x.Answer(sign("secret3", x.Challenge.Challenge), &Extra{}), wamp.ErrAuthenticationDenied)

	// CRA-03: base64 of PBKDF2-HMAC-SHA256 of the password, with the salt as it is written; the constant is from another implementation.
	x = challenged(t, r.Begin(attempt("ann", MethodCRA), chance()), MethodCRA)
	if x.Challenge.Salt != "salt123" || x.Challenge.Iterations != 1000 || x.Challenge.KeyLen != 32 {
		t.Errorf("%+v", x.Challenge)
	}
	admitted(t, x.Answer(sign(saltedKey, x.Challenge.Challenge), &Extra{}), "ann", "backend", MethodCRA)
	refused(t, x.Answer(sign("secret3", x.Challenge.Challenge), &Extra{}), wamp.ErrAuthenticationDenied)
}

// TestCRAQuotes: a name cannot write into the challenge.
func TestCRAQuotes(t *testing.T) {
	r := realm(t)
	name := "a\",\"authrole\":\"admin\\\n\x01ü"
	x := challenged(t, r.Begin(attempt(name, MethodCRA), chance()), MethodCRA)
	var c map[string]any
	if err := json.Unmarshal([]byte(x.Challenge.Challenge), &c); err != nil || c["authid"] != name {
		t.Errorf("%v: %s", err, x.Challenge.Challenge)
	}
}

// TestUnknown: the challenges for somebody who does not exist look like those for somebody who does, are the same each time and on each
// node, and differ from user to user and from realm key to realm key (CRA-05, SCR-06).
func TestUnknown(t *testing.T) {
	r, again := realm(t), realm(t)
	other := realm(t, func(c *RealmConfig) { c.Key = []byte("another") })
	salts := map[string]bool{}
	forms := map[string]bool{}
	for i := range 50 {
		a := attempt(fmt.Sprint("nobody", i), MethodScramShort)
		a.Extra.Nonce = "abc"
		x := challenged(t, r.Begin(a, chance()), MethodScramShort)
		if y := challenged(t, again.Begin(a, chance()), MethodScramShort); x.Challenge != y.Challenge {
			t.Errorf("%+v, then %+v", x.Challenge, y.Challenge)
		}
		if y := challenged(t, other.Begin(a, chance()), MethodScramShort); x.Challenge.Salt == y.Challenge.Salt {
			t.Error("the made-up salt does not depend on the key")
		}
		salts[x.Challenge.Salt] = true
		forms[x.Challenge.KDF] = true
		if raw, err := base64.StdEncoding.DecodeString(x.Challenge.Salt); err != nil || len(raw) != 16 {
			t.Errorf("salt %q", x.Challenge.Salt)
		}
		c := challenged(t, r.Begin(attempt(a.AuthID, MethodCRA), chance()), MethodCRA)
		if s := c.Challenge.Salt; s != "" && (len(s) != len("salt123") || strings.Trim(s[:4], "abcdefghijklmnopqrstuvwxyz") != "" || strings.Trim(s[4:], "0123456789") != "") {
			t.Errorf("a salt like no other: %q", s)
		}
	}
	if len(salts) != 50 || !forms[kdfArgon2Text] || !forms[KDFPBKDF2] {
		t.Errorf("%d salts, %v", len(salts), forms)
	}
}

// TestConfiguration: what cannot work is an error.
func TestConfiguration(t *testing.T) {
	key := PublicKey{1}
	for what, users := range map[string][]User{
		"no authid":       {{Role: "r", Ticket: "t"}},
		"no role":         {{AuthID: "a", Ticket: "t"}},
		"no credential":   {{AuthID: "a", Role: "r"}},
		"two of one name": {{AuthID: "a", Role: "r", Ticket: "t"}, {AuthID: "a", Role: "r", Ticket: "u"}},
		"two of one key":  {{AuthID: "a", Role: "r", Keys: []PublicKey{key}}, {AuthID: "b", Role: "r", Keys: []PublicKey{key}}},
		"one certificate": {{AuthID: "a", Role: "r", Certificates: []string{"c"}}, {AuthID: "b", Role: "r", Certificates: []string{"c"}}},
	} {
		if _, err := NewRealm(RealmConfig{Name: "realm1", Users: users}); err == nil {
			t.Errorf("%s is no error", what)
		}
	}
	for _, c := range []struct {
		kdf                string
		iterations, memory int
	}{{"md5", 0, 0}, {KDFArgon2, 1, argon2MemoryMax + 1}, {KDFArgon2, -1, 64}, {KDFPBKDF2, -1, 0}} {
		if _, err := NewScramKey(c.kdf, "p", []byte("salt"), c.iterations, c.memory); err == nil {
			t.Errorf("%+v is no error", c)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	u := User{AuthID: "a", Ticket: "hush"}
	j, _ := json.Marshal(u)
	for _, s := range []string{fmt.Sprint(u), fmt.Sprintf("%+v", u), fmt.Sprintf("%#v", u.Ticket), fmt.Sprintf("%s %v %q", u.Ticket, u.Ticket, u.Ticket), string(j)} {
		if strings.Contains(s, "hush") {
			t.Error(s)
		}
	}
}

const saltedKey = "dBKgPDNMnF0Pwg6sxu7bYUomIXFNfNAgUSOSc/tHnuw="
