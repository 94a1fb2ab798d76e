package bench

import (
	"crypto/rand"
	"encoding/hex"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"
)

// runName makes the URIs of a run its own: several may load the same realm.
func runName() string {
	var b [4]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// waitsMetric is how long goroutines that could run waited for a processor.
const waitsMetric = "/sched/latencies:seconds"

// watcher looks at this process while it measures.
type watcher struct {
	began   time.Time
	cpu     time.Duration
	waits   []uint64
	Took    time.Duration // wall time
	Busy    float64       // share of the processors that this process may use; -1: unknown
	Waiting time.Duration // how long 99 % of its goroutines waited for a processor at most
}

func (w *watcher) begin() {
	w.began, w.cpu = time.Now(), processTime()
	w.waits = slices.Clone(waits().Counts)
}

func (w *watcher) end() {
	w.Took = time.Since(w.began)
	w.Busy = -1
	if used := processTime() - w.cpu; used > 0 && w.Took > 0 {
		w.Busy = used.Seconds() / w.Took.Seconds() / float64(runtime.GOMAXPROCS(0))
	}
	h := waits()
	for i := range w.waits {
		w.waits[i] = h.Counts[i] - w.waits[i]
	}
	w.Waiting = quantile(w.waits, h.Buckets, 0.99)
}

func waits() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: waitsMetric}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindFloat64Histogram {
		return &metrics.Float64Histogram{}
	}
	return s[0].Value.Float64Histogram()
}

// quantile is the upper end of the bucket in which the share q of the counts ends. Bucket i is from ends[i] to ends[i+1] seconds.
func quantile(counts []uint64, ends []float64, q float64) time.Duration {
	var all uint64
	for _, c := range counts {
		all += c
	}
	rank := uint64(math.Ceil(q * float64(all)))
	for i, c := range counts {
		if c >= rank && rank > 0 {
			end := ends[i+1]
			if math.IsInf(end, 1) {
				end = ends[i]
			}
			return time.Duration(end * 1e9)
		}
		rank -= c
	}
	return 0
}
