package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"time"
)

// verifyTicket compares in constant time (TIK-01).
func (u *User) verifyTicket(signature string, _ *Extra) (Extra, bool) {
	a, b := sha256.Sum256([]byte(signature)), sha256.Sum256([]byte(u.Ticket))
	return Extra{}, subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// CRAKey proves a user by challenge and response (advanced/authentication_cra). With a salt the client derives the key from the password;
// without, the key is the secret itself.
type CRAKey struct {
	Key        []byte // what the client signs with: the secret, or base64 of the derived bytes
	Salt       string // as it goes to the client, and into the derivation as the text that it is; "" for none
	Iterations int
	KeyLen     int // bytes
}

// Defaults of salted keys, where the configuration gives a password alone: see those of scram.
const (
	craIterations = 4096
	craKeyLen     = 32
	keyLenMax     = 1024 // bytes
)

// NewCRAKey is the key of a plain secret, or (with a salt) of a password. Zero iterations and length take the defaults.
func NewCRAKey(secret Secret, salt string, iterations, keyLen int) (*CRAKey, error) {
	if salt == "" {
		return &CRAKey{Key: []byte(secret)}, nil
	}
	if iterations == 0 {
		iterations = craIterations
	}
	if keyLen == 0 {
		keyLen = craKeyLen
	}
	if iterations < 1 || keyLen < 1 || keyLen > keyLenMax {
		return nil, errors.New("auth: a salted key takes at least one iteration, and 1 to 1024 bytes")
	}
	k, err := pbkdf2.Key(sha256.New, string(secret), []byte(salt), iterations, keyLen)
	if err != nil {
		return nil, err
	}
	return &CRAKey{Key: base64.StdEncoding.AppendEncode(nil, k), Salt: salt, Iterations: iterations, KeyLen: keyLen}, nil
}

// beginCRA makes the challenge: JSON that names the session, with a nonce and the time (CRA-01).
func (x *Exchange) beginCRA(a *Attempt, random func() uint64) {
	var nonce [16]byte
	fill(nonce[:], random)
	b := append([]byte(`{"authid":`), quote(x.user.AuthID)...)
	b = append(append(b, `,"authrole":`...), quote(x.user.Role)...)
	b = append(append(b, `,"authmethod":"wampcra","authprovider":`...), quote(x.user.vouchedBy())...)
	b = append(append(b, `,"session":`...), strconv.FormatUint(a.Session, 10)...)
	b = append(append(b, `,"nonce":"`...), hex.EncodeToString(nonce[:])...)
	b = time.UnixMilli(a.Millis).UTC().AppendFormat(append(b, `","timestamp":"`...), "2006-01-02T15:04:05.000Z")
	challenge := string(append(b, `"}`...))

	k := x.user.CRA
	x.Challenge = Extra{Challenge: challenge}
	if k.Salt != "" {
		x.Challenge.Salt, x.Challenge.Iterations, x.Challenge.KeyLen = k.Salt, uint64(k.Iterations), uint64(k.KeyLen)
	}
	x.verify = func(signature string, _ *Extra) (Extra, bool) {
		h := hmac.New(sha256.New, k.Key)
		h.Write([]byte(challenge))
		want := base64.StdEncoding.EncodeToString(h.Sum(nil))
		return Extra{}, hmac.Equal([]byte(signature), []byte(want))
	}
}

// fill makes random bytes of random numbers.
func fill(b []byte, random func() uint64) {
	for i := range b {
		if i%8 == 0 {
			for j, v := i, random(); j < min(i+8, len(b)); j++ {
				b[j] = byte(v)
				v >>= 8
			}
		}
	}
}

// quote is text as a JSON string.
func quote(s string) []byte {
	const digits = "0123456789abcdef"
	b := []byte{'"'}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}
