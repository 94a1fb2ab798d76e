package router

import (
	"sync/atomic"
	"time"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// RoleConfig is what the operator says of the sessions of a role.
type RoleConfig struct {
	Rules      *auth.Rules // what they may do; nil: everything, where there is no authorizer either
	Authorizer *Authorizer // who is asked where no rule speaks of it; nil: nobody, it is denied
	Limits     SessionLimits
	Trust      *uint32 // the level that is told of its publications and calls, trustMax at most; nil: none
}

// trustMax bounds trust levels.
const trustMax = 1<<31 - 1

// Authorizer is a WAMP procedure that says what sessions may do. It is called with the session (a dict), the URI, the action's name and
// options (a dict, which has match for what is no exact URI), and returns a bool, or a dict with allow, disclose and cache.
type Authorizer struct {
	Procedure string
	Realm     string        // where it is registered; "" for the realm of the session
	Timeout   time.Duration // that it has to answer; 0 for DefaultInquiryTimeout
	Lifetime  time.Duration // of an answer that may be remembered; 0 for DefaultVerdictLifetime
}

const (
	// DefaultInquiryTimeout is how long a session waits for an authorizer, or a client for an authenticator: half of what it has from its
	// connection to WELCOME.
	DefaultInquiryTimeout = 5 * time.Second
	// DefaultVerdictLifetime is how long a verdict holds that an authorizer lets be remembered: as long as a person who has changed a right
	// is willing to wait for it.
	DefaultVerdictLifetime = 30 * time.Second
)

func (a *Authorizer) timeout() time.Duration {
	if a.Timeout == 0 {
		return DefaultInquiryTimeout
	}
	return a.Timeout
}

func (a *Authorizer) lifetime() time.Duration {
	if a.Lifetime == 0 {
		return DefaultVerdictLifetime
	}
	return a.Lifetime
}

// role is what the sessions of one role in one realm have in common.
type role struct {
	RoleConfig
	sessions atomic.Int64 // that are open on this node
}

// makeRoles is called once, before the realm is used.
func (r *Realm) makeRoles() {
	r.roles = make(map[string]*role, len(r.Roles))
	for name, c := range r.Roles {
		r.roles[name] = &role{RoleConfig: *c}
	}
}

// guarded is a procedure that decides about others, and the realm in which it is asked; "" for that of whom it is asked about.
type guarded struct{ realm, procedure string }

// guard notes the procedures that decide about sessions of a realm.
func (r *Realms) guard(c *RealmConfig) {
	for _, role := range c.Roles {
		if a := role.Authorizer; a != nil {
			r.guarded[guarded{a.Realm, a.Procedure}] = true
		}
	}
	if c.Auth == nil {
		return
	}
	for _, a := range c.Auth.Authenticators() {
		r.guarded[guarded{a.Realm, a.Procedure}] = true
	}
}

// guards says whether a registration would answer for a procedure that decides about others. Who has not shown that the configuration knows
// it, and has no rule that lets it, may not.
func (r *Realms) guards(realm string, match wamp.Match, uri []byte) bool {
	for g := range r.guarded {
		if (g.realm == "" || g.realm == realm) && auth.Holds(match, text(uri), g.procedure) {
			return true
		}
	}
	return false
}

// role returns what is said of that role.
func (r *Realm) role(name string) *role {
	if x := r.roles[name]; x != nil {
		return x
	}
	return &r.others
}

// ruled says whether there is anything to ask before a session of the role may act.
func (r *role) ruled() bool { return r.Rules != nil || r.Authorizer != nil }
