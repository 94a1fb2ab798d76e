package client

import (
	"bufio"
	"bytes"
	crand "crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"kleeblatt/internal/wamp"
)

// WebSocket, the client's half of RFC 6455.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA

	finBit  = 0x80
	maskBit = 0x80

	controlBytesMax = 125     // RFC 6455, 5.5
	headBytesMax    = 8 << 10 // of the router's answer to the upgrade
	readBufferBytes = 16 << 10
	acceptGUID      = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, 1.3

	closeNormal   = 1000
	closeProtocol = 1002
	closeTooBig   = 1009
	closeNoStatus = 1005 // never on the wire: a close frame without a status
)

var subprotocols = [wamp.SerializerBound]string{wamp.JSON: "wamp.2.json", wamp.MsgPack: "wamp.2.msgpack", wamp.CBOR: "wamp.2.cbor"}

// CloseError is the status with which a router closed its WebSocket.
type CloseError struct {
	Code   uint16
	Reason string
}

func (e *CloseError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("websocket closed: %d %s", e.Code, e.Reason), " ")
}

// violation is what the router did against RFC 6455, with the status that tells it so.
type violation struct {
	code uint16
	text string
}

func (v *violation) Error() string { return "websocket: " + v.text }

type webWire struct {
	out  outlet
	in   *bufio.Reader
	op   byte // opcode of our messages
	idle time.Duration
	keys *rand.ChaCha8 // owned by the holder of out.mu
	msg  []byte
}

// upgrade turns conn into a WebSocket with the subprotocol of s.
func upgrade(conn net.Conn, e endpoint, s wamp.Serializer, idle time.Duration) (*webWire, error) {
	var nonce [16]byte
	var seed [32]byte
	crand.Read(nonce[:])
	crand.Read(seed[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	request := "GET " + e.path + " HTTP/1.1\r\nHost: " + e.host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " + subprotocols[s] + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	w := &webWire{out: outlet{conn: conn}, in: bufio.NewReaderSize(conn, readBufferBytes), op: opBinary, idle: idle, keys: rand.NewChaCha8(seed)}
	if s == wamp.JSON {
		w.op = opText
	}
	head, err := readHead(w.in)
	if err != nil {
		return nil, fmt.Errorf("websocket upgrade: %w", err)
	}
	return w, checkUpgrade(head, key, subprotocols[s])
}

// readHead reads up to and with the empty line, at most headBytesMax.
func readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := r.ReadSlice('\n')
		head = append(head, line...)
		switch {
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case err != nil || len(head) > headBytesMax:
			return nil, errors.New("the answer's head is too long")
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return head, nil
		}
	}
}

// checkUpgrade applies RFC 6455, 4.1 to the router's answer.
func checkUpgrade(head []byte, key, protocol string) error {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(head)))
	status, err := r.ReadLine()
	if err != nil {
		return fmt.Errorf("websocket upgrade: %w", err)
	}
	version, rest, _ := strings.Cut(status, " ")
	if !strings.HasPrefix(version, "HTTP/1.1") || !strings.HasPrefix(rest, "101") {
		return fmt.Errorf("websocket upgrade: the answer was %q", status)
	}
	h, err := r.ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("websocket upgrade: %w", err)
	}
	switch {
	case !strings.EqualFold(h.Get("Upgrade"), "websocket") || !hasToken(h.Get("Connection"), "upgrade"):
		return errors.New("websocket upgrade: the answer upgrades to something else")
	case h.Get("Sec-WebSocket-Accept") != acceptKey(key):
		return errors.New("websocket upgrade: wrong Sec-WebSocket-Accept")
	case h.Get("Sec-WebSocket-Protocol") != protocol:
		return fmt.Errorf("websocket upgrade: asked for %s, got subprotocol %q", protocol, h.Get("Sec-WebSocket-Protocol"))
	case h.Get("Sec-WebSocket-Extensions") != "":
		return errors.New("websocket upgrade: an extension that nobody asked for")
	}
	return nil
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func hasToken(list, token string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(t), token) {
			return true
		}
	}
	return false
}

// read returns the next message, put together from its fragments; pings are answered, pongs ignored.
func (w *webWire) read() ([]byte, error) {
	msg, err := w.message()
	var v *violation
	var closed *CloseError
	switch {
	case errors.As(err, &v):
		w.out.control(w.closeFrame(v.code))
	case errors.As(err, &closed) && closed.Code == closeNoStatus:
		w.out.control(w.closeFrame(closeNormal))
	case errors.As(err, &closed):
		w.out.control(w.closeFrame(closed.Code))
	}
	return msg, err
}

func (w *webWire) message() ([]byte, error) {
	w.msg = w.msg[:0]
	for begun := false; ; {
		h, err := w.header()
		if err != nil {
			return nil, err
		}
		if h.op >= opClose {
			if err := w.controlFrame(h); err != nil {
				return nil, err
			}
			continue
		}
		switch {
		case begun != (h.op == opContinuation):
			return nil, &violation{closeProtocol, "a message inside another one, or a continuation of nothing"}
		case h.size > messageBytesMax-uint64(len(w.msg)):
			return nil, &violation{closeTooBig, "a message above 16 MiB"}
		}
		begun = true
		if w.msg, err = appendFrom(w.msg, w.in, int(h.size)); err != nil {
			return nil, err
		}
		if h.fin {
			return w.msg, nil
		}
	}
}

