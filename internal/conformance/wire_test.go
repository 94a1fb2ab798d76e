package conformance

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"kleeblatt/internal/wamp"
)

// wire is one end of a WAMP transport.
type wire interface {
	// write sends messages, all in one segment.
	write(msgs ...[]byte) error
	// read returns the next message, io.EOF after an orderly end.
	read() ([]byte, error)
}

// rawSocket is advanced/transport_rawsocket.md.
type rawSocket struct {
	c net.Conn
	r *bufio.Reader
}

// openRaw does the handshake; nibble says how long messages may be that are sent to us: 2^(9+nibble) bytes.
func openRaw(c net.Conn, s wamp.Serializer, nibble byte) (*rawSocket, error) {
	if _, err := c.Write([]byte{0x7f, nibble<<4 | byte(s), 0, 0}); err != nil {
		return nil, err
	}
	w := &rawSocket{c, bufio.NewReaderSize(c, 64<<10)}
	var hs [4]byte
	if _, err := io.ReadFull(w.r, hs[:]); err != nil {
		return nil, err
	}
	if hs[0] != 0x7f || hs[1]&15 != byte(s) || hs[2] != 0 || hs[3] != 0 {
		return nil, fmt.Errorf("the handshake was answered %x", hs)
	}
	return w, nil
}

func rawFrame(dst []byte, typ byte, msg []byte) []byte {
	dst = append(dst, typ, byte(len(msg)>>16), byte(len(msg)>>8), byte(len(msg)))
	if len(msg) == 1<<24 {
		dst[len(dst)-4] |= 8
	}
	return append(dst, msg...)
}

func (w *rawSocket) write(msgs ...[]byte) error {
	var b []byte
	for _, m := range msgs {
		b = rawFrame(b, 0, m)
	}
	_, err := w.c.Write(b)
	return err
}

func (w *rawSocket) read() ([]byte, error) {
	typ, msg, err := w.frame()
	if err == nil && typ != 0 {
		err = fmt.Errorf("frame of type %d", typ)
	}
	return msg, err
}

func (w *rawSocket) frame() (typ byte, msg []byte, err error) {
	var h [4]byte
	if _, err := io.ReadFull(w.r, h[:]); err != nil {
		return 0, nil, err
	}
	n := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if h[0]&8 != 0 {
		n = 1 << 24
	}
	if h[0]&0xf0 != 0 {
		return 0, nil, fmt.Errorf("reserved bits in %x", h)
	}
	msg = make([]byte, n)
	_, err = io.ReadFull(w.r, msg)
	return h[0] & 7, msg, err
}

// Opcodes of RFC 6455.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// webSocket is a client of RFC 6455, plain and batched.
type webSocket struct {
	c       net.Conn
	r       *bufio.Reader
	ser     wamp.Serializer
	batched bool
	got     [][]byte // the rest of a batch
	code    int      // of the close frame that came
}

func protocol(s wamp.Serializer, batched bool) string {
	if batched {
		return "wamp.2." + s.String() + ".batched"
	}
	return "wamp.2." + s.String()
}

var errNoUpgrade = errors.New("no upgrade")

// upgrade asks for subprotocols and returns the answer; extra are further header lines.
func upgrade(c net.Conn, r *bufio.Reader, offer string, extra ...string) (*http.Response, error) {
	b := bytes.NewBufferString("GET /ws HTTP/1.1\r\nHost: router.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n")
	if offer != "" {
		fmt.Fprintf(b, "Sec-WebSocket-Protocol: %s\r\n", offer)
	}
	for _, x := range extra {
		b.WriteString(x + "\r\n")
	}
	b.WriteString("\r\n")
	if _, err := c.Write(b.Bytes()); err != nil {
		return nil, err
	}
	return http.ReadResponse(r, nil)
}

