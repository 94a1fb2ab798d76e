package pattern

import (
	"encoding/binary"
	"math/bits"
)

// Odd numbers with about as many ones as zeros in every byte.
const (
	mix0 = 0x9e3779b97f4a7c15
	mix1 = 0xd1b54a32d192ed03
	mix2 = 0xaef17502b3a1d6c9
)

// hashOf is a 64-bit hash of b: folded 64×64→128 multiplications, eight bytes each. It spreads well and is quick, and it is
// the same in every process; it is not hard to collide with, and need not be (see the package comment).
func hashOf(b []byte) uint64 {
	h := mix0 ^ uint64(len(b))
	for len(b) > 8 {
		h = fold(h^binary.LittleEndian.Uint64(b), mix1)
		b = b[8:]
	}
	var last uint64
	switch n := len(b); {
	case n >= 4:
		last = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32
	case n > 0:
		last = uint64(b[0]) | uint64(b[n/2])<<8 | uint64(b[n-1])<<16
	}
	return fold(h^last, mix2)
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
