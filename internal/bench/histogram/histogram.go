package histogram

import (
	"math"
	"math/bits"
)

const (
	// fineBits is the logarithm of the buckets per power of two: 64 make the error at most 1.6 %, less than two runs differ by.
	fineBits = 6
	fine     = 1 << fineBits
	// topBits bounds what has a bucket of its own: 2^43 ns are 2.4 hours, longer than a run. What is above shares the last bucket.
	topBits = 43
	buckets = (topBits - fineBits + 1) * fine
)

// Histogram is a multiset of durations in nanoseconds, each known up to its bucket. The zero value is empty and ready. It takes 19 KB.
type Histogram struct {
	counts [buckets]uint64
	n      uint64
	most   int64
}

// Record adds one value; a negative one counts as 0.
func (h *Histogram) Record(v int64) {
	v = max(v, 0)
	h.counts[bucket(v)]++
	h.n++
	h.most = max(h.most, v)
}

// Merge adds all values of o.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.most = max(h.most, o.most)
}

// Count is how many values there are.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the greatest value, exactly; 0 where there is none.
func (h *Histogram) Max() int64 { return h.most }

// Quantile is a bound for the share q (0 to 1) of the values: at least the value of rank ⌈q·n⌉, and at most 1/64 above it. 0 where there
// is no value.
func (h *Histogram) Quantile(q float64) int64 {
	if h.n == 0 {
		return 0
	}
	rank := min(max(uint64(math.Ceil(q*float64(h.n))), 1), h.n)
	for i := range h.counts {
		if h.counts[i] >= rank {
			return min(top(i), h.most)
		}
		rank -= h.counts[i]
	}
	return h.most
}

// bucket is the index of v's bucket: the power of two, then the bits behind its first.
func bucket(v int64) int {
	if v < fine {
		return int(v)
	}
	power := bits.Len64(uint64(v)) - 1
	if power >= topBits {
		return buckets - 1
	}
	return (power-fineBits)<<fineBits + int(v>>(power-fineBits))
}

// top is the greatest value of bucket i.
func top(i int) int64 {
	if i < fine {
		return int64(i)
	}
	if i == buckets-1 {
		return math.MaxInt64
	}
	shift := i>>fineBits - 1
	return (int64(i-shift<<fineBits)+1)<<shift - 1
}
