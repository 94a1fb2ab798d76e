package codec

import (
	"encoding/binary"
	"math"
	"strconv"

	"kleeblatt/internal/wamp"
)

// One writer over the three serializers. JSON's separators are told by the last byte written: behind an opening bracket or a
// colon nothing separates, behind anything else a comma does. So the first append of a JSON message or value must be one of
// openList, openDict or a value that follows one of them.

// appendHead appends a head with its number in the next wider form; a width without a first byte (0) does not exist.
func appendHead(dst []byte, n uint64, one, two, four, eight byte) []byte {
	switch {
	case n <= math.MaxUint8 && one != 0:
		return append(dst, one, byte(n))
	case n <= math.MaxUint16:
		return append(dst, two, byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, four), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, eight), n)
}

// appendCBORHead appends the shortest head of a CBOR major type (RFC 8949, 4.2.1).
func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	major <<= 5
	if n < 24 {
		return append(dst, major|byte(n))
	}
	return appendHead(dst, n, major|24, major|25, major|26, major|27)
}

// appendMsgPackUint appends a non-negative integer in the shortest form.
func appendMsgPackUint(dst []byte, n uint64) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return appendHead(dst, n, 0xcc, 0xcd, 0xce, 0xcf)
}

// msgpackLengthMax is the longest text, list and dict of MessagePack. No message comes near (16 MiB).
const msgpackLengthMax = math.MaxUint32

// appendMsgPackHead appends the shortest head of a text, bytes, list or dict.
func appendMsgPackHead(dst []byte, k kind, n uint64) []byte {
	switch k {
	case kText:
		if n < 32 {
			return append(dst, 0xa0|byte(n))
		}
		return appendHead(dst, n, 0xd9, 0xda, 0xdb, 0)
	case kBytes:
		return appendHead(dst, n, 0xc4, 0xc5, 0xc6, 0)
	case kList:
		if n < 16 {
			return append(dst, 0x90|byte(n))
		}
		return appendHead(dst, n, 0, 0xdc, 0xdd, 0)
	default:
		if n < 16 {
			return append(dst, 0x80|byte(n))
		}
		return appendHead(dst, n, 0, 0xde, 0xdf, 0)
	}
}

// appendValueHead appends the head of a text, bytes, list or dict in one of the binary serializers.
func appendValueHead(dst []byte, s wamp.Serializer, k kind, n uint64) []byte {
	if s == wamp.MsgPack {
		return appendMsgPackHead(dst, k, n)
	}
	switch k {
	case kText:
		return appendCBORHead(dst, 3, n)
	case kBytes:
		return appendCBORHead(dst, 2, n)
	case kList:
		return appendCBORHead(dst, 4, n)
	}
	return appendCBORHead(dst, 5, n)
}

// comma appends JSON's separator where one is due.
func comma(dst []byte) []byte {
	if n := len(dst); n > 0 {
		switch dst[n-1] {
		case '[', '{', ':':
			return dst
		}
	}
	return append(dst, ',')
}

// openMessage begins a message of n elements, n < 16.
func openMessage(dst []byte, s wamp.Serializer, n int, t wamp.MessageType) []byte {
	switch s {
	case wamp.MsgPack:
		return append(dst, 0x90|byte(n), byte(t)) // all types are below 0x80
	case wamp.CBOR:
		return appendCBORHead(append(dst, 0x80|byte(n)), 0, uint64(t))
	}
	return strconv.AppendUint(append(dst, '['), uint64(t), 10)
}

// shutList ends what openMessage or openList began.
func shutList(dst []byte, s wamp.Serializer) []byte {
	if s == wamp.JSON {
		return append(dst, ']')
	}
	return dst
}

func openList(dst []byte, s wamp.Serializer, n int) []byte {
	if s == wamp.JSON {
		return append(comma(dst), '[')
	}
	return appendValueHead(dst, s, kList, uint64(n))
}

func openDict(dst []byte, s wamp.Serializer, n int) []byte {
	if s == wamp.JSON {
		return append(comma(dst), '{')
	}
	return appendValueHead(dst, s, kDict, uint64(n))
}

func shutDict(dst []byte, s wamp.Serializer) []byte {
	if s == wamp.JSON {
		return append(dst, '}')
	}
	return dst
}

func appendUint(dst []byte, s wamp.Serializer, n uint64) []byte {
	switch s {
	case wamp.MsgPack:
		return appendMsgPackUint(dst, n)
	case wamp.CBOR:
		return appendCBORHead(dst, 0, n)
	}
	return strconv.AppendUint(comma(dst), n, 10)
}

func appendText[T ~string | ~[]byte](dst []byte, s wamp.Serializer, text T) []byte {
	if s == wamp.JSON {
		return appendJSONText(comma(dst), text)
	}
	return append(appendValueHead(dst, s, kText, uint64(len(text))), text...)
}

func appendBool(dst []byte, s wamp.Serializer, v bool) []byte {
	switch {
	case s == wamp.MsgPack && v:
		return append(dst, 0xc3)
	case s == wamp.MsgPack:
		return append(dst, 0xc2)
	case s == wamp.CBOR && v:
		return append(dst, 0xf5)
	case s == wamp.CBOR:
		return append(dst, 0xf4)
	}
	return strconv.AppendBool(comma(dst), v)
}

// appendKey appends the key of a pair; its value follows.
func appendKey(dst []byte, s wamp.Serializer, key string) []byte {
	dst = appendText(dst, s, key)
	if s == wamp.JSON {
		dst = append(dst, ':')
	}
	return dst
}

// appendPayload appends the payload's values, which are encoded in s already.
func appendPayload(dst []byte, s wamp.Serializer, p Payload) []byte {
	if p.N == 0 {
		return dst
	}
	if s == wamp.JSON {
		dst = append(dst, ',')
	}
	return append(dst, p.Raw...)
}

// appendEmptyDict appends {}.
func appendEmptyDict(dst []byte, s wamp.Serializer) []byte {
	return shutDict(openDict(dst, s, 0), s)
}

// appendKeyText, appendKeyUint and appendKeyBool append a pair, or nothing where the value is zero: count tells how many.
func appendKeyText[T ~string | ~[]byte](dst []byte, s wamp.Serializer, key string, text T) []byte {
	if len(text) == 0 {
		return dst
	}
	return appendText(appendKey(dst, s, key), s, text)
}

func appendKeyUint(dst []byte, s wamp.Serializer, key string, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return appendUint(appendKey(dst, s, key), s, n)
}

func appendKeyBool(dst []byte, s wamp.Serializer, key string, v bool) []byte {
	if !v {
		return dst
	}
	return appendBool(appendKey(dst, s, key), s, v)
}

// count is the number of conditions that hold.
func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// Field is one pair of a dict that only passes through the router's hands: a challenge's Extra and the like.
type Field struct {
	Key  string
	Text string // the value, unless Number is set
	Uint uint64
	// Number says that the value is Uint.
	Number bool
}

// TextField and UintField make a Field.
func TextField(key, text string) Field     { return Field{Key: key, Text: text} }
func UintField(key string, n uint64) Field { return Field{Key: key, Uint: n, Number: true} }

func appendFields(dst []byte, s wamp.Serializer, fields []Field) []byte {
	dst = openDict(dst, s, len(fields))
	for i := range fields {
		f := &fields[i]
		dst = appendKey(dst, s, f.Key)
		if f.Number {
			dst = appendUint(dst, s, f.Uint)
		} else {
			dst = appendText(dst, s, f.Text)
		}
	}
	return shutDict(dst, s)
}
