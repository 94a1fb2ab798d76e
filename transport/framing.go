package transport

import (
	"encoding/binary"

	"github.com/gobwas/ws"

	"kleeblatt/internal/wamp"
)

// encoding is how a message's bytes look on the wire; connections of one encoding share the copy that a fan-out makes.
type encoding uint8

const (
	encText      encoding = iota // WebSocket TEXT frame
	encBinary                    // WebSocket BINARY frame
	encSeparated                 // the message, then 0x1E: batched JSON; the flush puts a WebSocket header in front
	encPrefixed                  // 4 octets length, then the message: batched msgpack and CBOR, and link frames
	encRaw                       // RawSocket
	encodings
)

const (
	batchSeparator = 0x1E    // wamp.2.json.batched: after each message
	rawLengthMax   = 1 << 24 // RawSocket: this one length is written as the X bit with L = 0
	rawX           = 8       // RawSocket: the X bit in the first octet
	rawMagic       = 0x7F    // RawSocket: first octet of a handshake
	maxHeader      = 2 + 8   // WebSocket: header of a frame that is not masked
)

func encodingOf(f Framing, s wamp.Serializer) encoding {
	switch {
	case f == RawSocket:
		return encRaw
	case f == Link:
		return encPrefixed
	case f == WebSocketBatched && s == wamp.JSON:
		return encSeparated
	case f == WebSocketBatched:
		return encPrefixed
	case s == wamp.JSON:
		return encText
	}
	return encBinary
}

func opcodeOf(s wamp.Serializer) ws.OpCode {
	if s == wamp.JSON {
		return ws.OpText
	}
	return ws.OpBinary
}

// encodedLen is the number of bytes that appendFrame appends for a message of n bytes.
func encodedLen(e encoding, n int) int {
	switch e {
	case encSeparated:
		return n + 1
	case encPrefixed, encRaw:
		return n + 4
	}
	switch {
	case n < 126:
		return n + 2
	case n < 1<<16:
		return n + 4
	}
	return n + maxHeader
}

// appendFrame appends one message in its encoding.
func appendFrame(dst []byte, e encoding, body []byte) []byte {
	switch e {
	case encText:
		dst = appendHeader(dst, ws.OpText, len(body))
	case encBinary:
		dst = appendHeader(dst, ws.OpBinary, len(body))
	case encSeparated:
		return append(append(dst, body...), batchSeparator)
	case encPrefixed:
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	case encRaw:
		dst = appendRawHeader(dst, rawMessage, len(body))
	}
	return append(dst, body...)
}

// appendHeader appends the header of a final frame from server to client (RFC 6455 section 5.2), which is never masked.
func appendHeader(dst []byte, op ws.OpCode, n int) []byte {
	first := 0x80 | byte(op)
	switch {
	case n < 126:
		return append(dst, first, byte(n))
	case n < 1<<16:
		return append(dst, first, 126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
}

// appendRawHeader appends a RawSocket prefix: RRRRXTTT, then 24 bits of length; n is at most rawLengthMax.
func appendRawHeader(dst []byte, t rawType, n int) []byte {
	if n == rawLengthMax {
		return append(dst, byte(t)|rawX, 0, 0, 0)
	}
	return append(dst, byte(t), byte(n>>16), byte(n>>8), byte(n))
}
