package transport

import (
	"net"
	"time"
)

// Pipe opens a connection to this server within the process, as if by RawSocket: what is not a socket speaks to the loops like everybody
// else, under the same bounds. It counts among the connections, as a local one. The caller speaks first.
func (s *Server) Pipe() (net.Conn, error) {
	s.mu.Lock()
	deaf := s.deaf || !s.started
	s.mu.Unlock()
	if deaf {
		return nil, ErrStopped
	}
	mine, theirs := net.Pipe()
	s.adoptStream(&listener{fd: -1, raw: true, addr: theirs.LocalAddr()}, pipe{theirs})
	return mine, nil
}

// pipe ends a write that nobody reads: unlike a socket, a net.Pipe has no buffer that takes a last word.
type pipe struct{ net.Conn }

func (p pipe) Write(b []byte) (int, error) {
	p.SetWriteDeadline(time.Now().Add(pipeWriteTimeout))
	return p.Conn.Write(b)
}

// CloseWrite closes both ways, since there is no other: what was written has been read by then.
func (p pipe) CloseWrite() error { return p.Close() }

// pipeWriteTimeout is how long the other end may leave a message unread; it lives in the same process.
const pipeWriteTimeout = 10 * time.Second
