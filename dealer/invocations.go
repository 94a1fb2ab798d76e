package dealer

import (
	"kleeblatt/internal/wamp"

	"kleeblatt/internal/wamp/pages"
)

// Origin is where an invocation comes from.
type Origin struct {
	Node   uint8  // this node's numbering; 0 is this node itself
	Worker uint8  // the caller's worker there
	Call   uint64 // Call.ID on that worker
	Caller uint64 // the caller's session
}

// Invocation is the record of a call whose callee's session lives on this worker. It belongs to its book and is good until
// it is closed.
type Invocation struct {
	ID           uint64 // INVOCATION.Request: sequential in the callee's session, from 1. Read only
	Callee       Slot   // read only
	Origin              // read only
	Registration uint64 // read only

	Interrupted bool // cancelled with mode kill, the callee was told and may answer. Set by Cancel
	// What INVOCATION.Details said, which all INVOCATIONs under this id say: the router's to write.
	ReceiveProgress, Named, Disclosed, Timed bool

	Progressive   bool // more INVOCATIONs under this id will come
	TakesPassthru bool // the caller understands payload passthru mode
	Yielded       bool // the callee has sent progress

	place uint32
	tally uint32 // its tally's place, 0 if it is not counted
}

// Plain says that the details of its INVOCATIONs say nothing.
func (v *Invocation) Plain() bool {
	return !(v.Named || v.Disclosed || v.ReceiveProgress || v.Timed || v.Progressive)
}

// Invocations is the book of one worker's invocations, those sent to its own sessions. It belongs to the worker. In steady state
// it allocates nothing. The zero book is empty and usable; one with a seed is better.
type Invocations struct {
	invocations slab[Invocation]
	ids         quick // by (Callee, ID)
	origins     quick // by (Node and Worker, Call)
	sessions    pages.Pages[calleeSession]
	bySession   rings
	nodes       [256]ring
	byNode      rings
	tallies     slab[tally]
	counts      table // of tallies, by (Callee, Registration)
	notes       notes
	seed        uint64
}

type calleeSession struct {
	ring
	issued uint64 // the last invocation id
}

// tally counts the invocations under way of a registration that limits them.
type tally struct {
	callee       Slot
	registration uint64
	n            uint32
}

// NewInvocations is an empty book. The seed keeps clients from making keys that collide in its tables.
func NewInvocations(seed uint64) *Invocations { return &Invocations{seed: seed} }

// Opening says how Open went.
type Opening uint8

const (
	Opened    Opening = iota + 1
	Duplicate         // the call has an invocation already: that one is returned, as it is
	AtLimit           // the callee has as many invocations of this registration under way as it allows: nil is returned
)

// Open makes the record of an invocation and gives it the session's next id. limit is the registration's concurrency, 0 for none;
// only invocations that were opened with a limit count against it.
func (b *Invocations) Open(callee Slot, from Origin, registration uint64, limit uint32) (*Invocation, Opening) {
	if v := b.FindByOrigin(from.Node, from.Worker, from.Call); v != nil {
		return v, Duplicate
	}
	var counted uint32
	if limit > 0 {
		var ok bool
		if counted, ok = b.count(callee, registration, limit); !ok {
			return nil, AtLimit
		}
	}
	s := b.sessions.Make(uint32(callee))
	s.issued++
	v, place, _ := b.invocations.open()
	*v = Invocation{ID: s.issued, Callee: callee, Origin: from, Registration: registration, place: place, tally: counted}
	if !b.ids.enter(uint64(callee), v.ID, place) {
		b.ids.others.add(place, hashOf(b.seed, uint64(callee), v.ID))
	}
	if worker := from.workerKey(); !b.origins.enter(worker, from.Call, place) {
		b.origins.others.add(place, hashOf(b.seed, worker, from.Call))
	}
	b.bySession.join(&s.ring, place)
	if from.Node != 0 {
		b.byNode.join(&b.nodes[from.Node], place)
	}
	return v, Opened
}

// Find is the session's invocation with that id, nil if there is none under way.
func (b *Invocations) Find(callee Slot, id uint64) *Invocation {
	if i := b.ids.at(uint64(callee), id); i != 0 {
		if v := b.invocations.at(i); v.Callee == callee && v.ID == id {
			return v
		}
	}
	if b.ids.others.n == 0 {
		return nil
	}
	for i := b.ids.others.first(hashOf(b.seed, uint64(callee), id)); i != 0; i = b.ids.others.after(i) {
		if v := b.invocations.at(i); v.Callee == callee && v.ID == id {
			return v
		}
	}
	return nil
}

// Verdict says what an id in a YIELD or ERROR of a callee is.
type Verdict uint8

const (
	Running   Verdict = iota + 1
	Late              // it was issued and is over: discard
	NotIssued         // it never was: a protocol violation
)

// Judge finds the invocation that a callee answers. What was issued and is under way no more was cancelled, timed out or
// left by its caller, or answered before: no record is kept of that, for ids are sequential.
func (b *Invocations) Judge(callee Slot, id uint64) (*Invocation, Verdict) {
	if v := b.Find(callee, id); v != nil {
		return v, Running
	}
	if id >= 1 && id <= b.Issued(callee) {
		return nil, Late
	}
	return nil, NotIssued
}

// Issued is the last invocation id of the session, 0 if it had none.
func (b *Invocations) Issued(callee Slot) uint64 {
	if s := b.sessions.MaybeAt(uint32(callee)); s != nil {
		return s.issued
	}
	return 0
}

