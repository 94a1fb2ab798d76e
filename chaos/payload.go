package chaos

import (
	"encoding/binary"
	"strconv"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// What simulated clients say to each other: Arguments is [who, number], and in large messages a text behind it that nobody reads.
// Routers may carry it from one serializer into another, so integers are read in every width.

// tag names a publication or call for good: the session that made it (its serial in the ledger) and its number there.
type tag struct{ who, number uint32 }

// payloadOf is the tag as Arguments, with pad further bytes.
func payloadOf(s wamp.Serializer, t tag, pad int) codec.Payload {
	var b []byte
	switch s {
	case wamp.JSON:
		b = strconv.AppendUint(append(b, '['), uint64(t.who), 10)
		b = strconv.AppendUint(append(b, ','), uint64(t.number), 10)
		if pad > 0 {
			b = append(appendX(append(b, ',', '"'), pad), '"')
		}
		b = append(b, ']')
	case wamp.MsgPack:
		b = append(b, 0x92)
		if pad > 0 {
			b[0] = 0x93
		}
		b = binary.BigEndian.AppendUint32(append(b, 0xce), t.who)
		b = binary.BigEndian.AppendUint32(append(b, 0xce), t.number)
		if pad > 0 {
			b = appendX(binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(pad)), pad)
		}
	case wamp.CBOR:
		b = append(b, 0x82)
		if pad > 0 {
			b[0] = 0x83
		}
		b = binary.BigEndian.AppendUint32(append(b, 0x1a), t.who)
		b = binary.BigEndian.AppendUint32(append(b, 0x1a), t.number)
		if pad > 0 {
			b = appendX(binary.BigEndian.AppendUint32(append(b, 0x7a), uint32(pad)), pad)
		}
	}
	return codec.Payload{N: 1, Raw: b}
}

func appendX(b []byte, n int) []byte {
	for range n {
		b = append(b, 'x')
	}
	return b
}

// tagOf reads the tag back.
func tagOf(s wamp.Serializer, p codec.Payload) (t tag, ok bool) {
	b := p.Raw
	if p.N < 1 || len(b) < 3 {
		return tag{}, false
	}
	var n [2]uint64
	b = b[1:] // the list's head: it is short, and in JSON a bracket
	for i := range n {
		if n[i], b, ok = uintOf(s, b); !ok || n[i] > 1<<32-1 {
			return tag{}, false
		}
	}
	return tag{uint32(n[0]), uint32(n[1])}, true
}

// uintOf reads one non-negative integer, in JSON with what separates it from the one before.
func uintOf(s wamp.Serializer, b []byte) (n uint64, rest []byte, ok bool) {
	if s == wamp.JSON {
		for len(b) > 0 && (b[0] == ',' || b[0] == ' ') {
			b = b[1:]
		}
		end := 0
		for end < len(b) && b[end] >= '0' && b[end] <= '9' {
			end++
		}
		n, err := strconv.ParseUint(string(b[:end]), 10, 64)
		return n, b[end:], err == nil
	}
	if len(b) == 0 {
		return 0, nil, false
	}
	head, small := b[0], byte(0x7f)
	width := map[byte]int{0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8}
	if s == wamp.CBOR {
		small, width = 23, map[byte]int{24: 1, 25: 2, 26: 4, 27: 8}
	}
	b = b[1:]
	if head <= small {
		return uint64(head), b, true
	}
	w := width[head]
	if w == 0 || len(b) < w {
		return 0, nil, false
	}
	for _, x := range b[:w] {
		n = n<<8 | uint64(x)
	}
	return n, b[w:], true
}
