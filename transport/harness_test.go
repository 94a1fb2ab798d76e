package transport

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for an event before it gives up; nothing is measured by it.
const patience = 20 * time.Second

// hooks is a Handler made of functions; without any it echoes.
type hooks struct {
	l        Loop
	opened   func(c ConnID, info *Info)
	received func(c ConnID, msg []byte)
	closed   func(c ConnID, err error)
	failed   func(tag uint64, err error)
	pressure func(c ConnID, level Level)
	woken    func()
	turn     func(now int64) (int64, bool)
}

func (h *hooks) Opened(c ConnID, info *Info) {
	if h.opened != nil {
		h.opened(c, info)
	}
}

func (h *hooks) Received(c ConnID, msg []byte) {
	if h.received != nil {
		h.received(c, msg)
		return
	}
	h.l.Send(c, msg, false)
}

func (h *hooks) Closed(c ConnID, err error) {
	if h.closed != nil {
		h.closed(c, err)
	}
}

func (h *hooks) DialFailed(tag uint64, err error) {
	if h.failed != nil {
		h.failed(tag, err)
	}
}

func (h *hooks) Pressure(c ConnID, level Level) {
	if h.pressure != nil {
		h.pressure(c, level)
	}
}

func (h *hooks) Woken() {
	if h.woken != nil {
		h.woken()
	}
}

func (h *hooks) Turn(now int64) (int64, bool) {
	if h.turn != nil {
		return h.turn(now)
	}
	return 0, false
}

// commands lets a test run functions on a loop's goroutine.
type commands struct {
	mu   sync.Mutex
	todo []func()
	l    Loop
}

func (q *commands) do(f func()) {
	q.mu.Lock()
	q.todo = append(q.todo, f)
	q.mu.Unlock()
	q.l.Wake()
}

func (q *commands) run() {
	q.mu.Lock()
	todo := q.todo
	q.todo = nil
	q.mu.Unlock()
	for _, f := range todo {
		f()
	}
}

// onStreams makes serve use the goroutine path for plain connections too.
var onStreams bool

// serve starts a server with one loop and the given handler (nil echoes); it is stopped with the test.
func serve(t testing.TB, cfg Config, h *hooks) *Server {
	t.Helper()
	if h == nil {
		h = &hooks{}
	}
	if cfg.NewHandler == nil {
		cfg.Loops = 1
		cfg.NewHandler = func(_ int, l Loop) Handler { h.l = l; return h }
	}
	if cfg.Listeners == nil {
		cfg.Listeners = []Listener{{URL: "ws://127.0.0.1:0/ws"}}
	}
	cfg.streams = onStreams
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		s.Stop(ctx)
	})
	return s
}

// client is a connection as a user's program has it.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func connect(t testing.TB, a net.Addr) *client {
	t.Helper()
	nc, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, nc)
}

func connectTLS(t testing.TB, a net.Addr, conf *tls.Config) *client {
	t.Helper()
	nc, err := tls.Dial("tcp", a.String(), conf)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &client{t: t, Conn: nc, r: bufio.NewReaderSize(nc, 64<<10)}
}

func dialTimeout(a net.Addr) (net.Conn, error) {
	return net.DialTimeout(a.Network(), a.String(), patience)
}

func (c *client) put(p ...byte) {
	c.t.Helper()
	if _, err := c.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) get(n int) []byte {
	c.t.Helper()
	p := make([]byte, n)
	if _, err := io.ReadFull(c.r, p); err != nil {
		c.t.Fatalf("after %d bytes wanted: %v", n, err)
	}
	return p
}

func (c *client) want(p ...byte) {
	c.t.Helper()
	if got := c.get(len(p)); !bytes.Equal(got, p) {
		c.t.Fatalf("got % x, want % x", got, p)
	}
}

// wantEnd reads to the end of the connection and returns what came.
func (c *client) wantEnd() []byte {
	c.t.Helper()
	p, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatalf("the connection did not end orderly: %v after %d bytes", err, len(p))
	}
	return p
}

// request sends an upgrade request with extra header lines and returns the status line and the head that came back.
func (c *client) request(path, protocol string, extra ...string) (status string, head []string) {
	c.t.Helper()
	lines := []string{"GET " + path + " HTTP/1.1", "Host: router.example", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"}
	if protocol != "" {
		lines = append(lines, "Sec-WebSocket-Protocol: "+protocol)
	}
	c.put([]byte(strings.Join(append(lines, extra...), "\r\n") + "\r\n\r\n")...)
	return c.response()
}

func (c *client) response() (status string, head []string) {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
			return status, head
		case status == "":
			status = line
		default:
			head = append(head, line)
		}
	}
}

// upgrade is a WebSocket connection with a subprotocol.
func upgrade1(t testing.TB, a net.Addr, protocol string) *client {
	t.Helper()
	c := connect(t, a)
	c.upgrade(protocol)
	return c
}

func (c *client) upgrade(protocol string) {
	c.t.Helper()
	status, head := c.request("/ws", protocol)
	if !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		c.t.Fatalf("status %q", status)
	}
	for _, h := range head {
		if strings.EqualFold(h, "Sec-WebSocket-Protocol: "+protocol) {
			return
		}
	}
	c.t.Fatalf("the subprotocol is not echoed: %q", head)
}

// frame sends a masked frame.
func (c *client) frame(op ws.OpCode, fin bool, payload []byte) {
	c.t.Helper()
	c.put(clientFrame(op, fin, payload)...)
}

func clientFrame(op ws.OpCode, fin bool, payload []byte) []byte {
	var b bytes.Buffer
	mask := [4]byte{1, 2, 3, 250}
	p := append([]byte(nil), payload...)
	ws.Cipher(p, mask, 0)
	ws.WriteHeader(&b, ws.Header{Fin: fin, OpCode: op, Masked: true, Mask: mask, Length: int64(len(p))})
	b.Write(p)
	return b.Bytes()
}

// wantFrame reads one frame and compares it.
func (c *client) wantFrame(op ws.OpCode, payload []byte) {
	c.t.Helper()
	got, p := c.readFrame()
	if got != op || !bytes.Equal(p, payload) {
		c.t.Fatalf("got opcode %d % .40x (%d bytes), want %d % .40x (%d bytes)", got, p, len(p), op, payload, len(payload))
	}
}

func (c *client) readFrame() (ws.OpCode, []byte) {
	c.t.Helper()
	h, err := ws.ReadHeader(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := ws.CheckHeader(h, ws.StateClientSide); err != nil || !h.Fin {
		c.t.Fatalf("header %+v: %v", h, err)
	}
	return h.OpCode, c.get(int(h.Length))
}

// wantClose reads up to a close frame with the code, then the end.
func (c *client) wantClose(code ws.StatusCode) {
	c.t.Helper()
	for {
		op, p := c.readFrame()
		if op != ws.OpClose {
			continue
		}
		if len(p) < 2 || ws.StatusCode(binary.BigEndian.Uint16(p)) != code {
			c.t.Fatalf("close frame % x, want code %d", p, code)
		}
		if rest := c.wantEnd(); len(rest) > 0 {
			c.t.Fatalf("% x after the close frame", rest)
		}
		return
	}
}

// rawHello is a RawSocket handshake that has to succeed.
func (c *client) rawHello(length, serializer byte) {
	c.t.Helper()
	c.put(rawMagic, length<<4|serializer, 0, 0)
	c.want(rawMagic, 0xF0|serializer, 0, 0)
}

func rawFrame(first byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{first, byte(n >> 16), byte(n >> 8), byte(n)}, payload...)
}

// recv waits for an event.
func recv[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}
