package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// messageBytesMax bounds a message from a router. It is the largest that RawSocket can announce (2^24), and the router's
	// own bound.
	messageBytesMax = 16 << 20
	// handshakeTimeout is for connect, TLS, upgrade, HELLO and WELCOME together, where the caller's context has no earlier end.
	handshakeTimeout = 10 * time.Second
	// writeTimeout is how long one write may hang: a router may pause a publisher, but not for ever.
	writeTimeout = 30 * time.Second
	// closeTimeout is how long a goodbye may hang: the connection is closed anyway.
	closeTimeout = time.Second
	// controlsMax bounds the pongs that wait while a write hangs; a router that pings faster is not answered.
	controlsMax = 16
)

// wire carries whole WAMP messages over one connection.
type wire interface {
	// read returns the next message; it is valid until the next read. One goroutine reads.
	read() ([]byte, error)
	// write sends one message; b is not kept. Any goroutine.
	write(b []byte) error
	// append appends the message b to dst as write would frame it. random is for the mask, where there is one. Any goroutine.
	append(dst, b []byte, random uint64) ([]byte, error)
	// ends are the connection's two ends: what is written, and what has been read of it and not yet been asked for.
	ends() (*outlet, **bufio.Reader)
	// ping asks for a sign of life. Any goroutine; never blocks behind a hanging write.
	ping()
	// shut says goodbye in the framing's way, where it has one, and closes the connection. Any goroutine, any number of times.
	shut()
}

// dialWire connects to e and agrees on framing and serializer. ctx bounds it.
func dialWire(ctx context.Context, e endpoint, cfg *Config, idle time.Duration) (wire, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	s := cfg.Serializer
	conn, err := connect(ctx, e, cfg)
	if err != nil {
		return nil, err
	}
	// A connection that hangs during its handshake is closed when ctx ends: that wakes the read below.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	var w wire
	if e.websocket {
		w, err = upgrade(conn, e, s, idle)
	} else {
		w, err = handshakeRaw(conn, s, idle)
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return w, nil
}

func connect(ctx context.Context, e endpoint, cfg *Config) (net.Conn, error) {
	if cfg.Dial != nil {
		return cfg.Dial(ctx)
	}
	return dialConn(ctx, e, cfg.TLS)
}

func dialConn(ctx context.Context, e endpoint, tc *tls.Config) (net.Conn, error) {
	d := net.Dialer{}
	if e.from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.from, 0))
	}
	conn, err := d.DialContext(ctx, e.network, e.address)
	if err != nil || !e.tls {
		return conn, err
	}
	if tc == nil {
		tc = &tls.Config{}
	}
	tc = tc.Clone()
	if tc.ServerName == "" {
		tc.ServerName = e.serverName()
	}
	secure := tls.Client(conn, tc)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// outlet lets many goroutines write frames to one connection. Control frames (pong, ping, close) wait in a short queue of
// their own, so the reader, which answers pings, never waits for a write that hangs because the other end does not read.
type outlet struct {
	conn net.Conn

	mu  sync.Mutex // held while writing
	buf []byte     // owned by the holder of mu

	queueMu  sync.Mutex
	controls [][]byte
	closing  bool
}

// frame writes what build appends, in one call of the connection's Write.
func (o *outlet) frame(build func(dst []byte) []byte) error {
	o.mu.Lock()
	o.buf = build(o.buf[:0])
	err := o.put(o.buf)
	if cap(o.buf) > 1<<20 { // one large message should not stay in memory
		o.buf = nil
	}
	o.mu.Unlock()
	o.drain()
	return err
}

// control queues a finished control frame and writes it unless another goroutine is writing, which then does it.
func (o *outlet) control(frame []byte) {
	o.queueMu.Lock()
	if len(o.controls) < controlsMax {
		o.controls = append(o.controls, frame)
	}
	o.queueMu.Unlock()
	o.drain()
}

// drain writes the queued control frames. Whoever fails to get the lock may leave: its holder drains after unlocking.
func (o *outlet) drain() {
	for o.pending() && o.mu.TryLock() {
		o.queueMu.Lock()
		frames := o.controls
		o.controls = nil
		o.queueMu.Unlock()
		for _, f := range frames {
			if o.put(f) != nil {
				break // the reader meets the same broken connection
			}
		}
		o.mu.Unlock()
	}
}

func (o *outlet) pending() bool {
	o.queueMu.Lock()
	defer o.queueMu.Unlock()
	return len(o.controls) > 0
}

// finish writes last, if nothing hangs, and closes the connection.
func (o *outlet) finish(last []byte) {
	o.queueMu.Lock()
	again := o.closing
	o.closing = true
	o.queueMu.Unlock()
	if last != nil && !again {
		o.control(last)
	}
	o.conn.Close()
}

func (o *outlet) put(b []byte) error {
	o.queueMu.Lock()
	timeout := writeTimeout
	if o.closing {
		timeout = closeTimeout
	}
	o.queueMu.Unlock()
	if err := o.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err := o.conn.Write(b)
	return err
}
