package chaos

import (
	"fmt"
	"io"
	"reflect"
	"time"
)

// Counters are what a run has seen; all are numbers, summed up over runs.
type Counters struct {
	Runs           uint64
	Events         uint64
	Nodes          uint64
	Starts         uint64
	Crashes        uint64
	Leaves         uint64
	Partitions     uint64
	OneWayCuts     uint64
	UDPCuts        uint64
	TCPCuts        uint64
	PairCuts       uint64
	Flaps          uint64
	Clogs          uint64
	Stops          uint64
	Skews          uint64
	Twins          uint64
	Breaks         uint64
	Faults         uint64
	FalseDeaths    uint64
	Rebirths       uint64
	Sessions       uint64
	ClientMessages uint64
	Scans          uint64
}

// Result is what came of a run.
type Result struct {
	Seed       uint64
	Mode       Mode
	Nodes      int
	Digest     uint64
	Violations []string
	Simulated  time.Duration
	Count      Counters
}

func (w *World) result() Result {
	w.count.Runs, w.count.Events, w.count.Nodes = 1, w.steps, uint64(w.draw.nodes)
	return Result{
		Seed: w.opts.Seed, Mode: w.draw.mode, Nodes: w.draw.nodes, Digest: w.trace.digest, Violations: w.violations,
		Simulated: time.Duration(w.now - w.begun), Count: w.count,
	}
}

func (c *Counters) add(o *Counters) {
	a, b := reflect.ValueOf(c).Elem(), reflect.ValueOf(o).Elem()
	for i := range a.NumField() {
		a.Field(i).SetUint(a.Field(i).Uint() + b.Field(i).Uint())
	}
}

// print writes one line for each counter: its name, the sum and the mean of a run.
func (c *Counters) print(out io.Writer) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		n := v.Field(i).Uint()
		fmt.Fprintf(out, "%-24s %12d %12.2f per run\n", v.Type().Field(i).Name, n, float64(n)/float64(max(c.Runs, 1)))
	}
}
