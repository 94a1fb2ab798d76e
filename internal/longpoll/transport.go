package longpoll

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"kleeblatt/internal/wamp"
)

const (
	// queueBytes is how much waits for the next receive. What is more waits in the router, which ends the session if it waits for too long.
	queueBytes = 1 << 20
	// writeTimeout is how long the router may take to read what was sent: while it holds a fast sender back it does not. A client may take as
	// long to read an answer.
	writeTimeout = 30 * time.Second

	// RawSocket (advanced/transport_rawsocket.md).
	rawMagic     = 0x7F
	rawLengthMax = 15
	rawPing      = 1
	rawPong      = 2
	rawExtra     = 0x08 // a length of exactly 2^24
)

// transport is a connection to the router, whose messages wait to be asked for.
type transport struct {
	id       string
	protocol protocol
	server   *Server
	from     uint64 // what it is counted by
	conn     net.Conn

	writing sync.Mutex // one message at a time

	mu      sync.Mutex
	queue   [][]byte
	bytes   int
	ended   bool          // no more will come
	changed chan struct{} // closed and made anew when queue, ended or turn change
	turn    uint64        // the number of the receive that counts
	users   int           // requests that are under way
	idle    *time.Timer
}

// greet opens RawSocket.
func greet(c net.Conn, s wamp.Serializer) error {
	c.SetDeadline(time.Now().Add(writeTimeout))
	if _, err := c.Write([]byte{rawMagic, rawLengthMax<<4 | byte(s), 0, 0}); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return err
	}
	if answer[0] != rawMagic || answer[1]&0x0F != byte(s) {
		return errors.New("longpoll: refused")
	}
	return c.SetDeadline(time.Time{})
}

func (t *transport) start(c net.Conn) {
	t.mu.Lock()
	t.conn = c
	t.idle = time.AfterFunc(idleTime, t.end)
	if t.ended { // the server was closed meanwhile
		c.Close()
	}
	t.mu.Unlock()
	go t.pump()
}

// end closes the connection; the pump sees it. Nobody finds the transport any more, so what waits is dropped.
func (t *transport) end() {
	t.server.forget(t)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue, t.bytes = nil, 0
	t.stop()
	if t.conn != nil {
		t.conn.Close()
	}
}

// stop is for the end of what comes, under mu.
func (t *transport) stop() {
	t.ended = true
	t.notify()
}

// notify wakes who waits for a change, under mu.
func (t *transport) notify() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// touch counts a request that begins or ends. A transport without one is idle.
func (t *transport) touch(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users += n; t.users > 0 {
		t.idle.Stop()
	} else {
		t.idle.Reset(idleTime)
	}
}

// pump reads from the router. When the connection ends, what waits can still be received.
func (t *transport) pump() {
	defer t.server.pumps.Done()
	in := bufio.NewReader(t.conn)
	for {
		kind, m, err := readFrame(in)
		if err != nil {
			break
		}
		if kind == rawPing {
			go t.frame(rawPong, m) // the router may be writing, too
			continue
		}
		if kind != 0 || !t.push(m) {
			break
		}
	}
	t.conn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
	if len(t.queue) == 0 {
		t.server.forget(t)
	}
}

func readFrame(in io.Reader) (kind byte, m []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]) & 0xFFFFFF)
	if head[0]&rawExtra != 0 {
		n = messageBytesMax
	}
	m = make([]byte, n) // the router is not somebody who announces what does not come
	_, err = io.ReadFull(in, m)
	return head[0] & 7, m, err
}

// push waits for room in the queue; false says that the transport is over.
func (t *transport) push(m []byte) bool {
	t.mu.Lock()
	for len(t.queue) > 0 && t.bytes+len(m) > queueBytes && !t.ended {
		changed := t.changed
		t.mu.Unlock()
		<-changed
		t.mu.Lock()
	}
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	t.queue = append(t.queue, m)
	t.bytes += len(m)
	t.notify()
	return true
}

// write sends one message to the router.
func (t *transport) write(m []byte) error { return t.frame(0, m) }

func (t *transport) frame(kind byte, m []byte) error {
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(m)), uint32(len(m)))
	if len(m) == messageBytesMax {
		copy(head, []byte{rawExtra, 0, 0, 0})
	}
	head[0] |= kind
	t.writing.Lock()
	defer t.writing.Unlock()
	t.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := t.conn.Write(append(head, m...))
	if err != nil {
		t.conn.Close()
	}
	return err
}

// take returns what the next receive gets: nil where nothing waits.
func (t *transport) take() [][]byte {
	n := len(t.queue)
	if n == 0 {
		return nil
	}
	if !t.protocol.batched { // LPL-02
		n = 1
	}
	out := slices.Clone(t.queue[:n])
	clear(t.queue[:n]) // the array does not keep what was taken
	t.queue = t.queue[n:]
	for _, m := range out {
		t.bytes -= len(m)
	}
	t.notify()
	return out
}

// receive waits for messages and answers with them.
func (t *transport) receive(w http.ResponseWriter, r *http.Request) {
	hold := time.NewTimer(holdTime)
	defer hold.Stop()
	t.mu.Lock()
	t.turn++
	mine := t.turn
	t.notify() // who waits finds that it is not its turn any more
	for {
		if r.Context().Err() != nil || t.turn != mine {
			t.mu.Unlock()
			w.WriteHeader(http.StatusNoContent)
			return
		}
		msgs, ended, changed := t.take(), t.ended, t.changed
		t.mu.Unlock()
		switch {
		case msgs != nil:
			t.answer(w, msgs)
			return
		case ended:
			t.server.forget(t)
			http.Error(w, "the transport has ended", http.StatusNotFound)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
		case <-hold.C:
			w.WriteHeader(http.StatusNoContent)
			return
		}
		t.mu.Lock()
	}
}

// answer hands messages over. If they do not arrive the session has a gap, and is over.
func (t *transport) answer(w http.ResponseWriter, msgs [][]byte) {
	w.Header().Set("Content-Type", t.protocol.contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	to := http.NewResponseController(w)
	to.SetWriteDeadline(time.Now().Add(writeTimeout)) // where that is not possible, as in tests, nobody is slow
	_, err := w.Write(t.protocol.join(msgs))
	if err == nil {
		err = to.Flush()
	}
	to.SetWriteDeadline(time.Time{})
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		t.end()
	}
}
