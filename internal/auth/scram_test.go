package auth

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"testing"

	"golang.org/x/crypto/argon2"

	"kleeblatt/internal/wamp"
)

// TestSCR_08_TheExampleOfRFC7677 is the example of RFC 7677 section 3 (SCR-08).
func TestSCR_08_TheExampleOfRFC7677(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	k, err := NewScramKey(KDFPBKDF2, "pencil", salt, 4096, 0)
	if err != nil {
		t.Fatal(err)
	}
	const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	const message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" + nonce
	proof, _ := base64.StdEncoding.DecodeString("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	if !k.proves(proof, message) {
		t.Error("the proof does not count")
	}
	if v := base64.StdEncoding.EncodeToString(mac(k.ServerKey, message)); v != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("verifier %s", v)
	}
	proof[0] ^= 1
	if k.proves(proof, message) {
		t.Error("a wrong proof counts")
	}
}

// scramClient answers a challenge as a client that knows the password does, with the header that it writes for "no channel binding".
func scramClient(authID, password, nonce, header string, c *Extra) (proof, verifier string) {
	salt, _ := base64.StdEncoding.DecodeString(c.Salt)
	var salted []byte
	if c.KDF != KDFPBKDF2 {
		salted = argon2.IDKey([]byte(password), salt, uint32(c.Iterations), uint32(c.Memory), 1, 32)
		if c.KDF == kdfArgon2Text {
			salted = asText(salted)
		}
	} else {
		salted, _ = pbkdf2.Key(sha256.New, password, salt, int(c.Iterations), 32)
	}
	message := "n=" + authID + ",r=" + nonce + ",r=" + c.Nonce + ",s=" + c.Salt + ",i=" + strconv.FormatUint(c.Iterations, 10) + ",c=" + header + ",r=" + c.Nonce
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	sig := mac(stored[:], message)
	subtle.XORBytes(sig, sig, key)
	return base64.StdEncoding.EncodeToString(sig), base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), message))
}

// TestSCR_01to04_SCR_07_BothDerivations: both derivations, both spellings of the method, both ways of clients to say that they bind no channel (SCR-01 to SCR-07, A-48).
func TestSCR_01to04_SCR_07_BothDerivations(t *testing.T) {
	r := realm(t)
	for _, method := range []string{MethodScram, MethodScramShort} {
		for _, header := range []string{"biws", ""} {
			for _, u := range []struct{ name, password string }{{"joe", "pencil"}, {"ann", "ink"}} {
				a := attempt(u.name, method)
				a.Extra.Nonce = "egVDf3DMJh0="
				x := challenged(t, r.Begin(a, chance()), method)
				if c := x.Challenge; c.Nonce[:len(a.Extra.Nonce)] != a.Extra.Nonce || len(c.Nonce) < len(a.Extra.Nonce)+24 {
					t.Errorf("SCR-02: nonce %q", c.Nonce)
				}
				proof, verifier := scramClient(u.name, u.password, a.Extra.Nonce, header, &x.Challenge)
				o := x.Answer(proof, &Extra{Nonce: x.Challenge.Nonce})
				admitted(t, o, u.name, "backend", method)
				if o.Welcome.Verifier != verifier {
					t.Errorf("SCR-04: verifier %q, want %q", o.Welcome.Verifier, verifier)
				}
				for what, extra := range map[string]*Extra{ // SCR-03
					"another nonce":   {Nonce: x.Challenge.Nonce + "x"},
					"a binding":       {Nonce: x.Challenge.Nonce, ChannelBinding: "tls-unique"},
					"data of binding": {Nonce: x.Challenge.Nonce, BindingData: "xyz"},
				} {
					if o := x.Answer(proof, extra); o.Refusal == nil {
						t.Errorf("%s is let in", what)
					}
				}
				// Clients that spell the method short do not repeat the nonce, which is in what they sign.
				if o := x.Answer(proof, &Extra{}); (o.Principal != nil) != (method == MethodScramShort) {
					t.Errorf("%s without a nonce: %+v", method, o)
				}
				wrong, _ := scramClient(u.name, u.password+"x", a.Extra.Nonce, header, &x.Challenge)
				refused(t, x.Answer(wrong, &Extra{Nonce: x.Challenge.Nonce}), wamp.ErrAuthenticationDenied)
				refused(t, x.Answer("?", &Extra{Nonce: x.Challenge.Nonce}), wamp.ErrAuthenticationDenied)
			}
		}
	}
}

func TestSCR_03_SCR_05_WhatIsRefused(t *testing.T) {
	r := realm(t)
	for _, nonce := range []string{"", "a,b", string(make([]byte, nonceMax+1))} {
		a := attempt("joe", MethodScram)
		a.Extra.Nonce = nonce
		refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationFailed)
	}
	a := attempt("joe", MethodScram)
	a.Extra = Extra{Nonce: "abc", ChannelBinding: "tls-unique"}
	refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationFailed) // SCR-05
}

func TestSaslName(t *testing.T) {
	if got := saslName("a=b,c"); got != "a=3Db=2Cc" {
		t.Error(got)
	}
}
