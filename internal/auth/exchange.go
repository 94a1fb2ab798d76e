package auth

import (
	"kleeblatt/internal/wamp"
)

// Method names as HELLO.Details.authmethods lists them and WELCOME.Details.authmethod repeats them.
const (
	MethodAnonymous   = "anonymous"
	MethodTicket      = "ticket"
	MethodCRA         = "wampcra"
	MethodScram       = "wamp-scram"
	MethodScramShort  = "scram" // as some clients spell it; they are answered in their own words
	MethodCryptosign  = "cryptosign"
	MethodCertificate = "tls"
)

// Attempt is what is known of who wants in, from HELLO and from its connection. Its strings are kept by the Exchange.
type Attempt struct {
	Realm    string
	AuthID   string   // asked for; "" for none
	AuthRole string   // asked for; "" for any
	Methods  []string // in the client's order
	Extra    Extra    // HELLO.Details.authextra
	Session  uint64   // the id that WELCOME will give
	Millis   int64    // wall clock, milliseconds since 1970; it stands in challenges, nothing is decided by it

	Channel // zero for connections without TLS
}

// Channel is what a connection over TLS says of itself.
type Channel struct {
	// Binding is 32 bytes that no other connection has (RFC 5929, RFC 9266), by the kind that clients name; nil where there is none.
	Binding     func(kind string) ([]byte, bool)
	Certificate string // SHA-256 of the client's certificate that was verified, in hex; "" for none
}

// Extra is a dict of short values as authextra carries them: text, and numbers where a method has numbers. A missing value is "" or 0.
type Extra struct {
	Nonce          string // scram
	Salt           string // scram, wampcra
	KDF            string // scram
	Challenge      string // wampcra, cryptosign; in HELLO: of the client to the router
	PubKey         string // cryptosign
	Signature      string // cryptosign, in CHALLENGE: the router's own
	ChannelBinding string // scram, cryptosign
	BindingData    string // scram: cbind_data
	Verifier       string // scram, in WELCOME
	Iterations     uint64 // scram, wampcra
	Memory         uint64 // scram: KiB, for argon2
	KeyLen         uint64 // wampcra

	short bool
}

// VerifierKey is the key under which WELCOME's authextra carries the verifier.
func (x *Extra) VerifierKey() string {
	if x.short {
		return "scram_server_signature"
	}
	return "verifier"
}

// Refusal is an ABORT: its URI, and what a person is told. Neither tells whether a user exists.
type Refusal struct{ URI, Text string }

// The texts of refusals are the same for an unknown user, a user who does not have the method, and a wrong credential.
var (
	denied     = &Refusal{wamp.ErrAuthenticationDenied, "the credentials are not right"}
	noMethod   = &Refusal{wamp.ErrNoMatchingAuthMethod, "none of the offered authmethods is possible here"}
	required   = &Refusal{wamp.ErrAuthenticationRequired, "anonymous sessions are not allowed here: offer another of authmethods"}
	noAuthID   = &Refusal{wamp.ErrAuthenticationDenied, "this method needs an authid"}
	noBinding  = &Refusal{wamp.ErrAuthenticationFailed, "this channel_binding is not possible on this connection"}
	unreadable = &Refusal{wamp.ErrAuthenticationFailed, "authextra lacks what the method needs, or it cannot be read"}
)

// Outcome is what follows from HELLO or AUTHENTICATE: exactly one of its pointers is set.
type Outcome struct {
	Principal *Principal // WELCOME, with Welcome as its authextra
	Refusal   *Refusal   // ABORT
	Exchange  *Exchange  // CHALLENGE: method and extra of it; kept until AUTHENTICATE comes or the time is over
	Inquiry   *Inquiry   // an authenticator is to be asked first
	Welcome   Extra
}

// Exchange is a challenge that waits for its answer. It is used once.
type Exchange struct {
	Method    string // as the client spelled it
	Challenge Extra

	realm   *Realm
	attempt *Attempt
	user    *User // a made-up one where the client named nobody that we know
	known   bool
	verify  func(signature string, extra *Extra) (welcome Extra, ok bool)
}

