package codec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// kind is what the head of a value says, in any of the serializers.
type kind uint8

const (
	kReserved kind = iota // no value begins so
	kShort                // the value's head, or what the head announces, goes beyond the end
	kNil
	kUndefined
	kBool    // n is 0 or 1
	kUint    // n
	kNeg     // -1 - n
	kFloat16 // n holds the bits
	kFloat32
	kFloat64
	kText  // n bytes follow, or chunks (indefinite)
	kBytes // the same
	kList  // n values follow, or values until a break (indefinite)
	kDict  // n pairs follow, or the same
	kExt   // MessagePack: n bytes follow
	kTag   // CBOR: tag n, one value follows
	kSimple
	kBreak
)

// indefinite is the n of a head without a count. Real counts are smaller than the frame.
const indefinite = math.MaxUint64

// room answers k, or kShort when fewer bytes are left than a head of kind k and count n must be followed by. So no count is
// ever believed beyond the bytes that arrived.
func room(k kind, n uint64, left int) kind {
	switch k {
	case kText, kBytes, kExt, kList:
		if n > uint64(left) {
			return kShort
		}
	case kDict:
		if n > uint64(left)/2 {
			return kShort
		}
	}
	return k
}

// bigEndian reads the unsigned integer of width bytes (1, 2, 4 or 8) at i; the caller has checked that they are there.
func bigEndian(b []byte, i, width int) uint64 {
	switch width {
	case 1:
		return uint64(b[i])
	case 2:
		return uint64(binary.BigEndian.Uint16(b[i:]))
	case 4:
		return uint64(binary.BigEndian.Uint32(b[i:]))
	}
	return binary.BigEndian.Uint64(b[i:])
}

// validText reports whether b is UTF-8. Most texts are ASCII, which shows eight bytes at a time.
func validText(b []byte) bool {
	if len(b) < 8 {
		for _, c := range b {
			if c >= utf8.RuneSelf {
				return utf8.Valid(b)
			}
		}
		return true
	}
	high := binary.LittleEndian.Uint64(b[len(b)-8:])
	rest := b
	for len(rest) >= 32 {
		high |= binary.LittleEndian.Uint64(rest) | binary.LittleEndian.Uint64(rest[8:]) |
			binary.LittleEndian.Uint64(rest[16:]) | binary.LittleEndian.Uint64(rest[24:])
		rest = rest[32:]
	}
	for len(rest) >= 8 {
		high |= binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
	}
	return high&eight80 == 0 || utf8.Valid(b)
}

// wholeFloat reads a float as an integer if it is one in [0, 2^53].
func wholeFloat(k kind, bits uint64) (uint64, bool) {
	f := toFloat64(k, bits)
	if f >= 0 && f <= 1<<53 && f == math.Trunc(f) {
		return uint64(f), true
	}
	return 0, false
}

// toFloat64 widens a float of any width, exactly.
func toFloat64(k kind, bits uint64) float64 {
	switch k {
	case kFloat16:
		return float64(math.Float32frombits(halfToSingle(uint16(bits))))
	case kFloat32:
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// halfToSingle widens the bits of an IEEE 754 binary16 to a binary32 of the same value.
func halfToSingle(h uint16) uint32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exponent == 0x1f: // infinities and NaNs
		return sign | 0xff<<23 | fraction<<13
	case exponent != 0: // the biases are 15 and 127
		return sign | (exponent+127-15)<<23 | fraction<<13
	case fraction == 0:
		return sign
	}
	exponent = 127 - 14 // subnormal: normalize
	for fraction&0x400 == 0 {
		fraction <<= 1
		exponent--
	}
	return sign | exponent<<23 | (fraction&0x3ff)<<13
}
