package transport

import (
	"bytes"
	"os"
	"testing"

	"github.com/gobwas/ws"

	"kleeblatt/internal/wamp"
)

// bareLoop is a loop that nobody runs: the test calls its steps itself.
func bareLoop(t testing.TB, h *hooks) *loop {
	t.Helper()
	s, err := New(Config{Loops: 1, NewHandler: func(_ int, l Loop) Handler { h.l = l; return h }})
	if err != nil {
		t.Fatal(err)
	}
	l := s.loops[0]
	l.rbuf = make([]byte, readBufferBytes)
	l.turnEnds = 1 << 62
	t.Cleanup(s.closePolls)
	return l
}

// sink adds an open connection that writes to fd.
func (l *loop) sink(fd int, f Framing, s wamp.Serializer) *conn {
	c := l.take(stateGreeting)
	c.fd = int32(fd)
	c.limit, c.armed = boundMax, armIn
	c.flags |= flagTold
	c.peerMax = boundMax
	l.open(c, f, s, &Info{})
	return c
}

func devNull(t testing.TB) int {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return int(f.Fd())
}

// TestAllocReceiveSend: a read with whole and partial frames, echoed and flushed, allocates nothing.
func TestAllocReceiveSend(t *testing.T) {
	h := &hooks{}
	l := bareLoop(t, h)
	c := l.sink(devNull(t), WebSocket, wamp.MsgPack)
	in := bytes.Repeat(clientFrame(ws.OpBinary, true, make([]byte, 150)), 20)
	var buf []byte
	step := func() {
		buf = append(buf[:0], in...)
		l.feed(c, buf[:len(buf)-70])
		l.feed(c, buf[len(buf)-70:])
		l.flush()
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if c.in != nil || c.queued != 0 || l.counters.messagesIn < 100*20 {
		t.Errorf("kept %d, queued %d, messages %d", len(c.in), c.queued, l.counters.messagesIn)
	}
}

func TestAllocRawSocketAndBatch(t *testing.T) {
	h := &hooks{}
	l := bareLoop(t, h)
	null := devNull(t)
	raw, batched := l.sink(null, RawSocket, wamp.CBOR), l.sink(null, WebSocketBatched, wamp.JSON)
	rawIn := bytes.Repeat(rawFrame(0, make([]byte, 150)), 20)
	batch := clientFrame(ws.OpText, true, bytes.Repeat([]byte("[1,2,3]\x1e"), 20))
	var buf []byte
	step := func() {
		buf = append(buf[:0], rawIn...)
		l.feed(raw, buf)
		buf = append(buf[:0], batch...)
		l.feed(batched, buf)
		l.flush()
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAllocFanout(t *testing.T) {
	l := bareLoop(t, &hooks{})
	ids := l.sinks(devNull(t), 100)
	body := make([]byte, 150)
	step := func() {
		for range 64 {
			l.Fanout(ids, body)
		}
		l.flush()
	}
	step()
	if n := testing.AllocsPerRun(20, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// sinks adds n connections of several framings.
func (l *loop) sinks(fd, n int) (ids []ConnID) {
	for i := range n {
		switch i % 4 {
		case 0:
			ids = append(ids, l.sink(fd, RawSocket, wamp.MsgPack).id())
		case 1:
			ids = append(ids, l.sink(fd, WebSocketBatched, wamp.MsgPack).id())
		default:
			ids = append(ids, l.sink(fd, WebSocket, wamp.MsgPack).id())
		}
	}
	return ids
}

// BenchmarkFanout is one message to 100 or 1000 connections of one framing, 64 or 16 messages per flush; ns/op is per delivery.
func BenchmarkFanout(b *testing.B) {
	for _, x := range []struct {
		name        string
		conns, turn int
		bytes       int
	}{{"100x64", 100, 64, 150}, {"1000x16", 1000, 16, 150}, {"100x64x1KiB", 100, 64, 1024}, {"100x1", 100, 1, 150}} {
		b.Run(x.name, func(b *testing.B) {
			l := bareLoop(b, &hooks{})
			null := devNull(b)
			var ids []ConnID
			for range x.conns {
				ids = append(ids, l.sink(null, WebSocket, wamp.MsgPack).id())
			}
			body := make([]byte, x.bytes)
			b.ReportAllocs()
			for i := 0; i < b.N; i += x.conns * x.turn {
				for range x.turn {
					l.Fanout(ids, body)
				}
				l.flush()
			}
		})
	}
}

// BenchmarkEcho is scanning, unmasking, delivering and sending one message of 150 bytes, 64 per read.
func BenchmarkEcho(b *testing.B) {
	h := &hooks{}
	l := bareLoop(b, h)
	c := l.sink(devNull(b), WebSocket, wamp.MsgPack)
	in := bytes.Repeat(clientFrame(ws.OpBinary, true, make([]byte, 150)), 64)
	buf := make([]byte, len(in))
	b.ReportAllocs()
	for i := 0; i < b.N; i += 64 {
		copy(buf, in)
		l.feed(c, buf)
		l.flush()
	}
}
