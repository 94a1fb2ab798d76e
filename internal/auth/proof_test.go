package auth

import (
	"encoding/hex"
	"testing"

	"kleeblatt/internal/wamp"
)

// TestProof: the client's half of each method gets in by the right secret, and not by another.
func TestProof(t *testing.T) {
	r := realm(t)
	for _, c := range []struct{ method, authID, secret string }{
		{MethodTicket, "joe", "ticket1"},
		{MethodCRA, "joe", "secret2"},
		{MethodCRA, "ann", "secret3"},
		{MethodScram, "joe", "pencil"},
		{MethodScramShort, "ann", "ink"},
		{MethodCryptosign, "joe", hex.EncodeToString(seed[:])},
		{MethodCryptosign, "", hex.EncodeToString(seed[:])},
	} {
		for _, right := range []bool{true, false} {
			p := Proof{Method: c.method, AuthID: c.authID, Secret: Secret(c.secret)}
			if !right {
				p.Secret = Secret("00" + c.secret[2:])
			}
			hello, err := p.Hello(chance())
			if err != nil {
				t.Fatal(err)
			}
			a := attempt(c.authID, c.method)
			a.Extra = hello
			x := challenged(t, r.Begin(a, chance()), c.method)
			answer, err := p.Answer(&hello, &x.Challenge)
			if err != nil {
				t.Fatal(err)
			}
			o := x.Answer(answer.Signature, &answer.Extra)
			if !right {
				refused(t, o, wamp.ErrAuthenticationDenied)
				continue
			}
			if o.Principal == nil || o.Welcome.Verifier != answer.Verifier {
				t.Errorf("%+v: %+v, %+v", c, o, answer)
			}
		}
	}
}

// TestProofIsBounded: a router cannot make a client work without end, nor take it for another's challenge.
func TestProofIsBounded(t *testing.T) {
	p := Proof{Method: MethodScram, AuthID: "joe", Secret: "x"}
	hello := Extra{Nonce: "abc"}
	for _, c := range []Extra{
		{Nonce: "abcd", Salt: "c2FsdA==", KDF: KDFPBKDF2, Iterations: clientIterationsMax + 1},
		{Nonce: "abcd", Salt: "c2FsdA==", KDF: KDFArgon2, Iterations: argon2IterationsMax + 1, Memory: 64},
		{Nonce: "abcd", Salt: "c2FsdA==", KDF: KDFArgon2, Iterations: 1, Memory: argon2MemoryMax + 1},
		{Nonce: "abc", Salt: "c2FsdA==", KDF: KDFPBKDF2, Iterations: 10},
		{Nonce: "xbcd", Salt: "c2FsdA==", KDF: KDFPBKDF2, Iterations: 10},
		{Nonce: "abcd", Salt: "?", KDF: KDFPBKDF2, Iterations: 10},
		{Nonce: "abcd", Salt: "c2FsdA==", KDF: "md5", Iterations: 10},
		{},
	} {
		if _, err := p.Answer(&hello, &c); err == nil {
			t.Errorf("%+v was answered", c)
		}
	}
	p.Method = MethodCRA
	if _, err := p.Answer(&hello, &Extra{Salt: "s", Iterations: clientIterationsMax + 1, KeyLen: 32}); err == nil {
		t.Error("ten million iterations were done")
	}
	if _, err := (&Proof{Method: "foo"}).Hello(chance()); err == nil {
		t.Error("an unknown method is no error")
	}
	if _, err := (&Proof{Method: MethodCryptosign, Secret: "short"}).Hello(chance()); err == nil {
		t.Error("a short key is no error")
	}
}
