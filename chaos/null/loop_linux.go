package null

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// readBytes is the loop's one read buffer, in front of which what was left of a frame is put.
	readBytes = 256 << 10
	// arenaBytes ends a turn early: frames that stay within the processor's cache are cheaper to write.
	arenaBytes = 1 << 20
	// unsentBytesMax is what a session that does not read may have waiting: more than any generator has in flight.
	unsentBytesMax = 64 << 20
	eventsMax      = 512
	acceptsMax     = 256  // in one turn
	iovecsMax      = 1024 // the kernel's bound
	backlog        = 4096
)

// Router is a null router that listens. Its goroutine is that of Serve.
type Router struct {
	hub                   *hub
	epoll, listener, ends int // descriptors; ends is an eventfd
	url                   string
	byFD                  []*session
	freeSlots             []int
	buffer                []byte
	iovecs                []syscall.Iovec
}

// Listen binds the URL's port, or any if that is 0. Serve has to be called, and closes it.
func Listen(rawURL string) (*Router, error) {
	at, u, err := address(rawURL)
	if err != nil {
		return nil, err
	}
	r := &Router{hub: newHub(), epoll: -1, listener: -1, ends: -1, buffer: make([]byte, readBytes)}
	if err := r.bind(at); err != nil {
		r.close()
		return nil, fmt.Errorf("%s: %w", rawURL, err)
	}
	name, err := unix.Getsockname(r.listener)
	if err != nil {
		r.close()
		return nil, err
	}
	port := 0
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		port = a.Port
	case *unix.SockaddrInet6:
		port = a.Port
	}
	u.Host = netip.AddrPortFrom(at.Addr(), uint16(port)).String()
	r.url = u.String()
	return r, nil
}

func (r *Router) bind(at netip.AddrPort) (err error) {
	family, where := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()})
	if at.Addr().Is4() {
		family, where = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if r.ends, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return err
	}
	if r.listener, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	unix.SetsockoptInt(r.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err = unix.Bind(r.listener, where); err != nil {
		return err
	}
	if err = unix.Listen(r.listener, backlog); err != nil {
		return err
	}
	for _, fd := range []int{r.listener, r.ends} {
		if err = r.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); err != nil {
			return err
		}
	}
	return nil
}

// URL is where it listens.
func (r *Router) URL() string { return r.url }

// Serve serves until ctx ends, then closes everything. Once.
func (r *Router) Serve(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer r.close()
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		unix.Write(r.ends, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // a counter, of any byte order
		close(told)
	})
	defer func() {
		if !stop() {
			<-told
		}
	}()
	var events [eventsMax]unix.EpollEvent
	for ctx.Err() == nil {
		n, err := r.wait(events[:])
		if err != nil {
			return err
		}
		for _, e := range events[:n] {
			r.event(int(e.Fd), e.Events)
			if len(r.hub.arena) > arenaBytes {
				r.flush()
			}
		}
		r.flush()
	}
	return nil
}

// wait looks without giving the processor away first, and blocks only where there is nothing.
func (r *Router) wait(events []unix.EpollEvent) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(r.epoll), uintptr(unsafe.Pointer(&events[0])), eventsMax, 0, 0, 0)
	if errno == 0 && n > 0 {
		return int(n), nil
	}
	blocked, err := unix.EpollWait(r.epoll, events, -1)
	if err == unix.EINTR {
		return 0, nil
	}
	return blocked, err
}

func (r *Router) event(fd int, mask uint32) {
	switch {
	case fd == r.listener:
		r.accept()
		return
	case fd == r.ends || fd >= len(r.byFD) || r.byFD[fd] == nil:
		return
	}
	s := r.byFD[fd]
	if mask&unix.EPOLLOUT != 0 {
		r.resume(s)
	}
	if mask&^unix.EPOLLOUT != 0 && !s.gone {
		r.read(s)
	}
}

func (r *Router) accept() {
	for range acceptsMax {
		fd, _, err := unix.Accept4(r.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		s := &session{fd: fd}
		if !r.seat(s) || r.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN) != nil {
			r.drop(s)
		}
	}
}

// seat gives s a slot, if there is one.
func (r *Router) seat(s *session) bool {
	for len(r.byFD) <= s.fd {
		r.byFD = append(r.byFD, nil)
	}
	r.byFD[s.fd] = s
	if k := len(r.freeSlots) - 1; k >= 0 {
		s.slot, r.freeSlots = r.freeSlots[k], r.freeSlots[:k]
	} else {
		s.slot = len(r.hub.sessions)
		r.hub.sessions = append(r.hub.sessions, nil)
	}
	r.hub.sessions[s.slot] = s
	return s.slot < slotsMax
}

