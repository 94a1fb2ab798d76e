package dealer

import (
	"kleeblatt/internal/wamp"

	"kleeblatt/internal/wamp/pages"
)

// Slot is a session's place in its worker's table.
type Slot uint32

// CallState says whether the caller is still owed a result.
type CallState uint8

const (
	Active  CallState = iota
	Killing           // cancelled with mode kill: the callee's answer, whatever it is, ends the call
)

// Call is the record of a call whose caller's session lives on this worker. It belongs to its book and is good until it is
// closed. The exported fields without a comment that says otherwise are the router's to write.
type Call struct {
	ID      uint64 // names the call in frames to and from the callee's side; never used again. Read only
	Caller  Slot   // read only
	Request uint64 // the CALL's request id. Read only

	Node         uint8  // where the callee lives; set by Bind
	Callee       uint64 // the callee's session; set by Bind
	Registration uint64 // set by Bind

	State           CallState // set by Cancel
	ReceiveProgress bool      // the caller asked for progressive results
	Progressive     bool      // the caller will send more CALLs under this request id
	Offered         bool      // the callee has not said yet that it takes this call in parts: further parts wait in the note
	InParts         bool      // the callee was sent more than the first part
	Waits           bool      // the caller is not read while parts of this call wait
	Kept            uint32    // bytes of the note, as far as the router counts them
	Tries           uint8     // how often Bind was called
	Timeout         int64     // ns; 0: none. Touch starts it anew
	Deadline        int64     // on the worker's clock; 0: none. Set by SetDeadline and Touch

	place uint32
}

// Calls is the book of one worker's calls, those of its own sessions. It belongs to the worker. In steady state it allocates
// nothing. The zero book is empty and usable; one with a seed is better.
type Calls struct {
	calls     slab[Call]
	requests  quick // by (Caller, Request)
	sessions  pages.Pages[ring]
	bySession rings
	nodes     [256]ring
	byNode    rings
	deadlines deadlines
	notes     notes
	seed      uint64
}

// NewCalls is an empty book. The seed keeps clients from choosing request ids that collide in its table, and sets where
// the generations in Call.ID begin, so that successive lives of a node hardly ever use the same ids.
func NewCalls(seed uint64) *Calls {
	b := &Calls{seed: seed}
	b.calls.birth = uint32(seed>>33) &^ 1 // even; less than half of the generations are given away
	return b
}

// Open makes the record of a call. dup means that the session has one under this request id already: that one is returned,
// as it is.
func (b *Calls) Open(caller Slot, request uint64) (c *Call, dup bool) {
	if c := b.Find(caller, request); c != nil {
		return c, true
	}
	c, place, id := b.calls.open()
	*c = Call{ID: id, Caller: caller, Request: request, place: place}
	if !b.requests.enter(uint64(caller), request, place) {
		b.requests.others.add(place, hashOf(b.seed, uint64(caller), request))
	}
	b.bySession.join(b.sessions.Make(uint32(caller)), place)
	return c, false
}

// Bind says to whom the call goes. It may be called again, when a call that provably was not delivered goes to another.
func (b *Calls) Bind(c *Call, node uint8, callee, registration uint64) {
	b.partNode(c)
	if node != 0 {
		b.byNode.join(&b.nodes[node], c.place)
	}
	c.Node, c.Callee, c.Registration = node, callee, registration
	c.Tries = max(c.Tries+1, 1) // never 0 again
}

// partNode takes the call out of its node's ring. Calls to this node's own callees are in none: it is not lost.
func (b *Calls) partNode(c *Call) {
	if c.Node != 0 {
		b.byNode.part(&b.nodes[c.Node], c.place)
	}
}

// Find is the session's call with that request id, nil if there is none under way.
func (b *Calls) Find(caller Slot, request uint64) *Call {
	if i := b.requests.at(uint64(caller), request); i != 0 {
		if c := b.calls.at(i); c.Caller == caller && c.Request == request {
			return c
		}
	}
	if b.requests.others.n == 0 {
		return nil
	}
	for i := b.requests.others.first(hashOf(b.seed, uint64(caller), request)); i != 0; i = b.requests.others.after(i) {
		if c := b.calls.at(i); c.Caller == caller && c.Request == request {
			return c
		}
	}
	return nil
}

// FindByID is the call with that id, nil if it is over or never was. Any number is safe.
func (b *Calls) FindByID(id uint64) *Call {
	c, _ := b.calls.byID(id)
	return c
}

