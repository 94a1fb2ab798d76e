package crdt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// HashBytes is the size of a Hash.
const HashBytes = 16

// Hash stands for the content of a set: the sum modulo 2^128 of a strong hash of each (element, dot). A sum does not depend on the
// order in which entries came and can be kept up to date by adding and subtracting. 128 bits make an accidental collision
// impossible in practice; a client that chooses elements cannot aim at one, because the dot holds a random nonce.
type Hash [HashBytes]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

func (h Hash) halves() (hi, lo uint64) {
	return binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:])
}

func fromHalves(hi, lo uint64) (h Hash) {
	binary.BigEndian.PutUint64(h[:8], hi)
	binary.BigEndian.PutUint64(h[8:], lo)
	return h
}

func (h Hash) plus(o Hash) Hash {
	hi, lo := h.halves()
	ohi, olo := o.halves()
	lo, carry := bits.Add64(lo, olo, 0)
	hi, _ = bits.Add64(hi, ohi, carry)
	return fromHalves(hi, lo)
}

func (h Hash) minus(o Hash) Hash {
	hi, lo := h.halves()
	ohi, olo := o.halves()
	lo, borrow := bits.Sub64(lo, olo, 0)
	hi, _ = bits.Sub64(hi, ohi, borrow)
	return fromHalves(hi, lo)
}

// entryHash is the hash of one entry; scratch is reused and returned. The dot has a fixed size, so no two entries share an encoding.
func entryHash(life Life, counter uint64, element string, scratch []byte) (Hash, []byte) {
	b := binary.BigEndian.AppendUint64(scratch[:0], life.Epoch)
	b = binary.BigEndian.AppendUint64(b, life.Nonce)
	b = binary.BigEndian.AppendUint64(b, counter)
	b = append(b, element...)
	sum := sha256.Sum256(b)
	return Hash(sum[:HashBytes]), b
}
