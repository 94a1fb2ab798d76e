package router

// encode appends a frame to the arena and returns its bytes.
func (w *Worker) encode(f *frame) []byte {
	at := len(w.arena)
	w.arena = appendFrame(w.arena, f)
	return w.arena[at:len(w.arena):len(w.arena)]
}

func (w *Worker) post(worker int, b []byte) {
	w.stats.Posts++
	w.emit(Effect{Kind: FxPost, Worker: uint8(worker), Bytes: b})
}

// relay sends a frame to another node, in the lane of the session that it speaks for: order holds within it.
func (w *Worker) relay(node uint8, session uint64, b []byte) {
	w.stats.Relays++
	w.emit(Effect{Kind: FxRelay, Node: NodeSlot(node), Lane: laneOf(session), Bytes: b})
}

// laneOf spreads sessions over lanes. Session ids are random, but what they leave when divided by the workers is not.
func laneOf(session uint64) uint64 {
	h := session * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// onFrame handles a frame that another worker of this node, or another node, sent.
func (w *Worker) onFrame(node NodeSlot, b []byte) {
	f := &w.received
	if err := f.parse(b); err != nil {
		w.stats.BadFrames++
		return
	}
	w.lost.Remove(uint8(node)) // it speaks to us
	switch f.kind {
	case framePublish, frameTestament:
		f.filter.Sort()
		w.onPublishFrame(node, f)
	case frameInvoke:
		w.onInvokeFrame(node, f, b)
	case frameReply:
		w.onReply(f, node)
	case frameError:
		w.onError(f, node)
	case frameCancel:
		w.onCancelFrame(f, node)
	case framePressure:
		w.onPressureFrame(f)
	case frameRefuse:
		w.onRefuse(f, node)
	case frameAccept:
		w.onAccept(f, node)
	}
}

// onInvokeFrame starts a call, or sends it back whole, so that the caller's worker need not keep what it may have to send again.
func (w *Worker) onInvokeFrame(node NodeSlot, f *frame, b []byte) {
	if node == 0 && int(f.worker) >= w.config.Count {
		w.stats.BadFrames++
		return
	}
	if f.flags&flagPart != 0 {
		w.invokePart(f, node)
		return
	}
	why, done := w.invoke(f, node, b)
	r := &w.reply
	switch {
	case !done:
		r.kind, r.session, r.call, r.level, r.rest = frameRefuse, f.from.session, f.call, why, b
	case f.flags&flagMore != 0:
		r.kind, r.session, r.call = frameAccept, f.from.session, f.call
	default:
		return
	}
	switch {
	case node != 0:
		w.relay(uint8(node), f.session, w.encode(r))
	case int(f.worker) != w.config.Index:
		w.post(int(f.worker), w.encode(r))
	}
}
