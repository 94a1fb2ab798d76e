package frame

import (
	"encoding/binary"
	"sync"
)

// Addr says where a frame comes from or goes to. What the fields mean is for the two ends of the hand-over to agree.
type Addr struct {
	Node uint8  // a node by this node's numbering
	Lane uint64 // hash of the origin session
}

// headLen is what precedes each frame in a batch: length (4), node (1), lane (8).
const headLen = 4 + 1 + 8

// keepBytesMax is the largest buffer that returns to the pool: one burst must not pin its memory for ever.
const keepBytesMax = 1 << 20

// Batch is a sequence of frames with their addresses. The zero value is empty and usable.
type Batch struct {
	b     []byte
	n     int
	freed bool
}

// Append copies one frame behind the others.
func (b *Batch) Append(a Addr, frame []byte) {
	b.check()
	b.b = binary.BigEndian.AppendUint32(b.b, uint32(len(frame)))
	b.b = append(b.b, a.Node)
	b.b = binary.BigEndian.AppendUint64(b.b, a.Lane)
	b.b = append(b.b, frame...)
	b.n++
}

// Len is the number of frames, Bytes the memory that they take.
func (b *Batch) Len() int   { return b.n }
func (b *Batch) Bytes() int { return len(b.b) }

// Each calls f with each frame in the order in which they were appended. The frame aliases the batch.
func (b *Batch) Each(f func(a Addr, frame []byte)) {
	b.check()
	for p := b.b; len(p) > 0; {
		n := int(binary.BigEndian.Uint32(p))
		a := Addr{Node: p[4], Lane: binary.BigEndian.Uint64(p[5:])}
		f(a, p[headLen:headLen+n:headLen+n])
		p = p[headLen+n:]
	}
}

func (b *Batch) check() {
	if b.freed {
		panic("frame: batch used after it was put back")
	}
}

// Pool recycles batches. It is safe for use from several goroutines.
type Pool struct{ p sync.Pool }

// Get returns an empty batch.
func (p *Pool) Get() *Batch {
	if b, ok := p.p.Get().(*Batch); ok {
		b.freed = false
		return b
	}
	return new(Batch)
}

// Put takes b back. The caller must not use it again.
func (p *Pool) Put(b *Batch) {
	b.check()
	b.reset()
	b.freed = true
	p.p.Put(b)
}

// reset empties the batch, keeping memory that is worth keeping.
func (b *Batch) reset() {
	if cap(b.b) > keepBytesMax {
		b.b = nil
	}
	b.b, b.n = b.b[:0], 0
}
