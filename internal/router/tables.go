package router

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

// clockBits is how many bits of a hybrid clock count events within one millisecond.
const clockBits = 16

// clockMax is past any honest clock: a higher one of another node is compared with, but not adopted, since ours must have room
// to go on.
const clockMax = 1 << 63

// TablesConfig is what Tables have to know.
type TablesConfig struct {
	NodeName string
	Key      []byte // secret of the cluster, from which subscription and registration ids are derived; the same on all nodes
	Realms   *Realms
}

// TablesEffectKind says which fields of a TablesEffect count.
type TablesEffectKind uint8

const (
	TxPropose TablesEffectKind = iota + 1 // Op, Token: to the Replicator, which answers by Applied(Token)
	TxApplied                             // Worker, Token (the worker's), ID, Err: InApplied for that worker, after Commit
)

// TablesEffect is one thing that the owner of Tables has to do, in order.
type TablesEffect struct {
	Kind   TablesEffectKind
	Worker uint8
	Token  uint64
	ID     uint64
	Err    string
	Op     TableOp
}

// Tables is the one writer of a node's routing index. It belongs to the home loop.
//
// Edits gather until Commit makes them the current snapshots. Before the owner hands TxApplied on to the worker, it has to Commit:
// what a client was told must be routed.
//
// Changes of one subscription or registration happen one at a time: while one is at the Replicator, later ones of the same key
// wait for it. So the conflicts of registrations are judged against all that came before.
type Tables struct {
	name   string
	realms *Realms
	mac    hash.Hash
	sum    []byte

	edit  []Snapshot // by realm: the tables as edited so far
	dirty []bool     // by realm: edit differs from the cell

	flights map[tableKey]*flight
	tokens  map[uint64]*flight
	token   uint64
	clock   uint64 // hybrid: wall milliseconds << clockBits | counter; never goes back

	ids map[uint64]struct{} // every subscription and registration id in use: they are unique over all realms

	unknown uint64
	scratch []byte
	gone    []goneElement
}

// tableKey is what changes are serialized by.
type tableKey struct {
	realm int
	kind  ElementKind
	match wamp.Match
	uri   string
}

// flight is one change at the Replicator, and the changes of the same key behind it.
type flight struct {
	key     tableKey
	op      Op
	token   uint64 // the worker's
	element Element
	queue   []waitingOp
}

type waitingOp struct {
	op    Op
	token uint64
	now   int64
}

// goneElement is one entry of a node that is being hidden; session counts for registrations.
type goneElement struct {
	key     tableKey
	session uint64
}

// NewTables returns empty tables.
func NewTables(c TablesConfig) *Tables {
	n := len(c.Realms.list)
	t := &Tables{
		name:    c.NodeName,
		realms:  c.Realms,
		mac:     hmac.New(sha256.New, c.Key),
		edit:    make([]Snapshot, n),
		dirty:   make([]bool, n),
		flights: map[tableKey]*flight{},
		tokens:  map[uint64]*flight{},
		ids:     map[uint64]struct{}{},
	}
	for i, r := range c.Realms.list {
		t.edit[i] = *r.Cell.Load()
	}
	return t
}

// Unknown counts the elements of other nodes that could not be used: of a later version, broken, or of a realm that this node does not
// serve.
func (t *Tables) Unknown() uint64 { return t.unknown }

// Commit makes all edits visible to the workers.
func (t *Tables) Commit() {
	for i, d := range t.dirty {
		if d {
			t.dirty[i] = false
			s := t.edit[i]
			t.realms.list[i].Cell.Store(&s)
		}
	}
}

// Propose takes a worker's change. now is wall-clock time in milliseconds.
func (t *Tables) Propose(op Op, token uint64, now int64, out []TablesEffect) []TablesEffect {
	r := t.realms.Get(op.Realm)
	if r == nil {
		return append(out, TablesEffect{Kind: TxApplied, Worker: op.Worker, Token: token, Err: wamp.ErrNoSuchRealm})
	}
	k := tableKey{realm: r.index, kind: Interest, match: op.Match, uri: op.URI}
	if op.Kind == OpRegister || op.Kind == OpUnregister {
		k.kind = Registration
	}
	if f := t.flights[k]; f != nil {
		f.queue = append(f.queue, waitingOp{op, token, now})
		return out
	}
	return t.begin(&flight{key: k}, waitingOp{op, token, now}, out)
}

