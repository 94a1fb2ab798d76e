package auth

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"kleeblatt/internal/wamp"
)

// Authenticator is a WAMP procedure that knows users whom the configuration does not know. It is called with the realm, the authid and details
// (a dict), and returns a role, or a dict with what is known of the user; an ERROR says that it knows nobody of that name, or that a ticket is
// wrong. Users of the configuration come first: about them nobody is asked.
//
// Nobody is challenged like somebody: for wampcra without a salt, for scram by pbkdf2 as this router itself uses it. An authenticator whose
// users have other parameters answers for names that it does not know with these, in a dict without a role.
type Authenticator struct {
	Procedure string
	Realm     string        // where it is registered; "" for the realm that is joined
	Methods   []string      // that it is asked for
	Timeout   time.Duration // that it has to answer
}

// ProviderDynamic is the provider of principals for whom an authenticator vouched.
const ProviderDynamic = "dynamic"

// canonical is the method's name in the specification.
func canonical(method string) string {
	if method == MethodScramShort {
		return MethodScram
	}
	return method
}

// Inquiry is a question to an authenticator. What it asks is in Attempt, and Ticket where that is the method.
type Inquiry struct {
	*Authenticator
	Method  string // by the specification's name
	Attempt *Attempt
	Ticket  Secret

	realm  *Realm
	finish func(u *User) Outcome // nil: it does not know anybody
}

// Vouched is what an authenticator says of a user. What it leaves out is empty.
type Vouched struct {
	AuthID string // needed where the client does not name itself
	Role   string
	Secret Secret // wampcra: what the client signs with; with a salt base64 of the derived bytes
	Salt   string // wampcra: text; scram: base64

	Iterations, KeyLen, Memory uint64

	KDF                  string // scram; "" for pbkdf2
	StoredKey, ServerKey string // scram: base64, or hex
	PubKey               string // cryptosign: the one that the client has to have shown
}

var (
	noSuchRole  = &Refusal{wamp.ErrNoSuchRole, "there is no such role here"}
	unanswered  = &Refusal{wamp.ErrAuthenticationFailed, "who decides about this could not be asked"}
	errUnusable = errors.New("auth: the authenticator's answer cannot be used")
)

const (
	keyBytes     = 32      // of scram, SHA-256
	iterationMax = 1 << 24 // a client would be busy for seconds; more is a mistake
)

// Failed is the outcome where the authenticator was not there, did not answer in time, or in words that mean nothing.
func (q *Inquiry) Failed() Outcome { return Outcome{Refusal: unanswered} }

// Answered is what follows from the authenticator's answer; nil says that it knows nobody of that name, or that the ticket is wrong.
func (q *Inquiry) Answered(v *Vouched) Outcome {
	if v == nil {
		v = &Vouched{}
		if q.Method == MethodScram {
			v.Salt, v.Iterations = base64.StdEncoding.EncodeToString(make([]byte, scramSaltBytes)), pbkdf2Iterations
		}
		return q.finish(q.madeUp(v))
	}
	if v.Role == "" && (q.Method == MethodCRA || q.Method == MethodScram) {
		if u := q.madeUp(v); u != nil {
			return q.finish(u)
		}
		return q.Failed()
	}
	u, err := v.user(q)
	if err != nil {
		return q.Failed()
	}
	return q.finish(u)
}

// madeUp is nobody, who is challenged like somebody with these parameters; nil for methods that have none, and for parameters that mean
// nothing.
func (q *Inquiry) madeUp(v *Vouched) *User {
	if q.Method != MethodCRA && q.Method != MethodScram {
		return nil
	}
	like := *v // but for the secrets, which are made up
	like.AuthID, like.Role, like.Secret, like.StoredKey, like.ServerKey = "", RoleAnonymous, "-", noKey, noKey
	model, err := like.user(q)
	if err != nil {
		return nil
	}
	u := q.realm.after(model, q.Attempt.AuthID)
	u.nobody, u.provider = true, ProviderDynamic
	return u
}

