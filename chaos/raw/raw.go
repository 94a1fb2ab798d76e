package raw

import (
	"time"
)

// Format is the version of the files.
const Format = 1

// Header is the first line.
type Header struct {
	Kind     string            `json:"k"` // "header"
	Format   int               `json:"format"`
	Scenario string            `json:"scenario"`
	System   string            `json:"system"`
	About    string            `json:"about"`   // of the system
	Version  string            `json:"version"` // what the system's program says of itself
	Commit   string            `json:"commit"`  // of this repository
	Nodes    int               `json:"nodes"`
	Seed     uint64            `json:"seed"`
	Repeat   int               `json:"repeat"` // from 1
	Length   string            `json:"length"` // Short or Full
	Seconds  float64           `json:"seconds"`
	Began    time.Time         `json:"began"`
	Offered  string            `json:"offered"` // the load, in words
	Pinned   string            `json:"pinned"`  // which processors had what
	Machine  Machine           `json:"machine"`
	Units    map[string]string `json:"units"`
}

// The lengths of runs.
const (
	Short = "short"
	Full  = "full"
)

// Machine is where a run took place.
type Machine struct {
	Processors int    `json:"processors"`
	Model      string `json:"model"`
	Memory     uint64 `json:"memory_bytes"`
	Kernel     string `json:"kernel"`
	OS         string `json:"os"`
	Go         string `json:"go"`
}

// Units are those of the rows' fields. Figures and points say their own.
func Units() map[string]string {
	return map[string]string{"t": "s since the load began", "ms": "ms", "rss": "bytes", "pss": "bytes", "cpu": "s of processor time of all nodes since they were started"}
}

// The kinds of rows.
const (
	Attempt = "attempt" // Client tried What at T: OK or not, after Ms
	Fault   = "fault"   // What happened to Node at T
	Sample  = "sample"  // memory and processor time at T
	Figure  = "figure"  // Name is Value Unit, out of N
	Point   = "point"   // of curve Name: at X (Unit) it is Value
	last    = "end"
)

// Row is any line behind the header. Fields that a kind does not have are 0.
type Row struct {
	Kind   string  `json:"k"`
	T      float64 `json:"t,omitempty"`
	Client int     `json:"c,omitempty"` // from 1
	Node   int     `json:"n,omitempty"` // from 1: node 0 of the system is 1 here
	What   string  `json:"what,omitempty"`
	OK     bool    `json:"ok,omitempty"`
	Ms     float64 `json:"ms,omitempty"`
	RSS    uint64  `json:"rss,omitempty"`
	PSS    uint64  `json:"pss,omitempty"`
	CPU    float64 `json:"cpu,omitempty"`
	Name   string  `json:"name,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	X      float64 `json:"x,omitempty"`
	Value  float64 `json:"value,omitempty"`
	Count  int     `json:"count,omitempty"`
	Void   string  `json:"void,omitempty"` // of the end: why the run does not count
}

// Run is a file that was read.
type Run struct {
	Header Header
	Rows   []Row
	Done   bool   // it has an end
	Void   string // why it does not count; "": it does
	File   string
}

// Figure is the value of that name.
func (r *Run) Figure(name string) (Row, bool) {
	for _, row := range r.Rows {
		if row.Kind == Figure && row.Name == name {
			return row, true
		}
	}
	return Row{}, false
}

// Ends is when the load was to be over, without the start and the end of the nodes.
func (r *Run) Ends() time.Time {
	return r.Header.Began.Add(time.Duration(r.Header.Seconds * float64(time.Second)))
}

// Counts reports whether the run was carried out and its figures may be used.
func (r *Run) Counts() bool { return r.Done && r.Void == "" }
