package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// The client's half of the methods.

const (
	// A client does not let a router, or whoever stands in its place, make it work for minutes.
	clientIterationsMax = 10_000_000
	clientKeyLenMax     = 1 << 10
)

// Proof is what a client proves itself by.
type Proof struct {
	Method string // MethodTicket, MethodCRA, MethodScram or MethodScramShort, MethodCryptosign
	AuthID string // may be "" for cryptosign
	Secret Secret // ticket, secret or password; for cryptosign the 32 bytes of the private key in hex
}

// Answer is a client's answer to CHALLENGE: what AUTHENTICATE carries, and the verifier that WELCOME has to bring ("" for none).
type Answer struct {
	Signature string
	Extra     Extra
	Verifier  string
}

// Hello is the authextra of HELLO.
func (p *Proof) Hello(random func() uint64) (Extra, error) {
	switch p.Method {
	case MethodScram, MethodScramShort:
		var nonce [16]byte
		fill(nonce[:], random)
		return Extra{Nonce: base64.StdEncoding.EncodeToString(nonce[:])}, nil
	case MethodCryptosign:
		key, err := p.key()
		if err != nil {
			return Extra{}, err
		}
		return Extra{PubKey: hex.EncodeToString(key.Public().(ed25519.PublicKey))}, nil
	case MethodTicket, MethodCRA:
		return Extra{}, nil
	}
	return Extra{}, fmt.Errorf("auth: no client can prove itself by %q here: %s, %s, %s or %s", p.Method, MethodTicket, MethodCRA, MethodScramShort, MethodCryptosign)
}

func (p *Proof) key() (ed25519.PrivateKey, error) {
	seed, err := hex.DecodeString(strings.TrimSpace(string(p.Secret)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("auth: a private key for cryptosign is 32 bytes in hex")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Answer answers a challenge; hello is what Hello gave.
func (p *Proof) Answer(hello, challenge *Extra) (Answer, error) {
	switch p.Method {
	case MethodTicket:
		return Answer{Signature: string(p.Secret)}, nil
	case MethodCRA:
		return p.answerCRA(challenge)
	case MethodCryptosign:
		return p.answerCryptosign(challenge)
	}
	return p.answerScram(hello, challenge)
}

func (p *Proof) answerCRA(c *Extra) (Answer, error) {
	k := &CRAKey{Key: []byte(p.Secret)}
	if c.Salt != "" {
		if c.Iterations > clientIterationsMax || c.KeyLen > clientKeyLenMax {
			return Answer{}, errTooDear
		}
		var err error
		if k, err = NewCRAKey(p.Secret, c.Salt, int(c.Iterations), int(c.KeyLen)); err != nil {
			return Answer{}, err
		}
	}
	h := hmac.New(sha256.New, k.Key)
	h.Write([]byte(c.Challenge))
	return Answer{Signature: base64.StdEncoding.EncodeToString(h.Sum(nil))}, nil
}

func (p *Proof) answerCryptosign(c *Extra) (Answer, error) {
	key, err := p.key()
	if err != nil {
		return Answer{}, err
	}
	message, err := hex.DecodeString(c.Challenge)
	if err != nil || len(message) != 32 {
		return Answer{}, errors.New("auth: the router's challenge is not 32 bytes in hex")
	}
	return Answer{Signature: hex.EncodeToString(append(ed25519.Sign(key, message), message...))}, nil
}

var errTooDear = errors.New("auth: the router asks for more work than it may")

func (p *Proof) answerScram(hello, c *Extra) (a Answer, err error) {
	salt, err := base64.StdEncoding.DecodeString(c.Salt)
	switch {
	case err != nil:
		return a, fmt.Errorf("auth: the router's salt is no base64: %w", err)
	case !strings.HasPrefix(c.Nonce, hello.Nonce) || len(c.Nonce) == len(hello.Nonce):
		return a, errors.New("auth: the router's nonce does not continue ours")
	case c.Iterations < 1 || c.Iterations > clientIterationsMax || c.Memory > argon2MemoryMax:
		return a, errTooDear
	}
	switch {
	case c.KDF != KDFPBKDF2 && c.KDF != KDFArgon2 && c.KDF != kdfArgon2Text:
		return a, fmt.Errorf("auth: the router derives keys by %q, which is not known here", c.KDF)
	case c.KDF != KDFPBKDF2 && c.Iterations > argon2IterationsMax:
		return a, errTooDear
	}
	salted, err := saltedPassword(c.KDF, p.Secret, salt, int(c.Iterations), int(c.Memory))
	if err != nil {
		return a, err
	}
	message := scramMessage(p.AuthID, hello.Nonce, c, noBindingHeader)
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	proof := mac(stored[:], message)
	subtle.XORBytes(proof, proof, key)
	return Answer{
		Signature: base64.StdEncoding.EncodeToString(proof), Extra: Extra{Nonce: c.Nonce},
		Verifier: base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), message)),
	}, nil
}