func openWebSocket(c net.Conn, s wamp.Serializer, batched bool) (*webSocket, error) {
	w := &webSocket{c: c, r: bufio.NewReaderSize(c, 64<<10), ser: s, batched: batched}
	resp, err := upgrade(c, w.r, protocol(s, batched))
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Protocol") != protocol(s, batched) ||
		resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, 1.3
		return nil, fmt.Errorf("%w: %s %v", errNoUpgrade, resp.Status, resp.Header)
	}
	return w, nil
}

// opcode is that of messages: TEXT for JSON, BINARY for the others (TRP-03 to TRP-05).
func (w *webSocket) opcode() byte {
	if w.ser == wamp.JSON {
		return opText
	}
	return opBinary
}

// maskedFrame appends a client's frame.
func maskedFrame(dst []byte, op byte, fin bool, payload []byte) []byte {
	if fin {
		op |= 0x80
	}
	dst = append(dst, op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	dst = append(dst, mask[:]...)
	for i, x := range payload {
		dst = append(dst, x^mask[i&3])
	}
	return dst
}

func (w *webSocket) write(msgs ...[]byte) error {
	var b []byte
	if w.batched {
		b = maskedFrame(b, w.opcode(), true, batch(w.ser, msgs...))
	} else {
		for _, m := range msgs {
			b = maskedFrame(b, w.opcode(), true, m)
		}
	}
	_, err := w.c.Write(b)
	return err
}

// batch is advanced/transport_batched_websocket.md: JSON ends each message with 0x1E, the others begin it with its length.
func batch(s wamp.Serializer, msgs ...[]byte) (b []byte) {
	for _, m := range msgs {
		if s == wamp.JSON {
			b = append(append(b, m...), 0x1e)
		} else {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(m))), m...)
		}
	}
	return b
}

var errBatch = errors.New("a broken batch")

func unbatch(s wamp.Serializer, b []byte) (msgs [][]byte, err error) {
	if len(b) == 0 {
		return nil, errBatch
	}
	for len(b) > 0 {
		if s == wamp.JSON {
			i := bytes.IndexByte(b, 0x1e)
			if i < 0 {
				return nil, errBatch
			}
			msgs, b = append(msgs, b[:i]), b[i+1:]
			continue
		}
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
			return nil, errBatch
		}
		n := binary.BigEndian.Uint32(b)
		msgs, b = append(msgs, b[4:4+n]), b[4+n:]
	}
	return msgs, nil
}

// frame reads one frame.
func (w *webSocket) frame() (op byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(w.r, h[:]); err != nil {
		return 0, nil, err
	}
	if h[0]&0xf0 != 0x80 || h[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("frame header %x: fragmented, reserved or masked", h)
	}
	n := uint64(h[1])
	if n >= 126 {
		ext := make([]byte, 2+6*(n-126))
		if _, err := io.ReadFull(w.r, ext); err != nil {
			return 0, nil, err
		}
		n = 0
		for _, x := range ext {
			n = n<<8 | uint64(x)
		}
	}
	if n > 32<<20 {
		return 0, nil, fmt.Errorf("frame of %d bytes", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(w.r, payload)
	return h[0] & 15, payload, err
}

func (w *webSocket) read() ([]byte, error) {
	for len(w.got) == 0 {
		op, payload, err := w.frame()
		switch {
		case err != nil:
			return nil, err
		case op == opPing:
			if _, err := w.c.Write(maskedFrame(nil, opPong, true, payload)); err != nil {
				return nil, err
			}
		case op == opClose:
			if len(payload) >= 2 {
				w.code = int(binary.BigEndian.Uint16(payload))
			}
			w.c.Write(maskedFrame(nil, opClose, true, payload)) // the other end may be gone already
			return nil, io.EOF
		case op != w.opcode():
			return nil, fmt.Errorf("opcode %d", op)
		case !w.batched:
			return payload, nil
		default:
			if w.got, err = unbatch(w.ser, payload); err != nil {
				return nil, err
			}
		}
	}
	m := w.got[0]
	w.got = w.got[1:]
	return m, nil
}
