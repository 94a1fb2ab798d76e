package chaos

import (
	"time"

	"kleeblatt/transport"
)

// loop plays transport's loop for one worker of one process: what came is handled in turns, at the times that the world draws.
type loop struct {
	w     *World
	p     *process
	index int
	h     transport.Handler

	inbox  []arrival // what came since the last turn, in order
	spare  []arrival
	turnAt int64 // when the next turn is planned, 0 for never
	wakeAt int64 // when the mailbox is read at the earliest; 0: nobody called Wake
	ends   []*end
	free   []uint32
	paused bool // the process is stopped: turns wait
	missed bool // one does
}

// arrival is something for the handler.
type arrival struct {
	kind  arrivalKind
	end   *end
	bytes []byte
	level transport.Level
	tag   uint64
	err   error
	info  *transport.Info
}

type arrivalKind uint8

const (
	arrivedMessage arrivalKind = iota
	arrivedOpened
	arrivedClosed
	arrivedPressure
	arrivedFailure // of a dial
	arrivedHeld    // a paused connection is read again
)

// plan makes a turn happen at that time at the latest.
func (l *loop) plan(at int64) {
	at = max(at, l.w.now)
	if l.turnAt == 0 || at < l.turnAt {
		l.turnAt = at
		l.w.push(event{at: at, loop: l})
	}
}

// arrive hands something to the next turn.
func (l *loop) arrive(a arrival) {
	if l.p.dead {
		return
	}
	l.inbox = append(l.inbox, a)
	l.plan(l.w.now + l.lag())
}

// lag is how long what came waits for its turn: a busy loop, a scheduler that has others to serve.
func (l *loop) lag() int64 {
	most := l.w.draw.workerLag
	if l.index == 0 {
		most = l.w.draw.homeLag
	}
	return l.w.sometimes(most)
}

// sometimes draws a delay that is small mostly, and near most rarely.
func (w *World) sometimes(most time.Duration) int64 {
	r := w.rnd.Uint64()
	switch {
	case r&0xf != 0:
		return int64(r>>8) & 0x3fff // up to 16 µs
	case r&0xff != 0:
		return int64((r >> 8) % uint64(most/16+1))
	}
	return int64((r >> 8) % uint64(most+1))
}

// due is called at the time of a planned turn. Of plans that were overtaken by an earlier one nothing is left to do.
func (l *loop) due(at int64) {
	if l.turnAt != at || l.p.dead {
		return
	}
	if l.paused {
		l.missed = true
		return
	}
	l.turnAt = 0
	l.turn()
}

func (l *loop) turn() {
	w := l.w
	w.saw(sawTurn, uint64(l.p.id)<<8|uint64(l.index), nil)
	l.inbox, l.spare = l.spare[:0], l.inbox
	for i := range l.spare {
		a := &l.spare[i]
		if !l.p.dead {
			l.take(a)
		}
		w.buffers.put(a.bytes)
		*a = arrival{}
	}
	if l.p.dead {
		return
	}
	if l.wakeAt != 0 && w.now >= l.wakeAt {
		l.wakeAt = 0
		l.h.Woken()
	}
	next, again := l.h.Turn(w.now)
	if again {
		next = w.now + int64(5*time.Microsecond)
	}
	if l.wakeAt != 0 && (next == 0 || l.wakeAt < next) {
		next = l.wakeAt
	}
	if next != 0 {
		l.plan(max(next, w.now+int64(time.Microsecond)))
	}
	if l.index == 0 {
		w.afterTurn(l.p)
	}
}

// take gives one arrival to the handler.
func (l *loop) take(a *arrival) {
	e := a.end
	switch a.kind {
	case arrivedMessage:
		switch {
		case e.shut:
		case e.paused || len(e.held) > 0:
			e.held = append(e.held, arrival{end: e, bytes: l.w.buffers.copy(a.bytes)})
		default:
			l.receive(e, a.bytes)
		}
	case arrivedHeld:
		l.readHeld(e)
	case arrivedOpened:
		if !e.shut {
			e.open = true
			l.h.Opened(e.id, a.info)
		}
	case arrivedClosed:
		if a.err == nil && !e.shut && (e.paused || len(e.held) > 0) {
			e.held = append(e.held, *a) // the other end has closed behind what it sent
			return
		}
		l.ended(e, a.err)
	case arrivedPressure:
		if !e.shut && e.open {
			l.h.Pressure(e.id, a.level)
		}
	case arrivedFailure:
		l.h.DialFailed(a.tag, a.err)
	}
}

