package router

import (
	"bytes"
	"encoding/binary"

	"kleeblatt/dealer"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Progressive call invocations (advanced/rpc_progressive_call_invocations.md): a call in parts, several CALLs under one request id. The options
// of the first hold for all, so the caller's worker notes the head of its frame with the call (dealer.Calls.Note). All parts go to one callee, in
// order. Until a callee on another worker has said that it takes the first (frameAccept), so that the call can still go to another one, further
// parts wait in the note, and the caller is not read.
//
//	note: length | frameInvoke without payload | waiting parts: length | more, N | payload
//
// The caller learns late that a call is over. What it sends for it until then is dropped: a session's request ids up to the highest of its
// calls in parts are known, and those of calls that are over are no new ones.

const (
	noteLengthBytes = 4
	partHeadBytes   = noteLengthBytes + 2
	// partsHeadMax bounds the head that is kept with a call in parts, in bytes: its URI and the options that pass through.
	partsHeadMax = 16 << 10
	// partsSessionMax is how much the calls in parts of one session may keep before it gets no more of them, in bytes: some hundred of usual size.
	// What waits counts, too, but the session is not read then, so there is little of it.
	partsSessionMax = 256 << 10
)

// furtherPart handles a CALL whose request id is not new (PCI-05 to PCI-08); false says that it is, as far as this goes. A first part that has
// waited for an authorizer looks like a further one, and must not come here.
func (w *Worker) furtherPart(slot uint32, m *codec.Message) bool {
	s := &w.sessions[slot]
	known := s.inParts
	if s.realm.Strict && s.roles.CallerFeatures&wamp.FeatureProgressiveCallInvocations != 0 {
		known = s.lastRequest
	}
	if m.Request == 0 || m.Request > known {
		return false
	}
	c := w.caller.Find(dealer.Slot(slot), m.Request)
	switch {
	case c == nil:
		w.stats.PartsLate++
	case !c.Progressive:
		w.violate(slot, "request id of a call that is pending")
	default:
		w.continueCall(c, m)
	}
	return true
}

// continueCall sends the next part of a call where the first went. Its options but for progress are not looked at (PCI-09).
func (w *Worker) continueCall(c *dealer.Call, m *codec.Message) {
	f := &w.request
	if f.parse(headOf(w.caller.Noted(c))) != nil {
		panic("router: a call in parts without a head")
	}
	if !bytes.Equal(f.uri, m.URI) {
		w.stats.PartsLate++ // another call's (PCI-06)
		return
	}
	more := m.Options.Has&codec.OptProgress != 0 && m.Options.Progress
	c.Progressive = more
	if c.Offered {
		w.wait(c, more, m.Payload)
		return
	}
	w.sendPart(c, f, more, m.Payload)
}

// beginParts notes what all parts of a call have in common; false says that there is no room for it.
func (w *Worker) beginParts(c *dealer.Call, f *frame) bool {
	c.Progressive = true
	payload := f.payload
	f.payload = codec.Payload{}
	at := len(w.arena)
	w.arena = append(w.arena, 0, 0, 0, 0)
	w.arena = appendFrame(w.arena, f)
	f.payload = payload
	head := w.arena[at:]
	w.arena = w.arena[:at]
	if len(head) > partsHeadMax || w.sessions[c.Caller].kept > partsSessionMax {
		return false
	}
	binary.LittleEndian.PutUint32(head, uint32(len(head)-noteLengthBytes))
	return w.note(c, head)
}

// note keeps b with the call, and counts it; letGo takes it back.
func (w *Worker) note(c *dealer.Call, b []byte) bool {
	if !w.caller.Note(c, b) {
		return false
	}
	c.Kept += uint32(len(b))
	w.sessions[c.Caller].kept += uint32(len(b))
	return true
}

// letGo is what follows for its caller when a call ends, or as much of it as has waited: keep is what is still kept.
func (w *Worker) letGo(c *dealer.Call, keep uint32) {
	w.sessions[c.Caller].kept -= c.Kept - keep
	c.Kept = keep
	if c.Waits {
		c.Waits = false
		w.unpause(uint32(c.Caller), 1)
	}
}

func headOf(note []byte) []byte {
	return note[noteLengthBytes : noteLengthBytes+binary.LittleEndian.Uint32(note)]
}

// wait keeps a part until it is known where the call goes.
func (w *Worker) wait(c *dealer.Call, more bool, p codec.Payload) {
	var head [partHeadBytes]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(p.Raw)))
	if more {
		head[noteLengthBytes] = 1
	}
	head[noteLengthBytes+1] = p.N
	if !w.note(c, head[:]) || !w.note(c, p.Raw) {
		w.breakCall(c, true, wamp.ErrUnavailable, "too many parts of calls wait for callees")
		return
	}
	if !c.Waits {
		c.Waits = true
		w.pause(uint32(c.Caller))
	}
}

// accepted sends what has waited: the callee has the first part.
func (w *Worker) accepted(id uint64) {
	c := w.caller.FindByID(id)
	if c == nil || !c.Offered {
		return
	}
	c.Offered = false
	note := w.caller.Noted(c)
	head := headOf(note)
	w.letGo(c, uint32(noteLengthBytes+len(head)))
	f := &w.request
	for rest := note[noteLengthBytes+len(head):]; len(rest) > 0; {
		n := int(binary.LittleEndian.Uint32(rest))
		p := codec.Payload{N: rest[noteLengthBytes+1], Raw: rest[partHeadBytes : partHeadBytes+n]}
		if f.parse(head) != nil {
			panic("router: a call in parts without a head")
		}
		w.sendPart(c, f, rest[noteLengthBytes] != 0, p)
		if c = w.caller.FindByID(id); c == nil {
			return // the callee could not take it
		}
		rest = rest[partHeadBytes+n:]
	}
	w.caller.Forget(c, noteLengthBytes+len(head))
}

// sendPart sends a further part to the callee. c may be void afterwards.
func (w *Worker) sendPart(c *dealer.Call, f *frame, more bool, p codec.Payload) {
	f.flags = f.flags&^flagMore | flagPart
	if more {
		f.flags |= flagMore
	}
	f.session, f.id, f.payload = c.Callee, c.Registration, p
	c.InParts = true
	if !w.forward(c, f) {
		w.invokePart(f, 0)
	}
}

// onAccept goes on with a call in parts.
func (w *Worker) onAccept(f *frame, node NodeSlot) {
	if c := w.callOf(f, node); c != nil {
		w.accepted(c.ID)
	}
}

// invokePart gives the callee a further part of a call, under the first one's id and with its details. The call may be over here and its caller
// not know yet.
func (w *Worker) invokePart(f *frame, node NodeSlot) {
	v := w.callee.FindByOrigin(uint8(node), f.worker, f.call)
	if v == nil || !v.Progressive || v.Interrupted {
		w.stats.PartsLate++
		return
	}
	v.Progressive = f.flags&flagMore != 0
	slot := uint32(v.Callee)
	uri := w.sendInvocation(v, f)
	if uri == "" {
		if w.receivers[slot].flags != 0 {
			w.hold(slot, f, w.slotOf(f, node), node)
		}
		return
	}
	was, what := w.callee.Cancel(v, wamp.KillNoWait, w.sessions[slot].interruptible())
	if what == dealer.Interrupt {
		w.interrupt(slot, was.ID, wamp.KillNoWait)
	}
	w.answer(&was.Origin, slot, uri)
}
