package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"kleeblatt/internal/wamp"
)

// memory is a descriptor that keeps what is written to it.
func memory(t testing.TB) int {
	fd, err := unix.MemfdCreate("out", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func contents(t testing.TB, fd int) []byte {
	p := make([]byte, 1<<20)
	n, err := unix.Pread(fd, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p[:n]
}

// FuzzSplit: any split of a byte stream gives the same messages, the same end and the same answers.
func FuzzSplit(f *testing.F) {
	ok := append(clientFrame(1, true, []byte("[1,2]")), clientFrame(9, true, []byte("p"))...)
	ok = append(append(ok, clientFrame(1, false, []byte("ab\x1e"))...), clientFrame(0, true, []byte("cd\x1e"))...)
	f.Add(uint8(0), uint64(1), ok)
	f.Add(uint8(1), uint64(2), ok)
	f.Add(uint8(2), uint64(3), append(rawFrame(0, []byte("hello")), rawFrame(1, []byte("x"))...))
	f.Add(uint8(3), uint64(4), []byte{0, 0, 0, 2, 'a', 'b', 0, 0, 0, 0})
	f.Add(uint8(4), uint64(5), clientFrame(2, true, []byte{0, 0, 0, 1, 'a', 0, 0, 0, 2, 'b', 'c'}))
	f.Fuzz(func(t *testing.T, kind uint8, seed uint64, in []byte) {
		whole := runSplit(t, kind, in, nil)
		split := runSplit(t, kind, in, rand.New(rand.NewPCG(seed, 1)))
		if whole != split {
			t.Errorf("whole: %q\nsplit: %q", whole, split)
		}
	})
}

// FuzzGreet: the same for a connection that has just been accepted, up to the messages behind its handshake.
func FuzzGreet(f *testing.F) {
	f.Add(uint64(1), append([]byte(handshake), clientFrame(1, true, []byte("[1,2]"))...))
	f.Add(uint64(2), append([]byte{rawMagic, 0xF2, 0, 0}, rawFrame(0, []byte("hello"))...))
	f.Add(uint64(3), []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.Add(uint64(4), []byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x, WebSocket\r\n\r\n"))
	f.Add(uint64(5), []byte{rawMagic, 0xF9, 0, 0})
	f.Fuzz(func(t *testing.T, seed uint64, in []byte) {
		whole := runSplit(t, kindGreeting, in, nil)
		split := runSplit(t, kindGreeting, in, rand.New(rand.NewPCG(seed, 1)))
		if whole != split {
			t.Errorf("whole: %q\nsplit: %q", whole, split)
		}
	})
}

// kindGreeting is runSplit's kind of a connection without a handshake.
const kindGreeting = 255

// runSplit feeds in to a connection, in random pieces and with random pauses if r is not nil, and tells what happened.
func runSplit(t *testing.T, kind uint8, in []byte, r *rand.Rand) string {
	h := &hooks{}
	l := bareLoop(t, h)
	out := memory(t)
	var log bytes.Buffer
	var id ConnID
	h.received = func(c ConnID, msg []byte) {
		log.WriteByte('<')
		log.Write(msg)
		log.WriteByte('>')
		if r != nil && r.IntN(3) == 0 {
			l.Pause(c)
		}
	}
	h.closed = func(_ ConnID, err error) {
		if err != nil && !errors.Is(err, io.EOF) {
			log.WriteString(err.Error())
		}
		log.WriteByte('.')
	}
	f, s := WebSocket, wamp.JSON
	switch kind % 5 {
	case 1:
		f = WebSocketBatched
	case 2:
		f = RawSocket
	case 3:
		f, s = Link, 0
	case 4:
		f, s = WebSocketBatched, wamp.MsgPack
	}
	defer unix.Close(out)
	fd, _ := unix.Dup(out) // the loop closes its own
	c := l.sink(fd, f, s)
	if kind == kindGreeting {
		c.state, c.framing, c.listener = stateGreeting, 0, &listener{path: "/ws"}
		c.flags |= flagTold
		h.opened = func(ConnID, *Info) { log.WriteByte('!') }
	}
	c.limit = 1000
	id = c.id()
	for len(in) > 0 && l.reads(c) {
		n := len(in)
		if r != nil {
			n = 1 + r.IntN(n)
		}
		l.feed(c, append([]byte(nil), in[:n]...))
		in = in[n:]
		l.deliver()
		for r != nil && c.has(flagPaused) {
			l.Resume(id)
			l.resumeDeferred()
			l.deliver()
		}
	}
	l.flush()
	l.deliver()
	l.finish(c, nil)
	log.WriteString("|")
	log.Write(contents(t, out))
	return log.String()
}