// Close ends the call's record. c must be open and is void afterwards.
func (b *Calls) Close(c *Call) {
	place := c.place
	if place == 0 {
		panic("dealer: the call is closed")
	}
	b.requests.remove(uint64(c.Caller), c.Request, place)
	b.bySession.part(b.sessions.At(uint32(c.Caller)), place)
	b.partNode(c)
	b.deadlines.clear(place)
	b.notes.drop(place)
	c.place = 0
	b.calls.close(place)
}

// SetDeadline gives the call a deadline on the worker's clock, in ns; 0 takes it away.
func (b *Calls) SetDeadline(c *Call, at int64) {
	c.Deadline = at
	if at == 0 {
		b.deadlines.clear(c.place)
	} else {
		b.deadlines.set(c.place, at)
	}
}

// Touch starts the call's timeout anew, as each progressive result does (advanced/rpc_progressive_call_results.md).
func (b *Calls) Touch(c *Call, now int64) {
	if c.Timeout > 0 {
		b.SetDeadline(c, now+c.Timeout)
	}
}

// NextDeadline is the earliest deadline; ok is false if there is none.
func (b *Calls) NextDeadline() (at int64, ok bool) {
	if len(b.deadlines.heap) == 0 {
		return 0, false
	}
	return b.deadlines.heap[0].at, true
}

// Due is the call with the earliest deadline if that is not after now, else nil. Its deadline is taken away; the record
// stays until the router closes it.
func (b *Calls) Due(now int64) *Call {
	if at, ok := b.NextDeadline(); !ok || at > now {
		return nil
	}
	c := b.calls.at(b.deadlines.heap[0].i)
	b.SetDeadline(c, 0)
	return c
}

// EachOfSession yields the session's calls in the order in which they were opened. yield may close the call it is given, and
// no other.
func (b *Calls) EachOfSession(caller Slot, yield func(*Call) bool) {
	if r := b.sessions.MaybeAt(uint32(caller)); r != nil {
		b.bySession.each(r, func(i uint32) bool { return yield(b.calls.at(i)) })
	}
}

// DropSession ends all calls of a session that is gone, in the order in which they were opened, and hands each over as it was: its
// callee wants an interrupt.
func (b *Calls) DropSession(caller Slot, each func(Call)) {
	if r := b.sessions.MaybeAt(uint32(caller)); r != nil {
		b.dropAll(r, each)
	}
}

// DropNode ends all calls bound to another node that is gone, in the order in which they were bound, and hands each over as it was: its
// caller wants an error.
func (b *Calls) DropNode(node uint8, each func(Call)) {
	b.dropAll(&b.nodes[node], each)
}

// dropAll ends the calls of one ring. It takes the first one time and again, so each may do to the book what it likes.
func (b *Calls) dropAll(r *ring, each func(Call)) {
	for n := r.n; n > 0 && r.n > 0; n-- {
		c := b.calls.at(r.first)
		was := *c
		b.Close(c)
		each(was)
	}
}

// Len is the number of calls under way; Pending that of one session.
func (b *Calls) Len() int { return b.calls.n }

// Pending is the number of calls under way of one session.
func (b *Calls) Pending(caller Slot) int {
	if r := b.sessions.MaybeAt(uint32(caller)); r != nil {
		return int(r.n)
	}
	return 0
}

// Cancelled says what a CANCEL has the router do on the caller's side.
type Cancelled uint8

const (
	NotCancelled Cancelled = iota // nothing: there is no such call, or this was said before
	CancelNow                     // the record is gone: ERROR canceled to the caller, a cancel frame to the callee's side
	CancelWait                    // the record waits: a cancel frame to the callee's side, whose answer is the caller's
)

// Cancel is a CANCEL by the caller (advanced/rpc_call_canceling.md). was is the call as it was before. Whether the callee can
// be interrupted is known on its own side, which answers at once where it cannot (Invocations.Cancel). After kill the caller may
// still lose patience: skip or killnowait then end the call.
func (b *Calls) Cancel(caller Slot, request uint64, mode wamp.CancelMode) (was Call, what Cancelled) {
	c := b.Find(caller, request)
	if c == nil || mode == wamp.Kill && c.State == Killing {
		return Call{}, NotCancelled
	}
	was = *c
	if mode == wamp.Kill {
		c.State = Killing
		return was, CancelWait
	}
	b.Close(c)
	return was, CancelNow
}
