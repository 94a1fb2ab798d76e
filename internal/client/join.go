package client

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"errors"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// errImpostor is what becomes of a router that cannot prove that it knows the password's verifier (SCR-04).
var errImpostor = errors.New("the router does not prove that it knows us: it may be another")

// join sends HELLO, answers a CHALLENGE and waits for WELCOME.
func (s *session) join() error {
	cfg := &s.client.cfg
	details := codec.HelloDetails{Roles: roles, Agent: cfg.Agent, AuthID: cfg.AuthID}
	var hello auth.Extra
	if p := cfg.Proof; p != nil {
		var err error
		if hello, err = p.Hello(unpredictable); err != nil {
			return err
		}
		details.AuthID, details.AuthMethods, details.AuthExtra = p.AuthID, []string{p.Method}, extraFields(&hello)
	}
	if err := s.wire.write(codec.AppendHello(nil, s.format, cfg.Realm, &details)); err != nil {
		return err
	}
	var m codec.Message
	if err := s.receive(&m); err != nil {
		return err
	}
	verifier := ""
	if m.Type == wamp.Challenge {
		var err error
		if verifier, err = s.answer(&hello, &m); err != nil {
			return err
		}
		if err := s.receive(&m); err != nil {
			return err
		}
	}
	switch m.Type {
	case wamp.Welcome:
		return s.welcomed(&m, verifier)
	case wamp.Abort:
		return &AbortError{Reason: string(m.URI), Message: string(m.Options.Msg)}
	}
	return &protocolError{m.Type}
}

// answer answers CHALLENGE, and tells what WELCOME has to bring.
func (s *session) answer(hello *auth.Extra, m *codec.Message) (verifier string, err error) {
	p := s.client.cfg.Proof
	if p == nil || string(m.URI) != p.Method {
		s.wire.write(codec.AppendAbort(nil, s.format, wamp.ErrNoMatchingAuthMethod, "this client has no credentials"))
		return "", &AbortError{Reason: wamp.ErrNoMatchingAuthMethod, Message: "the router asks for authentication by " + string(m.URI)}
	}
	var x codec.AuthExtra
	if err := s.parser.AuthExtra(s.format, wamp.Challenge, m.Dict, &x); err != nil {
		return "", err
	}
	a, err := p.Answer(hello, &auth.Extra{
		Challenge: string(x.Challenge), Nonce: string(x.Nonce), Salt: string(x.Salt), KDF: string(x.KDF),
		Iterations: x.Iterations, Memory: x.Memory, KeyLen: x.KeyLen,
	})
	if err != nil {
		s.wire.write(codec.AppendAbort(nil, s.format, wamp.ErrAuthenticationFailed, "the challenge cannot be answered"))
		return "", err
	}
	return a.Verifier, s.wire.write(codec.AppendAuthenticate(nil, s.format, a.Signature, extraFields(&a.Extra)))
}

func (s *session) welcomed(m *codec.Message, verifier string) error {
	s.id = m.Request
	if verifier == "" {
		return nil
	}
	var w codec.WelcomeDetails
	if err := s.parser.Welcome(s.format, m.Dict, &w); err != nil {
		return err
	}
	if !hmac.Equal([]byte(w.Verifier), []byte(verifier)) {
		s.wire.write(codec.AppendAbort(nil, s.format, wamp.ErrAuthenticationFailed, errImpostor.Error()))
		return errImpostor
	}
	return nil
}

// extraFields are what a client's dicts carry.
func extraFields(x *auth.Extra) (out []codec.Field) {
	for _, f := range [...]codec.Field{codec.TextField("nonce", x.Nonce), codec.TextField("pubkey", x.PubKey)} {
		if f.Text != "" {
			out = append(out, f)
		}
	}
	return out
}

func unpredictable() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:])
}
