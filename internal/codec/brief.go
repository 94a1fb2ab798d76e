package codec

import (
	"encoding/binary"

	"kleeblatt/internal/wamp"
)

// briefHeads is the number of elements ahead of the payload of the messages that brief reads, 0 for the others.
var briefHeads = [128]uint8{wamp.Publish: 4, wamp.Call: 4, wamp.Yield: 3}

// brief reads the messages that there are most of, in their usual form: a PUBLISH, CALL or YIELD in MessagePack, without options, with a URI of
// fewer than 256 bytes, and with no payload or a list of arguments that is not empty and has at most 15. False says that b is anything else,
// or nothing: Parse's grammar then reads it from the start. What brief reads, the grammar reads in the same way.
func (m *Message) brief(b []byte) bool {
	if len(b) < 4 || b[0]&0xf0 != 0x90 || b[1] >= 0x80 {
		return false
	}
	head := briefHeads[b[1]]
	payload := b[0]&0x0f - head
	if head == 0 || payload > 1 {
		return false
	}
	request, i := briefUint(b)
	if !wamp.ValidID(request) || i >= len(b) || b[i] != 0x80 {
		return false
	}
	dict := b[i : i+1 : i+1]
	i++
	var uri []byte
	if head == 4 {
		if uri, i = briefText(b, i); uri == nil {
			return false
		}
	}
	m.Payload = Payload{}
	if payload == 1 {
		if i >= len(b) || b[i] <= 0x90 || b[i] > 0x9f {
			return false
		}
		end, why := msgpackWalk(b, i+1, uint64(b[i]&0x0f), 1)
		if why != "" {
			return false
		}
		m.Payload = Payload{N: 1, Raw: b[i:end:end]}
		i = end
	}
	if i != len(b) {
		return false
	}
	m.Type, m.RequestType, m.Request, m.ID = wamp.MessageType(b[1]), 0, request, 0
	m.URI, m.Dict, m.Pass = uri, dict, Pass{}
	return true
}

// briefUint reads the unsigned integer at b[2], 0 if it is none.
func briefUint(b []byte) (n uint64, end int) {
	switch c := b[2]; {
	case c < 0x80:
		return uint64(c), 3
	case c == 0xcc && len(b) >= 4:
		return uint64(b[3]), 4
	case c == 0xcd && len(b) >= 5:
		return uint64(binary.BigEndian.Uint16(b[3:])), 5
	case c == 0xce && len(b) >= 7:
		return uint64(binary.BigEndian.Uint32(b[3:])), 7
	case c == 0xcf && len(b) >= 11:
		return binary.BigEndian.Uint64(b[3:]), 11
	}
	return 0, 0
}

// briefText reads the text at b[i] that is shorter than 256 bytes; nil if it is none. Of an empty one it says the same.
func briefText(b []byte, i int) (text []byte, end int) {
	if i+1 >= len(b) {
		return nil, 0
	}
	switch c := b[i]; {
	case c&0xe0 == 0xa0:
		end = i + 1 + int(c&0x1f)
		i++
	case c == 0xd9:
		end = i + 2 + int(b[i+1])
		i += 2
	}
	if end <= i || end > len(b) {
		return nil, 0
	}
	if text = b[i:end:end]; !validText(text) {
		return nil, 0
	}
	return text, end
}