// Applied says that the change that TxPropose gave this token counts from now on.
func (t *Tables) Applied(token uint64, out []TablesEffect) []TablesEffect {
	f := t.tokens[token]
	if f == nil {
		return out
	}
	delete(t.tokens, token)
	delete(t.flights, f.key)
	switch f.op.Kind {
	case OpSubscribe:
		out = t.subscribed(f.key, &f.op, f.token, out)
	case OpRegister:
		out = t.registered(f, out)
	}
	return t.nextOf(f, out)
}

// Refused says that the change that TxPropose gave this token is not going to count; reason is for people.
func (t *Tables) Refused(token uint64, out []TablesEffect) []TablesEffect {
	f := t.tokens[token]
	if f == nil {
		return out
	}
	delete(t.tokens, token)
	delete(t.flights, f.key)
	out = append(out, TablesEffect{Kind: TxApplied, Worker: f.op.Worker, Token: f.token, Err: wamp.ErrUnavailable})
	return t.nextOf(f, out)
}

// nextOf goes on with the changes that waited behind f.
func (t *Tables) nextOf(f *flight, out []TablesEffect) []TablesEffect {
	for len(f.queue) > 0 {
		next := f.queue[0]
		f.queue = f.queue[1:]
		out = t.begin(f, next, out)
		if t.flights[f.key] != nil {
			break
		}
	}
	return out
}

// begin starts a change of f.key, of which none is under way, and finishes it where the Replicator need not be asked.
func (t *Tables) begin(f *flight, w waitingOp, out []TablesEffect) []TablesEffect {
	f.op, f.token = w.op, w.token
	switch w.op.Kind {
	case OpSubscribe:
		if e := t.entry(f.key); e != nil && e.Workers != 0 {
			return t.subscribed(f.key, &f.op, f.token, out)
		}
		return t.fly(f, true, out)
	case OpUnsubscribe:
		e := t.entry(f.key)
		if e == nil || e.Workers>>w.op.Worker&1 == 0 {
			return out
		}
		left := e.Workers &^ (1 << w.op.Worker)
		t.setWorker(f.key, e.ID, w.op.Worker, false)
		if left == 0 {
			return t.fly(f, false, out)
		}
		return out
	case OpRegister:
		return t.beginRegister(f, w.now, out)
	case OpUnregister:
		return t.unregister(f, out)
	}
	return out
}

// fly asks the Replicator to add or remove f's element.
func (t *Tables) fly(f *flight, add bool, out []TablesEffect) []TablesEffect {
	t.token++
	t.tokens[t.token] = f
	t.flights[f.key] = f
	if f.key.kind == Interest {
		t.scratch = AppendInterest(t.scratch[:0], f.op.Realm, f.op.Match, f.op.URI)
	} else {
		t.scratch = AppendRegistration(t.scratch[:0], &f.element)
	}
	return append(out, TablesEffect{Kind: TxPropose, Token: t.token, Op: TableOp{Add: add, Element: string(t.scratch)}})
}

func (t *Tables) entry(k tableKey) *broker.Entry {
	return t.edit[k.realm].Broker.Get(broker.Key{Match: k.match, Topic: k.uri})
}

func (t *Tables) registration(k tableKey) *dealer.Registration {
	return t.edit[k.realm].Dealer.Get(dealer.Key{Match: k.match, Procedure: k.uri})
}

func (t *Tables) setWorker(k tableKey, id uint64, worker uint8, on bool) {
	s := &t.edit[k.realm]
	s.Broker = s.Broker.WithWorker(broker.Key{Match: k.match, Topic: k.uri}, id, int(worker), on)
	t.edited(k, id)
}

