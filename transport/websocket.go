package transport

import (
	"encoding/binary"

	"github.com/gobwas/ws"

	"kleeblatt/internal/wamp"
)

// scanHeader reads the header of a WebSocket frame from the beginning of p. n is its length, 0 when more bytes are needed.
func scanHeader(p []byte) (h ws.Header, n int, err error) {
	if len(p) < 2 {
		return h, 0, nil
	}
	h.Fin, h.Rsv, h.OpCode = p[0]&0x80 != 0, p[0]>>4&7, ws.OpCode(p[0]&15)
	h.Masked = p[1]&0x80 != 0
	h.Length, n = int64(p[1]&0x7f), 2
	switch h.Length {
	case 126:
		if len(p) < 4 {
			return h, 0, nil
		}
		h.Length, n = int64(binary.BigEndian.Uint16(p[2:])), 4
	case 127:
		if len(p) < 10 {
			return h, 0, nil
		}
		v := binary.BigEndian.Uint64(p[2:])
		if v>>63 != 0 {
			return h, 0, ws.ErrHeaderLengthMSB
		}
		h.Length, n = int64(v), 10
	}
	if h.Masked {
		if len(p) < n+4 {
			return h, 0, nil
		}
		copy(h.Mask[:], p[n:])
		n += 4
	}
	return h, n, nil
}

// consumeWebSocket handles the whole frames at the beginning of p and returns how many bytes they took.
func (l *loop) consumeWebSocket(c *conn, p []byte) int {
	used := 0
	for {
		if n, payload := l.usualFrame(c, p[used:]); n > 0 {
			used += n
			if !l.webSocketMessage(c, payload) {
				return used
			}
			continue
		}
		h, n, err := scanHeader(p[used:])
		if err == nil && n > 0 {
			err = l.checkHeader(c, h)
		}
		if err != nil {
			l.fail(c, err)
			return used
		}
		if n == 0 || h.Length > int64(len(p)-used-n) {
			return used
		}
		payload := p[used+n : used+n+int(h.Length)]
		ws.Cipher(payload, h.Mask, 0)
		used += n + len(payload)
		if !l.frame(c, h, payload) {
			return used
		}
	}
}

// usualFrame reads the whole frame at the beginning of p if it is what most are: one masked message of a connection that is in the middle of no
// other, shorter than 64 KiB and within its limit. n is 0 if it is not, or not all there.
func (l *loop) usualFrame(c *conn, p []byte) (n int, payload []byte) {
	if len(p) < 8 || p[0] != 0x80|byte(c.opcode) || p[1] < 0x80 || c.x != nil && c.x.fragments != nil {
		return 0, nil
	}
	length, at := int(p[1]&0x7f), 2
	switch length {
	case 126:
		length, at = int(binary.BigEndian.Uint16(p[2:])), 4
	case 127:
		return 0, nil
	}
	if length > c.limit || len(p) < at+4+length {
		return 0, nil
	}
	payload = p[at+4 : at+4+length]
	ws.Cipher(payload, [4]byte(p[at:]), 0)
	return at + 4 + length, payload
}

// checkHeader judges a header before any memory is spent on its payload.
func (l *loop) checkHeader(c *conn, h ws.Header) error {
	state, had := ws.StateServerSide, 0
	if c.x != nil && c.x.fragments != nil {
		state, had = state.Set(ws.StateFragmented), len(c.x.fragments)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return err
	}
	if h.OpCode.IsControl() {
		return nil
	}
	if h.OpCode != c.opcode && h.OpCode != ws.OpContinuation {
		return ErrWrongOpcode
	}
	if h.Length > int64(c.limit-had) {
		return ErrMessageTooLarge
	}
	return nil
}

// frame handles one frame and reports whether c takes another one in this turn.
func (l *loop) frame(c *conn, h ws.Header, payload []byte) bool {
	switch {
	case h.OpCode.IsControl():
		return l.controlFrame(c, h.OpCode, payload)
	case h.Fin && h.OpCode != ws.OpContinuation:
		return l.webSocketMessage(c, payload)
	}
	x := c.extra()
	if x.fragments == nil {
		x.fragments = l.buffers.get(len(payload)) // not nil from now on: a message has begun
	}
	x.fragments = append(l.buffers.grow(x.fragments, len(payload)), payload...)
	if !h.Fin {
		return c.takes()
	}
	whole := x.fragments
	x.fragments = nil
	more := l.webSocketMessage(c, whole)
	l.buffers.put(whole)
	return more
}

