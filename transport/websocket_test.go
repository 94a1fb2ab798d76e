package transport

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"kleeblatt/internal/wamp"
)

// TestTRP01SubprotocolNegotiated: the first subprotocol that the client offers and we speak is echoed.
func TestTRP01SubprotocolNegotiated(t *testing.T) {
	s := serve(t, Config{}, nil)
	for offer, want := range map[string]string{
		"wamp.2.json":                             "wamp.2.json",
		"wamp.2.cbor, wamp.2.json":                "wamp.2.cbor",
		"foo, wamp.2.msgpack, wamp.2.cbor":        "wamp.2.msgpack",
		"wamp.2.msgpack.batched, wamp.2.msgpack":  "wamp.2.msgpack.batched",
		"wamp.2.ubjson,wamp.2.json.batched,other": "wamp.2.json.batched",
	} {
		c := connect(t, s.Addrs()[0])
		status, head := c.request("/ws", offer)
		if !strings.HasPrefix(status, "HTTP/1.1 101 ") {
			t.Fatalf("%s: %s", offer, status)
		}
		found := false
		for _, h := range head {
			found = found || strings.EqualFold(h, "sec-websocket-protocol: "+want)
		}
		if !found {
			t.Errorf("%s: %q does not name %s", offer, head, want)
		}
	}
}

func TestTRP02NoCommonSubprotocol(t *testing.T) {
	s := serve(t, Config{}, nil)
	for _, offer := range []string{"foo", "", "wamp.2.ubjson, wamp.1"} {
		c := connect(t, s.Addrs()[0])
		if status, _ := c.request("/ws", offer); !strings.HasPrefix(status, "HTTP/1.1 400 ") {
			t.Errorf("%q: %s", offer, status)
		}
		c.wantEnd()
	}
	if n := s.Stats().Refused[RefusedHandshake]; n != 3 {
		t.Errorf("%d refusals counted", n)
	}
}

// TestTRP03to05Opcodes: JSON is TEXT, msgpack and CBOR are BINARY, in both directions; the other opcode fails.
func TestTRP03to05Opcodes(t *testing.T) {
	closed := make(chan error, 1)
	s := serve(t, Config{}, &hooks{closed: func(_ ConnID, err error) { closed <- err }})
	for protocol, op := range map[string]ws.OpCode{"wamp.2.json": ws.OpText, "wamp.2.msgpack": ws.OpBinary, "wamp.2.cbor": ws.OpBinary} {
		c := upgrade1(t, s.Addrs()[0], protocol)
		for _, n := range []int{0, 1, 125, 126, 65535} {
			msg := bytes.Repeat([]byte("x"), n)
			c.frame(op, true, msg)
			c.wantFrame(op, msg)
		}
		c.frame(ws.OpText+ws.OpBinary-op, true, []byte("x"))
		c.wantClose(ws.StatusUnsupportedData)
		wantError(t, recv(t, closed), ErrWrongOpcode)
	}
}

// TestTRP06Fragments: a message in three frames, with a ping between two of them, is one message.
func TestTRP06Fragments(t *testing.T) {
	s := serve(t, Config{}, nil)
	c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	c.frame(ws.OpText, false, []byte("[1,"))
	c.frame(ws.OpContinuation, false, nil)
	c.frame(ws.OpPing, true, []byte("still there?"))
	c.frame(ws.OpContinuation, true, []byte(`"r",{}]`))
	c.wantFrame(ws.OpPong, []byte("still there?"))
	c.wantFrame(ws.OpText, []byte(`[1,"r",{}]`))
	c.frame(ws.OpText, false, nil) // a message may begin with nothing
	c.frame(ws.OpContinuation, true, []byte("[]"))
	c.wantFrame(ws.OpText, []byte("[]"))
}