// drop closes a session, with the descriptor's place in epoll.
func (r *Router) drop(s *session) {
	if s.gone {
		return
	}
	s.gone = true
	r.hub.leave(s)
	r.hub.sessions[s.slot] = nil
	r.freeSlots = append(r.freeSlots, s.slot)
	r.byFD[s.fd] = nil
	unix.Close(s.fd)
	s.held, s.unsent = nil, nil
}

func (r *Router) read(s *session) {
	if room := len(s.held) + readBytes; len(r.buffer) < room {
		r.buffer = make([]byte, room+room/2)
	}
	held := copy(r.buffer, s.held)
	n, errno := transfer(syscall.SYS_READ, s.fd, r.buffer[held:held+readBytes])
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
		return
	case errno != 0 || n == 0:
		r.drop(s)
		return
	}
	p := r.buffer[:held+n]
	used, ok := r.input(s, p)
	switch {
	case s.gone:
	case !ok:
		r.flush() // what it is told about that
		r.drop(s)
	case used == len(p):
		s.held = s.held[:0]
		if cap(s.held) > readBytes {
			s.held = nil
		}
	case used == 0 && held > 0:
		s.held = append(s.held, p[held:]...)
	default:
		s.held = append(s.held[:0], p[used:]...)
	}
}

// input handles what is whole of p, and reports whether the session may go on.
func (r *Router) input(s *session, p []byte) (used int, ok bool) {
	if !s.open {
		answer, n, ok := upgrade(p)
		if n > 0 {
			transfer(syscall.SYS_WRITE, s.fd, answer) // the first bytes of a connection: the kernel takes them
		}
		if s.open = ok && n > 0; !s.open {
			return 0, ok
		}
		used = n
	}
	for !s.gone {
		op, body, n, ok := nextFrame(p[used:])
		if !ok || n == 0 {
			return used, ok
		}
		used += n
		switch op {
		case opBinary:
			if !r.hub.message(s, body) {
				return used, false
			}
		case opPing:
			from := len(r.hub.arena)
			r.hub.arena = append(appendHead(r.hub.arena, opPong, len(body)), body...)
			r.hub.give(s, span{from, len(r.hub.arena)})
		case opClose:
			return used, false
		}
	}
	return used, true
}

// flush writes what this turn gathered.
func (r *Router) flush() {
	for _, s := range r.hub.dirty {
		if !s.gone {
			r.write(s)
		}
		r.hub.sent(s)
	}
	r.hub.turned()
}

func (r *Router) write(s *session) {
	spans := s.spans
	for len(spans) > 0 && !s.wantsOut {
		r.iovecs = r.iovecs[:0]
		for _, f := range spans[:min(len(spans), iovecsMax)] {
			r.iovecs = append(r.iovecs, syscall.Iovec{Base: &r.hub.arena[f.from], Len: uint64(f.to - f.from)})
		}
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(s.fd), uintptr(unsafe.Pointer(&r.iovecs[0])), uintptr(len(r.iovecs)))
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			r.want(s, true)
		case errno != 0:
			r.drop(s)
			return
		default:
			spans = advance(spans, int(n))
		}
	}
	for _, f := range spans {
		s.unsent = append(s.unsent, r.hub.arena[f.from:f.to]...)
	}
	if len(s.unsent) > unsentBytesMax {
		r.drop(s)
	}
}

// advance passes over n bytes.
func advance(spans []span, n int) []span {
	for n > 0 {
		step := min(n, spans[0].to-spans[0].from)
		n -= step
		if spans[0].from += step; spans[0].from == spans[0].to {
			spans = spans[1:]
		}
	}
	return spans
}

// resume goes on with what the kernel did not take.
func (r *Router) resume(s *session) {
	sent := 0
	for sent < len(s.unsent) {
		n, errno := transfer(syscall.SYS_WRITE, s.fd, s.unsent[sent:])
		switch errno {
		case 0:
			sent += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			s.unsent = append(s.unsent[:0], s.unsent[sent:]...)
			return
		default:
			r.drop(s)
			return
		}
	}
	s.unsent = nil
	r.want(s, false)
}

// want tells epoll whether the session waits for the kernel to take more.
func (r *Router) want(s *session, out bool) {
	if s.wantsOut == out {
		return
	}
	s.wantsOut = out
	mask := uint32(unix.EPOLLIN)
	if out {
		mask |= unix.EPOLLOUT
	}
	if r.control(unix.EPOLL_CTL_MOD, s.fd, mask) != nil {
		r.drop(s)
	}
}

func (r *Router) control(op, fd int, mask uint32) error {
	return unix.EpollCtl(r.epoll, op, fd, &unix.EpollEvent{Events: mask, Fd: int32(fd)})
}

func (r *Router) close() {
	for _, s := range r.byFD {
		if s != nil {
			r.drop(s)
		}
	}
	for _, fd := range []int{r.listener, r.ends, r.epoll} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// transfer reads or writes once; the descriptor does not block, so the scheduler need not know.
func transfer(call uintptr, fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
