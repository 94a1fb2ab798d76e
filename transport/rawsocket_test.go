package transport

import (
	"bytes"
	"testing"

	"kleeblatt/internal/wamp"
)

func rawServer(t *testing.T, h *hooks, limits Limits) *Server {
	return serve(t, Config{Listeners: []Listener{{URL: "rs://127.0.0.1:0"}}, Limits: limits}, h)
}

// TestRAW01FirstOctet: on a RawSocket port anything but 0x7F is closed without an answer.
func TestRAW01FirstOctet(t *testing.T) {
	s := rawServer(t, nil, Limits{})
	for _, first := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\x00\x00\x00", "\x7e"} {
		c := connect(t, s.Addrs()[0])
		c.put([]byte(first)...)
		if p := c.wantEnd(); len(p) > 0 {
			t.Errorf("%q was answered by %q", first, p)
		}
	}
	u := serve(t, Config{}, nil) // a universal port closes what is neither
	c := connect(t, u.Addrs()[0])
	c.put(0, 0, 0, 0)
	if p := c.wantEnd(); len(p) > 0 {
		t.Errorf("answered by %q", p)
	}
}

// TestRAW02to04Handshake: the answer has our own length and the client's serializer; errors have their code.
func TestRAW02to04Handshake(t *testing.T) {
	for _, x := range []struct{ in, out string }{
		{"\x7f\xf1\x00\x00", "\x7f\xf1\x00\x00"},
		{"\x7f\x02\x00\x00", "\x7f\xf2\x00\x00"},
		{"\x7f\x93\x00\x00", "\x7f\xf3\x00\x00"},
		{"\x7f\xf9\x00\x00", "\x7f\x10\x00\x00"},
		{"\x7f\xf0\x00\x00", "\x7f\x10\x00\x00"},
		{"\x7f\xf1\x00\x01", "\x7f\x30\x00\x00"},
		{"\x7f\xf1\x80\x00", "\x7f\x30\x00\x00"},
	} {
		s := rawServer(t, nil, Limits{})
		c := connect(t, s.Addrs()[0])
		for i := range len(x.in) {
			c.put(x.in[i]) // octet by octet
		}
		c.want([]byte(x.out)...)
		if x.out[1]&15 == 0 {
			c.wantEnd()
			if s.Stats().Refused[RefusedHandshake] != 1 {
				t.Errorf("% x is not counted", x.in)
			}
		}
	}
	s := rawServer(t, nil, Limits{MessageBytesMax: 3000})
	c := connect(t, s.Addrs()[0])
	c.put(0x7f, 0xf1, 0, 0)
	c.want(0x7f, 0x21, 0, 0) // 2^11 is the largest power of two within
}

// TestRAW05TooManyConnections: one above the limit is told so, on RawSocket and HTTP alike; a place that becomes free is used.
func TestRAW05TooManyConnections(t *testing.T) {
	gone := make(chan error, 1)
	s := serve(t, Config{Limits: Limits{ConnectionsMax: 1}}, &hooks{closed: func(_ ConnID, err error) { gone <- err }})
	first := connect(t, s.Addrs()[0])
	first.rawHello(15, 1)
	c := connect(t, s.Addrs()[0])
	c.put(0x7f, 0xf1, 0, 0)
	c.want(0x7f, 0x40, 0, 0)
	c.wantEnd()
	c = connect(t, s.Addrs()[0])
	if status, _ := c.request("/ws", "wamp.2.json"); status != "HTTP/1.1 503 Service Unavailable" {
		t.Error(status)
	}
	if n := s.Stats().Refused[RefusedConnections]; n != 2 {
		t.Errorf("%d refusals counted", n)
	}
	first.Close()
	recv(t, gone)
}

// TestRAW06PeerLimit: a message above what the client takes is not sent, and nothing else happens.
func TestRAW06PeerLimit(t *testing.T) {
	h := &hooks{}
	sent := make(chan bool, 1)
	h.received = func(c ConnID, msg []byte) {
		sent <- h.l.Send(c, make([]byte, 513), false)
		h.l.Fanout([]ConnID{c}, make([]byte, 513))
		h.l.Send(c, make([]byte, 512), false)
	}
	h.pressure = func(ConnID, Level) { t.Error("pressure") }
	s := rawServer(t, h, Limits{})
	c := connect(t, s.Addrs()[0])
	c.rawHello(0, 2)
	for range 2 {
		c.put(rawFrame(0, nil)...)
		if recv(t, sent) {
			t.Error("a message above the client's limit was queued")
		}
		c.want(rawFrame(0, make([]byte, 512))...)
	}
}