// TestTRP07Offer: each serializer over each transport, and what the handler is told of it.
func TestTRP07Offer(t *testing.T) {
	infos := make(chan Info, 1)
	s := serve(t, Config{}, &hooks{opened: func(_ ConnID, i *Info) { infos <- *i }})
	for name, ser := range map[string]wamp.Serializer{"json": wamp.JSON, "msgpack": wamp.MsgPack, "cbor": wamp.CBOR} {
		upgrade1(t, s.Addrs()[0], "wamp.2."+name)
		i := recv(t, infos)
		if i.Framing != WebSocket || i.Serializer != ser || !i.Local || i.TLS != nil || i.Binary != (ser != wamp.JSON) || i.Peer == "" {
			t.Errorf("%s over WebSocket: %+v", name, i)
		}
		upgrade1(t, s.Addrs()[0], "wamp.2."+name+".batched")
		if i = recv(t, infos); i.Framing != WebSocketBatched || i.Serializer != ser {
			t.Errorf("%s batched: %+v", name, i)
		}
		connect(t, s.Addrs()[0]).rawHello(3, byte(ser))
		if i = recv(t, infos); i.Framing != RawSocket || i.Serializer != ser || i.MaxMessage != 1<<12 {
			t.Errorf("%s over RawSocket: %+v", name, i)
		}
	}
}

// TestTRP11PingClose: ping is answered with its payload; close is echoed with its code and ends the session.
func TestTRP11PingClose(t *testing.T) {
	closed := make(chan error, 1)
	s := serve(t, Config{}, &hooks{closed: func(_ ConnID, err error) { closed <- err }})
	for _, protocol := range []string{"wamp.2.json", "wamp.2.json.batched"} {
		c := upgrade1(t, s.Addrs()[0], protocol)
		c.frame(ws.OpPing, true, nil)
		c.wantFrame(ws.OpPong, nil)
		c.frame(ws.OpPing, true, []byte("abc"))
		c.wantFrame(ws.OpPong, []byte("abc"))
		c.frame(ws.OpPong, true, []byte("unasked"))
		c.frame(ws.OpClose, true, ws.NewCloseFrameBody(ws.StatusGoingAway, "bye"))
		c.wantClose(ws.StatusGoingAway)
		wantError(t, recv(t, closed), nil)

		c = upgrade1(t, s.Addrs()[0], protocol)
		c.frame(ws.OpClose, true, nil)
		c.wantFrame(ws.OpClose, nil)
		c.wantEnd()
		wantError(t, recv(t, closed), nil)

		c = upgrade1(t, s.Addrs()[0], protocol)
		c.Close()
		wantError(t, recv(t, closed), io.ErrUnexpectedEOF)
	}
}

// TestWebSocketViolations: each ends the connection with its close code.
func TestWebSocketViolations(t *testing.T) {
	s := serve(t, Config{Limits: Limits{FirstMessageBytesMax: 1000}}, nil)
	unmasked := []byte{0x81, 1, 'x'}
	reserved := clientFrame(ws.OpText, true, []byte("x"))
	reserved[0] |= 0x40
	for name, x := range map[string]struct {
		bytes []byte
		code  ws.StatusCode
	}{
		"not masked":           {unmasked, ws.StatusProtocolError},
		"reserved bit":         {reserved, ws.StatusProtocolError},
		"reserved opcode":      {clientFrame(3, true, nil), ws.StatusProtocolError},
		"reserved control":     {clientFrame(11, true, nil), ws.StatusProtocolError},
		"long ping":            {clientFrame(ws.OpPing, true, make([]byte, 126)), ws.StatusProtocolError},
		"fragmented ping":      {clientFrame(ws.OpPing, false, nil), ws.StatusProtocolError},
		"continues nothing":    {clientFrame(ws.OpContinuation, true, nil), ws.StatusProtocolError},
		"interrupted":          {append(clientFrame(ws.OpText, false, nil), clientFrame(ws.OpText, true, nil)...), ws.StatusProtocolError},
		"too large":            {clientFrame(ws.OpText, true, make([]byte, 1001))[:14], ws.StatusMessageTooBig},
		"huge":                 {[]byte{0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4}, ws.StatusMessageTooBig},
		"negative length":      {[]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, ws.StatusProtocolError},
		"large in fragments":   {append(clientFrame(ws.OpText, false, make([]byte, 900)), clientFrame(ws.OpContinuation, true, make([]byte, 101))...), ws.StatusMessageTooBig},
		"close code one octet": {clientFrame(ws.OpClose, true, []byte{3}), ws.StatusProtocolError},
		"close code reserved":  {clientFrame(ws.OpClose, true, []byte{0x03, 0xED}), ws.StatusProtocolError},
		"close reason":         {clientFrame(ws.OpClose, true, []byte{0x03, 0xE8, 0xff}), ws.StatusInvalidFramePayloadData},
	} {
		t.Run(name, func(t *testing.T) {
			c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
			c.put(x.bytes...)
			c.wantClose(x.code)
		})
	}
}

