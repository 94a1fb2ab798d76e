package longpoll

import (
	"bytes"
	"encoding/binary"
	"errors"

	"kleeblatt/internal/wamp"
)

// Batches are those of WebSocket (advanced/transport_batched_websocket.md): JSON texts with 0x1E behind each, other messages with their
// length in four octets before each.
const (
	separator   = 0x1E
	lengthBytes = 4
	// messageBytesMax is what RawSocket carries.
	messageBytesMax = 1 << 24
)

var (
	errEmpty = errors.New("the body holds no message")
	errBatch = errors.New("the body is no batch of messages")
	errLong  = errors.New("a message is longer than 16 MiB")
)

// split returns the messages of a body, one at least. They alias it.
func (p protocol) split(body []byte) (msgs [][]byte, err error) {
	switch {
	case len(body) == 0:
		return nil, errEmpty
	case !p.batched:
		msgs = [][]byte{body}
	case p.serializer == wamp.JSON:
		if body[len(body)-1] != separator {
			return nil, errBatch
		}
		msgs = bytes.Split(body[:len(body)-1], []byte{separator})
	default:
		for len(body) > 0 {
			if len(body) < lengthBytes {
				return nil, errBatch
			}
			n := uint64(binary.BigEndian.Uint32(body))
			if body = body[lengthBytes:]; n > uint64(len(body)) {
				return nil, errBatch
			}
			msgs = append(msgs, body[:n])
			body = body[n:]
		}
	}
	for _, m := range msgs {
		if len(m) == 0 {
			return nil, errEmpty
		}
		if len(m) > messageBytesMax {
			return nil, errLong
		}
	}
	return msgs, nil
}

// join is the other way round.
func (p protocol) join(msgs [][]byte) []byte {
	if !p.batched {
		return msgs[0]
	}
	var body []byte
	for _, m := range msgs {
		if p.serializer == wamp.JSON {
			body = append(append(body, m...), separator)
		} else {
			body = append(binary.BigEndian.AppendUint32(body, uint32(len(m))), m...)
		}
	}
	return body
}