func (l *loop) webSocketMessage(c *conn, payload []byte) bool {
	if c.framing == WebSocket {
		return l.received(c, payload)
	}
	if err := checkBatch(c.serializer, payload); err != nil {
		l.fail(c, err)
		return false
	}
	for len(payload) > 0 {
		var msg []byte
		msg, payload, _ = cutBatch(c.serializer, payload)
		l.received(c, msg)
		// A batch is one frame. What a pause or the turn's end leaves of it is framed anew and kept in front of the input.
		if len(payload) > 0 && !c.takes() {
			l.keepBatch(c, payload)
			return false
		}
	}
	return c.takes()
}

// controlFrame answers ping and close (RFC 6455 section 5.5).
func (l *loop) controlFrame(c *conn, op ws.OpCode, payload []byte) bool {
	switch op {
	case ws.OpPing:
		l.control(c, ws.OpPong, payload)
	case ws.OpClose:
		l.closeFrame(c, payload)
	}
	return c.takes()
}

func (l *loop) closeFrame(c *conn, payload []byte) {
	if len(payload) == 0 {
		l.peerClosed(c, nil)
		return
	}
	if len(payload) < 2 {
		l.fail(c, ws.ErrProtocolStatusCodeNotInUse)
		return
	}
	code, reason := ws.ParseCloseFrameDataUnsafe(payload)
	if err := ws.CheckCloseFrameData(code, reason); err != nil {
		l.fail(c, err)
		return
	}
	l.peerClosed(c, payload[:2])
}

// peerClosed echoes the close code; the session is over, but what is queued still goes out first.
func (l *loop) peerClosed(c *conn, code []byte) {
	l.control(c, ws.OpClose, code)
	l.tell(c, nil)
	l.beginClosing(c, l.limits.Linger)
}

// control queues a control frame behind the messages that are queued already.
func (l *loop) control(c *conn, op ws.OpCode, payload []byte) {
	if c.state == stateDead || c.state == stateFree {
		return
	}
	if c.framing == WebSocketBatched {
		l.flushConn(c) // the batch ends here
		if c.state == stateDead {
			return
		}
	}
	n := 2 + len(payload)
	bound := l.limits.OutboxBytesMax
	if op != ws.OpClose && c.queued > 0 && c.queued+n > bound+bound/4 {
		l.finish(c, ErrControlFlood)
		return
	}
	start := uint32(len(l.arena))
	l.arena = append(appendHeader(l.arena, op, len(payload)), payload...)
	l.push(c, start, uint32(len(l.arena)))
	if c.framing == WebSocketBatched {
		c.flags |= flagPlain
		l.flushConn(c)
		c.flags &^= flagPlain
	}
}

// closeCode is what a failed connection tells the other end (RFC 6455 section 7.4.1).
func closeCode(err error) ws.StatusCode {
	switch err {
	case nil:
		return ws.StatusNormalClosure
	case ErrWrongOpcode:
		return ws.StatusUnsupportedData
	case ErrMessageTooLarge:
		return ws.StatusMessageTooBig
	case ErrEmptyBatch, ErrBatchFraming, ws.ErrProtocolInvalidUTF8:
		return ws.StatusInvalidFramePayloadData
	case ErrStopped:
		return ws.StatusGoingAway
	}
	return ws.StatusProtocolError
}

// subprotocols are what we speak, in no order: the client's order decides.
var subprotocols = map[string]struct {
	framing    Framing
	serializer wamp.Serializer
}{
	"wamp.2.json":            {WebSocket, wamp.JSON},
	"wamp.2.msgpack":         {WebSocket, wamp.MsgPack},
	"wamp.2.cbor":            {WebSocket, wamp.CBOR},
	"wamp.2.json.batched":    {WebSocketBatched, wamp.JSON},
	"wamp.2.msgpack.batched": {WebSocketBatched, wamp.MsgPack},
	"wamp.2.cbor.batched":    {WebSocketBatched, wamp.CBOR},
}
