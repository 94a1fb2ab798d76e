package transport

import (
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const eventsMax = 512 // per wait

// poller is an epoll instance, an eventfd that wakes it, and a timer that ends a wait which keeps the processor.
type poller struct {
	ep, ev int
	tick   int   // the timer
	tickAt int64 // when it will end a wait; 0: it is not set
	n, at  int   // events[at:n] are still to be handled
	events [eventsMax]unix.EpollEvent
	ports  []*listener // where this loop accepts
}

// event is one ready descriptor.
type event struct {
	slot uint32 // of a connection, or one of the marks below
	gen  uint32
	mask uint32
}

// The slots of descriptors that are no connections: the eventfd, the timer, and the ports from slotPorts down.
const (
	slotWake  = ^uint32(0)
	slotTick  = ^uint32(0) - 1
	slotPorts = ^uint32(0) - 2
)

func (p *poller) open() (err error) {
	if p.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if p.ev, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		unix.Close(p.ep)
		return err
	}
	if p.tick, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		unix.Close(p.ev)
		unix.Close(p.ep)
		return err
	}
	// Edge-triggered: each write is an event, and nobody has to read the counter.
	if err = p.add(p.ev, unix.EPOLLIN|unix.EPOLLET, slotWake, 0); err == nil {
		err = p.add(p.tick, unix.EPOLLIN|unix.EPOLLET, slotTick, 0)
	}
	if err != nil {
		p.close()
	}
	return err
}

func (p *poller) close() {
	unix.Close(p.tick)
	unix.Close(p.ev)
	unix.Close(p.ep)
}

func (p *poller) add(fd int, mask, slot, gen uint32) error {
	e := unix.EpollEvent{Events: mask, Fd: int32(slot), Pad: int32(gen)}
	return unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, fd, &e)
}

func (p *poller) modify(fd int, mask, slot, gen uint32) error {
	e := unix.EpollEvent{Events: mask, Fd: int32(slot), Pad: int32(gen)}
	return unix.EpollCtl(p.ep, unix.EPOLL_CTL_MOD, fd, &e)
}

func (p *poller) remove(fd int) { unix.EpollCtl(p.ep, unix.EPOLL_CTL_DEL, fd, nil) }

var one = [8]byte{1}

// wake ends a blocking wait. Safe from any goroutine.
func (p *poller) wake() { unix.Write(p.ev, one[:]) }

// pending reports whether events of the last wait are still to be handled.
func (p *poller) pending() bool { return p.at < p.n }

func (p *poller) next() (e event, ok bool) {
	if p.at == p.n {
		return e, false
	}
	v := &p.events[p.at]
	p.at++
	return event{slot: uint32(v.Fd), gen: uint32(v.Pad), mask: v.Events}, true
}

// poll looks for events without giving the processor away.
func (p *poller) poll() int {
	p.wait(0)
	return p.n
}

// wait waits for events ms milliseconds, for ever if it is negative, without giving the processor away.
func (p *poller) wait(ms int) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.ep), uintptr(unsafe.Pointer(&p.events)), eventsMax, uintptr(ms), 0, 0)
	p.got(n, errno)
}

// lingerTime is how long a loop that has run dry keeps its processor, at most, while it waits. A blocking wait that the scheduler
// knows of loses the processor to its watchdog within some 20 µs, even when nobody else wants it: a thread is woken, finds
// nothing, and the loop has to be put back on a processor by another. Between nodes that talk to each other, and with callers that wait for
// their answers, most waits are shorter than this, and all of that is saved. What it costs: another goroutine of the process may wait so
// long for its turn.
const lingerTime = 500 * int64(time.Microsecond)

