package config

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"kleeblatt/internal/wamp"
)

// realmsKey is the key of a mapping of realms' names to what is said of each; it stands in the file alone, beside the option realm.
const realmsKey = "realms"

// Template says whether the realm is a template of realms.
func (r *Realm) Template() bool { return wamp.IsRealmTemplate(r.Name) }

// realms reads {NAME: {strict: true, conflict: standby}, NAME: {}}.
func (r *yamlReader) realms(at place, n ast.Node) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.p.fail(at, "realms has the names of realms as its keys, each with keys of its own: NAME: {strict: true}; {} for none")
		return
	}
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		name, at := r.key(it.KeyValue())
		switch {
		case name == "":
		case seen[name]:
			r.p.fail(at, "realms.%s is given twice", name)
		default:
			seen[name] = true
			if _, null := it.Value().(*ast.NullNode); null {
				r.addRealm(name, at, "")
			} else if m, ok := it.Value().(ast.MapNode); ok {
				r.realm(name, at, m)
			} else {
				r.p.fail(at, "realms.%s has keys of its own, or none: {}", name)
			}
		}
	}
}

// realm reads the keys of a realm whose name stands before them, or among them: {name: NAME, strict: true, conflict: standby}.
func (r *yamlReader) realm(value string, at place, m ast.MapNode) {
	flags := ""
	var limits SessionLimits
	known := []string{"name", "strict", "strict_uri", "no_passthru", "conflict", "disclose", "limits"}
	if value != "" {
		known = known[1:]
	}
	for it := m.MapRange(); it.Next(); {
		k, kat := r.key(it.KeyValue())
		s, ok := scalar(it.Value())
		switch {
		case k == "":
		case !slices.Contains(known, k):
			r.p.fail(kat, "a realm has no key %s%s", k, didYouMean(k, known))
		case k == "limits":
			limits = r.limits(it.Value())
		case !ok:
			r.p.fail(kat, "%s: a plain value is needed here", k)
		case k == "name":
			value = s
		case k == "conflict":
			if s != string(Revoke) && s != string(Standby) {
				r.p.fail(kat, "conflict: %q is neither %s nor %s", s, Revoke, Standby)
			} else {
				flags += ",conflict=" + s
			}
		case k == "disclose":
			if s != string(Never) && s != string(Always) {
				r.p.fail(kat, "disclose: %q is neither %s nor %s; without it who asks for it is named", s, Never, Always)
			} else {
				flags += ",disclose=" + s
			}
		default:
			on := false
			if err := setBool(&on, s); err != nil {
				r.p.fail(kat, "%s: %v", k, err)
			}
			if on {
				flags += "," + strings.ReplaceAll(k, "_", "-")
			}
		}
	}
	r.p.realmLimits[value] = limits
	r.addRealm(value, at, flags)
}

func (r *yamlReader) addRealm(name string, at place, flags string) {
	if strings.Contains(name, ",") {
		r.p.fail(at, "%q is no name for a realm", name)
		return
	}
	r.out = append(r.out, assignment{opt: find("realm"), value: name + flags, at: at})
}

// limitRealms gives the realms the limits that the file has for them.
func (p *parser) limitRealms() {
	for i := range p.config.Realms {
		r := &p.config.Realms[i]
		r.Limits = p.realmLimits[r.Name]
	}
}

// realmRules looks at the realms' names, and at who may join which.
func (p *parser) realmRules() {
	c := &p.config
	seen := map[string]bool{}
	for i, r := range c.Realms {
		if seen[r.Name] {
			p.fail(p.where("realm", i), "realm %s is given twice", r.Name)
		}
		seen[r.Name] = true
	}
	if len(c.Realms) == 0 {
		p.fail(p.where("realm", 0), "at least one realm is needed")
	}
	if c.Bridge != "" && (!p.serves(c.Bridge) || wamp.IsRealmTemplate(c.Bridge)) {
		p.fail(p.where("bridge", 0), "the bridge acts in realm %s, which is not served here", c.Bridge)
	}
	for _, u := range c.Users {
		for _, name := range u.Realms {
			if !p.serves(name) {
				p.fail(p.where("realm", 0), "user %s may join realm %s, which is not served here", u.AuthID, name)
			}
		}
	}
}

// serves says whether there is such a realm, or template, or a template that makes one.
func (p *parser) serves(name string) bool {
	return slices.ContainsFunc(p.config.Realms, func(r Realm) bool {
		return r.Name == name || r.Template() && wamp.RealmFits(r.Name, name)
	})
}