func TestSetLimit(t *testing.T) {
	h := &hooks{}
	h.received = func(c ConnID, msg []byte) {
		h.l.SetLimit(c, 1<<20)
		h.l.Send(c, msg[:1], false)
	}
	s := serve(t, Config{Limits: Limits{FirstMessageBytesMax: 1000}}, h)
	c := upgrade1(t, s.Addrs()[0], "wamp.2.cbor")
	c.frame(ws.OpBinary, true, make([]byte, 1000))
	c.wantFrame(ws.OpBinary, []byte{0})
	c.frame(ws.OpBinary, true, make([]byte, 1<<20))
	c.wantFrame(ws.OpBinary, []byte{0})
	c.put(clientFrame(ws.OpBinary, true, make([]byte, 1<<20+1))[:14]...)
	c.wantClose(ws.StatusMessageTooBig)
}

// TestBAT01to05: batched subprotocols, in order, one frame per turn at least; an empty or broken batch fails.
func TestBAT01to05(t *testing.T) {
	s := serve(t, Config{}, nil)
	for protocol, x := range map[string]struct {
		op    ws.OpCode
		batch string
		bad   []string
	}{
		"wamp.2.json.batched":    {ws.OpText, "[1]\x1e[2,3]\x1e", []string{"", "[1]", "[1]\x1e[2]"}},
		"wamp.2.msgpack.batched": {ws.OpBinary, "\x00\x00\x00\x01a\x00\x00\x00\x02bc", []string{"", "\x00", "\x00\x00\x00\x02a", "\x00\x00\x00\x01a\x00", "\xff\xff\xff\xffa"}},
		"wamp.2.cbor.batched":    {ws.OpBinary, "\x00\x00\x00\x01a\x00\x00\x00\x02bc", []string{"", "a"}},
	} {
		c := upgrade1(t, s.Addrs()[0], protocol)
		c.frame(x.op, true, []byte(x.batch))
		c.wantFrame(x.op, []byte(x.batch)) // the echoes of one turn come as one batch
		c.frame(x.op, false, []byte(x.batch[:3]))
		c.frame(ws.OpContinuation, true, []byte(x.batch[3:]))
		c.wantFrame(x.op, []byte(x.batch))
		for _, bad := range x.bad {
			c := upgrade1(t, s.Addrs()[0], protocol)
			c.frame(x.op, true, []byte(bad))
			c.wantClose(ws.StatusInvalidFramePayloadData)
		}
	}
}

// TestFramesBehindTheHandshake: a client may send before it has read the answer, in one packet with the request.
func TestFramesBehindTheHandshake(t *testing.T) {
	s := serve(t, Config{}, nil)
	c := connect(t, s.Addrs()[0])
	c.put(append([]byte(handshake), clientFrame(ws.OpText, true, []byte("[1]"))...)...)
	if status, _ := c.response(); !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		t.Fatal(status)
	}
	c.wantFrame(ws.OpText, []byte("[1]"))
	c = connect(t, s.Addrs()[0])
	c.put(append([]byte{rawMagic, 0xF1, 0, 0}, rawFrame(0, []byte("[1]"))...)...)
	c.want(append([]byte{rawMagic, 0xF1, 0, 0}, rawFrame(0, []byte("[1]"))...)...)
}

const handshake = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n"