// linger waits for events until lingerTime is over, or timeout if that is shorter and not negative, and keeps the processor. The
// scheduler's own signals end it early, as any other would, and so does a tick that was set by an earlier wait: a timer per wait would be set
// and taken back in the processor's clock each time, which costs more than all else in a short wait.
func (p *poller) linger(now, timeout int64) int {
	due := now + lingerTime
	if timeout >= 0 {
		due = min(due, now+timeout)
	}
	if p.tickAt == 0 || p.tickAt > due {
		p.tickAt = due
		p.setTick(due - now)
	}
	p.wait(-1)
	if p.n == 1 && uint32(p.events[0].Fd) == slotTick {
		p.tickAt, p.n = 0, 0
	}
	return p.n
}

// setTick makes the timer an event in wait nanoseconds, wait > 0. Its event is one edge, so nobody has to read the timer.
func (p *poller) setTick(wait int64) {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(wait)}
	syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(p.tick), 0, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
}

// block waits for events at most timeout nanoseconds, for ever if it is negative. The scheduler may run other goroutines on
// this processor meanwhile: that is what Syscall, unlike RawSyscall, allows.
func (p *poller) block(timeout int64) {
	ms := -1
	if timeout >= 0 {
		ms = int(min((timeout+999_999)/1_000_000, 1<<30))
	}
	n, _, errno := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.ep), uintptr(unsafe.Pointer(&p.events)), eventsMax, uintptr(ms), 0, 0)
	p.got(n, errno)
}

func (p *poller) got(n uintptr, errno syscall.Errno) {
	if p.at, p.n = 0, int(n); errno != 0 { // EINTR is the only one there is
		p.n = 0
	}
}

// event handles one ready descriptor.
func (l *loop) event(e event) {
	switch {
	case e.slot == slotWake:
		return
	case e.slot == slotTick:
		l.poll.tickAt = 0
		return
	case e.slot > slotPorts-uint32(len(l.poll.ports)):
		l.acceptFrom(l.poll.ports[slotPorts-e.slot])
		return
	case int(e.slot>>pageBits) >= len(l.pages): // a port that was closed after this event was fetched
		return
	}
	c := l.at(e.slot)
	if c.gen != e.gen || c.state == stateFree || c.state == stateDead {
		return
	}
	if c.state == stateDialing {
		l.connected(c)
		return
	}
	if e.mask&unix.EPOLLOUT != 0 {
		if l.writable(c); c.state == stateDead {
			return
		}
	}
	switch {
	case e.mask&^unix.EPOLLOUT == 0:
	case c.armed&armIn != 0:
		l.readable(c)
	case e.mask&(unix.EPOLLERR|unix.EPOLLHUP) != 0:
		// Nothing of it is being read, and the descriptor would be reported for ever.
		l.finish(c, socketError(int(c.fd)))
	}
}

// The interest in a connection's descriptor.
const (
	armIn  = 1
	armOut = 2
)

func maskOf(arm uint8) (m uint32) {
	if arm&armIn != 0 {
		m |= unix.EPOLLIN
	}
	if arm&armOut != 0 {
		m |= unix.EPOLLOUT
	}
	return m
}

// arm adds an accepted connection to the epoll set.
func (l *loop) arm(c *conn) error {
	c.armed = armIn
	return l.poll.add(int(c.fd), maskOf(c.armed), c.slot, c.gen)
}

// interest tells epoll what c waits for now.
func (l *loop) interest(c *conn) {
	if c.fd < 0 {
		return
	}
	var want uint8
	if !c.has(flagParked | flagGone) {
		want = armIn
	}
	if c.has(flagUnsent) {
		want |= armOut
	}
	if want == c.armed {
		return
	}
	c.armed = want
	if err := l.poll.modify(int(c.fd), maskOf(want), c.slot, c.gen); err != nil {
		l.finish(c, err)
	}
}

// connOf makes a net.Conn of a descriptor that leaves the loop.
func (l *loop) connOf(c *conn) (net.Conn, error) {
	l.poll.remove(int(c.fd))
	f := os.NewFile(uintptr(c.fd), "detached")
	c.fd = -1
	defer f.Close() // FileConn has a descriptor of its own
	return net.FileConn(f)
}
