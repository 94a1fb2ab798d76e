package chaos

import (
	"encoding/binary"
	"fmt"
	"io"
)

// tracer sums up all that happens in one number: two runs with the same digest were the same run.
type tracer struct {
	digest uint64
	out    io.Writer
}

func newTracer(out io.Writer) tracer { return tracer{digest: 0x6b6c6565, out: out} }

// mix is the finalizer of splitmix64: each bit of the input changes half of the output.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (t *tracer) add(x uint64) { t.digest = mix(t.digest ^ x + 0x9e3779b97f4a7c15) }

func (t *tracer) addBytes(b []byte) {
	t.add(uint64(len(b)))
	for ; len(b) >= 8; b = b[8:] {
		t.add(binary.LittleEndian.Uint64(b))
	}
	for _, c := range b {
		t.add(uint64(c))
	}
}

// saw notes an event of the world: what, where, and its bytes.
func (w *World) saw(kind, where uint64, b []byte) {
	w.trace.add(uint64(w.now))
	w.trace.add(kind<<56 ^ where)
	w.trace.addBytes(b)
}

// The kinds of saw.
const (
	sawTurn = 1 + iota
	sawLink
	sawClient
	sawSwim
	sawText
)

// say notes what a reader of the trace should know. The text is part of the digest only as far as the trace is not written: it must follow
// from the run alone.
func (w *World) say(format string, args ...any) {
	if w.trace.out == nil {
		return
	}
	fmt.Fprintf(w.trace.out, "%11.6f ", float64(w.now-w.begun)/1e9)
	fmt.Fprintf(w.trace.out, format, args...)
	fmt.Fprintln(w.trace.out)
}
