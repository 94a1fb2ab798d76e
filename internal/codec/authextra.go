package codec

import "kleeblatt/internal/wamp"

// AuthExtra is what the authentication methods read of authextra in HELLO and AUTHENTICATE, and a client of CHALLENGE.Extra and of authextra
// in WELCOME. Absent values are nil or 0. Slices live like those of a Message.
type AuthExtra struct {
	Nonce, Salt, KDF, Challenge, PubKey, ChannelBinding, BindingData, Verifier []byte
	Iterations, Memory, KeyLen                                                 uint64
}

// AuthExtra reads such a dict, for example Hello.AuthExtra, or Message.Dict of AUTHENTICATE. An empty one is no dict at all and holds
// nothing. Unknown keys are skipped. Every failure is a *SyntaxError that blames a message of type t.
func (p *Parser) AuthExtra(s wamp.Serializer, t wamp.MessageType, dict []byte, x *AuthExtra) error {
	*x = AuthExtra{}
	if len(dict) == 0 {
		return nil
	}
	c := &p.c
	return p.pairs(s, t, "extra", dict, func(key []byte) {
		switch string(key) {
		case "nonce":
			x.Nonce = c.text()
		case "salt":
			x.Salt = c.text()
		case "kdf":
			x.KDF = c.text()
		case "challenge":
			x.Challenge = c.text()
		case "pubkey":
			x.PubKey = c.text()
		case "channel_binding":
			x.ChannelBinding = c.text()
		case "cbind_data":
			x.BindingData = c.text()
		case "verifier":
			x.Verifier = c.text()
		case "iterations":
			x.Iterations = c.uint()
		case "memory":
			x.Memory = c.uint()
		case "keylen":
			x.KeyLen = c.uint()
		default:
			c.walk(1)
		}
	})
}
