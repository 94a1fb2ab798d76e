package link

import "encoding/binary"

// recvLane is one lane's incoming stream.
type recvLane struct {
	next  uint64 // number expected; starts at 1
	acked uint64 // next as last told to the peer on this connection
	done  tally  // frames whose last record came (delivered, held, or void)

	asm     []byte // the records so far of a frame that came in several
	partial bool

	hold   holdQueue
	passed uint64 // stamps up to this are not waited for any more: waiting for them has taken its time already
}

func (l *recvLane) reset() {
	*l = recvLane{next: 1, acked: 1, asm: l.asm[:0], hold: holdQueue{b: l.hold.b[:0]}}
}

// abort forgets a frame of which only a part came.
func (l *recvLane) abort() { l.asm, l.partial = l.asm[:0], false }

// holdQueue keeps frames, in order, until our tables have reached the version that they were sent with.
// b[off:] is entries of (arrival, stamp, length, frame); what lies before off may still be read through effects and is only
// reused when the next Step begins.
type holdQueue struct {
	b   []byte
	off int
}

const holdHead = 8 + 8 + 4

func (h *holdQueue) empty() bool { return h.off == len(h.b) }

// bytes counts frames and their heads.
func (h *holdQueue) bytes() int { return len(h.b) - h.off }

func (h *holdQueue) push(now int64, stamp uint64, frame []byte) {
	h.b = binary.BigEndian.AppendUint64(h.b, uint64(now))
	h.b = binary.BigEndian.AppendUint64(h.b, stamp)
	h.b = binary.BigEndian.AppendUint32(h.b, uint32(len(frame)))
	h.b = append(h.b, frame...)
}

func (h *holdQueue) first() (at int64, stamp uint64) {
	return int64(binary.BigEndian.Uint64(h.b[h.off:])), binary.BigEndian.Uint64(h.b[h.off+8:])
}

func (h *holdQueue) pop() []byte {
	from := h.off + holdHead
	to := from + int(binary.BigEndian.Uint32(h.b[h.off+16:]))
	h.off = to
	return h.b[from:to:to]
}

// reclaim reuses what was popped. No effect may alias it any more.
func (h *holdQueue) reclaim() {
	switch {
	case h.off == 0:
	case h.off == len(h.b):
		h.b, h.off = h.b[:0], 0
		if cap(h.b) > asmKeepMax {
			h.b = nil
		}
	case h.off > len(h.b)/2:
		n := copy(h.b, h.b[h.off:])
		h.b, h.off = h.b[:n], 0
	}
}

// onBatch takes the items of one frame of the current connection. It reports what is wrong with it, "" if nothing: what came
// before the fault counts, and the connection is closed.
func (m *Machine) onBatch(now int64, b []byte, out []Effect) ([]Effect, string) {
	for len(b) > 0 {
		item := b[0]
		b = b[1:]
		var first uint64
		if item&itemData != 0 {
			v, n := uvarint(b)
			if n <= 0 {
				return out, "data item without a number"
			}
			first, b = v, b[n:]
		}
		size, n := uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return out, "item longer than its frame"
		}
		body := b[n : n+int(size)]
		b = b[n+int(size):]
		var fault string
		switch item {
		case itemAck:
			out, fault = m.onAck(body, out)
		case itemCredit:
			out, fault = m.onCredit(body, out)
		case itemBeat:
			out, fault = m.onBeat(now, body, out)
		case itemBye:
			m.byeSeen = true
		case itemRelay:
			out, fault = m.onRelayIn(body, out)
		case itemNear:
			if m.cfg.Relay {
				out = append(out, Effect{Kind: FxNear, Bytes: body})
			}
		default:
			if item&itemData != 0 {
				out, fault = m.onData(now, item, first, body, out)
			}
		}
		if fault != "" {
			return out, fault
		}
	}
	return out, ""
}

// onData takes one lane's run of records. Records that came before are skipped: after a reconnect the peer begins where we were
// when we told it, and we may have read on.
func (m *Machine) onData(now int64, item byte, number uint64, b []byte, out []Effect) ([]Effect, string) {
	if item&^(itemData|itemLane) != 0 {
		return out, "unknown data item"
	}
	lane := item & itemLane
	l := &m.recv[lane]
	if number > l.next || number == 0 {
		return out, "gap in a lane's sequence"
	}
	m.noteUnacked(now, len(b))
	for len(b) > 0 {
		flags, stamp, body, size, ok := readRecord(b)
		if !ok {
			return out, "record longer than its item"
		}
		b = b[size:]
		if number < l.next {
			number++
			m.stats.Duplicates++
			continue
		}
		number++
		l.next = number
		if flags&(flagFinal|flagVoid) == flagFinal && !l.partial {
			l.done[kindOf(flags)]++
			out = m.deliver(now, lane, stamp, body, out)
			continue
		}
		var fault string
		if out, fault = m.gather(now, lane, flags, stamp, body, out); fault != "" {
			return out, fault
		}
	}
	return out, ""
}

