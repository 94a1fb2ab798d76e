package router

import (
	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

// Call re-routing (advanced/rpc_call_rerouting.md): a callee that announced call_reroute may answer an invocation with
// wamp.error.unavailable. Its worker then gives the call back whole, as it does where it refuses one itself, and the caller's worker sends it to
// the next callee by the registration's policy. Nobody else keeps a call's payload.

// rerouteBytesMax bounds a call that can be given back, in bytes of its frame; callees that are busy say so at once, so only what is pending
// is kept. A larger call ends with its first callee's refusal.
const rerouteBytesMax = 256 << 10

// keep notes the call with its invocation. b is the frame as it came, nil if it is this worker's own.
func (w *Worker) keep(v *dealer.Invocation, f *frame, b []byte) {
	if len(f.payload.Raw) > rerouteBytesMax {
		return
	}
	if b == nil {
		at := len(w.arena)
		b = w.encode(f)
		w.arena = w.arena[:at]
	}
	w.callee.Note(v, b)
}

// giveBack ends an invocation whose callee is not available.
func (w *Worker) giveBack(v *dealer.Invocation, slot uint32) {
	from := v.Origin
	at := len(w.arena)
	w.arena = append(w.arena, w.callee.Noted(v)...)
	call := w.arena[at:len(w.arena):len(w.arena)]
	w.callee.Close(v)
	if len(call) == 0 {
		w.answer(&from, slot, wamp.ErrNoAvailableCallee)
		return
	}
	w.stats.Rerouted++
	r := &w.reply
	r.kind, r.session, r.call, r.level, r.rest = frameRefuse, from.Caller, from.Call, refusedAway, call
	w.sendBack(&from, slot, r)
}
