package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// User is a principal of the configuration: who it is, and what proves it. Zero credentials are none.
type User struct {
	AuthID string
	Role   string
	Realms []string // where it may join; nil for everywhere

	Ticket       Secret
	CRA          *CRAKey
	Scram        *ScramKey
	Keys         []PublicKey // cryptosign
	Certificates []string    // SHA-256 of client certificates, hex

	provider string // "" for ProviderStatic
	nobody   bool   // made up
}

// Secret is text that must not be printed: it formats as dots.
type Secret string

// String implements fmt.Stringer for logs and messages.
func (Secret) String() string { return "•••" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "•••" }

// MarshalText implements encoding.TextMarshaler, so that no encoder writes it.
func (Secret) MarshalText() ([]byte, error) { return []byte("•••"), nil }

func (u *User) mayBe(role string) bool { return role == "" || role == u.Role }

func (u *User) principal(method string) *Principal {
	return &Principal{AuthID: u.AuthID, AuthRole: u.Role, AuthMethod: method, AuthProvider: u.vouchedBy()}
}

// vouchedBy is who says that the user exists.
func (u *User) vouchedBy() string {
	if u.provider == "" {
		return ProviderStatic
	}
	return u.provider
}

// has says whether the user can prove itself by the method.
func (u *User) has(method string) bool {
	switch method {
	case MethodTicket:
		return u.Ticket != ""
	case MethodCRA:
		return u.CRA != nil
	case MethodScram, MethodScramShort:
		return u.Scram != nil
	case MethodCryptosign:
		return len(u.Keys) > 0
	case MethodCertificate:
		return len(u.Certificates) > 0
	}
	return false
}

// Realm is how one realm lets clients in. It is immutable.
type Realm struct {
	anonymous     bool
	anonymousRole string
	users         map[string]*User
	byMethod      map[string][]*User // those who have it, by authid: the models of made-up ones
	keys          map[PublicKey]*User
	certificates  map[string]*User
	dynamic       map[string]*Authenticator // by method, by the specification's name
	roles         map[string]bool           // all there are; nil: any
	routerKey     ed25519.PrivateKey
	key           [sha256.Size]byte // made-up users depend on it, so that nobody else can tell them from real ones
}

// RealmConfig says who may join a realm.
type RealmConfig struct {
	Name          string
	Anonymous     bool   // whoever connects is let in,
	AnonymousRole string // in this role; "" for RoleAnonymous
	Users         []User // of all realms
	// Authenticators are asked about those who are not in Users, for each method at most one.
	Authenticators []*Authenticator
	// Roles are all there are beside those of Users and AnonymousRole; nil: any role is one.
	Roles []string
	// Key is the secret from which the challenges for unknown users are made. It is the same on all nodes of a cluster, so that they
	// agree on them.
	Key []byte
	// RouterKey proves the router to cryptosign clients that ask for it; nil: it does not.
	RouterKey ed25519.PrivateKey
}

// NewRealm checks a realm's users: names and keys that two of them share are an error, since one of them could not get in.
func NewRealm(c RealmConfig) (*Realm, error) {
	r := &Realm{
		anonymous: c.Anonymous, anonymousRole: c.AnonymousRole,
		dynamic: map[string]*Authenticator{},
		users:   map[string]*User{}, byMethod: map[string][]*User{}, keys: map[PublicKey]*User{}, certificates: map[string]*User{},
		routerKey: c.RouterKey,
		key:       sha256.Sum256(append([]byte("kleeblatt made-up users\x00"), c.Key...)),
	}
	if r.anonymousRole == "" {
		r.anonymousRole = RoleAnonymous
	}
	for i := range c.Users {
		u := &c.Users[i]
		if u.Realms != nil && !slices.Contains(u.Realms, c.Name) {
			continue
		}
		if err := r.add(u); err != nil {
			return nil, err
		}
	}
	if err := r.addDynamic(&c); err != nil {
		return nil, err
	}
	for _, users := range r.byMethod {
		slices.SortFunc(users, func(a, b *User) int { return strings.Compare(a.AuthID, b.AuthID) })
	}
	return r, nil
}

