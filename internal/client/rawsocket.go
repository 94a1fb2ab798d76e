package client

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"kleeblatt/internal/wamp"
)

// RawSocket (advanced/transport_rawsocket.md): four octets of handshake each way, then frames of RRRR X TTT and a 24 bit
// length. X stands for a length of exactly 2^24.
const (
	rawMagic      = 0x7F
	rawLengthMax  = 15 // 2^(9+15) = 16 MiB
	rawMessage    = 0
	rawPing       = 1
	rawPong       = 2
	rawExtra      = 0x08 // X
	rawHeaderSize = 4
)

// What a router may answer instead of its own handshake.
var rawErrors = [16]string{
	1: "the router does not speak this serializer over RawSocket",
	2: "the router does not accept this maximum message length",
	3: "the router found reserved bits in use",
	4: "the router has too many connections",
}

type rawWire struct {
	out   outlet
	in    *bufio.Reader
	idle  time.Duration
	limit int // largest message that the router takes
	msg   []byte
}

// handshakeRaw opens RawSocket on conn.
func handshakeRaw(conn net.Conn, s wamp.Serializer, idle time.Duration) (*rawWire, error) {
	if _, err := conn.Write([]byte{rawMagic, rawLengthMax<<4 | byte(s), 0, 0}); err != nil {
		return nil, err
	}
	w := &rawWire{out: outlet{conn: conn}, in: bufio.NewReaderSize(conn, readBufferBytes), idle: idle}
	var answer [4]byte
	if _, err := io.ReadFull(w.in, answer[:]); err != nil {
		return nil, fmt.Errorf("rawsocket handshake: %w", err)
	}
	code := answer[1] >> 4
	switch {
	case answer[0] != rawMagic:
		return nil, errors.New("rawsocket handshake: the other end speaks another protocol")
	case answer[1]&0x0F == 0 && rawErrors[code] != "":
		return nil, errors.New("rawsocket handshake: " + rawErrors[code])
	case answer[1]&0x0F == 0:
		return nil, fmt.Errorf("rawsocket handshake: refused with code %d", code)
	case answer[1]&0x0F != byte(s) || answer[2]|answer[3] != 0:
		return nil, fmt.Errorf("rawsocket handshake: bad answer % x", answer)
	}
	w.limit = 1 << (9 + code)
	return w, nil
}

func (w *rawWire) read() ([]byte, error) {
	for {
		kind, size, err := w.header()
		if err != nil {
			return nil, err
		}
		if w.msg, err = appendFrom(w.msg[:0], w.in, size); err != nil {
			return nil, err
		}
		switch kind {
		case rawMessage:
			return w.msg, nil
		case rawPing:
			w.out.control(appendRaw(nil, rawPong, w.msg))
		}
	}
}

func (w *rawWire) header() (kind byte, size int, err error) {
	var h [rawHeaderSize]byte
	if w.idle > 0 {
		w.out.conn.SetReadDeadline(time.Now().Add(w.idle))
	}
	if _, err := io.ReadFull(w.in, h[:]); err != nil {
		return 0, 0, err
	}
	kind, extra := h[0]&0x07, h[0]&rawExtra != 0
	size = int(binary.BigEndian.Uint32(h[:]) & 0xFFFFFF)
	switch {
	case h[0]&0xF0 != 0 || kind > rawPong:
		return 0, 0, fmt.Errorf("rawsocket: reserved bits in frame header % x", h)
	case extra && size != 0:
		return 0, 0, fmt.Errorf("rawsocket: bad length in frame header % x", h)
	case extra:
		size = messageBytesMax
	}
	return kind, size, nil
}

func (w *rawWire) write(b []byte) error {
	if err := w.fits(b); err != nil {
		return err
	}
	return w.out.frame(func(dst []byte) []byte { return appendRaw(dst, rawMessage, b) })
}

func (w *rawWire) fits(b []byte) error {
	if len(b) > w.limit {
		return fmt.Errorf("%w: %d bytes, the router takes %d", ErrTooLarge, len(b), w.limit)
	}
	return nil
}

func (w *rawWire) append(dst, b []byte, _ uint64) ([]byte, error) {
	if err := w.fits(b); err != nil {
		return dst, err
	}
	return appendRaw(dst, rawMessage, b), nil
}

func (w *rawWire) ends() (*outlet, **bufio.Reader) { return &w.out, &w.in }

func (w *rawWire) ping() { w.out.control(appendRaw(nil, rawPing, nil)) }
func (w *rawWire) shut() { w.out.finish(nil) }

func appendRaw(dst []byte, kind byte, b []byte) []byte {
	h := uint32(kind)<<24 | uint32(len(b))
	if len(b) == messageBytesMax {
		h = (uint32(kind) | rawExtra) << 24
	}
	return append(binary.BigEndian.AppendUint32(dst, h), b...)
}
