package codec

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"

	"kleeblatt/internal/wamp"
)

// scalar appends a value that its head says all about.
func (t *Transcoder) scalar(dst []byte, k kind, n uint64) []byte {
	switch k {
	case kNil, kUndefined:
		return t.nothing(dst)
	case kBool:
		return t.boolean(dst, n == 1)
	case kUint:
		switch t.to {
		case wamp.MsgPack:
			return appendMsgPackUint(dst, n)
		case wamp.CBOR:
			return appendCBORHead(dst, 0, n)
		}
		return strconv.AppendUint(dst, n, 10)
	case kNeg:
		return t.negative(dst, n)
	case kFloat16:
		return t.float32(dst, halfToSingle(uint16(n)))
	case kFloat32:
		return t.float32(dst, uint32(n))
	case kFloat64:
		return t.float64(dst, math.Float64frombits(n))
	case kExt: // its n bytes are next, behind the octet that is its type
		if c := &t.c; n == 1 && c.b[c.i-1] == 0 && c.i < len(c.b) && c.b[c.i] == 0 {
			c.i++
			return t.nothing(dst) // what JavaScript's encoders make of undefined, see cursor.absent
		}
		t.c.fail(whyExtension)
	case kSimple:
		t.c.fail(whySimple)
	case kShort:
		t.c.fail(whyShort)
	case kBreak:
		t.c.fail(whyBreak)
	default:
		t.c.fail(whyReserved)
	}
	return dst
}

func (t *Transcoder) nothing(dst []byte) []byte {
	switch t.to {
	case wamp.MsgPack:
		return append(dst, 0xc0)
	case wamp.CBOR:
		return append(dst, 0xf6)
	}
	return append(dst, "null"...)
}

func (t *Transcoder) boolean(dst []byte, v bool) []byte {
	if t.to == wamp.JSON {
		return strconv.AppendBool(dst, v)
	}
	return appendBool(dst, t.to, v)
}

// negative appends the integer -1 - n.
func (t *Transcoder) negative(dst []byte, n uint64) []byte {
	switch t.to {
	case wamp.CBOR:
		return appendCBORHead(dst, 1, n)
	case wamp.MsgPack:
		return t.msgpackNegative(dst, n)
	}
	if n == math.MaxUint64 { // -2^64 would come back as a float
		t.c.fail(whyBig)
		return dst
	}
	return strconv.AppendUint(append(dst, '-'), n+1, 10)
}

func (t *Transcoder) msgpackNegative(dst []byte, n uint64) []byte {
	switch {
	case n < 32:
		return append(dst, ^byte(n))
	case n <= math.MaxInt8:
		return append(dst, 0xd0, ^byte(n))
	case n <= math.MaxInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), ^uint16(n))
	case n <= math.MaxInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), ^uint32(n))
	case n <= math.MaxInt64:
		return binary.BigEndian.AppendUint64(append(dst, 0xd3), ^n)
	}
	t.c.fail(whyBig)
	return dst
}

func (t *Transcoder) float32(dst []byte, bits uint32) []byte {
	switch t.to {
	case wamp.MsgPack:
		return binary.BigEndian.AppendUint32(append(dst, 0xca), bits)
	case wamp.CBOR:
		return binary.BigEndian.AppendUint32(append(dst, 0xfa), bits)
	}
	return t.float64(dst, float64(math.Float32frombits(bits)))
}

// float64 appends f; in JSON in its shortest form that reads back as the same float, and as a float.
func (t *Transcoder) float64(dst []byte, f float64) []byte {
	switch t.to {
	case wamp.MsgPack:
		return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
	case wamp.CBOR:
		return binary.BigEndian.AppendUint64(append(dst, 0xfb), math.Float64bits(f))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		t.c.fail(whyNotFinite)
		return dst
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) { // where digits would be mostly zeros
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if f == math.Trunc(f) {
		dst = append(dst, '.', '0')
	}
	return dst
}

func (t *Transcoder) text(dst, text []byte) []byte {
	if t.to != wamp.JSON {
		return append(appendValueHead(dst, t.to, kText, uint64(len(text))), text...)
	}
	if len(text) > 0 && text[0] == 0 {
		t.c.fail(whyNUL)
	}
	return appendJSONText(dst, text)
}

func (t *Transcoder) bytes(dst, b []byte) []byte {
	if t.to != wamp.JSON {
		return append(appendValueHead(dst, t.to, kBytes, uint64(len(b))), b...)
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, jsonBinary...), b), '"')
}

// FromJSON appends the one JSON value in text, in the serializer to: for tests, which write messages as JSON. The error is
// a *CarryError.
func FromJSON(dst []byte, to wamp.Serializer, text []byte) ([]byte, error) {
	var t Transcoder
	return t.one(dst, wamp.JSON, to, text)
}

// ToJSON appends the one value, encoded in from, as JSON: for tests that read it. The error is a *CarryError.
func ToJSON(dst []byte, from wamp.Serializer, value []byte) ([]byte, error) {
	var t Transcoder
	return t.one(dst, from, wamp.JSON, value)
}
