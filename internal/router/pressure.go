package router

import "kleeblatt/broker"

// Backpressure (DESIGN.md section 5). A session whose outbox is more than half full is congested. Who sends to it is not read any more until it
// has drained, for PauseMax at most: then it is slow, and nobody waits for it until it has drained.

// episode is one time of waiting for a receiver.
type episode struct {
	until int64 // 0: no end of its own
	held  []sender
}

// sender is a publisher or caller that waits; node and worker tell where it lives.
type sender struct {
	session uint64
	node    NodeSlot
	here    bool // on this worker
}

// receiverKey names what is waited for: a session's slot, or a node's link.
type receiverKey uint32

func nodeKey(node uint8) receiverKey { return 1<<31 | receiverKey(node) }

type pauseKey struct {
	receiver receiverKey
	session  uint64
}

// pauses are all episodes under way on a worker.
type pauses struct {
	episodes map[receiverKey]*episode
	held     map[pauseKey]struct{} // who waits for whom: nobody is told twice in one episode
}

func (p *pauses) init() {
	p.episodes = map[receiverKey]*episode{}
	p.held = map[pauseKey]struct{}{}
}

// join makes a sender wait; false if it does already, or too many do.
func (p *pauses) join(r receiverKey, s sender) (e *episode, joined bool) {
	k := pauseKey{r, s.session}
	if _, ok := p.held[k]; ok || len(p.held) >= pausesMax {
		return nil, false
	}
	p.held[k] = struct{}{}
	if e = p.episodes[r]; e == nil {
		e = &episode{}
		p.episodes[r] = e
	}
	e.held = append(e.held, s)
	return e, true
}

// end takes the episode out, nil if there is none.
func (p *pauses) end(r receiverKey) *episode {
	e := p.episodes[r]
	if e != nil {
		delete(p.episodes, r)
		for _, s := range e.held {
			delete(p.held, pauseKey{r, s.session})
		}
	}
	return e
}

// hold makes the sender of f wait for a receiver that is congested. slot is the sender's place, noSlot if it lives elsewhere.
func (w *Worker) hold(receiver uint32, f *frame, slot uint32, node NodeSlot) {
	if w.receivers[receiver].flags != congested || receiver == slot {
		return
	}
	e, joined := w.pauses.join(receiverKey(receiver), sender{session: f.from.session, node: node, here: slot != noSlot})
	if !joined {
		return
	}
	if e.until == 0 {
		e.until = w.now + int64(w.limits.PauseMax)
		w.timers.add(timer{at: e.until, kind: episodeTimer, slot: receiver, key: uint64(w.receivers[receiver].conn)})
	}
	if slot != noSlot {
		w.pause(slot)
	} else {
		w.sendPressure(&e.held[len(e.held)-1], w.sessions[receiver].id, 1)
	}
}

// pauseForNode makes a session wait for a node's link, as for a receiver: a node that stays behind is not waited for.
func (w *Worker) pauseForNode(slot uint32, node uint8) {
	s := &w.sessions[slot]
	if s.state != stateOpen || w.behind.Has(node) {
		return
	}
	e, joined := w.pauses.join(nodeKey(node), sender{session: s.id, here: true})
	if !joined {
		return
	}
	if e.until == 0 {
		e.until = w.now + int64(w.limits.PauseMax)
		w.timers.add(timer{at: e.until, kind: nodeTimer, slot: uint32(node)})
	}
	w.pause(slot)
}

func (w *Worker) nodeEpisodeOver(node uint8) {
	if e := w.pauses.episodes[nodeKey(node)]; e != nil && w.now >= e.until {
		w.behind.Add(node)
		w.release(nodeKey(node), 0)
	}
}

// release lets everybody go on that waits for the receiver.
func (w *Worker) release(r receiverKey, lane uint64) {
	e := w.pauses.end(r)
	if e == nil {
		return
	}
	for i := range e.held {
		s := &e.held[i]
		if !s.here {
			w.sendPressure(s, lane, 0)
		} else if slot, ok := w.sessionByID(s.session); ok {
			w.unpause(slot, 1)
		}
	}
}

func (w *Worker) pause(slot uint32) {
	s := &w.sessions[slot]
	s.pauses++
	if !s.paused {
		s.paused = true
		w.stats.Pauses++
		w.emit(Effect{Kind: FxPause, Conn: w.receivers[slot].conn})
	}
}