// frameHeader is one frame's header as the router sent it.
type frameHeader struct {
	fin  bool
	op   byte
	size uint64
}

func (w *webWire) header() (frameHeader, error) {
	if w.idle > 0 {
		w.out.conn.SetReadDeadline(time.Now().Add(w.idle))
	}
	return readFrameHeader(w.in)
}

// readFrameHeader reads and checks one header (RFC 6455, 5.2, and 5.1: a server's frames are not masked).
func readFrameHeader(r io.Reader) (frameHeader, error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return frameHeader{}, err
	}
	h := frameHeader{fin: b[0]&finBit != 0, op: b[0] & 0x0F, size: uint64(b[1] &^ maskBit)}
	switch {
	case b[0]&0x70 != 0:
		return h, &violation{closeProtocol, "reserved bits are set"}
	case b[1]&maskBit != 0:
		return h, &violation{closeProtocol, "a masked frame from a server"}
	case h.op > opBinary && h.op < opClose || h.op > opPong:
		return h, &violation{closeProtocol, "unknown opcode " + strconv.Itoa(int(h.op))}
	case h.op >= opClose && (!h.fin || h.size > controlBytesMax):
		return h, &violation{closeProtocol, "a control frame that is fragmented or too long"}
	case h.size < 126:
		return h, nil
	}
	wide := b[:2]
	if h.size == 127 {
		wide = b[:8]
	}
	if _, err := io.ReadFull(r, wide); err != nil {
		return h, err
	}
	if h.size == 126 {
		h.size = uint64(binary.BigEndian.Uint16(wide))
	} else if h.size = binary.BigEndian.Uint64(wide); h.size > 1<<63-1 {
		return h, &violation{closeProtocol, "a length above 2^63"}
	}
	return h, nil
}

// controlFrame handles ping, pong and close; the message around it goes on.
func (w *webWire) controlFrame(h frameHeader) error {
	body, err := appendFrom(nil, w.in, int(h.size))
	if err != nil {
		return err
	}
	switch {
	case h.op == opPing:
		w.out.control(w.appendFrame(nil, opPong, body))
	case h.op == opClose && len(body) == 1:
		return &violation{closeProtocol, "a close frame of one byte"}
	case h.op == opClose && len(body) == 0:
		return &CloseError{Code: closeNoStatus}
	case h.op == opClose:
		return &CloseError{Code: binary.BigEndian.Uint16(body), Reason: strings.ToValidUTF8(string(body[2:]), "?")}
	}
	return nil
}

func (w *webWire) write(b []byte) error {
	if err := fits(b); err != nil {
		return err
	}
	return w.out.frame(func(dst []byte) []byte {
		return appendClientFrame(dst, w.op, w.keys.Uint64(), b)
	})
}

func fits(b []byte) error {
	if len(b) > messageBytesMax {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(b))
	}
	return nil
}

func (w *webWire) append(dst, b []byte, random uint64) ([]byte, error) {
	if err := fits(b); err != nil {
		return dst, err
	}
	return appendClientFrame(dst, w.op, random, b), nil
}

func (w *webWire) ends() (*outlet, **bufio.Reader) { return &w.out, &w.in }

// appendFrame is for control frames, which any goroutine may build: their keys come from the system.
func (w *webWire) appendFrame(dst []byte, op byte, b []byte) []byte {
	var key [8]byte
	crand.Read(key[:])
	return appendClientFrame(dst, op, binary.NativeEndian.Uint64(key[:]), b)
}

func (w *webWire) ping() { w.out.control(w.appendFrame(nil, opPing, nil)) }

func (w *webWire) closeFrame(code uint16) []byte {
	return w.appendFrame(nil, opClose, binary.BigEndian.AppendUint16(nil, code))
}

func (w *webWire) shut() { w.out.finish(w.closeFrame(closeNormal)) }

// appendClientFrame appends one final frame, masked with the low 32 bits of random (RFC 6455, 5.3).
func appendClientFrame(dst []byte, op byte, random uint64, b []byte) []byte {
	dst = append(dst, finBit|op)
	switch {
	case len(b) < 126:
		dst = append(dst, maskBit|byte(len(b)))
	case len(b) <= 0xFFFF:
		dst = binary.BigEndian.AppendUint16(append(dst, maskBit|126), uint16(len(b)))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, maskBit|127), uint64(len(b)))
	}
	var key [4]byte
	binary.LittleEndian.PutUint32(key[:], uint32(random))
	dst = append(dst, key[:]...)
	body := len(dst)
	dst = append(dst, b...)
	mask(dst[body:], key)
	return dst
}

// mask applies the masking key to b in place, eight octets at a time.
func mask(b []byte, key [4]byte) {
	half := uint64(binary.LittleEndian.Uint32(key[:]))
	wide := half | half<<32
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}

// appendFrom appends exactly n bytes from r to dst. Memory grows with the bytes that arrive, not with n.
func appendFrom(dst []byte, r io.Reader, n int) ([]byte, error) {
	for n > 0 {
		step := min(n, 64<<10)
		at := len(dst)
		if cap(dst)-at < step {
			dst = append(dst, make([]byte, step)...)
		} else {
			dst = dst[:at+step]
		}
		got, err := io.ReadFull(r, dst[at:])
		if err != nil {
			return dst[:at+got], err
		}
		n -= step
	}
	return dst, nil
}
