package config

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"kleeblatt/internal/auth"
)

// Authenticator is a WAMP procedure that knows users whom the file does not name.
type Authenticator struct {
	Procedure string
	Realm     string        // where it is registered; "": the realm that is joined
	Realms    []string      // for which it is asked; nil: every realm
	Methods   []string      // for which it is asked, by the specification's names
	Roles     []string      // that it may give beside those of which the file speaks
	Timeout   time.Duration // that it has to answer; 0 is the default of package router
}

// authenticatorKey is the key of the authenticators; they stand in the file alone.
const authenticatorKey = "authenticator"

var (
	authenticatorKeys = []string{"procedure", "realm", "realms", "methods", "roles", "timeout"}
	// dynamicMethods are those that a procedure can be asked for; anonymous and tls only where they are named.
	dynamicMethods = []string{auth.MethodTicket, auth.MethodCRA, auth.MethodScram, auth.MethodCryptosign, auth.MethodCertificate, auth.MethodAnonymous}
	usualMethods   = 4
)

// authenticators reads a procedure, a mapping, or a list of them.
func (r *yamlReader) authenticators(at place, n ast.Node) {
	nodes := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		nodes = seq.Values
	}
	for _, n := range nodes {
		if len(nodes) > 1 {
			at = r.at(n)
		}
		r.p.authenticatorsAt = append(r.p.authenticatorsAt, at)
		r.p.config.Authenticators = append(r.p.config.Authenticators, r.authenticator(at, n))
	}
}

func (r *yamlReader) authenticator(at place, n ast.Node) Authenticator {
	a := Authenticator{Methods: slices.Clone(dynamicMethods[:usualMethods])}
	r.asked(authenticatorKey, at, n, authenticatorKeys, &a.Procedure, &a.Realm, &a.Timeout, func(k string, at place, v ast.Node) {
		switch k {
		case "realms":
			a.Realms = r.texts(k, at, v)
		case "methods":
			a.Methods = r.methods(at, v)
		case "roles":
			a.Roles = r.texts(k, at, v)
		}
	})
	return a
}

func (r *yamlReader) methods(at place, n ast.Node) (out []string) {
	for _, m := range r.texts("methods", at, n) {
		if m == auth.MethodScramShort {
			m = auth.MethodScram
		}
		switch {
		case m == "":
		case !slices.Contains(dynamicMethods, m):
			r.p.fail(at, "methods: %q is none of %s%s", m, strings.Join(dynamicMethods, ", "), didYouMean(m, dynamicMethods))
		case !slices.Contains(out, m):
			out = append(out, m)
		}
	}
	return out
}

// authenticatorRules checks that for each realm and method at most one is asked.
func (p *parser) authenticatorRules() {
	type asked struct{ realm, method string }
	by := map[asked]string{}
	for i, a := range p.config.Authenticators {
		at := p.authenticatorsAt[i]
		for _, name := range append(slices.Clone(a.Realms), a.Realm) {
			if name != "" && !p.serves(name) {
				p.fail(at, "authenticator %s is for realm %s, which is not served here", a.Procedure, name)
			}
		}
		for _, r := range p.config.Realms {
			for _, m := range a.Methods {
				if !a.For(r.Name) {
					continue
				}
				k := asked{r.Name, m}
				if first := by[k]; first != "" {
					p.fail(at, "in realm %s both %s and %s would be asked for %s", r.Name, first, a.Procedure, m)
				}
				by[k] = a.Procedure
			}
		}
	}
}

// For says whether it is asked about those who want to join the realm.
func (a *Authenticator) For(realm string) bool {
	return a.Realms == nil || slices.Contains(a.Realms, realm)
}