func (w *Worker) unpause(slot uint32, n uint16) {
	s := &w.sessions[slot]
	s.pauses -= min(n, s.pauses)
	if s.paused && s.pauses == 0 {
		s.paused = false
		w.emit(Effect{Kind: FxResume, Conn: w.receivers[slot].conn})
	}
}

// sendPressure tells the worker of a sender to wait (1) or go on (0).
func (w *Worker) sendPressure(to *sender, lane uint64, level uint8) {
	f := &w.reply
	f.kind, f.session, f.level = framePressure, to.session, level
	if to.node != 0 {
		w.relay(uint8(to.node), lane, w.encode(f))
	} else if owner := int(to.session % uint64(w.config.Count)); owner != w.config.Index {
		w.post(owner, w.encode(f))
	}
}

// onPressureFrame makes a session wait for a receiver elsewhere. Should the word to go on be lost, it goes on by itself.
func (w *Worker) onPressureFrame(f *frame) {
	slot, ok := w.sessionByID(f.session)
	if !ok {
		return
	}
	s := &w.sessions[slot]
	switch {
	case f.level > 0 && s.remotePause < 1<<15:
		s.remotePause++
		s.pausedUntil = w.now + int64(w.limits.PauseMax)
		w.timers.add(timer{at: s.pausedUntil, kind: pauseTimer, slot: slot, key: uint64(w.receivers[slot].conn)})
		w.pause(slot)
	case f.level == 0 && s.remotePause > 0:
		s.remotePause--
		w.unpause(slot, 1)
	}
}

func (w *Worker) remotePauseOver(slot uint32) {
	s := &w.sessions[slot]
	if n := s.remotePause; n > 0 && w.now >= s.pausedUntil {
		s.remotePause = 0
		w.unpause(slot, n)
	}
}

// episodeOver ends the waiting for a receiver that used its time up.
func (w *Worker) episodeOver(slot uint32) {
	if e := w.pauses.episodes[receiverKey(slot)]; e != nil && w.now >= e.until {
		w.receivers[slot].flags |= slow
		w.stats.SlowSessions++
		w.release(receiverKey(slot), w.sessions[slot].id)
	}
}

// recovered notes that nobody need wait for the session any more.
func (w *Worker) recovered(slot uint32) {
	if w.receivers[slot].flags&slow != 0 {
		w.stats.SlowSessions--
	}
	w.receivers[slot].flags = 0
}

// receiverGone lets go of a session that ends, in both roles.
func (w *Worker) receiverGone(slot uint32) {
	w.release(receiverKey(slot), w.sessions[slot].id)
	w.recovered(slot)
	s := &w.sessions[slot]
	s.remotePause = 0
	w.unpause(slot, s.pauses)
}

// onPressure takes the outbox's level. At the bound the policy decides about events; a reply that does not fit ends the session in
// any case, for replies are never dropped.
func (w *Worker) onPressure(slot uint32, level uint8, urgent bool) {
	r := &w.receivers[slot]
	switch level {
	case 0:
		w.recovered(slot)
		w.release(receiverKey(slot), w.sessions[slot].id)
	case 1:
		r.flags |= congested
	case 2:
		r.flags |= congested
		if w.sessions[slot].state == stateClosing {
			return // what is queued is being flushed
		}
		if w.limits.SlowConsumer == Drop && !urgent {
			w.stats.EventsDropped++
			return
		}
		w.stats.SlowClosed++
		w.terminate(slot, stateClosing)
		w.emit(Effect{Kind: FxReset, Conn: r.conn})
	}
}

// onNodePaused takes a link's level. Nobody waits for a node that is lost, since that may take long: what is sent to it meanwhile gathers
// in the link's window, whose bound decides.
func (w *Worker) onNodePaused(node NodeSlot, on bool) {
	if node == 0 || int(node) >= broker.MaxNodes {
		return
	}
	if on {
		if !w.lost.Has(uint8(node)) {
			w.lagging.Add(uint8(node))
		}
		return
	}
	w.lagging.Remove(uint8(node))
	w.behind.Remove(uint8(node))
	w.release(nodeKey(uint8(node)), 0)
}
