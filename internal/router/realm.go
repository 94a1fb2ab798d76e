package router

import (
	"errors"
	"fmt"
	"maps"
	"slices"
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
	// NoPassthru leaves payload passthru mode out: it is not announced, and who uses it violates the protocol (PPT-03).
	NoPassthru bool
	Histories  []History // subscriptions whose events are kept
	Conflict   ConflictPolicy
	Auth       *auth.Realm // how clients get in; nil: anonymously
	// Roles are those of which anything is said. The others may do everything.
	Roles map[string]*RoleConfig
	// Limits are those of its sessions, where their roles have none of their own.
	Limits SessionLimits
}

// Snapshot is all that routing in one realm reads of the tables. It and what it points to never change.
type Snapshot struct {
	Broker *broker.Index
	Dealer *dealer.Index

	Watched bool // somebody, on any node, listens to events about subscriptions (affairs.go)
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
	Cell     Cell
	retained atomic.Pointer[broker.Retained]
	index    int // in the set; onDemand for one that nobody has joined yet
	roles    map[string]*role
	others   role // of those that Roles does not name

	sessions atomic.Int64 // that are open on this node
}

// Realms are the realms of a node, the same for all of its workers and its Tables. A realm that is there stays; others may come to be
// (template.go), so what is indexed by realm grows when it meets a new one.
type Realms struct {
	set       atomic.Pointer[realmSet]
	templates []RealmTemplate
	max       int              // of realms, all together
	guarded   map[guarded]bool // the procedures that decide about others

	route []*broker.Entry // scratch of WorkersFor, which the home loop alone calls
}

// NewRealms returns the realms with empty tables.
func NewRealms(configs ...RealmConfig) (*Realms, error) { return NewRealmsOf(configs, nil, 0) }

// NewRealmsOf returns the realms with empty tables, and up to onDemandMax more that come to be by the templates; of two that fit a name
// the first one counts.
func NewRealmsOf(configs []RealmConfig, templates []RealmTemplate, onDemandMax int) (*Realms, error) {
	r := &Realms{templates: templates, max: len(configs) + onDemandMax, guarded: map[guarded]bool{}}
	if len(configs)+len(templates) == 0 {
		return nil, errors.New("no realm: nobody could join")
	}
	if r.max > realmsMax {
		return nil, fmt.Errorf("%d realms are more than %d", r.max, realmsMax)
	}
	for i := range templates {
		r.guard(&templates[i].RealmConfig)
	}
	set := new(realmSet)
	for _, c := range configs {
		if !validURI([]byte(c.Name), wamp.Exact, false) {
			return nil, fmt.Errorf("realm %q is not a valid URI", c.Name)
		}
		if set.get([]byte(c.Name)) != nil {
			return nil, fmt.Errorf("realm %q is given twice", c.Name)
		}
		r.guard(&c)
		set.add(newRealm(c))
	}
	r.set.Store(set)
	return r, r.checkTemplates()
}

func newRealm(c RealmConfig) *Realm {
	if c.Auth == nil {
		c.Auth, _ = auth.NewRealm(auth.RealmConfig{Name: c.Name, Anonymous: true})
	}
	r := &Realm{RealmConfig: c, index: onDemand}
	r.makeRoles()
	r.Cell.Store(&Snapshot{Broker: new(broker.Index), Dealer: new(dealer.Index)})
	return r
}

// Get returns the realm of that name, or nil.
func (r *Realms) Get(name string) *Realm { return r.set.Load().get(octets(name)) }

// All returns the realms in the order in which they came to be. The slice is not to be changed.
func (r *Realms) All() []*Realm { return r.set.Load().list }

func (r *Realms) get(name []byte) *Realm { return r.set.Load().get(name) }

// at is the realm with that index.
func (r *Realms) at(index int) *Realm { return r.set.Load().list[index] }

// realmSet are the realms at one moment; it never changes.
type realmSet struct {
	list   []*Realm
	byName [realmShards]map[string]*Realm
}

// realmShards is how many maps the names are spread over: one more realm copies one of them.
const realmShards = 64

func (s *realmSet) get(name []byte) *Realm {
	return (*s.shard(name))[string(name)]
}

// with is the set with one realm more, which gets its index.
func (s *realmSet) with(r *Realm) *realmSet {
	out := &realmSet{list: slices.Clip(s.list), byName: s.byName}
	shard := out.shard(octets(r.Name))
	*shard = maps.Clone(*shard)
	out.add(r)
	return out
}

// add is for a set that nobody else has seen yet.
func (s *realmSet) add(r *Realm) {
	r.index = len(s.list)
	s.list = append(s.list, r)
	shard := s.shard(octets(r.Name))
	if *shard == nil {
		*shard = map[string]*Realm{}
	}
	(*shard)[r.Name] = r
}

func (s *realmSet) shard(name []byte) *map[string]*Realm {
	return &s.byName[fingerprint(name)/2%realmShards]
}

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