// FindByOrigin is the invocation of that call, nil if there is none under way. Any numbers are safe.
func (b *Invocations) FindByOrigin(node, worker uint8, call uint64) *Invocation {
	from := Origin{Node: node, Worker: worker, Call: call}
	key := from.workerKey()
	if i := b.origins.at(key, call); i != 0 {
		if v := b.invocations.at(i); v.isOf(&from) {
			return v
		}
	}
	if b.origins.others.n == 0 {
		return nil
	}
	for i := b.origins.others.first(hashOf(b.seed, key, call)); i != 0; i = b.origins.others.after(i) {
		if v := b.invocations.at(i); v.isOf(&from) {
			return v
		}
	}
	return nil
}

// workerKey is the node and the worker as one number.
func (o *Origin) workerKey() uint64 { return uint64(o.Node)<<8 | uint64(o.Worker) }

// isOf reports whether both are of the same call.
func (o *Origin) isOf(x *Origin) bool {
	return o.Call == x.Call && o.Node == x.Node && o.Worker == x.Worker
}

// Close ends the invocation's record. v must be open and is void afterwards.
func (b *Invocations) Close(v *Invocation) {
	place := v.place
	if place == 0 {
		panic("dealer: the invocation is closed")
	}
	b.ids.remove(uint64(v.Callee), v.ID, place)
	b.origins.remove(v.workerKey(), v.Call, place)
	b.bySession.part(&b.sessions.At(uint32(v.Callee)).ring, place)
	if v.Node != 0 {
		b.byNode.part(&b.nodes[v.Node], place)
	}
	if v.tally != 0 {
		b.uncount(v.tally)
	}
	b.notes.drop(place)
	v.place = 0
	b.invocations.close(place)
}

// EachOfSession yields the session's invocations in the order of their ids. yield may close the one it is given, and no other.
func (b *Invocations) EachOfSession(callee Slot, yield func(*Invocation) bool) {
	if s := b.sessions.MaybeAt(uint32(callee)); s != nil {
		b.bySession.each(&s.ring, func(i uint32) bool { return yield(b.invocations.at(i)) })
	}
}

// EachOfNode yields the invocations that came from another node, in the order in which they came; there is no such list of those from this one,
// node 0. yield may close the one it is given, and no other.
func (b *Invocations) EachOfNode(node uint8, yield func(*Invocation) bool) {
	b.byNode.each(&b.nodes[node], func(i uint32) bool { return yield(b.invocations.at(i)) })
}

// EachOfOrigin yields the invocations of one caller's session on another node. It looks at all that came from the node.
func (b *Invocations) EachOfOrigin(node uint8, caller uint64, yield func(*Invocation) bool) {
	b.EachOfNode(node, func(v *Invocation) bool { return v.Caller != caller || yield(v) })
}

// DropSession ends all invocations of a session that is gone, and hands each over as it was: its caller wants an error. The
// slot's next session begins with invocation 1.
func (b *Invocations) DropSession(callee Slot, each func(Invocation)) {
	if s := b.sessions.MaybeAt(uint32(callee)); s != nil {
		b.dropAll(&s.ring, each)
		s.issued = 0
	}
}

// DropNode ends all invocations from another node that is gone, and hands each over as it was: its callee wants an interrupt.
func (b *Invocations) DropNode(node uint8, each func(Invocation)) {
	b.dropAll(&b.nodes[node], each)
}

// dropAll ends the invocations of one ring. It takes the first one time and again, so each may do to the book what it likes.
func (b *Invocations) dropAll(r *ring, each func(Invocation)) {
	for n := r.n; n > 0 && r.n > 0; n-- {
		v := b.invocations.at(r.first)
		was := *v
		b.Close(v)
		each(was)
	}
}

// Len is the number of invocations under way.
func (b *Invocations) Len() int { return b.invocations.n }

// Pending is the number of invocations under way of one session.
func (b *Invocations) Pending(callee Slot) int {
	if s := b.sessions.MaybeAt(uint32(callee)); s != nil {
		return int(s.n)
	}
	return 0
}

// Interruption says what a cancel frame has the router do on the callee's side.
type Interruption uint8

const (
	NoInterrupt    Interruption = iota // nothing
	Interrupt                          // INTERRUPT with the mode to the callee
	AnswerCanceled                     // ERROR canceled to the caller's side, which waits for it
)

// Cancel cancels an invocation for its caller, who cancelled, left, or ran out of time (advanced/rpc_call_canceling.md).
// interruptible says that the callee announced call_canceling; without it every mode is skip. The record stays only while a
// killed callee may still answer. v is void afterwards unless it stays; was is the invocation as it was.
func (b *Invocations) Cancel(v *Invocation, mode wamp.CancelMode, interruptible bool) (was Invocation, what Interruption) {
	was = *v
	if mode == wamp.Kill && interruptible {
		v.Interrupted = true
	} else {
		b.Close(v)
	}
	switch {
	case interruptible && mode != wamp.Skip && !was.Interrupted:
		return was, Interrupt
	case mode == wamp.Kill && !interruptible:
		return was, AnswerCanceled
	}
	return was, NoInterrupt
}

// count enters one more invocation into the tally of (callee, registration); ok is false if there are limit already.
func (b *Invocations) count(callee Slot, registration uint64, limit uint32) (place uint32, ok bool) {
	hash := hashOf(b.seed, uint64(callee), registration)
	for i := b.counts.first(hash); i != 0; i = b.counts.after(i) {
		if t := b.tallies.at(i); t.callee == callee && t.registration == registration {
			if t.n >= limit {
				return 0, false
			}
			t.n++
			return i, true
		}
	}
	t, i, _ := b.tallies.open()
	*t = tally{callee, registration, 1}
	b.counts.add(i, hash)
	return i, true
}

func (b *Invocations) uncount(place uint32) {
	t := b.tallies.at(place)
	if t.n--; t.n == 0 {
		b.counts.remove(place)
		b.tallies.close(place)
	}
}
