package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	"kleeblatt/internal/wamp"
)

func rawOpened(t *testing.T, answer string) (*rawWire, *peer, error) {
	conn, p := newPipe(t)
	go func() {
		var hello [4]byte
		io.ReadFull(p.in, hello[:])
		if hello != [4]byte{0x7F, 0xF3, 0, 0} {
			t.Errorf("handshake % x", hello)
		}
		io.WriteString(p, answer)
		if len(answer) < 4 {
			p.Close()
		}
	}()
	w, err := handshakeRaw(conn, wamp.CBOR, 0)
	return w, p, err
}

func TestRawSocketRefused(t *testing.T) {
	for _, answer := range []string{"\x7F\x10\x00\x00", "\x7F\x20\x00\x00", "\x7F\x90\x00\x00", "HTTP", "\x7F\xF1\x00\x00", "\x7F\xF3\x00\x01", "\x7F"} {
		if _, _, err := rawOpened(t, answer); err == nil {
			t.Errorf("% x was taken", answer)
		}
	}
}

func TestRawSocketMessages(t *testing.T) {
	w, p, err := rawOpened(t, "\x7F\xF3\x00\x00")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 300, 1<<24 - 1, 1 << 24} { // RAW-09: the last has a length of its own
		want := make([]byte, n)
		sent := appendRaw(nil, rawMessage, want)
		if n == 1<<24 && !bytes.Equal(sent[:4], []byte{0x08, 0, 0, 0}) {
			t.Errorf("header % x of a message of 2^24", sent[:4])
		}
		go p.Write(sent)
		if got, err := w.read(); err != nil || len(got) != n {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
		go w.write(want)
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(p.in, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes out: %v", n, err)
		}
	}
}

func TestRawSocketPing(t *testing.T) {
	w, p, err := rawOpened(t, "\x7F\xF3\x00\x00")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Write(appendRaw(nil, rawPong, []byte("unsolicited")))
		p.Write(appendRaw(nil, rawPing, []byte("12345")))
		pong := make([]byte, 9)
		io.ReadFull(p.in, pong)
		if string(pong) != "\x02\x00\x00\x0512345" {
			t.Errorf("pong %q", pong)
		}
		p.Write(appendRaw(nil, rawMessage, []byte("m")))
	}()
	if got, err := w.read(); err != nil || string(got) != "m" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestRawSocketLimit: what the router does not take is refused here, and the connection lives on (RAW-06).
func TestRawSocketLimit(t *testing.T) {
	w, p, err := rawOpened(t, "\x7F\x03\x00\x00") // 512 bytes
	if err != nil {
		t.Fatal(err)
	}
	if err := w.write(make([]byte, 513)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	go w.write(make([]byte, 512))
	if _, err := io.ReadFull(p.in, make([]byte, 516)); err != nil {
		t.Error(err)
	}
}

func TestRawSocketViolations(t *testing.T) {
	for _, header := range []string{"\x10\x00\x00\x00", "\x03\x00\x00\x00", "\x07\x00\x00\x00", "\x08\x00\x00\x01"} {
		w, p, err := rawOpened(t, "\x7F\xF3\x00\x00")
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(p, header)
		if _, err := w.read(); err == nil {
			t.Errorf("% x was taken", header)
		}
	}
}

func FuzzRawSocket(f *testing.F) {
	f.Add(appendRaw(nil, rawMessage, []byte("[]")))
	f.Add(appendRaw(appendRaw(nil, rawPing, []byte("x")), rawPong, nil))
	f.Add([]byte{0x08, 0, 0, 0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := &rawWire{out: outlet{conn: stream{}}, in: bufio.NewReader(bytes.NewReader(b))}
		total := 0
		for {
			msg, err := w.read()
			if err != nil {
				break
			}
			total += len(msg)
		}
		if total > len(b) || cap(w.msg) > len(b)+128<<10 {
			t.Errorf("%d bytes of messages and %d of memory out of %d", total, cap(w.msg), len(b))
		}
	})
}
