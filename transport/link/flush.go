package link

import (
	"encoding/binary"
	"math/bits"
)

// onSend takes one frame for a lane.
func (m *Machine) onSend(in *Input, lane uint8, out []Effect) []Effect {
	l := &m.send[lane]
	n := len(in.Bytes)
	var flags byte
	switch {
	case in.Call:
		flags = flagCall
	case in.Event:
		flags = flagEvent
	}
	switch {
	case n > m.cfg.MaxMessage:
		m.stats.TooLarge++
		return out
	case in.Call && m.callsFailed:
		m.stats.Cancelled++
		out = append(out, Effect{Kind: FxCallsFail})
		return m.ask(in.Now, out)
	case m.state >= Down:
		l.refuse(flags)
		return m.ask(in.Now, out)
	case l.bytes > 0 && l.bytes+n > m.cfg.Window:
		var ok bool
		if out, ok = m.overfull(l, flags, n, out); !ok {
			return m.ask(in.Now, out)
		}
	}
	if lane == 0 {
		m.stats.ControlOut++
	} else {
		m.stats.DataOut++
	}
	l.add(&m.pool, flags, m.version, in.Bytes)
	if lane > 0 && !l.paused && l.bytes > m.pause() {
		l.paused = true
		out = append(out, Effect{Kind: FxPaused, Lane: lane, On: true})
	}
	if m.state == Up {
		return out
	}
	if m.state == Idle && m.noPathSince == 0 {
		m.noPathSince = in.Now
	}
	return m.maybeDial(in.Now, out)
}

// ask notes that somebody wants the peer although it is down.
func (m *Machine) ask(now int64, out []Effect) []Effect {
	m.askedUntil = now + int64(askedFor)
	return m.maybeDial(now, out)
}

// overfull decides about a frame that does not fit the window; ok: it is taken all the same. While a path is up a full window is
// backpressure: the lane's origins have been paused long ago, so only answers and calls under way still come, and get as much
// again. Without a path, or above even that, the window is given up.
func (m *Machine) overfull(l *sendLane, flags byte, n int, out []Effect) (_ []Effect, ok bool) {
	if m.state == Up {
		if flags&flagEvent != 0 {
			m.stats.Dropped++
			return out, false
		}
		if l.bytes+n <= 2*m.cfg.Window {
			return out, true
		}
	}
	out = m.giveUp("the window is full", out)
	l.refuse(flags)
	return out, false
}

func (m *Machine) onAck(b []byte, out []Effect) ([]Effect, string) {
	mask, n := uvarint(b)
	if n <= 0 || mask >= 1<<allLanes {
		return out, "ack that does not parse"
	}
	b = b[n:]
	for ; mask != 0; mask &= mask - 1 {
		lane := uint8(bits.TrailingZeros64(mask))
		v, n := uvarint(b)
		l := &m.send[lane]
		if n <= 0 || v > l.sent {
			return out, "ack of what was not sent"
		}
		b = b[n:]
		l.ack(&m.pool, v)
		out = m.unpause(lane, out)
	}
	return out, ""
}

// unpause lets a lane's origins go on when half of the bound is free.
func (m *Machine) unpause(lane uint8, out []Effect) []Effect {
	l := &m.send[lane]
	if l.paused && !l.stopped && l.bytes <= m.pause()/2 {
		l.paused = false
		out = append(out, Effect{Kind: FxPaused, Lane: lane})
	}
	return out
}

func (m *Machine) unpauseAll(out []Effect) []Effect {
	for i := 1; i < allLanes; i++ {
		m.send[i].stopped = false
		out = m.unpause(uint8(i), out)
	}
	return out
}

func (m *Machine) onCredit(b []byte, out []Effect) ([]Effect, string) {
	mask, n := uvarint(b)
	if n <= 0 {
		return out, "credit that does not parse"
	}
	return m.setStopped(mask, out), ""
}

// setStopped takes the mask of the lanes for which the peer has no credit. Control always has.
func (m *Machine) setStopped(mask uint64, out []Effect) []Effect {
	for i := 1; i <= m.cfg.Lanes; i++ {
		l := &m.send[i]
		l.stopped = mask>>i&1 == 1
		if l.stopped && !l.paused {
			l.paused = true
			out = append(out, Effect{Kind: FxPaused, Lane: uint8(i), On: true})
		}
		out = m.unpause(uint8(i), out)
	}
	return out
}

// stopMask names all data lanes that a peer may use.
func (m *Machine) stopMask() uint64 { return 1<<allLanes - 2 }

func (m *Machine) onBeat(now int64, b []byte, out []Effect) ([]Effect, string) {
	var v beat
	if !readBeat(b, &v) {
		return out, "heartbeat that does not parse"
	}
	if v.echo != 0 && v.delay >= 0 && v.echo >= m.rttFrom {
		m.observeRTT(now-v.echo-v.delay, v.echo == m.pinged && m.pingedIdle)
	}
	m.ping, m.pingAt, m.head, m.theirDigest = v.ping, now, v.version, v.digest
	m.echoed = max(m.echoed, min(v.echo, m.pinged))
	out = m.onQuiet(now, max(v.quiet, now-m.echoed-int64(beatEvery)), out)
	return append(out, Effect{Kind: FxDigest, Version: v.version, Bytes: m.theirDigest[:]}), ""
}

func (m *Machine) noteUnacked(now int64, n int) {
	if m.unacked == 0 {
		m.unackedAt = now
	}
	m.unacked += n
}

