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
	Decided  bool   // the Replicator refuses what it finds in conflict: REGISTERs do not claim their procedure first
	IDMax    uint64 // the largest id that is derived, 0: the largest there is. A simulation makes it small, so that ids collide.
}

// TablesEffectKind says which fields of a TablesEffect count.
type TablesEffectKind uint8

const (
	TxPropose    TablesEffectKind = iota + 1 // Op, Token: to the Replicator, which answers by Applied(Token)
	TxApplied                                // Worker, Token (the worker's), ID, Err: InApplied for that worker, after Commit
	TxBarrier                                // Token, Wait: answered by Barrier(Token) when every reachable node has what was proposed so far, or Wait is over
	TxRefuse                                 // Node, Op.Element: that node is told that we object to its element, before it is told that we have it
	TxRevoked                                // Session, ID, Err: InRevoked for the session's worker, after Commit
	TxConflict                               // Conflict: decided; for meta events and the log
	TxClockAhead                             // Node, Wait: its clock is ahead by that; for the log
)

// TablesEffect is one thing that the owner of Tables has to do, in order.
type TablesEffect struct {
	Kind     TablesEffectKind
	Worker   uint8
	Node     NodeSlot
	Token    uint64
	ID       uint64
	Session  uint64
	Wait     int64 // milliseconds
	Err      string
	Op       TableOp
	Conflict *Conflict
}

// Tables is the one writer of a node's routing index. It belongs to the home loop.
//
// Edits gather until Commit makes them the current snapshots. Before the owner hands TxApplied on to the worker, it has to Commit:
// what a client was told must be routed.
//
// Changes of one subscription or registration happen one at a time: while one is at the Replicator, later ones of the same key
// wait for it. So the conflicts of registrations are judged against all that came before.
type Tables struct {
	name    string
	decided bool
	realms  *Realms
	mac     hash.Hash
	sum     []byte

	edit  []Snapshot // by realm: the tables as edited so far
	dirty []bool     // by realm: edit differs from the cell

	flights map[tableKey]*flight
	tokens  map[uint64]*flight
	token   uint64
	clock   uint64 // hybrid: wall milliseconds << clockBits | counter; never goes back

	hidden broker.NodeSet // nodes whose elements are being removed

	// Who has which id, for questions that name one. Ids are unique over both and over all realms.
	subs    map[uint64]*broker.Entry
	regs    map[uint64]*dealer.Registration
	affairs *affairs // nil: nobody is told
	now     int64    // wall-clock milliseconds, as last told: the time at which what comes is created

	claims   map[tableKey][]claim // of other nodes
	delayed  map[uint64]delayedAnswer
	verdicts []*verdict // in the order in which they arose
	ahead    []ahead
	warned   [broker.MaxNodes]int64 // by node: of its clock
	wakeAt   int64
	stats    TablesStats

	idMax      uint64
	collisions uint64

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

	// Of claims.
	phase   phase
	barrier uint64 // token of the wait
	refusal string // why it is to be withdrawn, once it has been applied
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
	t := &Tables{
		name:    c.NodeName,
		decided: c.Decided,
		realms:  c.Realms,
		mac:     hmac.New(sha256.New, c.Key),
		flights: map[tableKey]*flight{},
		tokens:  map[uint64]*flight{},
		subs:    map[uint64]*broker.Entry{},
		regs:    map[uint64]*dealer.Registration{},
		claims:  map[tableKey][]claim{},
		delayed: map[uint64]delayedAnswer{},
		idMax:   c.IDMax,
	}
	if t.idMax == 0 || t.idMax > wamp.MaxID {
		t.idMax = wamp.MaxID
	}
	t.meet()
	return t
}

// realm is the realm of that name, which is opened if a template fits; nil where it is not served here.
func (t *Tables) realm(name string) *Realm {
	r := t.realms.Open(name)
	if r != nil && r.index >= len(t.edit) {
		t.meet()
	}
	return r
}

// meet makes room for the realms that have come to be.
func (t *Tables) meet() {
	for _, r := range t.realms.All()[len(t.edit):] {
		t.edit = append(t.edit, *r.Cell.Load())
		t.dirty = append(t.dirty, false)
	}
}

