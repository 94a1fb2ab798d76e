package transport

import "math/bits"

// Buffers of connections come in powers of two, so that memory is at most twice the bytes that arrived.
const (
	bufferBytesMin = 512
	bufferClasses  = 11                                    // 512 B … 512 KiB; larger ones are left to the garbage collector
	bufferBytesMax = bufferBytesMin << (bufferClasses - 1) // the largest pooled class
	poolBytesMax   = 4 << 20                               // kept per loop for reuse: enough for a busy turn, little for an idle node
)

// buffers is a loop's free list of buffers. The zero value is empty and usable.
type buffers struct {
	free  [bufferClasses][][]byte
	bytes int
}

func class(n int) int {
	if n <= bufferBytesMin {
		return 0
	}
	return bits.Len(uint(n-1)) - bits.Len(uint(bufferBytesMin-1))
}

// get returns an empty buffer with room for at least n bytes.
func (b *buffers) get(n int) []byte {
	k := class(n)
	if k >= bufferClasses {
		return make([]byte, 0, 1<<bits.Len(uint(n-1)))
	}
	if f := b.free[k]; len(f) > 0 {
		last := f[len(f)-1]
		f[len(f)-1] = nil
		b.free[k] = f[:len(f)-1]
		b.bytes -= cap(last)
		return last
	}
	return make([]byte, 0, bufferBytesMin<<k)
}

// put gives a buffer back; the caller forgets it.
func (b *buffers) put(p []byte) {
	n := cap(p)
	if n < bufferBytesMin || n > bufferBytesMax || n&(n-1) != 0 || b.bytes+n > poolBytesMax {
		return
	}
	b.bytes += n
	k := class(n)
	b.free[k] = append(b.free[k], p[:0])
}

// grow returns p with room for n more bytes, in the smallest class that holds them all.
func (b *buffers) grow(p []byte, n int) []byte {
	if cap(p)-len(p) >= n {
		return p
	}
	q := b.get(len(p) + n)
	q = append(q, p...)
	b.put(p)
	return q
}