// Begin takes HELLO. The client's first method that is possible in the realm counts (AUT-01); a client that offers none is taken for an
// anonymous one (AUT-07). random is asked for uniform bits that nobody can predict.
func (r *Realm) Begin(a *Attempt, random func() uint64) Outcome {
	offered := a.Methods
	if len(offered) == 0 {
		offered = []string{MethodAnonymous}
	}
	onlyAnonymous := true
	if a.AuthRole != "" && !r.hasRole(a.AuthRole) {
		return Outcome{Refusal: noSuchRole}
	}
	for _, m := range offered {
		onlyAnonymous = onlyAnonymous && m == MethodAnonymous
		if !r.speaks(m) || m == MethodCertificate && a.Certificate == "" {
			continue
		}
		return r.begin(m, a, random)
	}
	if onlyAnonymous {
		return Outcome{Refusal: required}
	}
	return Outcome{Refusal: noMethod}
}

func (r *Realm) begin(method string, a *Attempt, random func() uint64) Outcome {
	switch method {
	case MethodAnonymous:
		return r.beginAnonymous(a, random)
	case MethodCertificate:
		return r.byCertificate(a)
	case MethodCryptosign:
		return r.beginCryptosign(a, random)
	}
	if a.AuthID == "" {
		return Outcome{Refusal: noAuthID} // TIK-02
	}
	if u := r.users[a.AuthID]; r.asks(method) && (u == nil || !u.has(method)) {
		if method == MethodTicket { // it is shown the ticket
			return Outcome{Exchange: &Exchange{Method: method, realm: r, attempt: a}}
		}
		return r.ask(method, a, "", func(u *User) Outcome { return r.challenge(method, a, u, !u.nobody, random) })
	}
	u, known := r.lookup(a.AuthID, method)
	return r.challenge(method, a, u, known, random)
}

// challenge begins the exchange with a user, who may be made up.
func (r *Realm) challenge(method string, a *Attempt, u *User, known bool, random func() uint64) Outcome {
	x := &Exchange{Method: method, realm: r, attempt: a, user: u, known: known && u.mayBe(a.AuthRole)}
	switch method {
	case MethodTicket:
		x.verify = u.verifyTicket
	case MethodCRA:
		x.beginCRA(a, random)
	default:
		return x.beginScram(a, random)
	}
	return Outcome{Exchange: x}
}

// Answer takes AUTHENTICATE. A wrong answer for a user that exists and any answer for one that does not cost the same.
func (x *Exchange) Answer(signature string, extra *Extra) Outcome {
	if x.verify == nil {
		return x.realm.ask(x.Method, x.attempt, Secret(signature), func(u *User) Outcome { return x.realm.let(u, x.Method, x.attempt) })
	}
	welcome, ok := x.verify(signature, extra)
	switch {
	case !ok || !x.known:
		return Outcome{Refusal: denied}
	case !x.realm.hasRole(x.user.Role):
		return Outcome{Refusal: noSuchRole}
	}
	return Outcome{Principal: x.user.principal(x.Method), Welcome: welcome}
}

// beginAnonymous lets in whoever comes, or asks who that is to be.
func (r *Realm) beginAnonymous(a *Attempt, random func() uint64) Outcome {
	p := Anonymous(random)
	p.AuthRole = r.anonymousRole
	if r.anonymous || !r.asks(MethodAnonymous) {
		return Outcome{Principal: &p}
	}
	return r.ask(MethodAnonymous, a, "", func(u *User) Outcome {
		if u != nil && u.AuthID == "" {
			u.AuthID = p.AuthID
		}
		return r.let(u, MethodAnonymous, a)
	})
}

func (r *Realm) byCertificate(a *Attempt) Outcome {
	u := r.certificates[a.Certificate]
	if u == nil && r.asks(MethodCertificate) {
		return r.ask(MethodCertificate, a, "", func(u *User) Outcome { return r.let(u, MethodCertificate, a) })
	}
	return r.let(u, MethodCertificate, a)
}
