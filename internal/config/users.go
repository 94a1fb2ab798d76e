package config

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"kleeblatt/internal/auth"
)

// User is one who may join, and what proves who it is. Empty credentials are none.
type User struct {
	AuthID, Role string
	Realms       []string // nil: every realm
	Ticket       auth.Secret
	CRA          *CRA
	Scram        *Scram
	Cryptosign   []auth.PublicKey
	Certificates []string // SHA-256 of client certificates, in hex
}

// CRA is a wampcra credential: a secret, or (with a salt) a password, or what was derived of one.
type CRA struct {
	Secret             auth.Secret
	Key                auth.Secret // base64 of the derived bytes, as the client signs with it; instead of Secret
	Salt               string
	Iterations, KeyLen int // 0: the defaults of package auth
}

// Scram is a scram credential: a password, or what was derived of one.
type Scram struct {
	Password             auth.Secret
	StoredKey, ServerKey []byte // instead of Password
	KDF                  string // "" for pbkdf2
	Salt                 []byte // nil: made of the cluster key and the authid
	Iterations, Memory   int
}

// usersKey is the key of the users; they stand in the file alone.
const usersKey = "users"

// keys of a user, of its credentials, and of a secret that is kept elsewhere.
var (
	userKeys   = []string{"authid", "role", "realms", "ticket", "wampcra", "scram", "cryptosign", "certificate"}
	craKeys    = []string{"secret", "key", "salt", "iterations", "keylen"}
	scramKeys  = []string{"password", "stored_key", "server_key", "kdf", "salt", "iterations", "memory"}
	secretKeys = []string{"env", "file"}
)

// secretMax bounds a file with a secret, in bytes.
const secretMax = 4096

// users reads the list of users.
func (r *yamlReader) users(at place, n ast.Node) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.p.fail(at, "users is a list: - authid: NAME")
		return
	}
	for _, v := range seq.Values {
		if u, ok := r.user(v); ok {
			r.p.config.Users = append(r.p.config.Users, u)
		}
	}
}

func (r *yamlReader) user(n ast.Node) (u User, ok bool) {
	before := len(r.p.problems)
	r.keys(n, "a user", userKeys, func(k string, at place, v ast.Node) {
		switch k {
		case "authid":
			u.AuthID = r.text(k, at, v)
		case "role":
			u.Role = r.text(k, at, v)
		case "realms":
			u.Realms = r.texts(k, at, v)
		case "ticket":
			u.Ticket = r.secret(k, at, v)
		case "wampcra":
			u.CRA = r.cra(k, at, v)
		case "scram":
			u.Scram = r.scram(k, at, v)
		case "certificate":
			for _, s := range r.texts(k, at, v) {
				u.Certificates = append(u.Certificates, r.fingerprint(at, s))
			}
		case "cryptosign":
			for _, s := range r.texts(k, at, v) {
				key, err := auth.ParsePublicKey(s)
				if err != nil {
					r.p.fail(at, "cryptosign: %q is no public key: 64 hexadecimal digits", s)
				}
				u.Cryptosign = append(u.Cryptosign, key)
			}
		}
	})
	if len(r.p.problems) == before && (u.AuthID == "" || u.Role == "") {
		r.p.fail(r.at(n), "a user needs an authid and a role")
	}
	return u, len(r.p.problems) == before
}

// fingerprint is the SHA-256 of a certificate as tools print it: hex, with or without colons.
func (r *yamlReader) fingerprint(at place, s string) string {
	plain := strings.ToLower(strings.ReplaceAll(s, ":", ""))
	if b, err := hex.DecodeString(plain); err != nil || len(b) != sha256.Size {
		r.p.fail(at, "certificate: %q is no fingerprint: the SHA-256 of the certificate, 64 hexadecimal digits", s)
	}
	return plain
}

func (r *yamlReader) cra(key string, at place, n ast.Node) *CRA {
	c := &CRA{}
	if !hasKeys(n) {
		c.Secret = r.secret(key, at, n)
		return c
	}
	r.keys(n, key, craKeys, func(k string, at place, v ast.Node) {
		switch k {
		case "secret":
			c.Secret = r.secret(k, at, v)
		case "key":
			c.Key = r.secret(k, at, v)
		case "salt":
			c.Salt = r.text(k, at, v)
		case "iterations":
			c.Iterations = r.number(k, at, v)
		case "keylen":
			c.KeyLen = r.number(k, at, v)
		}
	})
	switch {
	case (c.Secret == "") == (c.Key == ""):
		r.p.fail(at, "wampcra takes a secret, or the key that was derived of one")
	case c.Key != "" && (c.Salt == "" || c.Iterations == 0):
		r.p.fail(at, "wampcra: a derived key needs the salt and the iterations that it was derived with")
	}
	return c
}

