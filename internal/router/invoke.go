package router

import (
	"strings"

	"kleeblatt/dealer"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// The callee's side of a call: its record is in w.callee from INVOCATION until the callee's final answer, or until nobody waits for that
// any more.

// invoke hands a call to a session of this worker. When it returns done false, nothing has happened and another callee may be tried.
func (w *Worker) invoke(f *frame, node NodeSlot) (why uint8, done bool) {
	slot, ok := w.sessionByID(f.session)
	if !ok {
		return refusedGone, false
	}
	x := w.invoked(slot, f)
	if x == nil {
		return refusedGone, false
	}
	if w.callee.Pending(dealer.Slot(slot)) >= w.limits.Invocations {
		return refusedBusy, false
	}
	from := dealer.Origin{Node: uint8(node), Worker: f.worker, Call: f.call, Caller: f.from.session}
	r := &w.receivers[slot]
	p, err := w.carry(f.serializer, r.serializer, f.payload)
	if err != nil { // P34: the sender's error
		w.answer(&from, slot, wamp.ErrInvalidArgument)
		return 0, true
	}
	v, how := w.callee.Open(dealer.Slot(slot), from, x.id, x.concurrency)
	switch how {
	case dealer.AtLimit:
		return refusedBusy, false
	case dealer.Duplicate:
		return 0, true
	}
	at := len(w.arena)
	w.arena = codec.AppendInvocation(w.arena, r.serializer, v.ID, x.id, w.invocationDetails(f, x, slot), p)
	v.ReceiveProgress = w.invocation.ReceiveProgress
	if uint64(len(w.arena)-at) > uint64(r.maxMessage) {
		w.arena = w.arena[:at]
		w.callee.Close(v)
		w.answer(&from, slot, wamp.ErrPayloadSizeExceeded)
		return 0, true
	}
	w.send(slot, at, true)
	if r.flags != 0 {
		w.hold(slot, f, w.slotOf(f, node), node)
	}
	return 0, true
}

// invoked is the registration that a call is for, nil if the session does not hold it. The frame has the id that the caller's node gave it;
// where ids collided, ours is another, and that one may be of another procedure.
func (w *Worker) invoked(slot uint32, f *frame) *registration {
	x := w.registrations.get(slot, f.id)
	if x != nil && (x.match != wamp.Exact || x.uri == text(f.uri)) && (x.match != wamp.Prefix || strings.HasPrefix(text(f.uri), x.uri)) {
		return x
	}
	r := w.sessions[slot].realm.Cell.Load().Dealer.Match(f.uri)
	if r == nil || r.ID == f.id {
		return nil
	}
	return w.registrations.get(slot, r.ID)
}

func (w *Worker) invocationDetails(f *frame, x *registration, slot uint32) *codec.InvocationDetails {
	d := &w.invocation
	*d = codec.InvocationDetails{}
	s := &w.sessions[slot]
	if x.match != wamp.Exact { // PBR-06
		d.Procedure = f.uri
	}
	if f.flags&flagDisclose != 0 || x.discloseCaller {
		d.Caller = f.from.session
		d.CallerAuthID, d.CallerAuthRole = text(f.from.authID), text(f.from.authRole)
	}
	d.ReceiveProgress = f.flags&flagProgress != 0 && s.takesProgress()
	return d
}

// takesProgress reports whether the callee may be asked for progressive results (A-50; PCR-02 to the letter in strict realms).
func (s *session) takesProgress() bool {
	need := wamp.FeatureProgressiveCallResults
	if s.realm.Strict {
		need |= wamp.FeatureCallCanceling
	}
	return s.roles.CalleeFeatures&need == need
}

func (s *session) interruptible() bool {
	return s.roles.CalleeFeatures&wamp.FeatureCallCanceling != 0
}

// slotOf is the caller's or publisher's place on this worker, noSlot if it lives elsewhere.
func (w *Worker) slotOf(f *frame, node NodeSlot) uint32 {
	if node == 0 {
		if slot, ok := w.sessionByID(f.from.session); ok {
			return slot
		}
	}
	return noSlot
}

// judge finds the invocation that a callee answers. An answer to one that is over is dropped, to one that never was a violation (PVI-09,
// A-02, CAL-12, LEV-03).
func (w *Worker) judge(slot uint32, request uint64) *dealer.Invocation {
	v, verdict := w.callee.Judge(dealer.Slot(slot), request)
	switch verdict {
	case dealer.NotIssued:
		w.violate(slot, "there is no such invocation")
	case dealer.Late:
		w.stats.RepliesLate++
	}
	return v
}

func (w *Worker) onYield(slot uint32, m *codec.Message) {
	if m.Options.Has&codec.OptPPTScheme != 0 {
		w.violate(slot, "ppt_scheme without payload_passthru_mode")
		return
	}
	v := w.judge(slot, m.Request)
	if v == nil {
		return
	}
	f := &w.reply
	f.kind, f.flags = frameReply, 0
	f.session, f.call = v.Caller, v.Call
	f.serializer, f.payload = w.receivers[slot].serializer, m.Payload
	from := v.Origin
	if m.Options.Has&codec.OptProgress != 0 && m.Options.Progress {
		f.flags = flagProgress
	} else {
		w.callee.Close(v)
	}
	w.sendBack(&from, slot, f)
}

// onInvocationError handles ERROR, which a client sends for INVOCATION only (PVI-06, CAN-12).
func (w *Worker) onInvocationError(slot uint32, m *codec.Message) {
	if m.RequestType != wamp.Invocation {
		w.violate(slot, "ERROR is for INVOCATION only")
		return
	}
	v := w.judge(slot, m.Request)
	if v == nil {
		return
	}
	from := v.Origin
	w.callee.Close(v)
	f := &w.reply
	f.kind, f.session, f.call, f.uri = frameError, from.Caller, from.Call, m.URI
	f.serializer, f.payload = w.receivers[slot].serializer, m.Payload
	w.sendBack(&from, slot, f)
}

// answer sends the caller an error of this worker's for a call that ended here. slot is the callee's.
func (w *Worker) answer(to *dealer.Origin, slot uint32, uri string) {
	f := &w.reply
	f.kind, f.session, f.call, f.uri = frameError, to.Caller, to.Call, octets(uri)
	f.serializer, f.payload = wamp.MsgPack, codec.Payload{}
	w.sendBack(to, slot, f)
}

// sendBack brings a reply to the caller's worker, in the lane of the callee's session.
func (w *Worker) sendBack(to *dealer.Origin, slot uint32, f *frame) {
	switch {
	case to.Node != 0:
		if w.lagging.Has(to.Node) {
			w.pauseForNode(slot, to.Node)
		}
		w.relay(to.Node, w.sessions[slot].id, w.encode(f))
	case int(to.Worker) != w.config.Index:
		w.post(int(to.Worker), w.encode(f))
	case f.kind == frameReply:
		w.onReply(f, 0)
	default:
		w.onError(f, 0)
	}
}

// onCancelFrame interrupts the callee where it can be; a call that was answered meanwhile is not touched.
func (w *Worker) onCancelFrame(f *frame, node NodeSlot) {
	v := w.callee.FindByOrigin(uint8(node), f.worker, f.call)
	if v == nil {
		return
	}
	slot := uint32(v.Callee)
	was, what := w.callee.Cancel(v, f.mode, w.sessions[slot].interruptible())
	switch what {
	case dealer.Interrupt:
		w.interrupt(slot, was.ID, f.mode)
	case dealer.AnswerCanceled:
		w.answer(&was.Origin, slot, wamp.ErrCanceled)
	}
}

func (w *Worker) interrupt(slot uint32, invocation uint64, mode wamp.CancelMode) {
	if w.sessions[slot].state != stateOpen {
		return
	}
	at := len(w.arena)
	w.arena = codec.AppendInterrupt(w.arena, w.receivers[slot].serializer, invocation, mode)
	w.send(slot, at, true)
}

// calleeGone tells the callers of a session that leaves (LEV-04).
func (w *Worker) calleeGone(slot uint32) {
	w.stats.Failed[FailedCalleeLeft] += uint64(w.callee.Pending(dealer.Slot(slot)))
	w.callee.DropSession(dealer.Slot(slot), w.invocationGone)
}

func (w *Worker) failInvocation(v dealer.Invocation) {
	w.answer(&v.Origin, uint32(v.Callee), wamp.ErrCanceled)
}

// interruptLost ends an invocation whose caller's node is lost.
func (w *Worker) interruptLost(v dealer.Invocation) {
	if !v.Interrupted && w.sessions[v.Callee].interruptible() {
		w.interrupt(uint32(v.Callee), v.ID, wamp.KillNoWait)
	}
	w.failInvocation(v)
}
