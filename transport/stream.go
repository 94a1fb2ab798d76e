package transport

import (
	"crypto/tls"
	"net"
)

const (
	// streamBufferBytesMin is what an idle goroutine connection keeps for its next read.
	streamBufferBytesMin = 4 << 10
	// streamBufferBytesMax is a TLS record's payload: no read returns more.
	streamBufferBytesMax = 16 << 10
)

// stream is a connection that is served by two goroutines. The reader hands over one chunk at a time and waits until the
// loop has taken it, so the reader of a paused connection blocks. The writer gets the loop's buffer for the connection and
// hands it back when it is written; meanwhile the loop fills another one. The loop itself never reads, writes or waits.
type stream struct {
	nc    net.Conn
	raw   net.Conn // below TLS; closing it never blocks
	loop  *loop
	id    ConnID
	taken chan bool   // loop to reader: read on (true) or leave (false)
	write chan []byte // loop to writer: a buffer, or an empty one to shut the sending side; closed at the end

	// Of the loop:
	chunk    []byte // read, not yet taken
	err      error  // how the input ended, behind chunk
	held     bool   // chunk or err wait for Resume
	inFlight int    // bytes that the writer has
	left     bool   // write is closed

	detached bool // the writer leaves nc open; written before write is closed
}

func newStream(nc net.Conn) *stream {
	s := &stream{nc: nc, raw: nc, taken: make(chan bool, 1), write: make(chan []byte, 2)}
	if t, ok := nc.(*tls.Conn); ok {
		s.raw = t.NetConn()
	}
	return s
}

// start begins reading and writing for s.loop.
func (s *stream) start() {
	s.loop.server.goroutines.Go(s.reader)
	s.loop.server.goroutines.Go(s.writer)
}

func (s *stream) reader() {
	buf := make([]byte, streamBufferBytesMin)
	for {
		n, err := s.nc.Read(buf)
		if !s.loop.post(mail{kind: mailRead, stream: s, id: s.id, buf: buf[:n], err: err}) {
			return
		}
		if !<-s.taken || err != nil {
			return
		}
		if n == len(buf) && n < streamBufferBytesMax {
			buf = make([]byte, 2*n)
		}
	}
}

func (s *stream) writer() {
	for b := range s.write {
		if len(b) == 0 {
			s.closeWrite()
			continue
		}
		_, err := s.nc.Write(b)
		s.loop.post(mail{kind: mailWritten, stream: s, id: s.id, buf: b, err: err})
	}
	if !s.detached {
		s.nc.Close()
	}
}

// closeWrite shuts the sending side of TLS and of the connection below.
func (s *stream) closeWrite() {
	type closer interface{ CloseWrite() error }
	if t, ok := s.nc.(*tls.Conn); ok {
		t.CloseWrite()
	}
	if w, ok := s.raw.(closer); ok {
		w.CloseWrite()
	}
}

// shut asks the writer to shut the sending side. Called when nothing is in flight, so there is room in the channel.
func (s *stream) shut() { s.write <- nil }

// abandon ends both goroutines; it does not block.
func (s *stream) abandon() {
	s.raw.Close()
	s.leave()
}

func (s *stream) leave() {
	if s.left {
		return
	}
	s.left = true
	close(s.write)
	select {
	case s.taken <- false:
	default:
	}
}

// streamRead takes a chunk from a reader.
func (l *loop) streamRead(m *mail) {
	s := m.stream
	c := l.find(m.id)
	if c == nil || c.stream() != s || s.left {
		select {
		case s.taken <- false:
		default:
		}
		return
	}
	l.heard(c, len(m.buf))
	s.chunk, s.err, s.held = m.buf, m.err, true
	l.streamResume(c, s)
}

// streamResume hands on what the reader has read, unless the connection does not take input now.
func (l *loop) streamResume(c *conn, s *stream) {
	if !s.held || l.reads(c) && !c.takes() {
		return
	}
	s.held = false
	chunk, err := s.chunk, s.err
	s.chunk = nil
	if len(chunk) > 0 && l.reads(c) {
		l.feed(c, chunk)
	}
	if c.state == stateDead {
		return
	}
	if err != nil {
		l.streamEnded(c, s, err)
		return
	}
	s.taken <- true
}

// streamEnded is the end of the input. Messages that wait behind a pause or the turn's end go first.
func (l *loop) streamEnded(c *conn, s *stream, err error) {
	if l.reads(c) && !c.takes() {
		s.err, s.held = err, true
		return
	}
	if isEOF(err) {
		l.inputEnded(c)
	} else {
		l.finish(c, err)
	}
}

// handOver gives the writer what has gathered, if it is idle.
func (l *loop) handOver(c *conn) {
	s := c.stream()
	if s == nil || s.left || s.inFlight > 0 || len(c.out) == 0 {
		return
	}
	s.inFlight = len(c.out)
	c.flags |= flagUnsent
	l.counters.writes++
	s.write <- c.out
	c.out, c.outAt = nil, 0
}

// streamWritten takes a buffer back from the writer.
func (l *loop) streamWritten(m *mail) {
	s := m.stream
	c := l.find(m.id)
	if c == nil || c.stream() != s || s.left {
		return
	}
	n := s.inFlight
	s.inFlight = 0
	l.buffers.put(m.buf)
	if m.err != nil {
		l.unsent -= int64(n)
		l.finish(c, m.err)
		return
	}
	l.wrote(c, n)
	c.flags &^= flagUnsent
	l.handOver(c)
	if c.state == stateClosing && c.queued == 0 {
		l.drainedClose(c)
	}
}
