package router

import (
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
)

// askAuthenticator asks who a client is that the configuration does not know. The client waits; the time that it has is that of HELLO.
func (w *Worker) askAuthenticator(slot uint32, x exchange, q *auth.Inquiry) {
	realm := x.realm
	if q.Realm != "" {
		realm = w.config.Realms.Get(q.Realm)
	}
	timeout := q.Timeout
	if timeout == 0 {
		timeout = DefaultInquiryTimeout
	}
	var waiting *wait
	waiting = w.inquire(slot, realm, q.Procedure, timeout, inquiryArgs(q), func(r *reply) {
		v, ok := readVouched(r)
		if !ok {
			w.stats.Unanswered++
		}
		if !w.answered(slot, waiting) {
			return
		}
		o := q.Failed()
		if ok {
			o = q.Answered(v)
		}
		w.authenticated(slot, x, o)
		w.goOn(slot, waiting)
	})
}

// inquiryArgs are what an authenticator is told: the realm, the authid and details. Of them those that are not there are left out.
func inquiryArgs(q *auth.Inquiry) []any {
	a := q.Attempt
	details := codec.Dict{{Key: "authmethod", Value: q.Method}, {Key: "session", Value: a.Session}}
	add := func(key, value string) {
		if value != "" {
			details = append(details, codec.Pair{Key: key, Value: value})
		}
	}
	add("authrole", a.AuthRole)
	add("ticket", string(q.Ticket))
	if x := &a.Extra; x.PubKey != "" {
		extra := codec.Dict{{Key: "pubkey", Value: x.PubKey}}
		if x.ChannelBinding != "" {
			extra = append(extra, codec.Pair{Key: "channel_binding", Value: x.ChannelBinding})
		}
		details = append(details, codec.Pair{Key: "authextra", Value: extra})
	}
	if a.Certificate != "" { // AUT-06
		tls := codec.Dict{{Key: "certificate", Value: a.Certificate}}
		details = append(details, codec.Pair{Key: "transport", Value: codec.Dict{{Key: "auth", Value: tls}}})
	}
	return []any{a.Realm, a.AuthID, details}
}

// readVouched takes the authenticator's answer: a role, or a dict. nil is that of an ERROR: it knows nobody of that name. What is neither does
// not count.
func readVouched(r *reply) (v *auth.Vouched, ok bool) {
	switch {
	case r.failed != "":
		return nil, false
	case r.err != "":
		return nil, true
	case len(r.args) != 1:
		return nil, false
	}
	switch x := r.args[0].(type) {
	case string:
		return &auth.Vouched{Role: x}, true
	case codec.Dict:
		return vouchedDict(x)
	}
	return nil, false
}

// vouchedDict reads the dict in the spelling of this router's own configuration, and in that of crossbar's.
func vouchedDict(d codec.Dict) (v *auth.Vouched, ok bool) {
	v, ok = &auth.Vouched{}, true
	for _, p := range d {
		text, isText := p.Value.(string)
		number, isNumber := p.Value.(uint64)
		wantText, wantNumber := true, false
		switch p.Key {
		case "authid":
			v.AuthID = text
		case "role", "authrole":
			v.Role = text
		case "secret":
			v.Secret = auth.Secret(text)
		case "salt":
			v.Salt = text
		case "kdf":
			v.KDF = text
		case "stored_key", "stored-key":
			v.StoredKey = text
		case "server_key", "server-key":
			v.ServerKey = text
		case "pubkey":
			v.PubKey = text
		case "iterations":
			v.Iterations, wantText, wantNumber = number, false, true
		case "keylen":
			v.KeyLen, wantText, wantNumber = number, false, true
		case "memory":
			v.Memory, wantText, wantNumber = number, false, true
		default:
			wantText = false
		}
		if p.Value != nil && (wantText && !isText || wantNumber && !isNumber) {
			return nil, false
		}
	}
	return v, ok
}
