package conformance

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// answerTo sends bytes on a new connection and returns all that comes until its end.
func (p *place) answerTo(sent []byte) string {
	p.Helper()
	c := p.connection(0)
	if _, err := c.Write(sent); err != nil {
		p.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil && len(got) == 0 && strings.Contains(err.Error(), "timeout") {
		p.Fatalf("% x: the connection is still open", sent)
	}
	return string(got)
}

func TestRAW_01_RAW_03_RAW_04_HandshakesThatFail(t *testing.T) {
	watched(t, func(p *place) {
		for sent, want := range map[string]string{
			"\x00\xf1\x00\x00": "",
			"\x7f\xf9\x00\x00": "\x7f\x10\x00\x00",
			"\x7f\xff\x00\x00": "\x7f\x10\x00\x00",
			"\x7f\xf1\x00\x01": "\x7f\x30\x00\x00",
			"\x7f\xf1\x80\x00": "\x7f\x30\x00\x00",
		} {
			if got := p.answerTo([]byte(sent)); got != want {
				t.Errorf("% x: % x", sent, got)
			}
		}
		if got := p.answerTo([]byte("\x7f\xf0\x00\x00")); got != "" && got != "\x7f\x10\x00\x00" {
			t.Errorf("serializer 0: % x", got)
		}
		if got := p.answerTo([]byte("GET / HTTP/1.1\r\nHost: router.example\r\nConnection: close\r\n\r\n")); !strings.HasPrefix(got, "HTTP/1.1 ") {
			t.Errorf("HTTP on the shared port: %q", got)
		}
	})
}

func TestRAW_02_RAW_08_HandshakeAndFraming(t *testing.T) {
	here(t, func(p *place) {
		for _, ser := range serializers {
			for nibble := range byte(16) {
				c := p.connection(0)
				if _, err := c.Write([]byte{0x7f, nibble<<4 | byte(ser), 0, 0}); err != nil {
					t.Fatal(err)
				}
				var got [4]byte
				if _, err := io.ReadFull(c, got[:]); err != nil || got != [4]byte{0x7f, 0xf0 | byte(ser), 0, 0} {
					t.Errorf("%v, length %d: % x, %v", ser, nibble, got, err)
				}
				c.Close()
			}
			p.joinIn(ser.String(), speech{ser: ser, nibble: 15}).quiet()
		}
	})
}

func TestRAW_05_TooManyConnections(t *testing.T) {
	alone(t, func(p *place) {
		p.join("A").quiet()
		p.join("B").quiet()
		if got := p.answerTo([]byte("\x7f\xf1\x00\x00")); got != "\x7f\x40\x00\x00" && got != "" {
			t.Errorf("% x", got)
		}
	}, "--limit-connections", "2")
}

// small is a client that takes 1 KiB at most: WELCOME fits, much else does not.
var small = speech{ser: wamp.MsgPack, nibble: 1}

func TestRAW_06_PUB_09_TooLargeEventsAreNotSent(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.joinIn("B", small), p.join("C")
		topic := p.uri("topic")
		b.subscribe(topic, `{}`)
		c.subscribe(topic, `{}`)
		p.settle()
		large := strings.Repeat("x", 2000)
		a.publish(topic, "", `,["`+large+`"]`)
		a.publish(topic, "", `,["small"]`)
		c.expect(`[36,"*","*",{},[%q]]`, large)
		c.expect(`[36,"*","*",{},["small"]]`)
		b.expect(`[36,"*","*",{},["small"]]`)
		b.quiet()
	})
}

func TestRAW_06_WelcomeForTheSmallestClient(t *testing.T) {
	here(t, func(p *place) {
		for _, ser := range serializers {
			s := p.dial(ser.String(), 0, speech{ser: ser, nibble: 0})
			s.send(`[1,"realm1",{"roles":%s}]`, allRoles)
			b, err := s.nextBytes()
			if err != nil || len(b) > 512 {
				t.Errorf("%v: %d bytes, %v: %s", ser, len(b), err, b)
			}
		}
	})
}

func TestRAW_07_TooLargeMessagesEndTheTransport(t *testing.T) {
	alone(t, func(p *place) {
		c := p.connection(0)
		if _, err := c.Write([]byte("\x7f\xf1\x00\x00")); err != nil {
			t.Fatal(err)
		}
		var got [4]byte
		if _, err := io.ReadFull(c, got[:]); err != nil || got != [4]byte{0x7f, 0x71, 0, 0} {
			t.Errorf("a router that takes 64 KiB answers % x, %v", got, err)
		}
		s := p.joinIn("S", speech{ser: wamp.JSON, nibble: 15})
		s.frame(padded(`[16,1,{"acknowledge":true},"a.b",["`, `"]]`, 1<<16))
		s.expect(`[17,1,"*"]`)
		s.raw([]byte{0, 1, 0, 1}) // 65537 bytes are announced, none is sent
		s.ended()
	}, "--limit-message", "64KiB")
}

// padded fills up a message to so many bytes.
func padded(before, after string, size int) []byte {
	return []byte(before + strings.Repeat("x", size-len(before)-len(after)) + after)
}

func TestRAW_09_ExactlySixteenMiB(t *testing.T) {
	watched(t, func(p *place) {
		s := p.joinIn("S", speech{ser: wamp.JSON, nibble: 15})
		s.frame(padded(`[16,1,{"acknowledge":true},"a.b",["`, `"]]`, 1<<24))
		s.expect(`[17,1,"*"]`)
		s.quiet()
		s.raw([]byte{8, 0, 0, 1})
		s.ended()
	})
}

func TestRAW_10_RAW_13_ReservedBits(t *testing.T) {
	watched(t, func(p *place) {
		for _, first := range []byte{0x10, 0x20, 0x40, 0x80, 3, 4, 5, 6, 7} {
			s := p.joinIn("S", speech{ser: wamp.CBOR, nibble: 15})
			s.raw([]byte{first, 0, 0, 1, 0x80})
			s.ended()
		}
	})
}

func TestRAW_11_RAW_12_RAW_15_PingPong(t *testing.T) {
	watched(t, func(p *place) {
		s := p.joinIn("S", speech{ser: wamp.JSON, nibble: 15})
		w := s.wire.(*rawSocket)
		for _, n := range []int{0, 1, 1000} {
			s.raw(rawFrame(nil, 2, []byte("nobody asked")))
			sent := bytes.Repeat([]byte{7}, n)
			s.raw(rawFrame(nil, 1, sent))
			if typ, got, err := w.frame(); err != nil || typ != 2 || !bytes.Equal(got, sent) {
				t.Fatalf("frame of type %d with %d bytes, %v", typ, len(got), err)
			}
			s.quiet()
		}
		// its length counts: who takes 1 KiB sends no longer ping
		s = p.joinIn("small", small)
		s.raw(rawFrame(nil, 1, make([]byte, 2000)))
		s.ended()
	})
}

func TestRAW_14_UnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	alone(t, func(p *place) {
		for _, how := range []speech{{ser: wamp.JSON, nibble: 15}, {ser: wamp.CBOR, ws: true}} {
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			s := &peer{t: t, name: "S", conn: c, ser: how.ser}
			if how.ws {
				s.wire, err = openWebSocket(c, how.ser, false)
			} else {
				s.wire, err = openRaw(c, how.ser, how.nibble)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.hello(realm, allRoles).quiet()
		}
	}, "--listen", "unix://"+path)
}
