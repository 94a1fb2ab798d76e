package baseline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// The first byte of a connection says what it is for.
const (
	forLog       byte = 'R' // the library's own
	forProposals byte = 'P' // entries for whoever leads: length (4 bytes), entry; the answer is a byte each, 1 when it is in the log
)

const (
	dialTimeout = time.Second
	// firstByteTimeout is how long an accepted connection may take to say what it is for.
	firstByteTimeout = 5 * time.Second
	// acceptedMax bounds the connections that wait for the library to take them.
	acceptedMax = 64
)

// stream is the TCP port of a node's log, which the library and proposals share. It implements raft.StreamLayer.
type stream struct {
	net.Listener
	logs    chan net.Conn
	propose func(b []byte) error
	closed  chan struct{}
	once    sync.Once
	group   sync.WaitGroup
	mu      sync.Mutex
	open    map[net.Conn]struct{} // for proposals
}

func listen(host string, propose func([]byte) error) (*stream, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("port of the log: %w", err)
	}
	s := &stream{
		Listener: ln, logs: make(chan net.Conn, acceptedMax), propose: propose, closed: make(chan struct{}), open: map[net.Conn]struct{}{},
	}
	return s, nil
}

// serve begins to accept.
func (s *stream) serve() { s.group.Go(s.acceptAll) }

func (s *stream) acceptAll() {
	for {
		c, err := s.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && s.keep(c) {
			s.group.Go(func() { s.greet(c) })
		}
	}
}

// greet finds out what a connection is for.
func (s *stream) greet(c net.Conn) {
	defer s.forget(c)
	c.SetDeadline(time.Now().Add(firstByteTimeout))
	var first [1]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		c.Close()
		return
	}
	c.SetDeadline(time.Time{})
	switch first[0] {
	case forLog:
		select {
		case s.logs <- c:
		case <-s.closed:
			c.Close()
		}
	case forProposals:
		s.proposals(c)
		c.Close()
	default:
		c.Close()
	}
}

// proposals puts what others propose into the log, until the connection ends.
func (s *stream) proposals(c net.Conn) {
	var size [4]byte
	for {
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(size[:])
		if n > entryBytesMax {
			return
		}
		b, err := io.ReadAll(io.LimitReader(c, int64(n))) // grows with what comes, not with what was said
		if err != nil || len(b) < int(n) {
			return
		}
		answer := []byte{1}
		if _, err := parseEntry(b); err != nil || s.propose(b) != nil {
			answer[0] = 0
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// keep and forget know the connections that Close has to end. keep closes what comes too late.
func (s *stream) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		c.Close()
		return false
	}
	s.open[c] = struct{}{}
	return true
}

func (s *stream) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// Accept implements net.Listener for the library.
func (s *stream) Accept() (net.Conn, error) {
	select {
	case c := <-s.logs:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Dial implements raft.StreamLayer.
func (s *stream) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return dial(string(to), timeout, forLog)
}

// Close implements net.Listener.
func (s *stream) Close() (err error) {
	s.once.Do(func() {
		close(s.closed)
		err = s.Listener.Close()
		s.mu.Lock()
		for c := range s.open {
			c.Close()
		}
		s.open = nil
		s.mu.Unlock()
	})
	return err
}

// wait returns when all that serve has begun is over, behind Close.
func (s *stream) wait() {
	s.group.Wait()
	for {
		select {
		case c := <-s.logs:
			c.Close()
		default:
			return
		}
	}
}

func dial(addr string, timeout time.Duration, use byte) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte{use}); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