// Authenticators are those who are asked, each once.
func (r *Realm) Authenticators() (out []*Authenticator) {
	for _, m := range []string{MethodAnonymous, MethodTicket, MethodCRA, MethodScram, MethodCryptosign, MethodCertificate} {
		if a := r.dynamic[m]; a != nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// addDynamic notes who is asked, and which roles there are.
func (r *Realm) addDynamic(c *RealmConfig) error {
	for _, a := range c.Authenticators {
		for _, m := range a.Methods {
			if r.asks(m) {
				return fmt.Errorf("auth: two authenticators are asked for %s", m)
			}
			r.dynamic[canonical(m)] = a
		}
	}
	if c.Roles == nil {
		return nil
	}
	r.roles = map[string]bool{}
	for _, role := range c.Roles {
		r.roles[role] = true
	}
	for _, u := range r.users {
		r.roles[u.Role] = true
	}
	if r.anonymous {
		r.roles[r.anonymousRole] = true
	}
	return nil
}

func (r *Realm) add(u *User) error {
	if u.AuthID == "" || u.Role == "" {
		return fmt.Errorf("auth: user %q needs an authid and a role", u.AuthID)
	}
	if r.users[u.AuthID] != nil {
		return fmt.Errorf("auth: there are two users with the authid %q", u.AuthID)
	}
	r.users[u.AuthID] = u
	for _, k := range u.Keys {
		if o := r.keys[k]; o != nil {
			return fmt.Errorf("auth: %q and %q have the same cryptosign key", o.AuthID, u.AuthID)
		}
		r.keys[k] = u
	}
	for _, c := range u.Certificates {
		if o := r.certificates[c]; o != nil {
			return fmt.Errorf("auth: %q and %q have the same certificate", o.AuthID, u.AuthID)
		}
		r.certificates[c] = u
	}
	any := false
	for _, m := range []string{MethodTicket, MethodCRA, MethodScram, MethodCryptosign, MethodCertificate} {
		if u.has(m) {
			any = true
			r.byMethod[m] = append(r.byMethod[m], u)
		}
	}
	if !any {
		return fmt.Errorf("auth: user %q has no credential: nothing would let it in", u.AuthID)
	}
	return nil
}

// speaks says whether anybody can get in by the method.
func (r *Realm) speaks(method string) bool {
	if r.asks(method) {
		return true
	}
	if method == MethodAnonymous {
		return r.anonymous
	}
	return len(r.byMethod[canonical(method)]) > 0
}

// lookup finds a user who has the method. For anybody else it makes one up, always the same for a name, after the model of a user who
// exists: challenges do not tell who is there (CRA-05, SCR-06), and answers cost the same.
func (r *Realm) lookup(authID, method string) (u *User, known bool) {
	made := r.madeUp(authID, method)
	if u := r.users[authID]; u != nil && u.has(method) {
		return u, true
	}
	return made, false
}

func (r *Realm) madeUp(authID, method string) *User {
	models := r.byMethod[canonical(method)]
	return r.after(models[binary.BigEndian.Uint64(r.derive("model", authID, 8))%uint64(len(models))], authID)
}

// after makes up a user after a model, always the same.
func (r *Realm) after(model *User, authID string) *User {
	u := &User{AuthID: authID, Role: model.Role, Ticket: Secret(r.derive("ticket", authID, 32))}
	if k := model.CRA; k != nil {
		u.CRA = &CRAKey{Key: r.derive("cra", authID, 32), Iterations: k.Iterations, KeyLen: k.KeyLen}
		if k.Salt != "" {
			u.CRA.Salt = saltLike(k.Salt, r.derive("cra salt", authID, len(k.Salt)))
		}
	}
	if k := model.Scram; k != nil {
		u.Scram = &ScramKey{
			KDF: k.KDF, Salt: r.derive("scram salt", authID, len(k.Salt)), Iterations: k.Iterations, Memory: k.Memory,
			StoredKey: r.derive("stored", authID, 32), ServerKey: r.derive("server", authID, 32),
		}
		if k.text != nil {
			text := *u.Scram
			text.KDF = kdfArgon2Text
			u.Scram.text = &text
		}
	}
	return u
}

// derive is n bytes that depend on the realm's key, a purpose and a name.
func (r *Realm) derive(purpose, name string, n int) (out []byte) {
	for i := byte(0); len(out) < n; i++ {
		h := hmac.New(sha256.New, r.key[:])
		h.Write([]byte{i})
		h.Write([]byte(purpose))
		h.Write([]byte{0})
		h.Write([]byte(name))
		out = h.Sum(out)
	}
	return out[:n]
}

// saltLike makes text of random bytes that looks like a model: letters where it has letters, digits where it has digits.
func saltLike(model string, random []byte) string {
	out := []byte(model)
	for i, c := range out {
		switch {
		case c >= '0' && c <= '9':
			out[i] = '0' + random[i]%10
		case c >= 'a' && c <= 'z':
			out[i] = 'a' + random[i]%26
		case c >= 'A' && c <= 'Z':
			out[i] = 'A' + random[i]%26
		}
	}
	return string(out)
}
