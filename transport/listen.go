package transport

import (
	"fmt"
	"net"
)

// Listen binds one more client port while the loops run, and returns its address: a node opens its client ports once it is ready.
func (s *Server) Listen(cfg Listener) (net.Addr, error) {
	n, err := s.bindURL(cfg)
	if err != nil {
		return nil, fmt.Errorf("transport: listen on %s: %w", cfg.URL, err)
	}
	return s.listen(n)
}

// listen takes a bound port into service, at once where the loops run.
func (s *Server) listen(n *listener) (net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf {
		n.close()
		return nil, ErrStopped
	}
	s.listeners = append(s.listeners, n)
	if s.started {
		s.accept(n)
	}
	return n.addr, nil
}
