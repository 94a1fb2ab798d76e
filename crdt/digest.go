package crdt

import (
	"crypto/sha256"
	"encoding/binary"
)

// Head says how far an owner's part is at some node.
type Head struct {
	Owner   string
	Life    Life
	Version uint64
	Hash    Hash
}

// Digest lists parts, sorted by owner, each owner at most once.
type Digest []Head

// Root stands for the digest: equal exactly where the digests are equal. scratch is memory to work in and may be nil.
func (d Digest) Root(scratch []byte) Hash {
	b := scratch[:0]
	for _, h := range d {
		b = binary.AppendUvarint(b, uint64(len(h.Owner)))
		b = append(b, h.Owner...)
		b = binary.BigEndian.AppendUint64(b, h.Life.Epoch)
		b = binary.BigEndian.AppendUint64(b, h.Life.Nonce)
		b = binary.BigEndian.AppendUint64(b, h.Version)
		b = append(b, h.Hash[:]...)
	}
	sum := sha256.Sum256(b)
	return Hash(sum[:HashBytes])
}