// edited notes the change and gives the id of an entry that vanished free again.
func (t *Tables) edited(k tableKey, id uint64) {
	t.dirty[k.realm] = true
	if k.kind == Interest && t.entry(k) == nil || k.kind == Registration && t.registration(k) == nil {
		delete(t.ids, id)
	}
}

func (t *Tables) subscribed(k tableKey, op *Op, token uint64, out []TablesEffect) []TablesEffect {
	id := t.idOf(k)
	t.setWorker(k, id, op.Worker, true)
	return append(out, TablesEffect{Kind: TxApplied, Worker: op.Worker, Token: token, ID: id})
}

// beginRegister refuses a registration that conflicts with a visible one, of this node or another (REG-02, SHR-02, SHR-03). Two
// nodes that register at the same moment do not see each other yet: a claim (DESIGN.md section 8) would be proposed here, as a
// tentative element, and confirmed once every reachable node has acknowledged it.
func (t *Tables) beginRegister(f *flight, now int64, out []TablesEffect) []TablesEffect {
	op := &f.op
	answer := TablesEffect{Kind: TxApplied, Worker: op.Worker, Token: f.token}
	if r := t.registration(f.key); r != nil {
		if r.Invoke == wamp.Single || r.Invoke != op.Invoke {
			answer.Err = wamp.ErrProcedureAlreadyExists
			return append(out, answer)
		}
		for i := range r.Callees {
			if c := &r.Callees[i]; c.Node == 0 && c.Session == op.Session {
				answer.ID = r.ID // registered already: one entry
				return append(out, answer)
			}
		}
	}
	f.element = Element{
		Realm: op.Realm, Match: op.Match, URI: op.URI, Session: op.Session, Invoke: op.Invoke,
		Concurrency: op.Concurrency, Order: t.tick(now), DiscloseCaller: op.DiscloseCaller,
	}
	return t.fly(f, true, out)
}

func (t *Tables) registered(f *flight, out []TablesEffect) []TablesEffect {
	id := t.addCallee(f.key, f.element.Invoke, dealer.Callee{
		Session: f.element.Session, Order: f.element.Order, NodeName: t.name,
		Concurrency: f.element.Concurrency, DiscloseCaller: f.element.DiscloseCaller,
	})
	return append(out, TablesEffect{Kind: TxApplied, Worker: f.op.Worker, Token: f.token, ID: id})
}

func (t *Tables) addCallee(k tableKey, invoke wamp.Invoke, c dealer.Callee) (id uint64) {
	id = t.idOf(k)
	s := &t.edit[k.realm]
	s.Dealer = s.Dealer.WithCallee(dealer.Key{Match: k.match, Procedure: k.uri}, id, invoke, c)
	t.edited(k, id)
	return id
}

func (t *Tables) removeCallee(k tableKey, node uint8, session uint64) {
	r := t.registration(k)
	if r == nil {
		return
	}
	s := &t.edit[k.realm]
	s.Dealer = s.Dealer.WithoutCallee(dealer.Key{Match: k.match, Procedure: k.uri}, node, session)
	t.edited(k, r.ID)
}

// unregister stops routing to the session at once; the other nodes learn of it by the removed element.
func (t *Tables) unregister(f *flight, out []TablesEffect) []TablesEffect {
	r := t.registration(f.key)
	if r == nil {
		return out
	}
	for i := range r.Callees {
		c := &r.Callees[i]
		if c.Node != 0 || c.Session != f.op.Session {
			continue
		}
		f.element = Element{
			Realm: f.op.Realm, Match: f.op.Match, URI: f.op.URI, Session: c.Session, Invoke: r.Invoke,
			Concurrency: c.Concurrency, Order: c.Order, DiscloseCaller: c.DiscloseCaller,
		}
		t.removeCallee(f.key, 0, c.Session)
		return t.fly(f, false, out)
	}
	return out
}

// tick is the hybrid clock's next reading: past all that it has seen, near the wall clock.
func (t *Tables) tick(now int64) uint64 {
	t.clock = max(t.clock+1, uint64(max(now, 0))<<clockBits)
	return t.clock
}
