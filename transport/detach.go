package transport

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// detachedBacklog is how many HTTP connections may wait for net/http; above it they are refused.
	detachedBacklog = 128
	// httpIdleTimeout ends kept-alive HTTP connections: a browser reopens one when it needs it.
	httpIdleTimeout = 30 * time.Second
)

// bridge serves the HTTP requests that leave a loop. It is the listener of a net/http server.
type bridge struct {
	server *http.Server
	conns  chan net.Conn
	ended  chan struct{}
	once   sync.Once
}

func newBridge(h http.Handler, limits *Limits) *bridge {
	return &bridge{
		server: &http.Server{
			Handler: h, MaxHeaderBytes: limits.HeadBytesMax,
			ReadHeaderTimeout: limits.HandshakeTimeout, IdleTimeout: httpIdleTimeout,
		},
		conns: make(chan net.Conn, detachedBacklog),
		ended: make(chan struct{}),
	}
}

// Accept implements net.Listener.
func (b *bridge) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (b *bridge) Close() error {
	b.once.Do(func() { close(b.ended) })
	return nil
}

// Addr implements net.Listener; each connection knows its own.
func (b *bridge) Addr() net.Addr { return &net.TCPAddr{} }

// give hands c over without blocking.
func (b *bridge) give(c net.Conn) bool {
	select {
	case <-b.ended:
		return false
	default:
	}
	select {
	case b.conns <- c:
		return true
	default:
		return false
	}
}

// stop ends requests in flight orderly until ctx is done, then at once.
func (b *bridge) stop(ctx context.Context) {
	if b.server.Shutdown(ctx) != nil {
		b.server.Close()
	}
	b.Close()
	for {
		select {
		case c := <-b.conns:
			c.Close()
		default:
			return
		}
	}
}

// detachedConn is a connection that has left its loop, with the bytes that the loop had read.
type detachedConn struct {
	net.Conn
	head []byte
	left func()
	once sync.Once
}

func (d *detachedConn) Read(p []byte) (int, error) {
	if len(d.head) > 0 {
		n := copy(p, d.head)
		d.head = d.head[n:]
		return n, nil
	}
	return d.Conn.Read(p)
}

// CloseWrite lets net/http end a connection whose request it has not read to the end so that the answer arrives.
func (d *detachedConn) CloseWrite() error {
	if c, ok := d.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

func (d *detachedConn) Close() error {
	err := d.Conn.Close()
	d.once.Do(d.left)
	return err
}

// detach takes c out of the loop and gives it to the HTTP server.
func (l *loop) detach(c *conn, p []byte) {
	var nc net.Conn
	if s := c.stream(); s != nil {
		nc, s.detached = s.nc, true
		s.leave()
	} else {
		var err error
		if nc, err = l.connOf(c); err != nil {
			l.finish(c, err)
			return
		}
	}
	c.flags |= flagDetached
	address := c.address
	d := &detachedConn{Conn: nc, head: append([]byte(nil), p...), left: func() { l.server.left(address) }}
	l.finish(c, nil)
	if !l.server.http.give(d) {
		l.server.refuse(RefusedConnections)
		l.server.goroutines.Go(func() { d.Close() }) // TLS may take a moment to say goodbye
	}
}
