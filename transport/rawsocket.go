package transport

import (
	"kleeblatt/internal/wamp"
)

// RawSocket (WAMP advanced profile, transport_rawsocket): a handshake of four octets each way, 7F LS 00 00, where L is the
// length nibble (messages up to 2^(9+L)) and S the serializer, then frames with a prefix of four octets: RRRR X TTT and 24
// bits of length. X with length 0 means exactly 2^24.

// rawType is the type of a RawSocket frame.
type rawType byte

const (
	rawMessage rawType = 0
	rawPing    rawType = 1
	rawPong    rawType = 2
)

// The error codes of a refused handshake, in the upper nibble of the second octet.
const (
	rawSerializerUnsupported = 1
	rawLengthUnacceptable    = 2
	rawReservedUsed          = 3
	rawTooManyConnections    = 4
)

const rawHandshakeBytes = 4

// judgeRaw judges a handshake of four octets: the serializer and the largest message that the client takes, or an error code.
func judgeRaw(p []byte) (s wamp.Serializer, peerMax int, code byte) {
	s = wamp.Serializer(p[1] & 15)
	switch {
	case p[2] != 0 || p[3] != 0:
		return 0, 0, rawReservedUsed
	case s != wamp.JSON && s != wamp.MsgPack && s != wamp.CBOR:
		return 0, 0, rawSerializerUnsupported
	}
	return s, 1 << (9 + p[1]>>4), 0
}

// greetRaw answers a RawSocket handshake.
func (l *loop) greetRaw(c *conn, p []byte) int {
	if len(p) < rawHandshakeBytes {
		return 0
	}
	s, peerMax, code := judgeRaw(p)
	if c.has(flagOverLimit) {
		code = rawTooManyConnections
	}
	if code != 0 {
		l.refuse(c, RefusedHandshake, []byte{rawMagic, code << 4, 0, 0})
		return rawHandshakeBytes
	}
	l.queuePlain(c, rawMagic, l.limits.rawLength()<<4|byte(s), 0, 0)
	c.peerMax = peerMax
	l.open(c, RawSocket, s, &Info{})
	return rawHandshakeBytes
}

// scanRaw reads the prefix of a frame from the beginning of p; size is the payload's. ok is false when more bytes are needed.
func scanRaw(p []byte) (t rawType, size int, ok bool, err error) {
	if len(p) < 4 {
		return 0, 0, false, nil
	}
	t = rawType(p[0] & 7)
	size = int(p[1])<<16 | int(p[2])<<8 | int(p[3])
	if p[0]&^0x0F != 0 || t > rawPong {
		return t, 0, true, ErrRawSocketFrame
	}
	if p[0]&rawX != 0 {
		if size != 0 {
			return t, 0, true, ErrRawSocketFrame
		}
		size = rawLengthMax
	}
	return t, size, true, nil
}

// consumeRaw handles the whole frames at the beginning of p and returns how many bytes they took.
func (l *loop) consumeRaw(c *conn, p []byte) int {
	used := 0
	for {
		t, size, ok, err := scanRaw(p[used:])
		if err == nil && size > c.limit {
			err = ErrMessageTooLarge // before the payload is waited for
		}
		if err != nil {
			l.fail(c, err)
			return used
		}
		if !ok || size > len(p)-used-4 {
			return used
		}
		payload := p[used+4 : used+4+size]
		used += 4 + size
		more := true
		switch t {
		case rawMessage:
			more = l.received(c, payload)
		case rawPing:
			more = l.rawPong(c, payload)
		}
		if !more {
			return used
		}
	}
}

// rawPong answers a PING with its own payload, behind the messages that are queued already.
func (l *loop) rawPong(c *conn, payload []byte) bool {
	bound := l.limits.OutboxBytesMax
	switch {
	case len(payload) > c.peerMax:
		l.fail(c, ErrMessageTooLarge) // it sends what it does not take
		return false
	case c.queued > 0 && c.queued+4+len(payload) > bound+bound/4:
		l.finish(c, ErrControlFlood)
		return false
	}
	l.makeRoom(len(payload))
	start := uint32(len(l.arena))
	l.arena = append(appendRawHeader(l.arena, rawPong, len(payload)), payload...)
	l.push(c, start, uint32(len(l.arena)))
	return c.takes()
}

// queuePlain queues bytes that belong to no message.
func (l *loop) queuePlain(c *conn, p ...byte) {
	start := uint32(len(l.arena))
	l.arena = append(l.arena, p...)
	l.push(c, start, uint32(len(l.arena)))
}
