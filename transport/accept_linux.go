package transport

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// acceptsPerTurn is how many connections one port may bring in one turn: they share the turn with everybody's messages.
const acceptsPerTurn = 64

// prepare takes the descriptor out of the net.Listener, so that a loop can wait for it. Connections inherit its options.
func (n *listener) prepare() error {
	type filer interface{ File() (*os.File, error) }
	f, err := n.ln.(filer).File()
	if err != nil {
		return err
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err = unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return err
	}
	if _, ok := n.ln.(*net.TCPListener); ok {
		tune(fd)
	}
	n.fd = fd
	return nil
}

// notSentBytes is what the kernel takes of a client's bytes ahead of its window. Without, it takes megabytes, and tells us that the client
// reads only once in a megabyte or so: a slow one could not be told from one that is stuck.
const notSentBytes = 128 << 10

// tune sets what all our TCP sockets want: no waiting for more to send, and the kernel's keep-alive.
func tune(fd int) {
	seconds := int(keepAlive.Seconds())
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds/keepAliveProbes)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes)
}

// close ends n; a Unix socket's file is removed.
func (n *listener) close() {
	if n.fd >= 0 {
		unix.Close(n.fd)
		n.fd = -1
	}
	n.ln.Close()
}

// listen adds a port to the loop's epoll set.
func (l *loop) listen(n *listener) {
	if !n.link { // inherited by the sockets that are accepted; Unix sockets know no such thing
		unix.SetsockoptInt(n.fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentBytes)
	}
	if l.stopping {
		return
	}
	l.poll.ports = append(l.poll.ports, n)
	if err := l.poll.add(n.fd, unix.EPOLLIN, slotPorts-uint32(len(l.poll.ports)-1), 0); err != nil {
		l.log.Error("transport: cannot accept", "address", n.addr.String(), "error", err)
	}
}

// outOfDescriptors stops accepting for a while: a port that cannot be served would be reported in every turn.
func (l *loop) outOfDescriptors() {
	l.server.refuse(RefusedDescriptors)
	l.log.Warn("transport: no file descriptor left, accepting pauses", "for", acceptPause)
	for _, n := range l.poll.ports {
		l.poll.remove(n.fd)
	}
	l.acceptAt = l.now + int64(acceptPause)
}

// acceptAgain ends the pause.
func (l *loop) acceptAgain() {
	l.acceptAt = 0
	ports := l.poll.ports
	l.poll.ports = nil
	for _, n := range ports {
		l.listen(n)
	}
}

// unlisten takes all ports out of the epoll set; their descriptors are closed by the Server.
func (l *loop) unlisten() {
	for _, n := range l.poll.ports {
		l.poll.remove(n.fd)
	}
	l.poll.ports = nil
}

// acceptFrom takes the connections that wait at a port.
func (l *loop) acceptFrom(n *listener) {
	for range acceptsPerTurn {
		fd, sa, err := unix.Accept4(n.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			l.assign(n, fd, sa)
		case err == unix.EINTR || err == unix.ECONNABORTED:
		case errors.Is(err, syscall.EAGAIN):
			return
		default:
			l.outOfDescriptors()
			return
		}
	}
}

// assign gives an accepted connection to the loop with the fewest.
func (l *loop) assign(n *listener, fd int, sa unix.Sockaddr) {
	o := origin{listener: n, local: true}
	if a := remote(sa); a.IsValid() {
		o.address, o.local = AddressKey(a.Addr())
	}
	if !l.server.admit(&o) {
		unix.Close(fd)
		return
	}
	to := l.server.leastLoaded(n)
	to.conns.Add(1)
	if to == l {
		l.adopt(fd, nil, o)
	} else if !to.post(mail{kind: mailAdopt, fd: fd, origin: o}) {
		to.conns.Add(-1)
		l.server.left(o.address)
		unix.Close(fd)
	}
}
