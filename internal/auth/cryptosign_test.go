package auth

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func signedBy(key ed25519.PrivateKey, challenge string, channel []byte) string {
	m := unhex(challenge)
	subtle.XORBytes(m, m, channel)
	return hex.EncodeToString(append(ed25519.Sign(key, m), m...))
}

// TestCSG_01_CSG_02_CSG_06_Cryptosign: CSG-01, CSG-02, CSG-06.
func TestCSG_01_CSG_02_CSG_06_Cryptosign(t *testing.T) {
	r := realm(t)
	pub := hex.EncodeToString(joeKey.Public().(ed25519.PublicKey))
	for _, authID := range []string{"joe", ""} {
		a := attempt(authID, MethodCryptosign)
		a.Extra.PubKey = pub
		x := challenged(t, r.Begin(a, chance()), MethodCryptosign)
		if len(x.Challenge.Challenge) != 64 {
			t.Errorf("challenge %q", x.Challenge.Challenge)
		}
		good := signedBy(joeKey, x.Challenge.Challenge, nil)
		admitted(t, x.Answer(good, &Extra{}), "joe", "backend", MethodCryptosign)
		other := strings.Repeat("00", 32)
		for what, signature := range map[string]string{
			"cut":            good[:190],
			"no hex":         "zz" + good[2:],
			"flipped":        flip(good, 0),
			"another text":   good[:128] + other,
			"signed another": signedBy(joeKey, other, nil),
		} {
			if o := x.Answer(signature, &Extra{}); o.Refusal == nil || o.Refusal.URI != wamp.ErrAuthenticationDenied {
				t.Errorf("%s: %+v", what, o)
			}
		}
	}
	a := attempt("ann", MethodCryptosign) // joe's key, ann's name
	a.Extra.PubKey = pub
	x := challenged(t, r.Begin(a, chance()), MethodCryptosign)
	refused(t, x.Answer(signedBy(joeKey, x.Challenge.Challenge, nil), &Extra{}), wamp.ErrAuthenticationDenied)

	stranger := ed25519.NewKeyFromSeed(make([]byte, 32))
	a.Extra.PubKey = hex.EncodeToString(stranger.Public().(ed25519.PublicKey))
	x = challenged(t, r.Begin(a, chance()), MethodCryptosign)
	refused(t, x.Answer(signedBy(stranger, x.Challenge.Challenge, nil), &Extra{}), wamp.ErrAuthenticationDenied)
	a.Extra.PubKey = "00"
	refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationFailed)
}

func flip(s string, i int) string {
	b := unhex(s)
	b[i] ^= 1
	return hex.EncodeToString(b)
}

// TestCSG_01_CSG_02_CSG_06_CryptosignBinding: what is signed depends on the channel (CSG-03).
func TestCSG_03_TheChannelIsSigned(t *testing.T) {
	r := realm(t)
	channel := unhex(strings.Repeat("62e935ae", 8))
	a := attempt("joe", MethodCryptosign)
	a.Extra = Extra{PubKey: hex.EncodeToString(joeKey.Public().(ed25519.PublicKey)), ChannelBinding: "tls-exporter"}
	refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationFailed)
	a.Binding = func(kind string) ([]byte, bool) { return channel, kind == "tls-exporter" }
	x := challenged(t, r.Begin(a, chance()), MethodCryptosign)
	if x.Challenge.ChannelBinding != "tls-exporter" {
		t.Errorf("%+v", x.Challenge)
	}
	admitted(t, x.Answer(signedBy(joeKey, x.Challenge.Challenge, channel), &Extra{}), "joe", "backend", MethodCryptosign)
	refused(t, x.Answer(signedBy(joeKey, x.Challenge.Challenge, nil), &Extra{}), wamp.ErrAuthenticationDenied)
	a.Extra.ChannelBinding = "tls-unique"
	refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationFailed)
}

// TestCSG_01_CSG_02_CSG_06_CryptosignVectors are the specification's: a router that gives these challenges takes these signatures, without and with a channel.
func TestCSG_02_CSG_03_TheVectorsOfTheSpecification(t *testing.T) {
	const channel = "62e935ae755f3d48f80d4d59f6121358c435722a67e859cc0caa8b539027f2ff"
	const ones = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	keys := []string{
		"4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510",
		"d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd",
		"6e1fde9cf9e2359a87420b65a87dc0c66136e66945196ba2475990d8a0c3a25b",
	}
	challenges := []string{ones, "b26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d", "b05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2"}
	signatures := []string{
		"b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0cae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03" + ones,
		"d4209ad10d5aff6bfbc009d7e924795de138a63515efc7afc6b01b7fe5201372190374886a70207b042294af5bd64ce725cd8dceb344e6d11c09d1aaaf4d660fb26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d",
		"7beb282184baadd08f166f16dd683b39cab53816ed81e6955def951cb2ddad1ec184e206746fd82bda075af03711d3d5658fc84a76196b0fa8d1ebc92ef9f30bb05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2",
		"9b6f41540c9b95b4b7b281c3042fa9c54cef43c842d62ea3fd6030fcb66e70b3e80d49d44c29d1635da9348d02ec93f3ed1ef227dfb59a07b580095c2b82f80f9d16ca518aa0c2b707f2b2a609edeca73bca8dd59817a633f35574ac6fd80d00",
		"305aaa3ac25e98f651427688b3fc43fe7d8a68a7ec1d7d61c61517c519bd4a427c3015599d83ca28b4c652333920223844ef0725eb5dc2febfd6af7677b73f01d0852a29b460fc92ec943242ac638a053bbacc200512b18b30d15083cbdc9282",
		"ee3c7644fd8070532bc1fde3d70d742267da545d8c8f03e63bda63f1ad4214f4d2c4bfdb4eb9526def42deeb7e31602a6ff99eba893e0a4ad4d45892ca75e608d2b75e24a189a7f78ca776ba36fc53f6c3e31c32f251f2c524f0a44202f2902d",
	}
	for i, signature := range signatures {
		pub := PublicKey(ed25519.NewKeyFromSeed(unhex(keys[i%3])).Public().(ed25519.PublicKey))
		r := realm(t, func(c *RealmConfig) { c.Users = []User{{AuthID: "v", Role: "tester", Keys: []PublicKey{pub}}} })
		a := attempt("v", MethodCryptosign)
		a.Extra.PubKey = hex.EncodeToString(pub[:])
		if i >= 3 {
			a.Extra.ChannelBinding = "tls-unique"
			a.Binding = func(string) ([]byte, bool) { return unhex(channel), true }
		}
		bytes := unhex(challenges[i%3])
		x := challenged(t, r.Begin(a, func() uint64 {
			v := binary.LittleEndian.Uint64(bytes)
			bytes = bytes[8:]
			return v
		}), MethodCryptosign)
		if x.Challenge.Challenge != challenges[i%3] {
			t.Fatalf("challenge %s", x.Challenge.Challenge)
		}
		admitted(t, x.Answer(signature, &Extra{}), "v", "tester", MethodCryptosign)
	}
}

func TestCertificate(t *testing.T) {
	r := realm(t)
	a := attempt("", MethodCertificate, MethodTicket)
	refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationDenied) // without a certificate it is a ticket, which needs an authid
	a.Certificate = strings.Repeat("ab", 32)
	admitted(t, r.Begin(a, chance()), "joe", "backend", MethodCertificate)
	a.AuthID = "ann"
	refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationDenied)
	a.AuthID, a.Certificate = "joe", strings.Repeat("cd", 32)
	refused(t, r.Begin(a, chance()), wamp.ErrAuthenticationDenied)
}
