package client

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

// testPatience bounds what a test waits for; only a failing test gets there.
const testPatience = 10 * time.Second

// peer is the router's end of a connection, by hand.
type peer struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func newPipe(t *testing.T) (net.Conn, *peer) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	theirs.SetDeadline(time.Now().Add(testPatience))
	return ours, &peer{t, theirs, bufio.NewReader(theirs)}
}

// upgraded is a client's WebSocket and the other end of it.
func upgraded(t *testing.T, s wamp.Serializer) (*webWire, *peer) {
	conn, p := newPipe(t)
	go p.answerUpgrade(func(key string) string {
		return "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: " +
			acceptKey(key) + "\r\nSec-WebSocket-Protocol: " + subprotocols[s] + "\r\n\r\n"
	})
	w, err := upgrade(conn, endpoint{path: "/ws", host: "example"}, s, 0)
	if err != nil {
		t.Fatal(err)
	}
	return w, p
}

// answerUpgrade reads a request head and answers it.
func (p *peer) answerUpgrade(answer func(key string) string) {
	var key string
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return
		}
		if k, ok := strings.CutPrefix(line, "Sec-WebSocket-Key: "); ok {
			key = strings.TrimSpace(k)
		}
		if line == "\r\n" {
			break
		}
	}
	io.WriteString(p, answer(key))
}

// frame appends an unmasked frame, as a server sends it.
func frame(first byte, body []byte) []byte {
	b := []byte{first}
	switch {
	case len(body) < 126:
		b = append(b, byte(len(body)))
	case len(body) < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(len(body)))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(len(body)))
	}
	return append(b, body...)
}

// next reads one masked frame and unmasks it byte by byte: the dumb twin of mask.
func (p *peer) next() (first byte, body []byte) {
	p.t.Helper()
	read := func(n uint64) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(p.in, b); err != nil {
			p.t.Errorf("reading the client's frame: %v", err)
		}
		return b
	}
	h := read(2)
	if h[1]&0x80 == 0 {
		p.t.Error("the client's frame is not masked")
	}
	n := uint64(h[1] & 0x7F)
	switch n {
	case 126:
		n = uint64(binary.BigEndian.Uint16(read(2)))
	case 127:
		n = binary.BigEndian.Uint64(read(8))
	}
	key, body := read(4), read(n)
	for i := range body {
		body[i] ^= key[i%4]
	}
	return h[0], body
}

func TestAcceptKeyOfRFC(t *testing.T) {
	if got := acceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, 1.3
		t.Error(got)
	}
}

func TestUpgradeRefused(t *testing.T) {
	good := func(key string) string {
		return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptKey(key) +
			"\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n"
	}
	for name, change := range map[string]func(string) string{
		"status":       func(a string) string { return strings.Replace(a, "101 Switching Protocols", "400 Bad Request", 1) },
		"http 1.0":     func(a string) string { return strings.Replace(a, "HTTP/1.1", "HTTP/1.0", 1) },
		"accept":       func(a string) string { return strings.Replace(a, "Accept: ", "Accept: x", 1) },
		"no upgrade":   func(a string) string { return strings.Replace(a, "Upgrade: websocket\r\n", "", 1) },
		"connection":   func(a string) string { return strings.Replace(a, "Connection: Upgrade", "Connection: close", 1) },
		"subprotocol":  func(a string) string { return strings.Replace(a, "wamp.2.json", "wamp.2.cbor", 1) },
		"extension":    func(a string) string { return strings.TrimSuffix(a, "\r\n") + "Sec-WebSocket-Extensions: x\r\n\r\n" },
		"endless head": func(a string) string { return a[:20] + strings.Repeat("x", 2*headBytesMax) },
		"endless list": func(a string) string { return a[:len(a)-2] + strings.Repeat("a: b\r\n", headBytesMax) },
		"cut off":      func(a string) string { return a[:30] },
	} {
		t.Run(name, func(t *testing.T) {
			conn, p := newPipe(t)
			go func() {
				p.answerUpgrade(func(key string) string { return change(good(key)) })
				p.Close()
			}()
			if _, err := upgrade(conn, endpoint{path: "/", host: "h"}, wamp.JSON, 0); err == nil {
				t.Error("the upgrade was taken")
			}
		})
	}
}

func TestWebSocketSizes(t *testing.T) {
	w, p := upgraded(t, wamp.CBOR)
	for _, n := range []int{0, 1, 7, 8, 125, 126, 65535, 65536, 1 << 20} {
		want := bytes.Repeat([]byte("kleeblatt"), n/9+1)[:n]
		go w.write(want)
		if first, got := p.next(); first != 0x82 || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: first octet %x, %d bytes", n, first, len(got))
		}
		go p.Write(frame(0x82, want))
		if got, err := w.read(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes back: %d, %v", n, len(got), err)
		}
	}
}

func TestWebSocketText(t *testing.T) {
	w, p := upgraded(t, wamp.JSON)
	go w.write([]byte("[]"))
	if first, got := p.next(); first != 0x81 || string(got) != "[]" {
		t.Errorf("%x %q", first, got)
	}
}

