package router

import (
	"errors"
	"fmt"
	"sync/atomic"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// realmsMax bounds the realms of a node: each worker has an index by realm, and a wrong configuration should fail early.
const realmsMax = 1 << 16

// Disclosure says when a caller or publisher is named to callees and subscribers (CID and PID rows).
type Disclosure uint8

const (
	DiscloseOnRequest Disclosure = iota // when it asks for it by disclose_me, or the callee registered with disclose_caller
	DiscloseNever                       // asking for it is answered option_disallowed.disclose_me
	DiscloseAlways                      // whether it asks or not
)

// RealmConfig is what the operator says of a realm.
type RealmConfig struct {
	Name string
	// Strict makes the realm follow the letter where the default is lenient: sequential request ids (PVI-10) and no progressive
	// results for callees that did not announce call_canceling (PCR-02).
	Strict bool
	// StrictURI accepts only the strict URIs of the specification: components of [0-9a-z_].
	StrictURI  bool
	Disclosure Disclosure
	Conflict   ConflictPolicy
	Auth       *auth.Realm // how clients get in; nil: anonymously
	// Roles are those of which anything is said. The others may do everything.
	Roles map[string]*RoleConfig
}

// Snapshot is all that routing in one realm reads of the tables. It and what it points to never change.
type Snapshot struct {
	Broker *broker.Index
	Dealer *dealer.Index
}

// Cell holds a realm's current Snapshot. Store is called by the owner of the Tables only, Load by anyone.
type Cell struct{ p atomic.Pointer[Snapshot] }

// Load returns the current snapshot, never nil.
func (c *Cell) Load() *Snapshot { return c.p.Load() }

// Store makes s the current snapshot.
func (c *Cell) Store(s *Snapshot) { c.p.Store(s) }

// Realm is one realm of this node, shared by its workers.
type Realm struct {
	RealmConfig
	Cell   Cell
	index  int
	roles  map[string]*role
	others role // of those that Roles does not name
}

// Realms are the realms of a node, the same for all of its workers and its Tables. Immutable but for the cells.
type Realms struct {
	list   []*Realm
	byName map[string]*Realm

	route []*broker.Entry // scratch of WorkersFor, which the home loop alone calls
}

// NewRealms returns the realms with empty tables.
func NewRealms(configs ...RealmConfig) (*Realms, error) {
	r := &Realms{byName: make(map[string]*Realm, len(configs))}
	if len(configs) == 0 {
		return nil, errors.New("no realm: nobody could join")
	}
	if len(configs) > realmsMax {
		return nil, fmt.Errorf("%d realms are more than %d", len(configs), realmsMax)
	}
	for _, c := range configs {
		if !validURI([]byte(c.Name), wamp.Exact, false) {
			return nil, fmt.Errorf("realm %q is not a valid URI", c.Name)
		}
		if r.byName[c.Name] != nil {
			return nil, fmt.Errorf("realm %q is given twice", c.Name)
		}
		if c.Auth == nil {
			c.Auth, _ = auth.NewRealm(auth.RealmConfig{Name: c.Name, Anonymous: true})
		}
		realm := &Realm{RealmConfig: c, index: len(r.list)}
		realm.makeRoles()
		realm.Cell.Store(&Snapshot{Broker: new(broker.Index), Dealer: new(dealer.Index)})
		r.byName[c.Name] = realm
		r.list = append(r.list, realm)
	}
	return r, nil
}

// Get returns the realm of that name, or nil.
func (r *Realms) Get(name string) *Realm { return r.byName[name] }

// All returns the realms in the order in which they were given.
func (r *Realms) All() []*Realm { return r.list }

func (r *Realms) get(name []byte) *Realm { return r.byName[string(name)] }

// WorkersFor tells which of this node's workers (of which there are count) a relay frame from another node is for: the owner
// of the session that it names, or the workers with receivers of the topic. The home loop alone may call it.
func (r *Realms) WorkersFor(frame []byte, count int) (broker.WorkerSet, error) {
	session, publish, realm, topic, err := Route(frame)
	if err != nil {
		return 0, err
	}
	if !publish {
		return 1 << (session % uint64(count)), nil
	}
	in := r.get(realm)
	if in == nil {
		return 0, nil // a realm that this node does not serve
	}
	r.route = in.Cell.Load().Broker.Match(topic, r.route[:0])
	var set broker.WorkerSet
	for _, e := range r.route {
		set |= e.Workers
	}
	return set, nil
}
