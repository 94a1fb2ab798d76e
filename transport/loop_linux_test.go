package transport

import (
	"bytes"

	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

// listenFull returns an address whose backlog is full, so that a connect gets no answer.
func listenFull(t *testing.T) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	unix.Listen(fd, 0)
	sa, _ := unix.Getsockname(fd)
	a := remote(sa)
	for range 4 {
		c, _ := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		unix.Connect(c, sa)
		t.Cleanup(func() { unix.Close(c) })
	}
	return a.String()
}

// rss is the process's resident memory in bytes.
func rss(t testing.TB) int64 {
	p, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(p))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// TestP32AnnouncedLengths: announced lengths cost nothing: 50 messages of 16 MiB begun, endless fragments, 2^40 in a header.
func TestP32AnnouncedLengths(t *testing.T) {
	const limit = 16 << 20
	h := &hooks{}
	h.opened = func(c ConnID, _ *Info) { h.l.SetLimit(c, limit) }
	s := serve(t, Config{}, h)
	a := s.Addrs()[0]
	l := s.loops[0]
	var all []*client
	for range 50 {
		c := connect(t, a)
		c.rawHello(15, 1)
		c.put(append([]byte{8, 0, 0, 0}, make([]byte, 100)...)...)
		w := upgrade1(t, a, "wamp.2.cbor")
		var head bytes.Buffer
		ws.WriteHeader(&head, ws.Header{Fin: true, OpCode: ws.OpBinary, Masked: true, Length: limit})
		w.put(append(head.Bytes(), make([]byte, 100)...)...)
		all = append(all, c, w)
	}
	held := func() (n int) {
		for _, p := range l.pages {
			for i := range p {
				if n += cap(p[i].in); p[i].x != nil {
					n += cap(p[i].x.fragments)
				}
			}
		}
		return n
	}
	// A further connection's echo shows that the loop has read all that was sent before; the loop is then stopped to be looked at.
	e := upgrade1(t, a, "wamp.2.cbor")
	e.frame(ws.OpBinary, false, nil)
	for range 20000 {
		e.frame(ws.OpContinuation, false, nil)
	}
	e.frame(ws.OpContinuation, true, []byte("end"))
	e.wantFrame(ws.OpBinary, []byte("end"))
	huge := upgrade1(t, a, "wamp.2.cbor")
	head := []byte{0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	huge.put(head...)
	huge.wantClose(ws.StatusMessageTooBig)
	waitFor(t, func() bool { return s.Stats().BytesIn > 100*100 })
	type answer struct{ n int }
	ch := make(chan answer, 1)
	h.woken = func() { ch <- answer{held()} }
	h.l.Wake()
	if n := recv(t, ch).n; n > len(all)*2*bufferBytesMin {
		t.Errorf("%d bytes are held for %d partial messages of 104 bytes", n, len(all))
	}
}

// TestIdleMemory: an idle connection costs a table entry and no buffer.
func TestIdleMemory(t *testing.T) {
	const n = 2000
	s := serve(t, Config{}, nil)
	a := s.Addrs()[0]
	one := connect(t, a)
	one.rawHello(15, 2)
	for range n {
		nc, err := net.Dial("tcp", a.String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.Write([]byte{rawMagic, 0xF2, 0, 0})
		var p [4]byte
		nc.Read(p[:])
	}
	ch := make(chan int, 1)
	l := s.loops[0]
	l.h.(*hooks).woken = func() {
		buffers := 0
		for _, p := range l.pages {
			for i := range p {
				if c := &p[i]; c.in != nil || c.out != nil || c.x != nil {
					buffers++
				}
			}
		}
		ch <- buffers
	}
	l.Wake()
	if got := recv(t, ch); got != 0 {
		t.Errorf("%d idle connections hold buffers", got)
	}
}

// BenchmarkIdle reports the resident bytes of an idle session; both ends are in this process, so the client's part counts too.
func BenchmarkIdle(b *testing.B) {
	s := serve(b, Config{}, nil)
	sa, _ := s.Addrs()[0].(*net.TCPAddr)
	var fds []int
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	before := rss(b)
	for range b.N {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		fds = append(fds, fd)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: sa.Port}); err != nil {
			b.Fatal(err)
		}
		var p [4]byte
		unix.Write(fd, []byte{rawMagic, 0xF2, 0, 0})
		unix.Read(fd, p[:])
	}
	b.ReportMetric(float64(rss(b)-before)/float64(b.N), "B/session")
}

// TestOneProcessor: at GOMAXPROCS=1 a loop that waits, and one that never waits, let other goroutines run.
func TestOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var busy atomic.Bool
	h := &hooks{turn: func(int64) (int64, bool) { return 0, busy.Load() }}
	s := serve(t, Config{}, h)
	c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	for _, b := range []bool{false, true} {
		busy.Store(b)
		h.l.Wake()
		ch := make(chan int)
		go func() {
			for i := range 1000 {
				ch <- i
			}
			close(ch)
		}()
		for range ch {
		}
		runtime.GC()
		for range 50 {
			c.frame(ws.OpText, true, []byte("x"))
			c.wantFrame(ws.OpText, []byte("x"))
		}
	}
	busy.Store(false)
}

// TestWake: none is lost, whatever the loop is doing; many are cheap.
func TestWake(t *testing.T) {
	h := &hooks{}
	var n, seen atomic.Int64
	h.woken = func() { seen.Store(n.Load()) }
	serve(t, Config{}, h)
	for range 5000 {
		want := n.Add(1)
		h.l.Wake()
		for seen.Load() < want {
			runtime.Gosched()
		}
	}
}

// TestNextTurn: Turn is called again at the time that it asked for.
func TestNextTurn(t *testing.T) {
	h := &hooks{}
	done := make(chan bool, 1)
	var at int64
	var fired bool
	h.turn = func(now int64) (int64, bool) {
		switch {
		case fired:
			return 0, false
		case at == 0:
			at = now + 5_000_000
		case now >= at:
			fired = true
			done <- true
			return 0, false
		}
		return at, false
	}
	serve(t, Config{}, h)
	recv(t, done)
}

// TestDialTimeout: a peer that does not answer is given up.
func TestDialTimeout(t *testing.T) {
	h := &hooks{}
	q := &commands{}
	failed := make(chan error, 1)
	h.failed = func(_ uint64, err error) { failed <- err }
	h.woken = q.run
	serve(t, Config{}, h)
	q.l = h.l
	// A full backlog: the kernel drops further SYNs.
	fd := listenFull(t)
	q.do(func() { h.l.Dial("tcp", fd, 1, 100*time.Millisecond) })
	wantError(t, recv(t, failed), ErrTimeout)
}
