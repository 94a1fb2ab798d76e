package router

import (
	"strings"

	"kleeblatt/dealer"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// The callee's side of a call: its record is in w.callee from INVOCATION until the callee's final answer, or until nobody waits for that
// any more.

// invoke hands a call to a session of this worker. When it returns done false, nothing has happened and another callee may be tried. b is the
// frame as it came, nil if it is this worker's own.
func (w *Worker) invoke(f *frame, node NodeSlot, b []byte) (why uint8, done bool) {
	slot, ok := w.sessionByID(f.session)
	if !ok {
		return refusedGone, false
	}
	x := w.invoked(slot, f)
	if x == nil {
		return refusedGone, false
	}
	if w.callee.Pending(dealer.Slot(slot)) >= w.sessions[slot].role.Invocations {
		return refusedBusy, false
	}
	from := dealer.Origin{Node: uint8(node), Worker: f.worker, Call: f.call, Caller: f.from.session}
	if !w.sessions[slot].takes(f) {
		w.answer(&from, slot, wamp.ErrFeatureNotSupported)
		return 0, true
	}
	v, how := w.callee.Open(dealer.Slot(slot), from, x.id, x.concurrency)
	switch how {
	case dealer.AtLimit:
		return refusedBusy, false
	case dealer.Duplicate:
		return 0, true
	}
	w.describe(v, f, x)
	if uri := w.sendInvocation(v, f); uri != "" {
		w.callee.Close(v)
		w.answer(&from, slot, uri)
		return 0, true
	}
	if w.sessions[slot].roles.CalleeFeatures&wamp.FeatureCallReroute != 0 {
		w.keep(v, f, b)
	}
	if w.receivers[slot].flags != 0 {
		w.hold(slot, f, w.slotOf(f, node), node)
	}
	return 0, true
}

// takes says whether the callee understands what the call asks of it (PCI-03, PPT-04).
func (s *session) takes(f *frame) bool {
	var need wamp.Feature
	if f.flags&flagMore != 0 {
		need |= wamp.FeatureProgressiveCallInvocations | wamp.FeatureCallCanceling
	}
	if f.flags&flagPassthru != 0 {
		need |= wamp.FeaturePayloadPassthru
	}
	return s.roles.CalleeFeatures&need == need
}

// sendInvocation sends the callee an INVOCATION. It answers the URI of the error if that cannot be: the sender's (P34), or too large for the
// callee.
func (w *Worker) sendInvocation(v *dealer.Invocation, f *frame) (uri string) {
	slot := uint32(v.Callee)
	r := &w.receivers[slot]
	p, pass, err := w.carryAll(f, r.serializer)
	if err != nil {
		return wamp.ErrInvalidArgument
	}
	at := len(w.arena)
	if v.Plain() && r.serializer == wamp.MsgPack && f.from.trust == 0 && pass.N == 0 {
		w.arena = codec.AppendPlainInvocation(w.arena, v.ID, v.Registration, p)
	} else {
		w.arena = codec.AppendInvocation(w.arena, r.serializer, v.ID, v.Registration, w.invocationDetails(v, f, pass), p)
	}
	if uint64(len(w.arena)-at) > uint64(r.maxMessage) {
		w.arena = w.arena[:at]
		return wamp.ErrPayloadSizeExceeded
	}
	w.send(slot, at, true)
	return ""
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

// describe notes what all INVOCATIONs of the call say: the first CALL's options hold for all (PCI-10), and the registration may be gone by the
// time that the others come.
func (w *Worker) describe(v *dealer.Invocation, f *frame, x *registration) {
	v.Named = x.match != wamp.Exact // PBR-06
	v.Disclosed = f.flags&flagDisclose != 0 || x.discloseCaller
	v.ReceiveProgress = f.flags&flagProgress != 0 && w.sessions[v.Callee].takesProgress()
	v.Timed = x.forwardTimeout
	v.Progressive = f.flags&flagMore != 0
	v.TakesPassthru = f.flags&flagTakesPassthru != 0
}

func (w *Worker) invocationDetails(v *dealer.Invocation, f *frame, pass codec.Pass) *codec.InvocationDetails {
	d := &w.invocation
	*d = codec.InvocationDetails{ReceiveProgress: v.ReceiveProgress, Progress: v.Progressive, Trust: uint64(f.from.trust), Pass: pass}
	if v.Named {
		d.Procedure = f.uri
	}
	if v.Disclosed {
		d.Caller = f.from.session
		d.CallerAuthID, d.CallerAuthRole = text(f.from.authID), text(f.from.authRole)
	}
	if v.Timed {
		d.Timeout = f.timeout
	}
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

// invocationOf finds the invocation that a YIELD or ERROR is for. Who passes a payload through must have announced it (PPT-02).
func (w *Worker) invocationOf(slot uint32, m *codec.Message) *dealer.Invocation {
	if passesThrough(&m.Options) && w.sessions[slot].roles.CalleeFeatures&wamp.FeaturePayloadPassthru == 0 {
		w.violate(slot, notPassthru)
		return nil
	}
	return w.judge(slot, m.Request)
}

func (w *Worker) onYield(slot uint32, m *codec.Message) {
	v := w.invocationOf(slot, m)
	if v == nil {
		return
	}
	if passesThrough(&m.Options) && !v.TakesPassthru {
		w.refuseYield(v, slot, m.Request)
		return
	}
	f := &w.reply
	f.kind, f.flags = frameReply, 0
	f.session, f.call = v.Caller, v.Call
	f.serializer, f.pass, f.payload = w.receivers[slot].serializer, m.Pass, m.Payload
	from := v.Origin
	if m.Options.Has&codec.OptProgress != 0 && m.Options.Progress {
		f.flags = flagProgress
		v.Yielded = true
		w.callee.Forget(v)
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
	v := w.invocationOf(slot, m)
	if v == nil {
		return
	}
	if !v.Yielded && text(m.URI) == wamp.ErrUnavailable && w.sessions[slot].roles.CalleeFeatures&wamp.FeatureCallReroute != 0 {
		w.giveBack(v, slot)
		return
	}
	from := v.Origin
	f := &w.reply
	f.kind, f.flags, f.session, f.call, f.uri = frameError, 0, from.Caller, from.Call, m.URI
	f.serializer, f.pass, f.payload = w.receivers[slot].serializer, m.Pass, m.Payload
	if passesThrough(&m.Options) && !v.TakesPassthru { // the error is news all the same
		f.pass, f.payload = codec.Pass{}, codec.Payload{}
	}
	w.callee.Close(v)
	w.sendBack(&from, slot, f)
}

// answer sends the caller an error of this worker's for a call that ended here. slot is the callee's.
func (w *Worker) answer(to *dealer.Origin, slot uint32, uri string) {
	f := &w.reply
	f.kind, f.flags, f.session, f.call, f.uri = frameError, 0, to.Caller, to.Call, octets(uri)
	f.serializer, f.pass, f.payload = wamp.MsgPack, codec.Pass{}, reasons[uri].payload
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
	case f.kind == frameRefuse:
		w.onRefuse(f, 0)
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
