package transport

import (
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

const (
	// readBufferBytes is the loop's one read buffer: a turn's read of one socket behind a kept partial frame.
	readBufferBytes = 256 << 10
	// leftoverCopyMax is the largest partial frame that is copied in front of the next read; a larger one is read on in place.
	leftoverCopyMax = 64 << 10
	// messagesPerClock is how many messages are delivered between two looks at the clock (50 ns each).
	messagesPerClock = 16
	// eventsPerClock is the same for ready sockets.
	eventsPerClock = 16
	// yieldEvery is how long a busy loop keeps its processor before it lets other goroutines run: at GOMAXPROCS=1 nobody
	// else would get in before the scheduler's own 10 ms.
	yieldEvery = int64(time.Millisecond)
)

// epoch is the zero of Nanotime.
var epoch = time.Now().Add(-time.Nanosecond)

// Nanotime reads the monotonic clock that all loops use, in nanoseconds; it is never 0.
func Nanotime() int64 { return int64(time.Since(epoch)) }

// loop is one worker's event loop. All fields down to the mail belong to its goroutine.
type loop struct {
	h      Handler
	server *Server
	index  int
	limits *Limits
	log    *slog.Logger

	poll    poller
	pages   []*page
	free    []uint32
	live    int // connections in the table
	streams int // of them those that goroutines serve
	wheel   wheel

	now      int64 // this turn's clock reading
	turnEnds int64
	yielded  int64
	nextTurn int64 // what Handler.Turn asked for, 0 is nothing
	acceptAt int64 // when accepting goes on after a lack of descriptors, 0 is now
	again    bool
	stopping bool
	stopped  bool

	rbuf     []byte
	buffers  buffers
	deferred []uint32 // connections with messages left over from an earlier turn
	notes    []note
	noting   bool
	upgrader ws.Upgrader
	upgrade  upgrade // scratch of the upgrader

	// The outbox: see outbox.go.
	arena  []byte
	ranges []arenaRange
	dirty  []uint32
	iovs   []iovec
	outMax int   // queued above it takes the slow path: half of OutboxBytesMax, or 0 while the node's budget is used up
	unsent int64 // bytes in out of all connections
	shared int64 // the part of unsent that server.outbox knows

	counters, counted counters
	published         published
	conns             atomic.Int32 // for the acceptor: connections given to this loop

	mail     mailbox
	sleeping atomic.Bool // the loop is in, or about to enter, a blocking wait
	notified atomic.Bool // mail or Wake since the last turn
	woken    atomic.Bool // Wake since the last turn
	done     chan struct{}
}

func newLoop(s *Server, index int) *loop {
	l := &loop{
		server: s, index: index, limits: &s.cfg.Limits, log: s.cfg.Log,
		now:    Nanotime(),
		arena:  make([]byte, arenaStart, arenaBytesMin),
		ranges: make([]arenaRange, 1, 64),
		outMax: s.cfg.Limits.OutboxBytesMax / 2,
		done:   make(chan struct{}),
	}
	l.wheel.tick = tickOf(l.now)
	l.initUpgrader()
	return l
}

// run is the loop's goroutine.
func (l *loop) run() {
	defer close(l.done)
	defer l.poll.close()
	l.rbuf = make([]byte, readBufferBytes)
	for !l.stopped {
		l.wait()
		l.turn()
	}
	l.mail.mu.Lock()
	l.mail.closed = true
	l.mail.mu.Unlock()
	l.readMail() // what came last is closed or answered
	l.share()
}

// wait returns when there is something to do.
func (l *loop) wait() {
	if l.poll.pending() {
		return
	}
	if l.again || l.notified.Load() || len(l.deferred) > 0 || len(l.dirty) > 0 || len(l.notes) > 0 {
		l.poll.poll()
		if l.now-l.yielded > yieldEvery {
			l.yielded = l.now
			runtime.Gosched()
		}
		return
	}
	timeout := int64(-1)
	if next := l.nextTime(); next != 0 {
		if timeout = next - l.now; timeout <= 0 {
			l.poll.poll()
			return
		}
	}
	// Whoever is runnable goes first: a wait keeps the processor, or gives it away only when the scheduler notices.
	l.yielded = l.now
	runtime.Gosched()
	l.sleeping.Store(true)
	if !l.notified.Load() && l.linger(timeout) == 0 && !l.notified.Load() {
		l.poll.block(timeout)
	}
	l.sleeping.Store(false)
}

// linger waits a moment for events without giving the processor away, unless what we wait for most likely comes from goroutines, which want it.
func (l *loop) linger(timeout int64) int {
	if l.streams > 0 {
		return 0
	}
	return l.poll.linger(l.now, timeout)
}

// nextTime is when the loop has to run even if nothing happens, 0 is never.
func (l *loop) nextTime() int64 {
	next := l.wheel.nextExpiry(l.now)
	for _, at := range [...]int64{l.nextTurn, l.acceptAt} {
		if at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	return next
}

func (l *loop) turn() {
	l.now = Nanotime()
	l.turnEnds = l.now + int64(l.limits.TurnTime)
	if l.notified.Load() && l.notified.Swap(false) {
		l.readMail()
		if l.woken.Swap(false) {
			l.h.Woken()
		}
		l.deliver()
	}
	if l.acceptAt != 0 && l.now >= l.acceptAt {
		l.acceptAgain()
	}
	l.resumeDeferred()
	l.readEvents()
	l.expire(l.now)
	l.deliver()
	l.nextTurn, l.again = l.h.Turn(l.now)
	l.flush()
	if len(l.notes) > 0 { // what the handler is told after its turn may make it want another
		l.deliver()
		l.again = true
	}
	l.share()
	l.published.publish(&l.counters, &l.counted)
	if l.stopping && l.live == 0 && len(l.notes) == 0 {
		l.stopped = true
	}
}

// readEvents handles the ready sockets until the turn's time is over; the rest waits for the next turn, in order.
func (l *loop) readEvents() {
	for n := 1; ; n++ {
		e, ok := l.poll.next()
		if !ok {
			return
		}
		l.event(e)
		l.deliver()
		if n%eventsPerClock == 0 && Nanotime() > l.turnEnds {
			return
		}
	}
}

// spent reports, after each message, whether the turn's time is over.
func (l *loop) spent() bool {
	l.counters.messagesIn++
	return l.counters.messagesIn%messagesPerClock == 0 && Nanotime() > l.turnEnds
}

// noteKind is something that the handler has to be told when it is not being called.
type noteKind uint8

const (
	noteOpened noteKind = iota + 1
	noteClosed
	noteDialFailed
	noteHalfFull
	noteDrained
	noteDraining
	noteRelease // the slot can be freed
)

type note struct {
	kind noteKind
	id   ConnID
	tag  uint64
	err  error
}

// deliver tells the handler what has been noted. It is called between two steps of the loop only.
func (l *loop) deliver() {
	if len(l.notes) == 0 || l.noting {
		return
	}
	l.noting = true
	for i := 0; i < len(l.notes); i++ {
		n := l.notes[i]
		switch n.kind {
		case noteOpened:
			if c := l.find(n.id); c != nil && c.state == stateDialing {
				l.open(c, Link, 0, &Info{Tag: n.tag})
			}
		case noteClosed:
			l.h.Closed(n.id, n.err)
		case noteDialFailed:
			l.h.DialFailed(n.tag, n.err)
		case noteHalfFull:
			if c := l.opened(n.id); c != nil {
				l.h.Pressure(n.id, HalfFull)
			}
		case noteDrained:
			if c := l.opened(n.id); c != nil {
				l.h.Pressure(n.id, Drained)
			}
		case noteDraining:
			if c := l.opened(n.id); c != nil {
				l.h.Pressure(n.id, Draining)
			}
		case noteRelease:
			if c := l.find(n.id); c != nil && c.state == stateDead {
				l.release(c)
			}
		}
	}
	clear(l.notes)
	l.notes = l.notes[:0]
	l.noting = false
}

// mailKind says what another goroutine wants of the loop.
type mailKind uint8

const (
	mailAdopt    mailKind = iota + 1 // fd or stream, origin
	mailListen                       // listener: accept from it
	mailUnlisten                     // ack is closed when no listener accepts any more
	mailRead                         // stream: a chunk or the end
	mailWritten                      // stream: the writer has done one buffer
	mailDialled                      // id, addrs or stream, err
	mailStop                         // linger
)

type mail struct {
	kind     mailKind
	fd       int
	stream   *stream
	origin   origin
	listener *listener
	id       ConnID
	buf      []byte
	addrs    []string
	err      error
	linger   time.Duration
	ack      chan struct{}
}

type mailbox struct {
	mu     sync.Mutex
	items  []mail
	spare  []mail
	closed bool
}

// post hands m to the loop's goroutine; false means that the loop has ended. Safe from any goroutine.
func (l *loop) post(m mail) bool {
	l.mail.mu.Lock()
	if l.mail.closed {
		l.mail.mu.Unlock()
		return false
	}
	l.mail.items = append(l.mail.items, m)
	l.mail.mu.Unlock()
	l.notify()
	return true
}

// notify makes the loop take a turn soon. The order of the two flags matters: the loop sets sleeping, then looks at notified.
func (l *loop) notify() {
	if !l.notified.Swap(true) && l.sleeping.Load() {
		l.poll.wake()
	}
}

// Wake implements Loop.
func (l *loop) Wake() {
	if l.woken.Load() || l.woken.Swap(true) {
		return
	}
	l.notify()
}

// Now implements Loop.
func (l *loop) Now() int64 { return l.now }

func (l *loop) readMail() {
	l.mail.mu.Lock()
	items := l.mail.items
	l.mail.items = l.mail.spare[:0]
	l.mail.mu.Unlock()
	for i := range items {
		l.readOne(&items[i])
		l.deliver()
	}
	clear(items)
	l.mail.spare = items[:0]
}

func (l *loop) readOne(m *mail) {
	switch m.kind {
	case mailAdopt:
		l.adopt(m.fd, m.stream, m.origin)
	case mailListen:
		l.listen(m.listener)
	case mailUnlisten:
		l.unlisten()
		close(m.ack)
	case mailRead:
		l.streamRead(m)
	case mailWritten:
		l.streamWritten(m)
	case mailDialled:
		l.dialled(m)
	case mailStop:
		l.stop(m.linger)
	}
}
