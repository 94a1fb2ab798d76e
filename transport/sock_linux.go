package transport

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reads and writes of non-blocking descriptors return at once: RawSyscall spares the two calls into the scheduler.

// iovecsMax is the kernel's bound (UIO_MAXIOV).
const iovecsMax = 1024

type iovec = syscall.Iovec

func iovecOf(p []byte) iovec { return iovec{Base: unsafe.SliceData(p), Len: uint64(len(p))} }

// readFD reads once. n is 0 at the end of the input; again means that there is nothing to read now.
func readFD(fd int, p []byte) (n int, again bool, err error) {
	for {
		r, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(r), false, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, errno
		}
	}
}

// writeFD writes once; n is 0 without an error when the kernel takes nothing now.
func writeFD(fd int, p []byte) (n int, err error) {
	return written(syscall.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

func writevFD(fd int, v []iovec) (n int, err error) {
	return written(syscall.SYS_WRITEV, fd, unsafe.Pointer(unsafe.SliceData(v)), len(v))
}

func written(call uintptr, fd int, p unsafe.Pointer, n int) (int, error) {
	for {
		r, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(p), uintptr(n))
		switch errno {
		case 0:
			return int(r), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}

func closeFD(fd int) { unix.Close(fd) }

func shutWrite(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) }

// socketError is what happened to a socket that epoll reports as broken.
func socketError(fd int) error {
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && n != 0 {
		return syscall.Errno(n)
	}
	return syscall.ECONNRESET
}

// remote is the address of a socket's other end, the zero value for Unix sockets.
func remote(sa unix.Sockaddr) netip.AddrPort {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

func peerText(fd int) string {
	if sa, err := unix.Getpeername(fd); err == nil {
		if a := remote(sa); a.IsValid() {
			return a.String()
		}
	}
	return "unix"
}

const dialsOnLoop = true

// connect begins a connect that does not block.
func (l *loop) connect(c *conn, network, address string) {
	family, sa, err := sockaddr(network, address)
	if err != nil {
		l.finish(c, err)
		return
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		l.finish(c, err)
		return
	}
	if family != unix.AF_UNIX {
		tune(fd)
	}
	c.fd = int32(fd)
	if a := remote(sa); !a.IsValid() || a.Addr().IsLoopback() {
		c.flags |= flagLocal
	}
	switch err = unix.Connect(fd, sa); err {
	case unix.EINPROGRESS:
		c.armed = armOut
		if err = l.poll.add(fd, unix.EPOLLOUT, c.slot, c.gen); err != nil {
			l.finish(c, err)
		}
	case nil:
		c.armed = 0
		if err = l.poll.add(fd, 0, c.slot, c.gen); err == nil {
			l.dialEnded(c, nil)
			return
		}
		fallthrough
	default:
		l.dialEnded(c, err)
	}
}

// connected is called when a connect has come to its end.
func (l *loop) connected(c *conn) {
	n, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && n != 0 {
		err = syscall.Errno(n)
	}
	l.dialEnded(c, err)
}

func sockaddr(network, address string) (int, unix.Sockaddr, error) {
	if network == "unix" {
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: address}, nil
	}
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, nil, err
	}
	ip := a.Addr().Unmap()
	if ip.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: ip.As4()}, nil
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: ip.As16(), ZoneId: zoneID(ip.Zone())}, nil
}

func zoneID(zone string) uint32 {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}