// gather takes a record that is not a frame by itself.
func (m *Machine) gather(now int64, lane, flags byte, stamp uint64, body []byte, out []Effect) ([]Effect, string) {
	l := &m.recv[lane]
	final := flags&flagFinal != 0
	if final {
		l.done[kindOf(flags)]++
	}
	if flags&flagVoid != 0 {
		l.abort()
		if final {
			m.stats.Voided++
		}
		return out, ""
	}
	if len(l.asm)+len(body) > m.cfg.MaxMessage {
		l.abort()
		return out, "frame larger than the bound"
	}
	if cap(l.asm) == 0 {
		l.asm, m.spare = m.spare, nil
	}
	l.asm, l.partial = append(l.asm, body...), true
	if !final {
		return out, ""
	}
	frame := l.asm
	l.asm, l.partial = nil, false // the effect has it until the next Step
	if m.used == nil && cap(frame) <= asmKeepMax {
		m.used = frame
	}
	return m.deliver(now, lane, stamp, frame, out), ""
}

// deliver hands over one frame, or holds it until our tables have reached its stamp.
func (m *Machine) deliver(now int64, lane byte, stamp uint64, frame []byte, out []Effect) []Effect {
	if lane == 0 {
		m.stats.ControlIn++
		return append(out, Effect{Kind: FxControl, Bytes: frame})
	}
	l := &m.recv[lane]
	if stamp > m.reached && stamp > l.passed || !l.hold.empty() {
		l.hold.push(now, stamp, frame)
		m.held = true
		m.stats.Held++
		if l.hold.bytes() > m.cfg.HoldBytes {
			out = m.release(now, lane, out)
		}
		return out
	}
	m.stats.DataIn++
	return append(out, Effect{Kind: FxData, Lane: lane, Version: stamp, Bytes: frame})
}

// release delivers what a lane holds and need not hold any more: its stamp is reached, its time is over, or it is too much.
func (m *Machine) release(now int64, lane byte, out []Effect) []Effect {
	l := &m.recv[lane]
	for !l.hold.empty() {
		at, stamp := l.hold.first()
		if stamp > m.reached && stamp > l.passed {
			if now-at < int64(m.cfg.HoldTime) && l.hold.bytes() <= m.cfg.HoldBytes {
				break
			}
			l.passed = stamp
			m.stats.HeldTooLong++
		}
		m.stats.DataIn++
		out = append(out, Effect{Kind: FxData, Lane: lane, Version: stamp, Bytes: l.hold.pop()})
	}
	return out
}

// releaseDue does it for all lanes.
func (m *Machine) releaseDue(now int64, out []Effect) []Effect {
	if !m.held {
		return out
	}
	m.held = false
	for i := 1; i < allLanes; i++ {
		out = m.release(now, byte(i), out)
		m.held = m.held || !m.recv[i].hold.empty()
	}
	return out
}

// releaseAll delivers everything that is held: the life that sent it is over.
func (m *Machine) releaseAll(out []Effect) []Effect {
	for i := 1; i < allLanes; i++ {
		l := &m.recv[i]
		for !l.hold.empty() {
			_, stamp := l.hold.first()
			m.stats.DataIn++
			m.stats.HeldTooLong++
			out = append(out, Effect{Kind: FxData, Lane: byte(i), Version: stamp, Bytes: l.hold.pop()})
		}
	}
	m.held = false
	return out
}

// holdDeadline is when the first held frame's time is over, 0 if none is held.
func (m *Machine) holdDeadline() (at int64) {
	if !m.held {
		return 0
	}
	for i := 1; i < allLanes; i++ {
		if h := &m.recv[i].hold; !h.empty() {
			since, _ := h.first()
			at = earlier(at, since+int64(m.cfg.HoldTime))
		}
	}
	return at
}

// reclaim takes back the memory that the effects of the last Step aliased.
func (m *Machine) reclaim() {
	if m.used != nil {
		m.spare, m.used = m.used[:0], nil
	}
	if m.held || m.heldBefore {
		for i := range m.recv {
			m.recv[i].hold.reclaim()
		}
		m.heldBefore = m.held
	}
}