// Stamp is the next reading of the node's hybrid clock. now is wall-clock time in milliseconds.
func (t *Tables) Stamp(now int64) uint64 { return t.tick(now) }

// Stamped says that another node has told of something with that reading of its clock.
func (t *Tables) Stamped(node NodeSlot, clock uint64) { t.seen(node, clock) }

// Unknown counts the elements of other nodes that could not be used: of a later version, broken, or of a realm that this node does not
// serve.
func (t *Tables) Unknown() uint64 { return t.unknown }

// Collisions counts the ids that were taken when they were derived for another subscription or registration.
func (t *Tables) Collisions() uint64 { return t.collisions }

// Commit makes all edits visible to the workers.
func (t *Tables) Commit() {
	for i, d := range t.dirty {
		if d {
			t.dirty[i] = false
			s := t.edit[i]
			t.realms.at(i).Cell.Store(&s)
		}
	}
}

// Propose takes a worker's change. now is wall-clock time in milliseconds.
func (t *Tables) Propose(op Op, token uint64, now int64, out []TablesEffect) []TablesEffect {
	t.now = now
	r := t.realm(op.Realm)
	if r == nil {
		return append(out, TablesEffect{Kind: TxApplied, Worker: op.Worker, Token: token, Err: wamp.ErrNoSuchRealm})
	}
	k := tableKey{realm: r.index, kind: Interest, match: op.Match, uri: op.URI}
	if op.Kind != OpSubscribe && op.Kind != OpUnsubscribe {
		k.kind = Registration
	}
	return t.propose(k, waitingOp{op, token, now}, out)
}

func (t *Tables) propose(k tableKey, w waitingOp, out []TablesEffect) []TablesEffect {
	f := t.flights[k]
	if f == nil {
		return t.begin(&flight{key: k}, w, out)
	}
	if w.op.Kind == OpLeave {
		if out, done := t.leave(f, &w.op, out); done {
			return out
		}
	}
	f.queue = append(f.queue, w)
	return out
}

// Applied says that the change that TxPropose gave this token counts from now on.
func (t *Tables) Applied(token uint64, out []TablesEffect) []TablesEffect {
	f := t.tokens[token]
	if f == nil {
		return out
	}
	delete(t.tokens, token)
	if f.phase == claiming {
		return t.claimed(f, out)
	}
	delete(t.flights, f.key)
	switch {
	case f.phase == confirming:
		out = t.confirmed(f, out)
	case f.op.Kind == OpSubscribe:
		out = t.subscribed(f.key, &f.op, f.token, out)
	case f.op.Kind == OpRegister:
		out = t.registered(f, out)
	}
	return t.nextOf(f, out)
}

// Refused says that the change that TxPropose gave this token is not going to count; uri is the error that its client is told.
func (t *Tables) Refused(token uint64, uri string, out []TablesEffect) []TablesEffect {
	f := t.tokens[token]
	if f == nil {
		return out
	}
	delete(t.tokens, token)
	delete(t.flights, f.key)
	if f.phase == confirming {
		out = t.dropTentative(f, out)
	}
	out = append(out, TablesEffect{Kind: TxApplied, Worker: f.op.Worker, Token: f.token, Err: uri})
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
	f.phase, f.barrier, f.refusal = flying, 0, ""
	if w.op.Barrier != 0 && t.full() {
		return append(out, TablesEffect{Kind: TxApplied, Worker: w.op.Worker, Token: w.token, Err: wamp.ErrUnavailable})
	}
	t.scrub(f.key)
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
	case OpUnregister, OpLeave:
		return t.unregister(f, out)
	case OpRevoke:
		if r := t.registration(f.key); r != nil {
			if c := r.Callee(0, f.op.Session); c != nil {
				gone := *c
				return t.revokeFor(f.key, r.ID, &gone, f.op.Reason, out)
			}
		}
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
	key := broker.Key{Match: k.match, Topic: k.uri}
	before := s.Broker.Get(key)
	if on && before == nil {
		s.Broker = s.Broker.WithNew(broker.Entry{Key: key, ID: id, Created: t.now, Workers: 1 << worker})
	} else {
		s.Broker = s.Broker.WithWorker(key, id, int(worker), on)
	}
	t.edited(k, id)
	if t.affairs != nil && (before == nil || before.Workers == 0 || t.subs[id] == nil || t.subs[id].Workers == 0) {
		t.affairs.topicChanged(k, id, 0, on, before, t.subs[id])
	}
}

