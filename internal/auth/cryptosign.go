package auth

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"
)

// PublicKey is an Ed25519 key (advanced/authentication_cryptosign).
type PublicKey [ed25519.PublicKeySize]byte

// ErrPublicKey says that text is no key.
var ErrPublicKey = errors.New("auth: a cryptosign key is 32 bytes in hex")

// ParsePublicKey reads a key in hex.
func ParsePublicKey(s string) (k PublicKey, err error) {
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil || len(b) != len(k) {
		return k, ErrPublicKey
	}
	return PublicKey(b), nil
}

// beginCryptosign challenges the holder of a key. Who gives no authid gets that of the key (CSG-06). A key that is nobody's is challenged as
// well, and denied.
func (r *Realm) beginCryptosign(a *Attempt, random func() uint64) Outcome {
	key, err := ParsePublicKey(a.Extra.PubKey)
	if err != nil {
		return Outcome{Refusal: unreadable}
	}
	var channel []byte
	if kind := a.Extra.ChannelBinding; kind != "" { // CSG-03
		ok := a.Binding != nil
		if ok {
			channel, ok = a.Binding(kind)
		}
		if !ok || len(channel) < ed25519.PublicKeySize {
			return Outcome{Refusal: noBinding}
		}
	}
	mine, ok := r.proveRouter(a.Extra.Challenge, channel)
	if !ok {
		return Outcome{Refusal: unreadable}
	}
	u := r.keys[key]
	if u == nil && r.asks(MethodCryptosign) {
		return r.ask(MethodCryptosign, a, "", func(u *User) Outcome { return r.challengeKey(key, u, a, channel, mine, random) })
	}
	return r.challengeKey(key, u, a, channel, mine, random)
}

// proveRouter answers the client's challenge, if there is one (CSG-05): signed for this channel, like the client's own answer.
func (r *Realm) proveRouter(challenge string, channel []byte) (x Extra, ok bool) {
	if challenge == "" || r.routerKey == nil {
		return x, true
	}
	message, err := hex.DecodeString(challenge)
	if err != nil || len(message) != challengeBytes {
		return x, false
	}
	subtle.XORBytes(message, message, channel)
	return Extra{
		PubKey:    hex.EncodeToString(r.routerKey.Public().(ed25519.PublicKey)),
		Signature: hex.EncodeToString(append(ed25519.Sign(r.routerKey, message), message...)),
	}, true
}

// challengeBytes is the length of what cryptosign signs.
const challengeBytes = 32

// challengeKey challenges who has the key; u is nil where it is nobody's.
func (r *Realm) challengeKey(key PublicKey, u *User, a *Attempt, channel []byte, mine Extra, random func() uint64) Outcome {
	x := &Exchange{Method: MethodCryptosign, realm: r, attempt: a, user: u}
	x.known = u != nil && (a.AuthID == "" || a.AuthID == u.AuthID) && u.mayBe(a.AuthRole)
	var challenge [challengeBytes]byte
	fill(challenge[:], random)
	x.Challenge = Extra{Challenge: hex.EncodeToString(challenge[:]), ChannelBinding: a.Extra.ChannelBinding, PubKey: mine.PubKey, Signature: mine.Signature}
	message := challenge
	subtle.XORBytes(message[:], message[:], channel)
	x.verify = func(signature string, _ *Extra) (Extra, bool) {
		signed, err := hex.DecodeString(signature)
		if err != nil || len(signed) != ed25519.SignatureSize+len(message) { // CSG-02
			return Extra{}, false
		}
		right := subtle.ConstantTimeCompare(signed[ed25519.SignatureSize:], message[:]) == 1
		return Extra{}, ed25519.Verify(key[:], message[:], signed[:ed25519.SignatureSize]) && right
	}
	return Outcome{Exchange: x}
}