func TestWebSocketFragmentsAroundPing(t *testing.T) {
	w, p := upgraded(t, wamp.JSON)
	go func() {
		p.Write(frame(0x01, []byte("[1,")))
		p.Write(frame(0x89, []byte("are you there"))) // a ping inside a message
		if first, body := p.next(); first != 0x8A || string(body) != "are you there" {
			t.Errorf("pong: %x %q", first, body)
		}
		p.Write(frame(0x00, nil))
		p.Write(frame(0x8A, []byte("an unsolicited pong")))
		p.Write(frame(0x80, []byte("2]")))
	}()
	if got, err := w.read(); err != nil || string(got) != "[1,2]" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWebSocketClose(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		code uint16 // that we see
		echo uint16
	}{
		"with status":    {[]byte("\x03\xE9bye"), 1001, 1001},
		"without status": {nil, closeNoStatus, closeNormal},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := upgraded(t, wamp.JSON)
			echoed := make(chan uint16)
			go func() {
				p.Write(frame(0x88, c.body))
				_, body := p.next()
				echoed <- binary.BigEndian.Uint16(body)
			}()
			_, err := w.read()
			var closed *CloseError
			if !errors.As(err, &closed) || closed.Code != c.code {
				t.Errorf("error %v", err)
			}
			if got := <-echoed; got != c.echo {
				t.Errorf("answered with %d", got)
			}
		})
	}
}

func TestWebSocketViolations(t *testing.T) {
	for name, c := range map[string]struct {
		frames []byte
		code   uint16
	}{
		"reserved bit":             {frame(0xC1, nil), closeProtocol},
		"masked":                   {[]byte{0x81, 0x80, 1, 2, 3, 4}, closeProtocol},
		"unknown opcode":           {frame(0x83, nil), closeProtocol},
		"unknown control":          {frame(0x8B, nil), closeProtocol},
		"fragmented ping":          {frame(0x09, nil), closeProtocol},
		"long ping":                {frame(0x89, make([]byte, 126))[:4], closeProtocol},
		"continuation of nothing":  {frame(0x80, nil), closeProtocol},
		"message inside a message": {append(frame(0x01, nil), frame(0x81, nil)...), closeProtocol},
		"close of one byte":        {frame(0x88, []byte{3}), closeProtocol},
		"length above 2^63":        {[]byte{0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, closeProtocol},
		"too big":                  {[]byte{0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0}, closeTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := upgraded(t, wamp.JSON)
			told := make(chan uint16)
			go func() {
				p.Write(c.frames)
				_, body := p.next()
				told <- binary.BigEndian.Uint16(body)
			}()
			if _, err := w.read(); err == nil {
				t.Error("it was taken")
			}
			if got := <-told; got != c.code {
				t.Errorf("told %d, want %d", got, c.code)
			}
		})
	}
}

// TestControlPassesHangingWrite: a router that does not read must not keep our reader, which answers pings, from reading.
func TestControlPassesHangingWrite(t *testing.T) {
	w, p := upgraded(t, wamp.CBOR)
	wrote := make(chan error)
	go func() { wrote <- w.write(make([]byte, 1<<20)) }()
	if first, err := p.in.Peek(1); err != nil || first[0] != 0x82 {
		t.Fatal(first, err)
	}
	for range 3 * controlsMax {
		w.ping() // returns although the write hangs
	}
	p.next()
	pings := 0
	for range controlsMax {
		if first, _ := p.next(); first == 0x89 {
			pings++
		}
	}
	if err := <-wrote; err != nil || pings != controlsMax {
		t.Errorf("%d pings behind the message, %v", pings, err)
	}
}

func TestMaskAlloc(t *testing.T) {
	b := make([]byte, 1000)
	if n := testing.AllocsPerRun(100, func() { mask(b, [4]byte{1, 2, 3, 4}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// stream is a connection of which only reading matters.
type stream struct {
	io.Reader
	net.Conn
}

func (s stream) Read(b []byte) (int, error)       { return s.Reader.Read(b) }
func (s stream) Write(b []byte) (int, error)      { return len(b), nil }
func (s stream) SetWriteDeadline(time.Time) error { return nil }

// FuzzWebSocket: no bytes from a router make the client panic or keep more memory than arrived.
func FuzzWebSocket(f *testing.F) {
	f.Add(frame(0x81, []byte("[]")))
	f.Add(append(frame(0x01, []byte("a")), frame(0x80, []byte("b"))...))
	f.Add(frame(0x88, []byte("\x03\xE8bye")))
	f.Add([]byte{0x82, 127, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := &webWire{out: outlet{conn: stream{}}, in: bufio.NewReader(bytes.NewReader(b))}
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

func FuzzUpgradeAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 400\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, err := readHead(bufio.NewReaderSize(bytes.NewReader(b), 16))
		if len(head) > headBytesMax+readBufferBytes {
			t.Errorf("a head of %d bytes", len(head))
		}
		if err == nil && checkUpgrade(head, "key", "wamp.2.json") == nil && !bytes.Contains(head, []byte(acceptKey("key"))) {
			t.Error("an upgrade without the key was taken")
		}
	})
}
