package client

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a router by hand: it accepts RawSocket connections with JSON on a Unix socket, and the test says each message.
type fake struct {
	t   *testing.T
	url string
	ln  net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func newFake(t *testing.T) *fake {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, url: "unix://" + path, ln: ln}
	t.Cleanup(func() {
		ln.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, conn := range f.conns {
			conn.Close()
		}
	})
	return f
}

// line is one accepted connection.
type line struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

// accept waits for a connection and shakes hands.
func (f *fake) accept() *line {
	f.t.Helper()
	conn, err := f.ln.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	f.conns = append(f.conns, conn)
	f.mu.Unlock()
	conn.SetDeadline(time.Now().Add(testPatience))
	l := &line{f.t, conn, bufio.NewReader(conn)}
	var hello [4]byte
	io.ReadFull(l.in, hello[:])
	conn.Write([]byte{0x7F, 0xF0 | hello[1]&0x0F, 0, 0})
	return l
}

// welcome accepts a connection and a session.
func (f *fake) welcome() *line {
	f.t.Helper()
	l := f.accept()
	l.expect(`[1,"realm1",`)
	l.say(`[2,7,{"roles":{"broker":{},"dealer":{}}}]`)
	return l
}

// receive returns the next message.
func (l *line) receive() string {
	l.t.Helper()
	var h [4]byte
	if _, err := io.ReadFull(l.in, h[:]); err != nil {
		l.t.Fatalf("waiting for a message: %v", err)
	}
	b := make([]byte, int(h[1])<<16|int(h[2])<<8|int(h[3]))
	if _, err := io.ReadFull(l.in, b); err != nil {
		l.t.Fatalf("waiting for a message: %v", err)
	}
	if h[0] == rawPing {
		return l.receive()
	}
	return string(b)
}

// expect receives one message and compares its beginning.
func (l *line) expect(begin string) string {
	l.t.Helper()
	got := l.receive()
	if !strings.HasPrefix(got, begin) {
		l.t.Fatalf("the client said %s, want %s…", got, begin)
	}
	return got
}

func (l *line) say(format string, a ...any) {
	l.t.Helper()
	if _, err := l.Write(appendRaw(nil, rawMessage, fmt.Appendf(nil, format, a...))); err != nil {
		l.t.Fatal(err)
	}
}

// bye answers the client's GOODBYE.
func (l *line) bye() {
	l.t.Helper()
	l.expect(`[6,`)
	l.say(`[6,{},"wamp.close.goodbye_and_out"]`)
}

// quiet asserts that nothing comes but what follows an answer that the client must give: a ping.
func (l *line) quiet() {
	l.t.Helper()
	l.Write(appendRaw(nil, rawPing, []byte("?")))
	pong := make([]byte, 5)
	if _, err := io.ReadFull(l.in, pong); err != nil || !bytes.Equal(pong, []byte("\x02\x00\x00\x01?")) {
		l.t.Fatalf("the client said % x, %v", pong, err)
	}
}

// tale runs the router's side of a test and waits for it at the end.
func tale(t *testing.T, router func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); router() }()
	t.Cleanup(func() { <-done })
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	t.Cleanup(cancel)
	return ctx
}

// dial connects a client to the fakes; notices are sent to the returned channel.
func dial(t *testing.T, cfg Config, fakes ...*fake) (*Client, chan Notice) {
	t.Helper()
	notices := make(chan Notice, 100)
	cfg.Notify = func(n Notice) { notices <- n }
	for _, f := range fakes {
		cfg.URLs = append(cfg.URLs, f.url)
	}
	c, err := Dial(patient(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, notices
}

// until waits for a notice of this kind.
func until(t *testing.T, notices chan Notice, kind NoticeKind) Notice {
	t.Helper()
	for {
		select {
		case n := <-notices:
			if n.Kind == kind {
				return n
			}
		case <-time.After(testPatience):
			t.Fatalf("no notice of kind %d", kind)
		}
	}
}

func jsonOf(t *testing.T, p Payload) string {
	t.Helper()
	args, kwargs, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(args) + string(kwargs)
}