var noKey = hex.EncodeToString(make([]byte, keyBytes))

// user makes a user of what was said.
func (v *Vouched) user(q *Inquiry) (*User, error) {
	u := &User{AuthID: v.AuthID, Role: v.Role, provider: ProviderDynamic}
	if asked := q.Attempt.AuthID; u.AuthID == "" {
		u.AuthID = asked
	} else if asked != "" && asked != u.AuthID {
		return nil, errUnusable
	}
	if u.Role == "" || v.Iterations > iterationMax || v.KeyLen > keyLenMax || v.Memory > argon2MemoryMax {
		return nil, errUnusable
	}
	var err error
	switch q.Method {
	case MethodCRA:
		u.CRA, err = v.cra()
	case MethodScram:
		u.Scram, err = v.scram()
	case MethodCryptosign:
		if v.PubKey != "" && v.PubKey != q.Attempt.Extra.PubKey {
			err = errUnusable
		}
	}
	if err == nil && u.AuthID == "" && q.Method != MethodAnonymous {
		err = errUnusable
	}
	return u, err
}

func (v *Vouched) cra() (*CRAKey, error) {
	k := &CRAKey{Key: []byte(v.Secret), Salt: v.Salt, Iterations: int(v.Iterations), KeyLen: int(v.KeyLen)}
	if v.Salt != "" && k.Iterations == 0 {
		k.Iterations = craIterations
	}
	if v.Salt != "" && k.KeyLen == 0 {
		k.KeyLen = craKeyLen
	}
	if v.Secret == "" {
		return nil, errUnusable
	}
	return k, nil
}

func (v *Vouched) scram() (*ScramKey, error) {
	k := &ScramKey{KDF: v.KDF, Iterations: int(v.Iterations), Memory: int(v.Memory)}
	var err error
	if k.Salt, err = base64.StdEncoding.DecodeString(v.Salt); err != nil || len(k.Salt) == 0 {
		return nil, errUnusable
	}
	if k.StoredKey, k.ServerKey = keyOf(v.StoredKey), keyOf(v.ServerKey); k.StoredKey == nil || k.ServerKey == nil {
		return nil, errUnusable
	}
	if k.KDF == "" {
		k.KDF = KDFPBKDF2
	}
	if k.Iterations < 1 || k.KDF != KDFPBKDF2 && (k.KDF != KDFArgon2 || k.Memory < 8) {
		return nil, errUnusable
	}
	return k, nil
}

// keyOf reads 32 bytes in hex or base64, nil if it is neither.
func keyOf(s string) []byte {
	if b, err := hex.DecodeString(s); err == nil && len(b) == keyBytes {
		return b
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && len(b) == keyBytes {
		return b
	}
	return nil
}

// ask is the outcome that an authenticator has to be asked, if there is one for the method.
func (r *Realm) ask(method string, a *Attempt, ticket Secret, finish func(*User) Outcome) Outcome {
	by := r.dynamic[canonical(method)]
	return Outcome{Inquiry: &Inquiry{Authenticator: by, Method: canonical(method), Attempt: a, Ticket: ticket, realm: r, finish: finish}}
}

// asks says whether an authenticator is asked about those whom the configuration does not know.
func (r *Realm) asks(method string) bool { return r.dynamic[canonical(method)] != nil }

// let gives the user in who has proven all that is needed, or says why not.
func (r *Realm) let(u *User, method string, a *Attempt) Outcome {
	switch {
	case u == nil || u.nobody || a.AuthID != "" && a.AuthID != u.AuthID || !u.mayBe(a.AuthRole):
		return Outcome{Refusal: denied}
	case !r.hasRole(u.Role):
		return Outcome{Refusal: noSuchRole}
	}
	return Outcome{Principal: u.principal(method)}
}

// hasRole says whether a role is one of the realm's; where they are not told, any is.
func (r *Realm) hasRole(role string) bool { return r.roles == nil || r.roles[role] }