// setNode adds or removes the interest of another node.
func (t *Tables) setNode(k tableKey, id uint64, node uint8, on bool) {
	s := &t.edit[k.realm]
	key := broker.Key{Match: k.match, Topic: k.uri}
	before := s.Broker.Get(key)
	if on && before == nil {
		var nodes broker.NodeSet
		nodes.Add(node)
		s.Broker = s.Broker.WithNew(broker.Entry{Key: key, ID: id, Created: t.now, Nodes: nodes})
	} else {
		s.Broker = s.Broker.WithNode(key, id, node, on)
	}
	t.edited(k, id)
	if t.affairs != nil {
		t.affairs.topicChanged(k, id, NodeSlot(node), on, before, t.subs[id])
	}
}

// edited notes the change, and gives the id of an entry that vanished free again.
func (t *Tables) edited(k tableKey, id uint64) {
	t.dirty[k.realm] = true
	if k.kind == Interest {
		if e := t.entry(k); e != nil {
			t.subs[id] = e
		} else {
			delete(t.subs, id)
		}
		return
	}
	if r := t.registration(k); r != nil {
		t.regs[id] = r
	} else {
		delete(t.regs, id)
	}
	t.judge(k)
}

func (t *Tables) subscribed(k tableKey, op *Op, token uint64, out []TablesEffect) []TablesEffect {
	id := t.idOf(k)
	t.setWorker(k, id, op.Worker, true)
	return t.answer(k, op, token, id, out)
}

// beginRegister refuses a registration that conflicts with a visible one, of this node or another (REG-02, SHR-02, SHR-03). One
// that joins others of its shared policy is theirs at once; any other makes a claim, since two nodes that register at the same moment
// do not see each other yet.
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
				return t.answer(f.key, op, f.token, r.ID, out) // registered already: one entry
			}
		}
	} else if !t.decided {
		f.phase = claiming
	}
	if (f.phase == claiming || t.decided) && t.full() {
		answer.Err = wamp.ErrUnavailable
		return append(out, answer)
	}
	f.element = Element{
		Realm: op.Realm, Match: op.Match, URI: op.URI, Session: op.Session, Invoke: op.Invoke,
		Concurrency: op.Concurrency, Order: t.tick(now), Tentative: f.phase == claiming, DiscloseCaller: op.DiscloseCaller,
		ForwardTimeout: op.ForwardTimeout,
	}
	out = t.fly(f, true, out)
	for i := range t.claims[f.key] { // of later ones: a clock that cannot be followed
		out = t.maybeRefuse(f.key, &t.claims[f.key][i], out)
	}
	return out
}

func (t *Tables) registered(f *flight, out []TablesEffect) []TablesEffect {
	id := t.addCallee(f.key, f.element.Invoke, dealer.Callee{
		Session: f.element.Session, Order: f.element.Order, NodeName: t.name,
		Concurrency: f.element.Concurrency, DiscloseCaller: f.element.DiscloseCaller,
		ForwardTimeout: f.element.ForwardTimeout,
	})
	return t.answer(f.key, &f.op, f.token, id, out)
}

func (t *Tables) addCallee(k tableKey, invoke wamp.Invoke, c dealer.Callee) (id uint64) {
	id = t.idOf(k)
	s := &t.edit[k.realm]
	before := t.registration(k)
	s.Dealer = s.Dealer.WithCallee(dealer.Key{Match: k.match, Procedure: k.uri}, id, invoke, c)
	t.edited(k, id)
	if t.affairs != nil {
		t.affairs.calleeCame(k, id, &c, before)
	}
	return id
}

func (t *Tables) removeCallee(k tableKey, node uint8, session uint64) {
	r := t.registration(k)
	c := r.Callee(node, session)
	if c == nil {
		return
	}
	s := &t.edit[k.realm]
	s.Dealer = s.Dealer.WithoutCallee(dealer.Key{Match: k.match, Procedure: k.uri}, node, session)
	t.edited(k, r.ID)
	if t.affairs != nil {
		t.affairs.calleeLeft(k, r.ID, c, t.registration(k))
	}
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
		f.element = t.elementOf(f.key, c)
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