// TestRAW07OwnLimit: an announced length above our limit fails before its payload comes.
func TestRAW07OwnLimit(t *testing.T) {
	closed := make(chan error, 1)
	s := rawServer(t, &hooks{closed: func(_ ConnID, err error) { closed <- err }}, Limits{})
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 1)
	c.put(0, 1, 0, 1)
	c.wantEnd()
	wantError(t, recv(t, closed), ErrMessageTooLarge)
}

// TestRAW09XBit: exactly 2^24 octets are a message with the X bit, in both directions.
func TestRAW09XBit(t *testing.T) {
	h := &hooks{opened: func(c ConnID, _ *Info) {}}
	h.opened = func(c ConnID, _ *Info) { h.l.SetLimit(c, 1<<24) }
	h.received = func(c ConnID, msg []byte) {
		if !h.l.Send(c, msg, false) {
			t.Error("the echo was not queued")
		}
	}
	s := rawServer(t, h, Limits{})
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 2)
	msg := make([]byte, 1<<24)
	for i := range msg {
		msg[i] = byte(i >> 8)
	}
	go func() {
		c.Write([]byte{8, 0, 0, 0})
		c.Write(msg)
	}()
	c.want(8, 0, 0, 0)
	if got := c.get(1 << 24); !bytes.Equal(got, msg) {
		t.Error("the echo differs")
	}
}

// TestRAW10to13Reserved (P29): reserved bits and types, and an X bit with a length, end that connection and no other.
func TestRAW10to13Reserved(t *testing.T) {
	closed := make(chan error, 16)
	s := rawServer(t, &hooks{closed: func(_ ConnID, err error) { closed <- err }}, Limits{})
	other := connect(t, s.Addrs()[0])
	other.rawHello(15, 1)
	for _, p := range [][]byte{
		{0x10, 0, 0, 0}, {0x80, 0, 0, 0}, {3, 0, 0, 0}, {4, 0, 0, 1, 0}, {5, 0, 0, 0}, {6, 0, 0, 0}, {7, 0, 0, 0},
		{8, 0, 0, 1, 'x'}, {8 | 3, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff},
	} {
		c := connect(t, s.Addrs()[0])
		c.rawHello(15, 1)
		c.put(p...)
		if rest := c.wantEnd(); len(rest) > 0 {
			t.Errorf("% x was answered by % x", p, rest)
		}
		wantError(t, recv(t, closed), ErrRawSocketFrame)
		other.put(rawFrame(0, []byte("[]"))...)
		other.want(rawFrame(0, []byte("[]"))...)
	}
	// P29: 2^24 announced before WELCOME is only too large.
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 1)
	c.put(8, 0, 0, 0)
	c.wantEnd()
	wantError(t, recv(t, closed), ErrMessageTooLarge)
}

// TestRAW11Ping: one PONG each, in order with the messages, same payload; RAW-12: a PONG has no effect.
func TestRAW11Ping(t *testing.T) {
	s := rawServer(t, nil, Limits{})
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, 1)
	var in, out []byte
	for _, n := range []int{0, 1, 125, 5000} {
		p := bytes.Repeat([]byte{'p'}, n)
		in = append(append(in, rawFrame(1, p)...), rawFrame(0, p)...)
		in = append(in, rawFrame(2, p)...)
		out = append(append(out, rawFrame(2, p)...), rawFrame(0, p)...)
	}
	c.put(in...)
	c.want(out...)
	small := connect(t, s.Addrs()[0])
	small.rawHello(0, 1)
	small.put(rawFrame(1, make([]byte, 513))...) // it sends what it does not take
	small.wantEnd()
}

// TestRAW14Unix: RawSocket and WebSocket over one Unix socket.
func TestRAW14Unix(t *testing.T) {
	path := t.TempDir() + "/router.sock"
	infos := make(chan Info, 2)
	s := serve(t, Config{Listeners: []Listener{{URL: "unix://" + path}}}, &hooks{opened: func(_ ConnID, i *Info) { infos <- *i }})
	c := connect(t, s.Addrs()[0])
	c.rawHello(15, byte(wamp.CBOR))
	if i := recv(t, infos); !i.Local || i.Peer != "unix" {
		t.Errorf("%+v", i)
	}
	c = connect(t, s.Addrs()[0])
	if status, _ := c.request("/any/path", "wamp.2.json"); status != "HTTP/1.1 101 Switching Protocols" {
		t.Error(status)
	}
}

// FuzzScanRaw: any prefix is judged without a panic, and what appendRawHeader writes is read back.
func FuzzScanRaw(f *testing.F) {
	f.Add([]byte{8, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 1, 2})
	f.Fuzz(func(t *testing.T, p []byte) {
		typ, size, ok, err := scanRaw(p)
		if !ok || err != nil {
			return
		}
		if got := appendRawHeader(nil, typ, size); !bytes.Equal(got, p[:4]) {
			t.Errorf("% x became % x", p[:4], got)
		}
	})
}
