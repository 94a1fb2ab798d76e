package router

import (
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// exchange is a connection that has been sent CHALLENGE. The time that it has is that of HELLO (CRA-04).
type exchange struct {
	*auth.Exchange
	session uint64 // the id that WELCOME will give; the challenge may name it
	realm   *Realm
	roles   wamp.Roles
}

// authenticate asks the realm who this is.
func (w *Worker) authenticate(slot uint32, realm *Realm, h *codec.Hello) {
	a := auth.Attempt{
		Realm: realm.Name, AuthID: string(h.AuthID), AuthRole: string(h.AuthRole),
		Session: w.newSessionID(), Millis: w.config.Epoch + w.now/1e6,
	}
	if c := w.channels[slot]; c != nil {
		a.Channel = *c
	}
	for _, m := range h.AuthMethods {
		a.Methods = append(a.Methods, string(m))
	}
	var ok bool
	if a.Extra, ok = w.authExtra(slot, wamp.Hello, h.AuthExtra); !ok {
		return
	}
	w.authenticated(slot, exchange{session: a.Session, realm: realm, roles: h.Roles}, realm.Auth.Begin(&a, w.random))
}

// onAuthenticate takes the answer to CHALLENGE.
func (w *Worker) onAuthenticate(slot uint32, x exchange, m *codec.Message) {
	delete(w.exchanges, slot)
	signature := string(m.URI)
	if extra, ok := w.authExtra(slot, wamp.Authenticate, m.Dict); ok {
		w.authenticated(slot, x, x.Answer(signature, &extra))
	}
}

// authenticated does what follows: WELCOME, CHALLENGE or ABORT (AUT-02).
func (w *Worker) authenticated(slot uint32, x exchange, o auth.Outcome) {
	switch {
	case o.Principal != nil:
		w.welcome(slot, x.realm, x.session, x.roles, o.Principal, &o.Welcome)
	case o.Inquiry != nil:
		w.askAuthenticator(slot, x, o.Inquiry)
	case o.Exchange != nil:
		x.Exchange = o.Exchange
		w.exchanges[slot] = x
		at := len(w.arena)
		w.arena = codec.AppendChallenge(w.arena, w.receivers[slot].serializer, x.Method, challengeFields(&x.Challenge))
		w.send(slot, at, true)
	default:
		w.stats.Denied++
		w.abort(slot, o.Refusal.URI, o.Refusal.Text)
	}
}

// authExtra reads the dict, or ends the session.
func (w *Worker) authExtra(slot uint32, t wamp.MessageType, dict []byte) (auth.Extra, bool) {
	var x codec.AuthExtra
	if err := w.parser.AuthExtra(w.receivers[slot].serializer, t, dict, &x); err != nil {
		w.violate(slot, err.Error())
		return auth.Extra{}, false
	}
	return auth.Extra{
		Nonce: string(x.Nonce), Challenge: string(x.Challenge), PubKey: string(x.PubKey), ChannelBinding: string(x.ChannelBinding), BindingData: string(x.BindingData),
	}, true
}

// challengeFields are the values of a challenge that are there.
func challengeFields(x *auth.Extra) (out []codec.Field) {
	for _, f := range [...]codec.Field{
		codec.TextField("challenge", x.Challenge), codec.TextField("nonce", x.Nonce), codec.TextField("salt", x.Salt), codec.TextField("kdf", x.KDF),
		codec.TextField("channel_binding", x.ChannelBinding), codec.TextField("pubkey", x.PubKey), codec.TextField("signature", x.Signature),
		codec.UintField("iterations", x.Iterations), codec.UintField("memory", x.Memory), codec.UintField("keylen", x.KeyLen),
	} {
		if f.Text != "" || f.Uint != 0 {
			out = append(out, f)
		}
	}
	return out
}
