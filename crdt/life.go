package crdt

import (
	"cmp"
	"strconv"
)

// Life is one run of a node under its name. The epoch grows with each run, the nonce is random. The zero Life
// is older than any other and nobody's.
type Life struct{ Epoch, Nonce uint64 }

// Compare orders lives of one name by age: negative when l is the older one.
func (l Life) Compare(o Life) int {
	if c := cmp.Compare(l.Epoch, o.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(l.Nonce, o.Nonce)
}

// Less says whether l is older than o.
func (l Life) Less(o Life) bool { return l.Compare(o) < 0 }

// IsZero says whether l is nobody's life.
func (l Life) IsZero() bool { return l == Life{} }

// String is for people: epoch, a dot, and the nonce in hexadecimal.
func (l Life) String() string {
	return strconv.FormatUint(l.Epoch, 10) + "." + strconv.FormatUint(l.Nonce, 16)
}

// Dot names one change: the Counter-th of a life. Counters begin at 1.
type Dot struct {
	Life    Life
	Counter uint64
}

// Compare orders dots by life, then counter.
func (d Dot) Compare(o Dot) int {
	if c := d.Life.Compare(o.Life); c != 0 {
		return c
	}
	return cmp.Compare(d.Counter, o.Counter)
}
