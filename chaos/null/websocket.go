package null

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
)

// As much of RFC 6455 as a client that behaves makes use of: whole messages, pings, close.

const (
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10

	finBit  = 0x80
	maskBit = 0x80

	// headBytesMax is what a request for the upgrade may be long.
	headBytesMax = 8 << 10
	// messageBytesMax is what a WAMP router takes; memory grows only with what has arrived.
	messageBytesMax = 16 << 20

	subprotocol = "wamp.2.msgpack"
	acceptGUID  = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, 1.3
)

// upgrade reads a request for the upgrade at the beginning of p. used is 0 while it is not whole; answer is nil where there is no way.
func upgrade(p []byte) (answer []byte, used int, ok bool) {
	end := bytes.Index(p[:min(len(p), headBytesMax)], []byte("\r\n\r\n"))
	if end < 0 {
		return nil, 0, len(p) < headBytesMax
	}
	var key []byte
	speaks := false
	for line := range bytes.SplitSeq(p[:end], []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Sec-WebSocket-Key")):
			key = value
		case bytes.EqualFold(name, []byte("Sec-WebSocket-Protocol")):
			for token := range bytes.SplitSeq(value, []byte(",")) {
				speaks = speaks || string(bytes.TrimSpace(token)) == subprotocol
			}
		}
	}
	if len(key) == 0 || !speaks || !bytes.HasPrefix(p, []byte("GET ")) {
		return []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), end + 4, false
	}
	sum := sha1.Sum(append(key[:len(key):len(key)], acceptGUID...))
	answer = append(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Protocol: "+subprotocol+"\r\nSec-WebSocket-Accept: "...)
	answer = base64.StdEncoding.AppendEncode(answer, sum[:])
	return append(answer, "\r\n\r\n"...), end + 4, true
}

// nextFrame takes the first frame of p and unmasks it in place. used is 0 while it is not whole.
func nextFrame(p []byte) (op byte, body []byte, used int, ok bool) {
	if len(p) < 2 {
		return 0, nil, 0, true
	}
	op = p[0] & 15
	if p[0]&^15 != finBit || p[1]&maskBit == 0 || op != opBinary && (op < opClose || op > opPong) {
		return 0, nil, 0, false // fragments too: no generator has a reason for them
	}
	size, head := uint64(p[1]&^maskBit), 2
	switch {
	case size == 126 && len(p) >= 4:
		size, head = uint64(binary.BigEndian.Uint16(p[2:])), 4
	case size == 127 && len(p) >= 10:
		size, head = binary.BigEndian.Uint64(p[2:]), 10
	case size >= 126:
		return 0, nil, 0, true
	}
	switch {
	case size > messageBytesMax || op >= opClose && size > 125:
		return 0, nil, 0, false
	case uint64(len(p)) < uint64(head)+4+size:
		return 0, nil, 0, true
	}
	body = p[head+4 : head+4+int(size)]
	unmask(body, binary.LittleEndian.Uint32(p[head:]))
	return op, body, head + 4 + int(size), true
}

// unmask applies the masking key in place, 32 octets at a time while there are so many.
func unmask(b []byte, key uint32) {
	wide := uint64(key) | uint64(key)<<32
	for ; len(b) >= 32; b = b[32:] {
		v := b[:32:32]
		binary.LittleEndian.PutUint64(v, binary.LittleEndian.Uint64(v)^wide)
		binary.LittleEndian.PutUint64(v[8:], binary.LittleEndian.Uint64(v[8:])^wide)
		binary.LittleEndian.PutUint64(v[16:], binary.LittleEndian.Uint64(v[16:])^wide)
		binary.LittleEndian.PutUint64(v[24:], binary.LittleEndian.Uint64(v[24:])^wide)
	}
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}

// appendHead writes the head of a frame that holds a message of n bytes.
func appendHead(dst []byte, op byte, n int) []byte {
	switch dst = append(dst, finBit|op); {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}
