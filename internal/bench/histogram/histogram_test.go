package histogram

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// twin is the same without buckets: it keeps every value.
type twin []int64

func (t twin) quantile(q float64) int64 {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	rank := int(math.Ceil(q * float64(len(t))))
	return sorted[min(max(rank, 1), len(t))-1]
}

func of(values []int64) *Histogram {
	h := &Histogram{}
	for _, v := range values {
		h.Record(v)
	}
	return h
}

// durations are spread over the powers of two, as latencies are.
func durations() *rapid.Generator[[]int64] {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) int64 {
		return rapid.Int64Range(0, 1<<rapid.IntRange(0, topBits).Draw(t, "power")-1).Draw(t, "value")
	}))
}

func TestErrorBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := durations().Draw(t, "values")
		h := of(values)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		want, got := twin(values).quantile(q), h.Quantile(q)
		if got < want || got-want > want/fine {
			t.Fatalf("quantile %v is %d, want %d up to %d", q, got, want, want+want/fine)
		}
		if h.Count() != uint64(len(values)) || h.Max() != twin(values).quantile(1) || h.Quantile(1) != h.Max() {
			t.Fatalf("count %d, max %d", h.Count(), h.Max())
		}
	})
}

func TestMergeIsUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := durations().Draw(t, "a"), durations().Draw(t, "b")
		merged, other := of(a), of(b)
		merged.Merge(other)
		if *merged != *of(append(slices.Clone(b), a...)) {
			t.Fatal("the merger differs from the histogram of the union")
		}
		if *other != *of(b) {
			t.Fatal("what was merged has changed")
		}
	})
}

func TestQuantilesGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := of(durations().Draw(t, "values"))
		a, b := rapid.Float64Range(0, 1).Draw(t, "a"), rapid.Float64Range(0, 1).Draw(t, "b")
		if h.Quantile(min(a, b)) > h.Quantile(max(a, b)) {
			t.Fatal("a greater share has a smaller bound")
		}
	})
}

// TestBuckets: the buckets lie one behind the other without a hole, and each ends where top says.
func TestBuckets(t *testing.T) {
	for i := range buckets - 1 {
		if bucket(top(i)) != i || bucket(top(i)+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which lies in %d; the next value lies in %d", i, top(i), bucket(top(i)), bucket(top(i)+1))
		}
	}
}

func TestOutside(t *testing.T) {
	h := of([]int64{-5, math.MinInt64, math.MaxInt64, 1 << topBits})
	if h.Quantile(0.5) != 0 || h.Quantile(1) != math.MaxInt64 || h.Count() != 4 {
		t.Errorf("%d, %d, %d", h.Quantile(0.5), h.Quantile(1), h.Count())
	}
	if (&Histogram{}).Quantile(0.5) != 0 {
		t.Error("nothing has a quantile")
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	h := &Histogram{}
	if n := testing.AllocsPerRun(100, func() { h.Record(123456) }); n != 0 {
		t.Errorf("%v allocations per value", n)
	}
}
