package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// dial is a link connection on its way.
type dial struct {
	tag      uint64
	addrs    []string // still to be tried, host:port with a literal address
	deadline int64
	err      error // of the last address
}

// Dial implements Loop. Networks: tcp, unix, and tls with Config.LinkTLS.
func (l *loop) Dial(network, address string, tag uint64, timeout time.Duration) {
	c := l.take(stateDialing)
	l.server.open.Add(1)
	l.conns.Add(1)
	c.extra().dial = &dial{tag: tag, deadline: l.now + int64(timeout)}
	l.schedule(c, c.x.dial.deadline)
	id := c.id()
	switch {
	case l.stopping:
		l.finish(c, ErrStopped)
	case network != "tcp" && network != "unix" && network != "tls":
		l.finish(c, fmt.Errorf("transport: cannot dial network %q", network))
	case network == "tls" && l.server.cfg.LinkTLS == nil:
		l.finish(c, fmt.Errorf("transport: network tls needs Config.LinkTLS"))
	case network == "tls" || !dialsOnLoop || l.server.cfg.streams:
		l.server.goroutines.Go(func() { l.dialStream(network, address, id, timeout) })
	case network == "unix":
		l.connect(c, network, address)
	default:
		if _, err := netip.ParseAddrPort(address); err == nil {
			l.connect(c, network, address)
			return
		}
		l.server.goroutines.Go(func() { l.resolve(address, id, timeout) })
	}
}

// resolve looks a name up on its own goroutine.
func (l *loop) resolve(address string, id ConnID, timeout time.Duration) {
	m := mail{kind: mailDialled, id: id}
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		var ips []netip.Addr
		if ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err == nil {
			for _, ip := range ips {
				m.addrs = append(m.addrs, net.JoinHostPort(ip.Unmap().String(), port))
			}
		}
	}
	m.err = err
	l.post(m)
}

// dialStream dials on its own goroutine, for connections that are served by goroutines.
func (l *loop) dialStream(network, address string, id ConnID, timeout time.Duration) {
	m := mail{kind: mailDialled, id: id}
	var nc net.Conn
	d := net.Dialer{Timeout: timeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive}}
	if network == "tls" {
		nc, m.err = tls.DialWithDialer(&d, "tcp", address, l.server.cfg.LinkTLS)
	} else {
		nc, m.err = d.Dial(network, address)
	}
	if m.err == nil {
		m.stream = newStream(nc)
		m.stream.loop = l
	}
	if !l.post(m) && m.err == nil {
		m.stream.raw.Close()
	}
}

// dialled goes on with what resolve or dialStream have found.
func (l *loop) dialled(m *mail) {
	c := l.find(m.id)
	switch {
	case c == nil || c.state != stateDialing:
		if m.stream != nil {
			m.stream.raw.Close()
		}
	case m.err != nil:
		l.finish(c, m.err)
	case m.stream != nil:
		l.serve(c, m.stream)
		if a, ok := m.stream.nc.RemoteAddr().(*net.TCPAddr); !ok || a.IP.IsLoopback() {
			c.flags |= flagLocal
		}
		l.open(c, Link, 0, &Info{Tag: c.x.dial.tag})
		m.stream.start()
	default:
		c.x.dial.addrs = m.addrs
		l.connectNext(c)
	}
}

// connectNext tries the next address of a name.
func (l *loop) connectNext(c *conn) {
	d := c.x.dial
	if len(d.addrs) == 0 {
		l.finish(c, d.err)
		return
	}
	next := d.addrs[0]
	d.addrs = d.addrs[1:]
	l.connect(c, "tcp", next)
}

// dialEnded is the outcome of one connect: nil opens the link, an error goes on to the next address.
func (l *loop) dialEnded(c *conn, err error) {
	if err != nil {
		if c.x.dial.err = err; c.fd >= 0 {
			closeFD(int(c.fd))
			c.fd = -1
		}
		l.connectNext(c)
		return
	}
	// The handler may be the caller: it is told by a note.
	l.notes = append(l.notes, note{kind: noteOpened, id: c.id(), tag: c.x.dial.tag})
	l.unschedule(c)
	l.interest(c)
}
