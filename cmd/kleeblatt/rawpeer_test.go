//go:build unix

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// rawPeer is a connection that does what the test says and nothing by itself: it may read late or never, and break every rule.
type rawPeer struct {
	t       *testing.T
	name    string
	conn    net.Conn
	in      *bufio.Reader
	ws      bool
	ser     wamp.Serializer
	parser  codec.Parser
	request uint64
}

// speech is what a connection speaks.
type speech struct {
	ws  bool
	ser wamp.Serializer
}

func (s speech) String() string {
	if s.ws {
		return "WebSocket " + s.ser.String()
	}
	return "RawSocket " + s.ser.String()
}

// speeches are all that a client may choose from.
func speeches() (all []speech) {
	for _, ws := range []bool{true, false} {
		for _, ser := range []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR} {
			all = append(all, speech{ws, ser})
		}
	}
	return all
}

// smallBuffer is a receive buffer that makes the router's outbox fill soon, and does not make reading slow.
const smallBuffer = 64 << 10

// dialRaw connects and agrees on framing and serializer; nothing of WAMP is said yet. receive is the size of the socket's receive
// buffer, 0 for the system's own.
func dialRaw(t *testing.T, addr string, s speech, receive int) *rawPeer {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if receive > 0 {
		d.Control = func(_, _ string, c syscall.RawConn) (err error) {
			if cErr := c.Control(func(fd uintptr) {
				err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, receive)
			}); cErr != nil {
				return cErr
			}
			return err
		}
	}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := &rawPeer{t: t, name: s.String(), conn: conn, in: bufio.NewReader(conn), ws: s.ws, ser: s.ser}
	conn.SetDeadline(time.Now().Add(patience))
	if s.ws {
		err = p.upgrade()
	} else {
		err = p.shake()
	}
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return p
}

// joinRaw is dialRaw and a session.
func joinRaw(t *testing.T, addr string, s speech, receive int) *rawPeer {
	t.Helper()
	p := dialRaw(t, addr, s, receive)
	p.hello()
	return p
}

// hello opens the session.
func (p *rawPeer) hello() {
	p.t.Helper()
	p.send(codec.AppendHello(nil, p.ser, client.DefaultRealm, &codec.HelloDetails{
		Roles: wamp.Roles{Publisher: true, Subscriber: true, Caller: true, Callee: true}}))
	p.expect(wamp.Welcome)
}

func (p *rawPeer) upgrade() error {
	if _, err := fmt.Fprintf(p.conn, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wamp.2.%s\r\n\r\n", p.ser); err != nil {
		return err
	}
	answer, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return errors.New(answer.Status)
	}
	return nil
}

func (p *rawPeer) shake() error {
	if err := p.raw([]byte{0x7F, 0xF0 | byte(p.ser), 0, 0}); err != nil {
		return err
	}
	var answer [4]byte
	_, err := io.ReadFull(p.in, answer[:])
	if err == nil && answer[1]&0x0F != byte(p.ser) {
		err = fmt.Errorf("handshake answered by % x", answer)
	}
	return err
}

// raw writes bytes as they are.
func (p *rawPeer) raw(b []byte) error {
	_, err := p.conn.Write(b)
	return err
}

const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	finBit         = 0x80
)

// opcode is that of whole messages.
func (p *rawPeer) opcode() byte {
	if p.ser == wamp.JSON {
		return opText
	}
	return opBinary
}

// webFrame appends a client's WebSocket frame that announces size bytes and carries payload. Its key is 0, which masks nothing.
func webFrame(dst []byte, first byte, size uint64, payload []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, first, 0x80|127), size)
	return append(append(dst, 0, 0, 0, 0), payload...)
}

// rawFrame is the same for RawSocket.
func rawFrame(dst []byte, size int, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(size)), payload...)
}

// send sends one message.
func (p *rawPeer) send(msg []byte) {
	p.t.Helper()
	frame := rawFrame(nil, len(msg), msg)
	if p.ws {
		frame = webFrame(nil, finBit|p.opcode(), uint64(len(msg)), msg)
	}
	if err := p.raw(frame); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// next reads one message. The end of the connection is an error: io.EOF when it came in good order.
func (p *rawPeer) next() (*codec.Message, error) {
	for {
		op, size, err := p.header()
		if err != nil {
			return nil, err
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(p.in, body); err != nil {
			return nil, err
		}
		switch {
		case p.ws && op == opClose:
			return nil, io.EOF
		case op != 0 && op != p.opcode():
			continue // a ping
		}
		m := &codec.Message{}
		return m, p.parser.Parse(p.ser, body, m)
	}
}

// header reads a frame's header; op is 0 for a RawSocket message.
func (p *rawPeer) header() (op byte, size int, err error) {
	var h [8]byte
	if !p.ws {
		_, err = io.ReadFull(p.in, h[:4])
		return h[0], int(binary.BigEndian.Uint32(h[:4]) & 0xFFFFFF), err
	}
	if _, err = io.ReadFull(p.in, h[:2]); err != nil {
		return 0, 0, err
	}
	op, size = h[0]&0x0F, int(h[1])
	switch size {
	case 126:
		_, err = io.ReadFull(p.in, h[:2])
		size = int(binary.BigEndian.Uint16(h[:2]))
	case 127:
		_, err = io.ReadFull(p.in, h[:8])
		size = int(binary.BigEndian.Uint64(h[:8]))
	}
	return op, size, err
}

// expect reads one message that must be of the type.
func (p *rawPeer) expect(typ wamp.MessageType) *codec.Message {
	p.t.Helper()
	m, err := p.next()
	if err != nil || m.Type != typ {
		p.t.Fatalf("%s: waiting for %v: %+v, %v", p.name, typ, m, err)
	}
	return m
}

func (p *rawPeer) subscribe(topic string) {
	p.t.Helper()
	p.request++
	p.send(codec.AppendSubscribe(nil, p.ser, p.request, topic, wamp.Exact))
	p.expect(wamp.Subscribed)
}

// ended waits until the other end has closed the connection, whatever it says before, and however it does.
func (p *rawPeer) ended() {
	p.t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, p.in)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Errorf("%s: the connection is still open", p.name)
	}
}

// eventNumber is the number that an EVENT carries.
func (p *rawPeer) eventNumber(m *codec.Message) int {
	return numberOf(client.Payload{Serializer: p.ser, Payload: codec.Payload{N: m.Payload.N, Raw: slices.Clone(m.Payload.Raw)}})
}
