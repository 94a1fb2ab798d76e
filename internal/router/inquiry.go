package router

import (
	"time"

	"kleeblatt/dealer"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Procedures that the router itself calls, on behalf of a session that waits for the answer: authenticators and authorizers. Such a call is
// one like any other, with a record in the caller's book, a deadline and one answer; its caller is a session that has no connection, one for
// each realm in which something was asked.

const (
	// inquiriesMax bounds the calls of a worker that sessions wait for. Each is over by its deadline; above it the next ones fail at once.
	inquiriesMax = 4096
	// heldBytesMax bounds what is kept of the messages that wait on a worker, in bytes: a few of the largest.
	heldBytesMax = 64 << 20
	// heldBehindMax bounds what comes behind a message that waits, per session, though its connection is not read: what had been read.
	heldBehindMax = 1 << 20
)

// reply is what became of an inquiry.
type reply struct {
	failed string // not "" where nobody answered, or nothing that can be read: why, for a person
	err    string // the URI of the error that was answered; "" for a result
	args   []any
	kwargs codec.Dict
}

// wait is a session that waits for the answer to an inquiry. Its connection is not read meanwhile, so that order holds.
type wait struct {
	conn    Conn
	call    uint64 // the inquiry
	message []byte // what waits, of an open session
	decided []decision
	behind  [][]byte // what came behind it all the same
	bytes   int      // of both
}

// inquiries are those of a worker.
type inquiries struct {
	then   map[uint64]func(*reply) // by call
	waits  map[uint32]*wait        // by slot
	voices map[*Realm]uint32       // the sessions in whose name is asked, by slot
	over   []overInquiry           // answered in this step: what follows is done at its end, when no message is under way
	count  uint64                  // of all that were made; their request ids
	bytes  int                     // of all waits
}

type overInquiry struct {
	then func(*reply)
	reply
}

func (q *inquiries) init() {
	q.then, q.waits, q.voices = map[uint64]func(*reply){}, map[uint32]*wait{}, map[*Realm]uint32{}
}

// inquire calls a procedure and hands what becomes of it to then, once, at the end of this step or of a later one. A session of that slot
// waits for it: its connection is not read. message is what it said, if that is to be looked at again.
func (w *Worker) inquire(slot uint32, realm *Realm, procedure string, timeout time.Duration, args []any, then func(*reply)) *wait {
	q := &w.inquiries
	x := &wait{conn: w.receivers[slot].conn}
	q.waits[slot] = x
	w.sessions[slot].asking = true
	w.pause(slot)
	w.stats.Inquiries++
	if realm == nil || realm.index == onDemand || len(q.then) >= inquiriesMax || q.bytes > heldBytesMax {
		q.over = append(q.over, overInquiry{then, reply{failed: "it cannot be asked"}})
		return x
	}
	q.count++
	c, _ := w.caller.Open(dealer.Slot(w.voice(realm)), q.count)
	x.call = c.ID
	q.then[c.ID] = then
	c.Timeout = int64(timeout)
	w.caller.Touch(c, w.now)
	f := &w.request
	*f = frame{tried: f.tried[:0], filter: f.filter}
	f.kind, f.call, f.worker = frameInvoke, c.ID, uint8(w.config.Index)
	f.realm, f.uri = octets(realm.Name), octets(procedure)
	f.from.session = w.sessions[c.Caller].id
	f.serializer = wamp.MsgPack
	_, f.payload = codec.AppendPayload(nil, wamp.MsgPack, args, nil)
	w.place(c, f, refusedGone)
	return x
}

// voice is the session in whose name the router calls in a realm.
func (w *Worker) voice(realm *Realm) uint32 {
	slot, ok := w.inquiries.voices[realm]
	if !ok {
		slot = w.newSlot()
		w.sessions[slot] = session{id: w.newSessionID(), realm: realm, role: w.quotaOf(realm, &realm.others), state: stateVoice}
		w.receivers[slot] = receiver{serializer: wamp.MsgPack, maxMessage: askBytesMax}
		w.inquiries.voices[realm] = slot
	}
	return slot
}

// isInquiry says that the router itself made the call.
func (w *Worker) isInquiry(c *dealer.Call) bool { return w.sessions[c.Caller].state == stateVoice }

// inquiryFailed ends an inquiry that nobody answers. Its record may be closed already.
func (w *Worker) inquiryFailed(call uint64, why string) {
	w.inquiryOver(call, reply{failed: why})
}

func (w *Worker) inquiryOver(call uint64, r reply) {
	q := &w.inquiries
	if then := q.then[call]; then != nil {
		delete(q.then, call)
		q.over = append(q.over, overInquiry{then, r})
	}
}

// onInquiryReply takes the RESULT or ERROR that answers an inquiry.
func (w *Worker) onInquiryReply(c *dealer.Call, f *frame) {
	id := c.ID
	w.caller.Close(c)
	var r reply
	switch {
	case len(f.payload.Raw) > askBytesMax:
		r.failed = "its answer is too long"
	case f.kind == frameError && isOurs(f.uri):
		r.failed = string(f.uri)
	default:
		r.args, r.kwargs = codec.ReadPayload(f.serializer, f.payload)
		if f.kind == frameError {
			r.err = string(f.uri)
		}
	}
	w.inquiryOver(id, r)
}

// isOurs says whether an error comes from the router of the callee rather than from the callee.
func isOurs(uri []byte) bool {
	switch string(uri) {
	case wamp.ErrCanceled, wamp.ErrPayloadSizeExceeded, wamp.ErrUnavailable, wamp.ErrNoAvailableCallee, wamp.ErrTimeout:
		return true
	}
	return false
}

// finishInquiries does what follows from the answers of this step.
func (w *Worker) finishInquiries() {
	q := &w.inquiries
	for i := 0; i < len(q.over); i++ {
		o := q.over[i]
		o.then(&o.reply)
	}
	clear(q.over)
	q.over = q.over[:0]
}

// answered lets a session go on that waited for this inquiry; false where it does not any more.
func (w *Worker) answered(slot uint32, x *wait) bool {
	q := &w.inquiries
	if q.waits[slot] != x {
		return false
	}
	delete(q.waits, slot)
	q.bytes -= x.bytes
	w.sessions[slot].asking = false
	w.unpause(slot, 1)
	return true
}

// goOn looks at what came while the session waited, until it waits again.
func (w *Worker) goOn(slot uint32, x *wait) {
	for i, b := range x.behind {
		if next := w.inquiries.waits[slot]; next != nil {
			for _, b := range x.behind[i:] {
				w.keepBehind(next, b)
			}
			return
		}
		if w.receivers[slot].conn != x.conn {
			return
		}
		w.onMessage(slot, b)
	}
}

// holdMessage keeps a message of a session that waits, though its connection should not be read.
func (w *Worker) holdMessage(slot uint32, b []byte) {
	x := w.inquiries.waits[slot]
	if x.bytes-len(x.message)+len(b) > heldBehindMax {
		w.close(slot)
		return
	}
	w.keepBehind(x, append([]byte(nil), b...))
}

func (w *Worker) keepBehind(x *wait, b []byte) {
	x.behind = append(x.behind, b)
	x.bytes += len(b)
	w.inquiries.bytes += len(b)
}

// stopWaiting ends the inquiry of a session that is over.
func (w *Worker) stopWaiting(slot uint32) {
	q := &w.inquiries
	x := q.waits[slot]
	if x == nil {
		return
	}
	delete(q.waits, slot)
	q.bytes -= x.bytes
	w.sessions[slot].asking = false
	w.unpause(slot, 1)
	if c := w.caller.FindByID(x.call); c != nil && q.then[x.call] != nil {
		delete(q.then, x.call)
		was := *c
		w.caller.Close(c)
		w.cancelCallee(&was, wamp.KillNoWait)
	}
}
