package router

import (
	"slices"
	"time"

	"kleeblatt/broker"
	"kleeblatt/dealer"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// timeoutMillisMax bounds CALL.Options.timeout: more is as good as none, and the sum with a clock reading must not overflow.
const timeoutMillisMax = 1 << 40

// The caller's side of a call: its record is in w.caller until the caller has got its one final answer (CAL-04).

func (w *Worker) onCall(slot uint32, m *codec.Message) {
	s := &w.sessions[slot]
	o := &m.Options
	inParts := o.Has&codec.OptProgress != 0 && o.Progress
	var own *builtin
	switch {
	case passesThrough(o) && s.roles.CallerFeatures&wamp.FeaturePayloadPassthru == 0: // PVI-16, PPT-02
		w.violate(slot, notPassthru)
		return
	case inParts && s.roles.CallerFeatures&wamp.FeatureProgressiveCallInvocations == 0: // PVI-15, PCI-02
		w.violate(slot, "progressive call without progressive_call_invocations")
		return
	}
	if inParts {
		s.inParts = max(s.inParts, m.Request)
	}
	known := w.known(s.realm, m.URI) != nil
	switch {
	case !known && !validURI(m.URI, wamp.Exact, s.realm.StrictURI):
		w.fail(slot, wamp.Call, m.Request, wamp.ErrInvalidURI, "")
		return
	case o.Has&codec.OptRunMode != 0 && string(o.RunMode) == "partition" && o.Has&codec.OptRKey == 0: // SHD-01: all that the specification says of it
		w.fail(slot, wamp.Call, m.Request, wamp.ErrInvalidArgument, "runmode partition needs an rkey")
		return
	}
	named, may := w.authorized(slot, auth.Call, wamp.Exact, m)
	if !may {
		return
	}
	if w.caller.Pending(dealer.Slot(slot)) >= s.role.Calls {
		w.fail(slot, wamp.Call, m.Request, wamp.ErrUnavailable, "too many pending calls in this session")
		return
	}
	if !known && wamp.Reserved(m.URI) {
		if own = builtins[text(m.URI)]; own == nil {
			w.fail(slot, wamp.Call, m.Request, wamp.ErrNoSuchProcedure, "")
			return
		}
		if own.may != nil && !own.may(w, slot, m) {
			return
		}
		if inParts || passesThrough(o) {
			w.fail(slot, wamp.Call, m.Request, wamp.ErrFeatureNotSupported, "")
			return
		}
	}
	disclose, allowed := s.discloses(o)
	if !allowed {
		w.fail(slot, wamp.Call, m.Request, wamp.ErrDiscloseMeDisallowed, "")
		return
	}
	c, dup := w.caller.Open(dealer.Slot(slot), m.Request)
	if dup {
		w.violate(slot, "request id of a call that is pending")
		return
	}
	w.stats.Calls++
	if own != nil {
		w.ask(c, own, m)
		return
	}
	f := &w.request
	f.kind, f.flags = frameInvoke, 0
	f.timeout = 0
	if o.Has&codec.OptTimeout != 0 {
		f.timeout = min(o.Timeout, timeoutMillisMax)
	}
	f.call, f.worker = c.ID, uint8(w.config.Index)
	f.realm, f.uri = octets(s.realm.Name), m.URI
	f.from = s.identity()
	f.tried = f.tried[:0]
	f.serializer, f.pass, f.payload = w.receivers[slot].serializer, m.Pass, m.Payload
	if disclose || named {
		f.flags |= flagDisclose
	}
	if o.Has&codec.OptReceiveProgress != 0 && o.ReceiveProgress {
		f.flags |= flagProgress
		c.ReceiveProgress = true
	}
	if passesThrough(o) {
		f.flags |= flagPassthru
	}
	if s.roles.CallerFeatures&wamp.FeaturePayloadPassthru != 0 {
		f.flags |= flagTakesPassthru
	}
	if inParts {
		f.flags |= flagMore
		if !w.beginParts(c, f) {
			w.endCall(c, wamp.ErrUnavailable, "too many calls in parts are pending")
			return
		}
	}
	w.place(c, f, refusedGone)
}

// watch starts the call's timeout (TMO-02), unless it runs already.
func (w *Worker) watch(c *dealer.Call, f *frame) {
	if f.timeout > 0 && c.Timeout == 0 {
		c.Timeout = int64(f.timeout) * int64(time.Millisecond)
		w.caller.Touch(c, w.now)
	}
}

// unwatch leaves the timeout to the callee (TMO-05).
func (w *Worker) unwatch(c *dealer.Call) {
	c.Timeout = 0
	w.caller.SetDeadline(c, 0)
}

// place sends the call to the callee whose turn it is. Those that refused it before, on whatever node, are passed over; why is why the last
// did. c is void afterwards.
func (w *Worker) place(c *dealer.Call, f *frame, why uint8) {
	realm := w.sessions[c.Caller].realm
	for {
		r := w.match(realm, f.uri)
		callee := w.pick(r, f)
		if callee == nil {
			w.noCallee(c, f, why)
			return
		}
		f.session, f.id = callee.Session, r.ID
		w.caller.Bind(c, callee.Node, callee.Session, r.ID)
		if callee.ForwardTimeout && f.timeout > 0 { // the router's own deadlines are its own
			w.unwatch(c)
		} else {
			w.watch(c, f)
		}
		c.Offered = f.flags&flagMore != 0
		if w.forward(c, f) {
			return
		}
		id, inParts := c.ID, c.Offered
		var done bool
		if why, done = w.invoke(f, 0, nil); done {
			if inParts {
				w.accepted(id)
			}
			return
		}
		f.tried = append(f.tried, callee.Session)
	}
}

// forward sends a frame to the callee's node or worker, behind all that the call sent before; false says that the callee is this worker's.
func (w *Worker) forward(c *dealer.Call, f *frame) bool {
	if c.Node != 0 {
		if w.lagging.Has(c.Node) {
			w.pauseForNode(uint32(c.Caller), c.Node)
		}
		w.relay(c.Node, f.from.session, w.encode(f))
		return true
	}
	if owner := int(c.Callee % uint64(w.config.Count)); owner != w.config.Index {
		w.post(owner, w.encode(f))
		return true
	}
	return false
}

func (w *Worker) pick(r *dealer.Registration, f *frame) *dealer.Callee {
	if r == nil || len(f.tried) >= triedMax {
		return nil
	}
	var random uint64
	if r.Invoke == wamp.Random {
		random = w.random()
	}
	if len(f.tried) == 0 && w.lost.Empty() {
		return r.Pick(random, nil)
	}
	w.placing = f
	if c := r.Pick(random, w.reachable); c != nil {
		return c
	}
	return r.Pick(random, w.untried) // its link will say at once if it has no path
}

func (w *Worker) isUntried(c *dealer.Callee) bool {
	return !slices.Contains(w.placing.tried, c.Session)
}

// isReachable is what calls prefer: a node that is lost gets new ones only where nobody else is.
func (w *Worker) isReachable(c *dealer.Callee) bool { return !w.lost.Has(c.Node) && w.isUntried(c) }

// noCallee ends a call that nobody takes.
func (w *Worker) noCallee(c *dealer.Call, f *frame, why uint8) {
	switch {
	case len(f.tried) > 0 && why == refusedBusy:
		w.stats.Failed[FailedBusy]++
		w.endCall(c, wamp.ErrUnavailable, "all callees are busy")
	case len(f.tried) > 0 && why == refusedAway: // RER-02, RER-04
		w.stats.Failed[FailedBusy]++
		w.endCall(c, wamp.ErrNoAvailableCallee, "")
	default:
		w.stats.Failed[FailedNoProcedure]++
		w.endCall(c, wamp.ErrNoSuchProcedure, "")
	}
}

// endCall gives the caller its final answer, an error of the router's.
func (w *Worker) endCall(c *dealer.Call, uri, text string) {
	if w.isInquiry(c) {
		w.inquiryFailed(c.ID, uri)
	}
	slot, request := uint32(c.Caller), c.Request
	w.closeCall(c)
	w.fail(slot, wamp.Call, request, uri, text)
}

func (w *Worker) closeCall(c *dealer.Call) {
	w.letGo(c, 0)
	w.caller.Close(c)
}

// callOf is the pending call that a frame from node answers, nil if it is over.
func (w *Worker) callOf(f *frame, node NodeSlot) *dealer.Call {
	c := w.caller.FindByID(f.call)
	if c == nil || c.Node != uint8(node) || w.sessions[c.Caller].id != f.session {
		w.stats.RepliesLate++
		return nil
	}
	return c
}

// onReply hands a RESULT to the caller. Progress that it did not ask for is dropped.
func (w *Worker) onReply(f *frame, node NodeSlot) {
	c := w.callOf(f, node)
	if c == nil {
		return
	}
	progress := f.flags&flagProgress != 0
	if progress && !c.ReceiveProgress {
		return
	}
	if w.isInquiry(c) {
		w.onInquiryReply(c, f)
		return
	}
	slot := uint32(c.Caller)
	r := &w.receivers[slot]
	p, pass, err := w.carryAll(f, r.serializer)
	if err != nil {
		w.breakCall(c, progress, wamp.ErrInvalidArgument, err.Error())
		return
	}
	at := len(w.arena)
	w.arena = codec.AppendResultPass(w.arena, r.serializer, c.Request, progress, pass, p)
	if uint64(len(w.arena)-at) > uint64(r.maxMessage) { // CAL-11
		w.arena = w.arena[:at]
		w.breakCall(c, progress, wamp.ErrPayloadSizeExceeded, "")
		return
	}
	if progress {
		w.caller.Touch(c, w.now) // PCR-11
	} else {
		w.closeCall(c)
	}
	w.send(slot, at, true)
}

// breakCall ends a call whose result the caller cannot take; running says that the callee is still at it.
func (w *Worker) breakCall(c *dealer.Call, running bool, uri, text string) {
	was := *c
	w.endCall(c, uri, text)
	if running {
		w.cancelCallee(&was, wamp.KillNoWait)
	}
}

// onError hands the callee's ERROR, or its worker's, to the caller. What the caller cannot take of its payload is left out.
func (w *Worker) onError(f *frame, node NodeSlot) {
	c := w.callOf(f, node)
	if c == nil {
		return
	}
	if w.isInquiry(c) {
		w.onInquiryReply(c, f)
		return
	}
	slot, request := uint32(c.Caller), c.Request
	w.closeCall(c)
	r := &w.receivers[slot]
	p, pass, err := w.carryAll(f, r.serializer)
	if err != nil {
		p, pass = codec.Payload{}, codec.Pass{}
	}
	at := len(w.arena)
	w.arena = codec.AppendErrorPass(w.arena, r.serializer, wamp.Call, request, f.uri, pass, p)
	if uint64(len(w.arena)-at) > uint64(r.maxMessage) {
		w.arena = codec.AppendError(w.arena[:at], r.serializer, wamp.Call, request, f.uri, codec.Payload{})
	}
	w.send(slot, at, true)
}

// onRefuse tries the next callee: this one's worker says that it did not start the call, or the callee itself that it is not available
// (RER-01). Of a call in parts the latter may have more than comes back here; it cannot go to another one then (PCI-04).
func (w *Worker) onRefuse(f *frame, node NodeSlot) {
	c := w.callOf(f, node)
	if c == nil {
		return
	}
	if c.State == dealer.Killing {
		w.endCall(c, wamp.ErrCanceled, "")
		return
	}
	again := &w.refused
	if again.parse(f.rest) != nil || again.kind != frameInvoke || again.call != f.call {
		w.stats.BadFrames++
		w.endCall(c, wamp.ErrUnavailable, "")
		return
	}
	again.tried = append(again.tried, c.Callee)
	if c.InParts {
		w.noCallee(c, again, f.level)
		return
	}
	w.place(c, again, f.level)
}

// onCancel cancels a pending call of the same session (CAN rows). An unknown one is ignored: it may just have ended.
func (w *Worker) onCancel(slot uint32, m *codec.Message) {
	mode := wamp.KillNoWait
	if m.Options.Has&codec.OptMode != 0 {
		var ok bool
		if mode, ok = wamp.ParseCancelMode(m.Options.Mode); !ok {
			w.fail(slot, wamp.Cancel, m.Request, wamp.ErrInvalidArgument, "unknown cancel mode")
			return
		}
	}
	was, what := w.caller.Cancel(dealer.Slot(slot), m.Request, mode)
	switch what {
	case dealer.CancelNow:
		w.letGo(&was, 0)
		w.fail(slot, wamp.Call, was.Request, wamp.ErrCanceled, "")
		w.cancelCallee(&was, mode)
	case dealer.CancelWait:
		w.cancelCallee(&was, mode)
	}
}

// cancelCallee tells the callee's side, in the lane of the caller's session, behind the call itself.
func (w *Worker) cancelCallee(c *dealer.Call, mode wamp.CancelMode) {
	if c.Callee == 0 { // the node itself
		return
	}
	f := &w.request
	f.kind, f.session, f.call, f.worker, f.mode = frameCancel, c.Callee, c.ID, uint8(w.config.Index), mode
	if c.Node != 0 {
		w.relay(c.Node, w.sessions[c.Caller].id, w.encode(f))
	} else if owner := int(c.Callee % uint64(w.config.Count)); owner != w.config.Index {
		w.post(owner, w.encode(f))
	} else {
		w.onCancelFrame(f, 0)
	}
}

// callerGone ends the calls of a session that leaves (LEV-01).
func (w *Worker) callerGone(slot uint32) { w.caller.DropSession(dealer.Slot(slot), w.callGone) }

func (w *Worker) abandonCall(c dealer.Call) { w.cancelCallee(&c, wamp.KillNoWait) }

// callTimedOut ends a call whose deadline has passed (TMO-02, TMO-03).
func (w *Worker) callTimedOut(c *dealer.Call) {
	w.stats.Failed[FailedTimeout]++
	w.breakCall(c, true, wamp.ErrTimeout, "")
}

// onNodeLost ends all calls between this worker and a node that cannot be reached: the callers here are told, the callees here interrupted.
// The other ends are told too, for when the node is alive and the loss is ours alone. Until InNodeUp calls go elsewhere where they can.
func (w *Worker) onNodeLost(node NodeSlot) {
	if node == 0 || int(node) >= broker.MaxNodes {
		return
	}
	w.lost.Add(uint8(node))
	w.onNodePaused(node, false)
	w.caller.DropNode(uint8(node), w.callLost)
	w.callee.DropNode(uint8(node), w.invocationLost)
}

func (w *Worker) failLostCall(c dealer.Call) {
	w.stats.Failed[FailedNodeLost]++
	w.inquiryFailed(c.ID, wamp.ErrCanceled)
	w.letGo(&c, 0)
	w.fail(uint32(c.Caller), wamp.Call, c.Request, wamp.ErrCanceled, "")
	w.cancelCallee(&c, wamp.KillNoWait)
}
