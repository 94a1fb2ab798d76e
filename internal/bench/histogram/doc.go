// Package histogram counts durations in buckets of a bounded relative width, so that percentiles of any number of values take a
// fixed memory.
//
// The buckets are log-linear: each power of two is cut into the same number of equal buckets, and the values below the first such
// power have a bucket each. Every percentile is therefore at most 1/64 above the true one, from nanoseconds to hours:
//
//	0 1 2 … 63 | 64 65 … 127 | 128 130 … 254 | 256 260 … 508 | …
//	exactly      width 1       width 2         width 4
//
// A [Histogram] is owned by one goroutine; merging two is adding their buckets, so the merger's percentiles are those of the union.
// It imports nothing of ours.
package histogram