// Flush ends a turn: everything gathered since the last one goes out, lane 0 first, then a chunk of each data lane in turn, as
// few FxWrites of at most 256 KiB. Their Bytes are valid until the next Flush. What exceeds the turn's bound (1 MiB), the bytes
// in flight or the peer's credit waits. The last effect, if any, is FxWakeAt.
func (m *Machine) Flush(now int64, out []Effect) []Effect {
	again := false
	if c := m.cur; c != nil && c.phase == open {
		out, again = m.flush(now, c, out)
	}
	if m.retiring && m.state != Left {
		out = m.leave(now, out)
	}
	at := m.deadline(now)
	if again || at != 0 && at < now { // what is overdue only now, as a dial that was not wanted before, is no lateness of ours
		at = now
	}
	if at != 0 && at != m.wake {
		m.wake = at
		out = append(out, Effect{Kind: FxWakeAt, At: at})
	}
	return out
}

// flush writes frames; again says that only the turn's bound kept it from writing more.
func (m *Machine) flush(now int64, c *conn, out []Effect) (_ []Effect, again bool) {
	inflight := 0
	for i := 1; i <= m.cfg.Lanes; i++ {
		inflight += m.send[i].inflight
	}
	budget := max(m.inflight()-inflight, 0)
	beating := now >= m.beatAt
	credit := m.stop != m.stopTold
	sending := m.sendable(budget)
	acking := m.unacked > 0 && (sending || beating || credit ||
		m.unacked >= m.cfg.AckBytes || now-m.unackedAt >= int64(m.cfg.AckDelay))
	if !beating && !credit && !sending && !acking {
		return out, false
	}
	w := append(m.wbuf[:0], c.version, kindBatch)
	if acking {
		w = m.appendAck(w)
	}
	if credit {
		w = m.appendCredit(w)
	}
	if beating {
		w = m.appendOurBeat(now, w)
	}
	var ends [flushMax/writeMax + 1]int
	n, start := 0, 0
	for {
		full := false
		w, budget, full = m.fill(w, start, budget)
		if len(w) == start+2 {
			w = w[:start]
			break
		}
		ends[n] = len(w)
		n++
		if !full {
			break
		}
		if n == flushMax/writeMax {
			again = m.sendable(budget)
			break
		}
		start = len(w)
		w = append(w, c.version, kindBatch)
	}
	m.wbuf, m.wbufUsed = w, max(m.wbufUsed, len(w))
	start = 0
	for _, end := range ends[:n] {
		m.stats.Writes++
		m.stats.BytesOut += uint64(end - start)
		out = append(out, Effect{Kind: FxWrite, Conn: c.id, Bytes: w[start:end:end]})
		start = end
	}
	return out, again
}

// sendable says whether any lane has something that it may send.
func (m *Machine) sendable(budget int) bool {
	if m.send[0].unsent() && m.send[0].inflight < m.inflight()/4 {
		return true
	}
	if budget == 0 {
		return false
	}
	for i := 1; i <= m.cfg.Lanes; i++ {
		if l := &m.send[i]; l.unsent() && !l.stopped {
			return true
		}
	}
	return false
}

// fill appends segments to the frame that begins at start, until it is full or there is nothing more to send.
func (m *Machine) fill(w []byte, start, budget int) (_ []byte, left int, full bool) {
	for l := &m.send[0]; l.unsent() && l.inflight < m.inflight()/4; {
		seg := l.segment()
		if len(w)-start+itemHeadMax+len(seg) > writeMax {
			return w, budget, true
		}
		w = appendDataItem(w, 0, l.sent, seg)
		l.take(seg)
	}
	lanes := m.cfg.Lanes
	for idle := 0; idle < lanes && budget > 0; {
		i := 1 + m.turn
		l := &m.send[i]
		if !l.unsent() || l.stopped {
			idle++
			m.turn = (m.turn + 1) % lanes
			continue
		}
		seg := l.segment()
		if len(w)-start+itemHeadMax+len(seg) > writeMax {
			return w, budget, true
		}
		idle = 0
		m.turn = (m.turn + 1) % lanes
		w = appendDataItem(w, i, l.sent, seg)
		l.take(seg)
		budget = max(budget-len(seg), 0)
	}
	return w, budget, false
}

func (m *Machine) appendAck(w []byte) []byte {
	m.unacked = 0
	return appendItem(w, itemAck, func(w []byte) []byte {
		var mask uint64
		for i := range m.recv {
			if l := &m.recv[i]; l.next != l.acked {
				mask |= 1 << i
			}
		}
		w = binary.AppendUvarint(w, mask)
		for ; mask != 0; mask &= mask - 1 {
			l := &m.recv[bits.TrailingZeros64(mask)]
			l.acked = l.next
			w = binary.AppendUvarint(w, l.next)
		}
		return w
	})
}

func (m *Machine) appendCredit(w []byte) []byte {
	m.stopTold = m.stop
	return appendItem(w, itemCredit, func(w []byte) []byte {
		if m.stop {
			return binary.AppendUvarint(w, m.stopMask())
		}
		return append(w, 0)
	})
}

// appendOurBeat also takes the occasion to give idle memory back.
func (m *Machine) appendOurBeat(now int64, w []byte) []byte {
	m.beatAt = now + int64(beatEvery)
	m.pool.trim()
	m.pinged, m.pingedIdle = now, m.windowBytes() < chunkBytes
	v := beat{ping: now, version: m.version, digest: m.digest, quiet: max(now-m.heard, 0)}
	if m.ping != 0 {
		v.echo, v.delay = m.ping, now-m.pingAt
	}
	w = appendItem(w, itemBeat, func(w []byte) []byte { return appendBeat(w, &v) })
	w = m.appendNear(w)
	if cap(w) > 2*chunkBytes && m.wbufUsed < cap(w)/4 {
		w = append(make([]byte, 0, 2*m.wbufUsed+len(w)), w...)
	}
	m.wbufUsed = 0
	return w
}
