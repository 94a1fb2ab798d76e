package chaos

// buffers recycles the memory of messages under way. What is put back is spoilt at once: whoever still looks at it is found out.
type buffers struct{ free [][]byte }

// bufferBytesMax is the largest buffer that is kept.
const bufferBytesMax = 64 << 10

func (s *buffers) copy(b []byte) []byte {
	if n := len(s.free); n > 0 {
		c := s.free[n-1]
		s.free = s.free[:n-1]
		return append(c[:0], b...)
	}
	return append(make([]byte, 0, max(len(b), 256)), b...)
}

func (s *buffers) put(b []byte) {
	if cap(b) == 0 || cap(b) > bufferBytesMax {
		return
	}
	for i := range b[:min(len(b), 64)] {
		b[i] = 0xdd
	}
	s.free = append(s.free, b)
}
