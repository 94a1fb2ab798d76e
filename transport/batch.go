package transport

import (
	"bytes"
	"encoding/binary"

	"kleeblatt/internal/wamp"
)

// Batched WebSocket subprotocols (WAMP advanced profile, transport_batched_websocket): one WebSocket message holds one or
// more WAMP messages, each followed by 0x1E (JSON) or preceded by its length in four octets big-endian (msgpack, CBOR).

// cutBatch cuts the first message off a batch.
func cutBatch(s wamp.Serializer, p []byte) (msg, rest []byte, err error) {
	if s == wamp.JSON {
		i := bytes.IndexByte(p, batchSeparator)
		if i < 0 {
			return nil, nil, ErrBatchFraming
		}
		return p[:i:i], p[i+1:], nil
	}
	if len(p) < 4 {
		return nil, nil, ErrBatchFraming
	}
	n := int64(binary.BigEndian.Uint32(p))
	if n > int64(len(p)-4) {
		return nil, nil, ErrBatchFraming
	}
	end := 4 + int(n)
	return p[4:end:end], p[end:], nil
}

// checkBatch walks a batch before its first message is delivered, so that a broken one has no effect.
func checkBatch(s wamp.Serializer, p []byte) error {
	if len(p) == 0 {
		return ErrEmptyBatch
	}
	if s == wamp.JSON {
		if p[len(p)-1] != batchSeparator {
			return ErrBatchFraming
		}
		return nil
	}
	for len(p) > 0 {
		var err error
		if _, p, err = cutBatch(s, p); err != nil {
			return err
		}
	}
	return nil
}

// keepBatch makes the rest of a batch a frame of its own, as a client would send it under a mask of zeros. It is read again
// before anything else that c has sent.
func (l *loop) keepBatch(c *conn, rest []byte) {
	if c.state != stateOpen {
		return
	}
	f := appendHeader(l.buffers.get(maxHeader+4+len(rest)), c.opcode, len(rest))
	f[1] |= 0x80
	f = append(f, 0, 0, 0, 0)
	c.extra().replay = append(f, rest...)
}

// keepReplay keeps the rest of a batch, and behind it the rest of the input.
func (l *loop) keepReplay(c *conn, rest []byte) {
	in := append(l.buffers.grow(c.x.replay, len(rest)), rest...)
	c.x.replay = nil
	l.dropIn(c)
	if !l.reads(c) {
		l.buffers.put(in)
		return
	}
	c.in = in
}
