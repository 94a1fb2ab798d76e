package broker

import "math/bits"

// Has reports whether node n is in the set.
func (s NodeSet) Has(n uint8) bool { return n < MaxNodes && s[n/64]>>(n%64)&1 != 0 }

// Add puts node n, in [1, MaxNodes), into the set.
func (s *NodeSet) Add(n uint8) {
	if n == 0 || n >= MaxNodes {
		panic("broker: no other node has that number")
	}
	s[n/64] |= 1 << (n % 64)
}

// Remove takes node n out of the set.
func (s *NodeSet) Remove(n uint8) {
	if n < MaxNodes {
		s[n/64] &^= 1 << (n % 64)
	}
}

// Or puts all of o into the set.
func (s *NodeSet) Or(o NodeSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// AndNot takes all of o out of the set.
func (s *NodeSet) AndNot(o NodeSet) {
	for i := range s {
		s[i] &^= o[i]
	}
}

// Empty reports whether there is none in the set.
func (s NodeSet) Empty() bool { return s == NodeSet{} }

// Len is the number of nodes in the set.
func (s NodeSet) Len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Each yields the nodes of the set, ascending. It is a range function.
func (s NodeSet) Each(yield func(n uint8) bool) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			if !yield(uint8(i*64 + bits.TrailingZeros64(w))) {
				return
			}
		}
	}
}

// Has reports whether worker w is in the set.
func (s WorkerSet) Has(w int) bool { return uint(w) < MaxWorkers && s>>uint(w)&1 != 0 }

// Add puts worker w, in [0, MaxWorkers), into the set.
func (s *WorkerSet) Add(w int) {
	if uint(w) >= MaxWorkers {
		panic("broker: no worker has that number")
	}
	*s |= 1 << uint(w)
}

// Remove takes worker w out of the set.
func (s *WorkerSet) Remove(w int) {
	if uint(w) < MaxWorkers {
		*s &^= 1 << uint(w)
	}
}

// Or puts all of o into the set.
func (s *WorkerSet) Or(o WorkerSet) { *s |= o }

// Empty reports whether there is none in the set.
func (s WorkerSet) Empty() bool { return s == 0 }

// Len is the number of workers in the set.
func (s WorkerSet) Len() int { return bits.OnesCount64(uint64(s)) }

// Each yields the workers of the set, ascending. It is a range function.
func (s WorkerSet) Each(yield func(w int) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(bits.TrailingZeros64(uint64(s))) {
			return
		}
	}
}
