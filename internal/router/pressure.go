package router

import (
	"fmt"
	"time"

	"kleeblatt/broker"
)

// Backpressure. A session whose outbox is more than half full is congested. Who sends to it is not read any more until it
// has drained, for PauseMax at most: then it is slow, and nobody waits for it until it has drained.

// episode is one time of waiting for a receiver.
type episode struct {
	until int64 // when who waits goes on; 0: not set yet
	told  int64 // when those elsewhere were last told to wait on
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

// patience is how long a receiver is waited for that has read since its socket was full. Windows of TCP open in steps, and programs
// stop now and then to collect garbage: it is an order of magnitude more than what one gets that has shown nothing.
func (w *Worker) patience() int64 { return 10 * int64(w.limits.PauseMax) }

// reads says that a session has read of its backlog within its patience.
func (w *Worker) reads(slot uint32) bool {
	at := w.sessions[slot].readAt
	return at != 0 && w.now-at < w.patience()
}

// hold makes the sender of f wait for a receiver that is congested. slot is the sender's place, noSlot if it lives elsewhere.
func (w *Worker) hold(receiver uint32, f *frame, slot uint32, node NodeSlot) {
	if w.receivers[receiver].flags != congested || receiver == slot || f.from.session == 0 { // the node itself waits for nobody
		return
	}
	e, joined := w.pauses.join(receiverKey(receiver), sender{session: f.from.session, node: node, here: slot != noSlot})
	if !joined {
		return
	}
	if e.until == 0 {
		e.until = w.now + int64(w.limits.PauseMax)
		if w.reads(receiver) {
			e.until = max(e.until, w.sessions[receiver].readAt+w.patience())
		}
		w.timers.add(timer{at: e.until, kind: episodeTimer, slot: receiver, key: uint64(w.receivers[receiver].conn)})
	}
	if slot != noSlot {
		w.pause(slot)
	} else {
		w.sendPressure(&e.held[len(e.held)-1], w.sessions[receiver].id, pressureOn)
		if w.reads(receiver) {
			w.sendPressure(&e.held[len(e.held)-1], w.sessions[receiver].id, pressureStill)
		}
	}
}

// pauseForNode makes a session wait for a node's link. While its path is up the link drains, and a full one is backpressure, never loss; without
// a path nobody waits (onNodeLost).
func (w *Worker) pauseForNode(slot uint32, node uint8) {
	s := &w.sessions[slot]
	if s.state != stateOpen {
		return
	}
	e, joined := w.pauses.join(nodeKey(node), sender{session: s.id, here: true})
	if !joined {
		return
	}
	if e.until == 0 {
		e.until = w.now + w.linkPatience()
		w.timeNode(node, e.until)
	}
	w.pause(slot)
}

// linkPatience is how long a full link is waited for that acknowledges nothing: with a path that is up that is a node which is stopped, or a
// network that lets heartbeats through and nothing else. It is as long as a silent link takes to be found lost.
func (w *Worker) linkPatience() int64 { return 2 * w.patience() }

// timeNode sets the one timer that a node has: a link may be full and drain a thousand times while it runs.
func (w *Worker) timeNode(node uint8, at int64) {
	if !w.timed.Has(node) {
		w.timed.Add(node)
		w.timers.add(timer{at: at, kind: nodeTimer, key: uint64(node)})
	}
}

// nodeEpisodeOver ends the waiting for a node whose link has not moved for so long: events that do not fit its window are dropped and counted.
func (w *Worker) nodeEpisodeOver(node uint8) {
	w.timed.Remove(node)
	switch e := w.pauses.episodes[nodeKey(node)]; {
	case e == nil:
	case w.now < e.until: // there was progress, or it is a later episode
		w.timeNode(node, e.until)
	default:
		w.lagging.Remove(node)
		w.stuck.Add(node)
		w.stats.StuckNodes++
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
			w.sendPressure(s, lane, pressureOff)
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

// What a pressure frame says.
const (
	pressureOff   uint8 = iota // go on
	pressureOn                 // wait for one receiver more
	pressureStill              // wait on: it makes progress
)

// sendPressure tells the worker of a sender to wait, to wait on or to go on.
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
	case f.level == pressureStill && s.remotePause > 0:
		s.pausedUntil = w.now + w.patience()
		w.timers.add(timer{at: s.pausedUntil, kind: pauseTimer, slot: slot, key: uint64(w.receivers[slot].conn)})
	case f.level != pressureOff && s.remotePause < 1<<15:
		s.remotePause++
		s.pausedUntil = max(s.pausedUntil, w.now+int64(w.limits.PauseMax))
		w.timers.add(timer{at: s.pausedUntil, kind: pauseTimer, slot: slot, key: uint64(w.receivers[slot].conn)})
		w.pause(slot)
	case f.level == pressureOff && s.remotePause > 0:
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

// progressed gives a receiver that reads, if slowly, more time: only one that is stuck is not waited for.
func (w *Worker) progressed(slot uint32) {
	w.sessions[slot].readAt = w.now
	e := w.pauses.episodes[receiverKey(slot)]
	if e == nil {
		return
	}
	e.until = w.now + w.patience()
	if e.told != 0 && w.now-e.told < int64(w.limits.PauseMax)/4 {
		return
	}
	e.told = w.now
	for i := range e.held {
		if s := &e.held[i]; !s.here {
			w.sendPressure(s, w.sessions[slot].id, pressureStill)
		}
	}
}

// episodeOver ends the waiting for a receiver that used its time up.
func (w *Worker) episodeOver(slot uint32) {
	e := w.pauses.episodes[receiverKey(slot)]
	if e != nil && w.now < e.until { // there was progress
		w.timers.add(timer{at: e.until, kind: episodeTimer, slot: slot, key: uint64(w.receivers[slot].conn)})
		return
	}
	if e != nil {
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
	case 3:
		w.progressed(slot)
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
		w.tellSlow(slot)
		w.terminate(slot, stateClosing)
		w.emit(Effect{Kind: FxReset, Conn: r.conn})
	}
}

// slowLogEvery bounds how often a person is told of sessions that were closed for a full queue; all are counted.
const slowLogEvery = int64(time.Minute)

// tellSlow says once in a while that sessions are closed for a full queue, and of which this one is.
func (w *Worker) tellSlow(slot uint32) {
	if w.slowToldAt != 0 && w.now-w.slowToldAt < slowLogEvery {
		return
	}
	s := &w.sessions[slot]
	if s.state != stateOpen {
		return
	}
	w.slowToldAt = max(w.now, 1)
	w.emit(Effect{Kind: FxLog, Level: 4, Text: fmt.Sprintf(
		"session %d (authid %q, realm %s) was closed: it does not read, and its queue is full; %d so far on this worker", s.id, s.authID, s.realm.Name, w.stats.SlowClosed)})
}

// onNodePaused takes a link's level; the word that it is full comes again as long as it moves. Nobody waits for a node that is lost, since that may take long: what is sent to it meanwhile gathers
// in the link's window, whose bound decides.
func (w *Worker) onNodePaused(node NodeSlot, on bool) {
	if node == 0 || int(node) >= broker.MaxNodes {
		return
	}
	if on {
		if e := w.pauses.episodes[nodeKey(uint8(node))]; e != nil {
			e.until = w.now + w.linkPatience()
		}
		if !w.lost.Has(uint8(node)) && !w.stuck.Has(uint8(node)) {
			w.lagging.Add(uint8(node))
		}
		return
	}
	w.lagging.Remove(uint8(node))
	w.stuck.Remove(uint8(node))
	w.release(nodeKey(uint8(node)), 0)
}
