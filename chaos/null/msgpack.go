package null

import "encoding/binary"

// As much of MessagePack as finds the borders of a message's elements. Nothing here trusts a length.

// depthMax is how deep what is passed over may be nested: options are flat, payloads are never looked into.
const depthMax = 16

// skip is what follows the value that p begins with.
func skip(p []byte, depth int) (rest []byte, ok bool) {
	if len(p) == 0 || depth == 0 {
		return nil, false
	}
	switch b := p[0]; {
	case b < 0x80, b >= 0xe0, b == 0xc0, b == 0xc2, b == 0xc3:
		return p[1:], true
	case b < 0x90:
		return skipAll(p[1:], 2*int(b&15), depth)
	case b < 0xa0:
		return skipAll(p[1:], int(b&15), depth)
	case b < 0xc0:
		return after(p, 1+uint64(b&31))
	case b == 0xca:
		return after(p, 5)
	case b == 0xcb:
		return after(p, 9)
	case b >= 0xcc && b <= 0xcf:
		return after(p, 1+1<<(b-0xcc))
	case b >= 0xd0 && b <= 0xd3:
		return after(p, 1+1<<(b-0xd0))
	case b >= 0xc4 && b <= 0xc6:
		return sized(p, b-0xc4)
	case b >= 0xd9 && b <= 0xdb:
		return sized(p, b-0xd9)
	}
	return nil, false // wide containers and extensions: no client's options need them
}

func skipAll(p []byte, n, depth int) (rest []byte, ok bool) {
	for range n {
		if p, ok = skip(p, depth-1); !ok {
			return nil, false
		}
	}
	return p, true
}

// sized is what follows a string or byte string whose length has 1<<width bytes.
func sized(p []byte, width byte) ([]byte, bool) {
	head := 1 + 1<<width
	if len(p) < head {
		return nil, false
	}
	n := uint64(0)
	for _, b := range p[1:head] {
		n = n<<8 | uint64(b)
	}
	return after(p, uint64(head)+n)
}

func after(p []byte, n uint64) ([]byte, bool) {
	if n > uint64(len(p)) {
		return nil, false
	}
	return p[n:], true
}

// number reads a WAMP id.
func number(p []byte) (v uint64, rest []byte, ok bool) {
	if rest, ok = skip(p, 1); !ok {
		return 0, nil, false
	}
	switch b := p[0]; {
	case b < 0x80:
		return uint64(b), rest, true
	case b == 0xcc:
		return uint64(p[1]), rest, true
	case b == 0xcd:
		return uint64(binary.BigEndian.Uint16(p[1:])), rest, true
	case b == 0xce:
		return uint64(binary.BigEndian.Uint32(p[1:])), rest, true
	case b == 0xcf:
		return binary.BigEndian.Uint64(p[1:]), rest, true
	}
	return 0, nil, false
}

// text reads a string.
func text(p []byte) (s, rest []byte, ok bool) {
	if rest, ok = skip(p, 1); !ok {
		return nil, nil, false
	}
	head := 0
	switch b := p[0]; {
	case b >= 0xa0 && b < 0xc0:
		head = 1
	case b >= 0xd9 && b <= 0xdb:
		head = 1 + 1<<(b-0xd9)
	default:
		return nil, nil, false
	}
	return p[head : len(p)-len(rest)], rest, true
}

// appendNumber writes a WAMP id.
func appendNumber(dst []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(dst, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

// appendText writes a string below 32 bytes.
func appendText(dst []byte, s string) []byte { return append(append(dst, 0xa0|byte(len(s))), s...) }