func (r *yamlReader) scram(key string, at place, n ast.Node) *Scram {
	c := &Scram{}
	if !hasKeys(n) {
		c.Password = r.secret(key, at, n)
		return c
	}
	r.keys(n, key, scramKeys, func(k string, at place, v ast.Node) {
		switch k {
		case "password":
			c.Password = r.secret(k, at, v)
		case "stored_key":
			c.StoredKey = r.bytes(k, at, v)
		case "server_key":
			c.ServerKey = r.bytes(k, at, v)
		case "kdf":
			c.KDF = r.text(k, at, v)
		case "salt":
			c.Salt = r.bytes(k, at, v)
		case "iterations":
			c.Iterations = r.number(k, at, v)
		case "memory":
			c.Memory = r.number(k, at, v)
		}
	})
	derived := c.StoredKey != nil || c.ServerKey != nil
	switch {
	case (c.Password == "") == !derived:
		r.p.fail(at, "scram takes a password, or the stored_key and server_key that were derived of one")
	case derived && (len(c.StoredKey) != 32 || len(c.ServerKey) != 32 || c.Salt == nil || c.Iterations == 0):
		r.p.fail(at, "scram: derived keys are 32 bytes each and need the salt and the iterations that they were derived with")
	case c.KDF != "" && c.KDF != auth.KDFPBKDF2 && c.KDF != auth.KDFArgon2:
		r.p.fail(at, "scram: kdf is %s or %s, not %q", auth.KDFPBKDF2, auth.KDFArgon2, c.KDF)
	}
	return c
}

// hasKeys says whether a credential has keys of its own, not those of a secret that is kept elsewhere.
func hasKeys(n ast.Node) bool {
	m, ok := n.(ast.MapNode)
	if !ok {
		return false
	}
	for it := m.MapRange(); it.Next(); {
		if s, ok := scalar(it.KeyValue().Key); ok && slices.Contains(secretKeys, s) {
			return false
		}
	}
	return true
}

// keys calls each for the keys of a mapping, and reports those that are not in names.
func (r *yamlReader) keys(n ast.Node, what string, names []string, each func(k string, at place, v ast.Node)) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.p.fail(r.at(n), "%s has keys of its own: %s", what, strings.Join(names, ", "))
		return
	}
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		switch k, at := r.key(it.KeyValue()); {
		case k == "":
		case !slices.Contains(names, k):
			r.p.fail(at, "%s has no key %s%s", what, k, didYouMean(k, names))
		case seen[k]:
			r.p.fail(at, "%s is given twice", k)
		default:
			seen[k] = true
			each(k, at, it.Value())
		}
	}
}

func (r *yamlReader) text(key string, at place, n ast.Node) string {
	s, ok := scalar(n)
	if !ok || s == "" {
		r.p.fail(at, "%s: a plain value is needed here", key)
	}
	return s
}

func (r *yamlReader) texts(key string, at place, n ast.Node) []string {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return []string{r.text(key, at, n)}
	}
	out := []string{}
	for _, v := range seq.Values {
		out = append(out, r.text(key, r.at(v), v))
	}
	return out
}

func (r *yamlReader) number(key string, at place, n ast.Node) int {
	v, err := strconv.Atoi(r.text(key, at, n))
	if err != nil || v < 1 {
		r.p.fail(at, "%s: a number above 0 is needed here", key)
	}
	return v
}

func (r *yamlReader) bytes(key string, at place, n ast.Node) []byte {
	b, err := base64.StdEncoding.DecodeString(r.text(key, at, n))
	if err != nil {
		r.p.fail(at, "%s: base64 is needed here", key)
	}
	return b
}

// secret is a text, or where it is kept: {env: NAME} or {file: PATH}.
func (r *yamlReader) secret(key string, at place, n ast.Node) (s auth.Secret) {
	if _, ok := n.(ast.MapNode); !ok {
		return auth.Secret(r.text(key, at, n))
	}
	r.keys(n, key, secretKeys, func(k string, at place, v ast.Node) {
		value, err := kept(k, r.text(k, at, v))
		if err != nil {
			r.p.fail(at, "%s: %v", key, err)
		}
		s = auth.Secret(value)
	})
	return s
}

func kept(where, name string) (string, error) {
	if where == "env" {
		if v := os.Getenv(name); v != "" {
			return v, nil
		}
		return "", errors.New("the environment has no " + name)
	}
	b, err := readBounded(name, secretMax)
	if err != nil {
		return "", err
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" {
		return "", errors.New(name + " is empty")
	}
	return v, nil
}
