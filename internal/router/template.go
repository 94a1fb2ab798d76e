package router

import (
	"fmt"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// RealmTemplate makes realms on demand: the first session that gets in opens one, on its node, and the others open it when they learn of
// it (its entries of the tables name it). So tenants need no configuration of their own, and nodes nothing but the one link that they have.
//
//	HELLO tenant.a ─▶ find: a candidate, nowhere visible ─▶ authentication ─▶ admit: open ─▶ WELCOME
//	element of tenant.a, from another node ─▶ Open
//
// Whoever fails to prove who it is opens nothing.
type RealmTemplate struct {
	Pattern     string // as wamp.RealmFits reads it
	RealmConfig        // of such realms; but for their Name
	// AuthFor is how clients get into the realms of these names, where that is not Auth.
	AuthFor map[string]*auth.Realm
}

// onDemand is the index of a realm that is not open.
const onDemand = -1

func (r *Realms) checkTemplates() error {
	for i, t := range r.templates {
		if !validURI(octets(t.Pattern), wamp.Exact, false) || !wamp.IsRealmTemplate(t.Pattern) {
			return fmt.Errorf("%q is no template for realms: one component at least has to be *", t.Pattern)
		}
		for _, o := range r.templates[:i] {
			if o.Pattern == t.Pattern {
				return fmt.Errorf("the template %s is given twice", t.Pattern)
			}
		}
	}
	return nil
}

// find is the realm of that name: one that is open, or one that admit may open, or nil.
func (r *Realms) find(name []byte) *Realm {
	if x := r.get(name); x != nil || len(r.templates) == 0 {
		return x
	}
	return r.candidate(string(name))
}

func (r *Realms) candidate(name string) *Realm {
	for i := range r.templates {
		t := &r.templates[i]
		if !wamp.RealmFits(t.Pattern, name) {
			continue
		}
		c := t.RealmConfig
		c.Name = name
		if a := t.AuthFor[name]; a != nil {
			c.Auth = a
		}
		return newRealm(c)
	}
	return nil
}

// admit opens a realm that find returned, if it is not open. Somebody else may have been faster: theirs counts. It is nil where there are
// too many. Any goroutine may call it.
func (r *Realms) admit(x *Realm) *Realm {
	if x.index != onDemand {
		return x
	}
	for {
		set := r.set.Load()
		if open := set.get(octets(x.Name)); open != nil {
			return open
		}
		if len(set.list) >= r.max {
			return nil
		}
		if r.set.CompareAndSwap(set, set.with(x)) {
			return x
		}
	}
}

// Open returns the realm of that name, opened if a template fits, or nil. Any goroutine may call it.
func (r *Realms) Open(name string) *Realm {
	x := r.find(octets(name))
	if x == nil {
		return nil
	}
	return r.admit(x)
}