func (l *loop) receive(e *end, b []byte) {
	kind := uint64(sawClient)
	if e.client == nil {
		kind = sawLink
	}
	l.w.saw(kind, uint64(l.p.id)<<32|uint64(e.id.Slot()), b)
	l.h.Received(e.id, b)
}

// ended tells the handler that a connection is over, once, and gives its place free.
func (l *loop) ended(e *end, err error) {
	if e.told {
		return
	}
	e.told, e.shut = true, true
	e.dropHeld()
	if e.open {
		l.h.Closed(e.id, err)
	}
	l.ends[e.id.Slot()] = nil
	l.free = append(l.free, e.id.Slot())
}

// connect makes an end with a new id.
func (l *loop) connect() *end {
	l.p.generation++
	e := &end{l: l}
	slot := uint32(len(l.ends))
	if n := len(l.free); n > 0 {
		slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.ends[slot] = e
	} else {
		l.ends = append(l.ends, e)
	}
	e.id = transport.ConnID(uint64(l.p.generation)<<32 | uint64(slot))
	return e
}

func (l *loop) end(c transport.ConnID) *end {
	if slot := int(c.Slot()); slot < len(l.ends) {
		if e := l.ends[slot]; e != nil && e.id == c && !e.shut {
			return e
		}
	}
	return nil
}

// Now implements transport.Loop.
func (l *loop) Now() int64 { return l.w.now }

// Wake implements transport.Loop.
func (l *loop) Wake() {
	if l.p.dead || l.wakeAt != 0 {
		return
	}
	most := l.w.draw.mailLag
	if l.index == 0 {
		most = l.w.draw.homeLag
	}
	l.wakeAt = l.w.now + l.w.sometimes(most)
	l.plan(l.wakeAt)
}

// Send implements transport.Loop.
func (l *loop) Send(c transport.ConnID, body []byte, urgent bool) bool {
	e := l.end(c)
	return e != nil && e.send(body, urgent)
}

// Fanout implements transport.Loop.
func (l *loop) Fanout(cs []transport.ConnID, body []byte) {
	for _, c := range cs {
		l.Send(c, body, false)
	}
}

// Pause implements transport.Loop.
func (l *loop) Pause(c transport.ConnID) {
	if e := l.end(c); e != nil {
		e.paused = true
	}
}

// Resume implements transport.Loop.
func (l *loop) Resume(c transport.ConnID) {
	e := l.end(c)
	if e == nil || !e.paused {
		return
	}
	e.paused = false
	if len(e.held) > 0 {
		l.inbox = append(l.inbox, arrival{kind: arrivedHeld, end: e})
		l.plan(l.w.now)
	}
}

// readHeld delivers what came while the connection was paused, until it is paused again.
func (l *loop) readHeld(e *end) {
	for len(e.held) > 0 && !e.paused && !e.shut {
		a := e.held[0]
		e.held = e.held[1:]
		if a.kind == arrivedClosed {
			l.ended(e, nil)
			return
		}
		l.receive(e, a.bytes)
		l.w.buffers.put(a.bytes)
	}
}

// SetLimit implements transport.Loop.
func (l *loop) SetLimit(c transport.ConnID, bytes int) {}

// Close implements transport.Loop.
func (l *loop) Close(c transport.ConnID, linger time.Duration) {
	if e := l.end(c); e != nil {
		e.close(nil)
	}
}

// Reset implements transport.Loop.
func (l *loop) Reset(c transport.ConnID) {
	if e := l.end(c); e != nil {
		e.close(errReset)
	}
}

// Queued implements transport.Loop.
func (l *loop) Queued(c transport.ConnID) int {
	if e := l.end(c); e != nil {
		return e.queued()
	}
	return 0
}

// Dial implements transport.Loop.
func (l *loop) Dial(_, address string, tag uint64, timeout time.Duration) {
	l.w.net.dial(l, address, tag, timeout)
}
