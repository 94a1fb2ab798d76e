package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The key derivations of scram (SCR-07).
const (
	KDFPBKDF2 = "pbkdf2"
	KDFArgon2 = "argon2id13"
	// kdfArgon2Text is what clients that spell the method "scram" call argon2id; they go on with the derived bytes as base64 text.
	kdfArgon2Text = "argon2id-13"
)

const (
	scramSaltBytes  = 16
	scramNonceBytes = 24
	// nonceMax bounds the client's nonce: it is kept and signed.
	nonceMax = 256

	// Derived keys that are kept in place of passwords resist guessing by their iterations; those that are made of a password in the
	// configuration, which is what these defaults are for, have nothing to resist. RFC 7677 asks for this at least.
	pbkdf2Iterations = 4096
	argon2Iterations = 3
	// noBindingHeader is base64 of "n,,": the client binds no channel (RFC 5801).
	noBindingHeader = "biws"
	argon2MemoryKiB = 32 << 10
	// argon2MemoryMax bounds what a configuration may ask of its clients and of this process at its start.
	argon2MemoryMax     = 1 << 20
	argon2IterationsMax = 1000
)

// ScramKey proves a user who knows a password that we do not (RFC 5802, advanced/authentication_scram).
type ScramKey struct {
	KDF        string
	Salt       []byte
	Iterations int
	Memory     int // KiB, of argon2
	StoredKey  []byte
	ServerKey  []byte
	text       *ScramKey // the same password, derived as kdfArgon2Text; nil where that is not possible
}

// NewScramKey derives what is kept from a password. Zero iterations and memory take the defaults of the kdf.
func NewScramKey(kdf string, password Secret, salt []byte, iterations, memory int) (*ScramKey, error) {
	k := &ScramKey{KDF: kdf, Salt: salt, Iterations: iterations, Memory: memory}
	switch kdf {
	case KDFPBKDF2:
		if k.Iterations == 0 {
			k.Iterations = pbkdf2Iterations
		}
		if k.Memory = 0; k.Iterations < 1 {
			return nil, fmt.Errorf("auth: scram by %s takes at least one iteration", kdf)
		}
	case KDFArgon2:
		if k.Iterations == 0 {
			k.Iterations = argon2Iterations
		}
		if k.Memory == 0 {
			k.Memory = argon2MemoryKiB
		}
		if k.Memory > argon2MemoryMax || k.Memory < 8 || k.Iterations < 1 || k.Iterations > argon2IterationsMax {
			return nil, fmt.Errorf("auth: scram by %s takes 1 to %d iterations and 8 to %d KiB of memory", kdf, argon2IterationsMax, argon2MemoryMax)
		}
	default:
		return nil, fmt.Errorf("auth: scram knows %s and %s, not %q", KDFPBKDF2, KDFArgon2, kdf)
	}
	salted, err := saltedPassword(kdf, password, salt, k.Iterations, k.Memory)
	if err != nil {
		return nil, err
	}
	k.keep(salted)
	if kdf == KDFArgon2 {
		k.text = &ScramKey{KDF: kdfArgon2Text, Salt: salt, Iterations: k.Iterations, Memory: k.Memory}
		k.text.keep(asText(salted))
	}
	return k, nil
}

// saltedPassword is what both ends derive of a password, by a kdf that is known and at a price that has been looked at.
func saltedPassword(kdf string, password Secret, salt []byte, iterations, memory int) ([]byte, error) {
	if kdf == KDFPBKDF2 {
		return pbkdf2.Key(sha256.New, string(password), salt, iterations, sha256.Size)
	}
	salted := argon2.IDKey([]byte(password), salt, uint32(iterations), uint32(memory), 1, sha256.Size)
	if kdf == kdfArgon2Text {
		salted = asText(salted)
	}
	return salted, nil
}

// scramMessage is what both ends sign (RFC 5802 section 3): c is the challenge, header what the client says of the channel.
func scramMessage(authID, clientNonce string, c *Extra, header string) string {
	return "n=" + saslName(authID) + ",r=" + clientNonce +
		",r=" + c.Nonce + ",s=" + c.Salt + ",i=" + strconv.FormatUint(c.Iterations, 10) +
		",c=" + header + ",r=" + c.Nonce
}

// keep derives what is kept of a salted password.
func (k *ScramKey) keep(salted []byte) {
	stored := sha256.Sum256(mac(salted, "Client Key"))
	k.StoredKey, k.ServerKey = stored[:], mac(salted, "Server Key")
}

func asText(b []byte) []byte { return base64.RawStdEncoding.AppendEncode(nil, b) }

// SaltFor is the salt of a user whose configuration gives a password alone: always the same for the name and the key, on every node.
func SaltFor(key []byte, authID string) []byte {
	return mac(key, "kleeblatt scram salt\x00"+authID)[:scramSaltBytes]
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// beginScram answers the client's nonce by ours behind it (SCR-02). Channel binding is not offered for it (SCR-05).
func (x *Exchange) beginScram(a *Attempt, random func() uint64) Outcome {
	clientNonce := a.Extra.Nonce
	nonce := clientNonce
	switch {
	case nonce == "" || len(nonce) > nonceMax || strings.ContainsAny(nonce, ",\x00"):
		return Outcome{Refusal: unreadable}
	case a.Extra.ChannelBinding != "":
		return Outcome{Refusal: noBinding}
	}
	var ours [scramNonceBytes]byte
	fill(ours[:], random)
	nonce += base64.StdEncoding.EncodeToString(ours[:])
	k := x.user.Scram
	short := x.Method == MethodScramShort
	if short && k.text != nil {
		k = k.text
	}
	salt := base64.StdEncoding.EncodeToString(k.Salt)
	x.Challenge = Extra{Nonce: nonce, Salt: salt, KDF: k.KDF, Iterations: uint64(k.Iterations), Memory: uint64(k.Memory)}
	x.verify = func(signature string, extra *Extra) (Extra, bool) {
		proof, err := base64.StdEncoding.DecodeString(signature)
		repeated := extra.Nonce == nonce || short && extra.Nonce == ""
		fits := err == nil && len(proof) == sha256.Size && repeated && extra.ChannelBinding == "" && extra.BindingData == ""
		if !fits {
			proof = make([]byte, sha256.Size) // wrong, and as dear
		}
		// The standard's header says that there is no binding; clients are in use that leave it out.
		for _, header := range []string{noBindingHeader, ""} {
			message := scramMessage(x.user.AuthID, clientNonce, &x.Challenge, header)
			if k.proves(proof, message) && fits {
				return Extra{Verifier: base64.StdEncoding.EncodeToString(mac(k.ServerKey, message)), short: short}, true
			}
		}
		return Extra{}, false
	}
	return Outcome{Exchange: x}
}

// proves checks that who made the proof knows the client key (RFC 5802 section 3).
func (k *ScramKey) proves(proof []byte, message string) bool {
	client := mac(k.StoredKey, message)
	subtle.XORBytes(client, client, proof)
	stored := sha256.Sum256(client)
	return subtle.ConstantTimeCompare(stored[:], k.StoredKey) == 1
}

// saslName escapes a name for the message that is signed.
func saslName(s string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s)
}
