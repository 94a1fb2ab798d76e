package netlab

import "io"

// Config is what a run needs.
type Config struct {
	Bin   string    // the program that the nodes run: static, as it is built
	Cuts  int       // faults
	Seed  uint64    // of the plan
	Only  []Kind    // of faults, nil for a mixture of all
	Nodes int       // NodesMin to NodesMax
	Lines io.Writer // gets one line per fault
	Logs  string    // folder that keeps the nodes' logs, "" to keep them only when something is wrong
}

const (
	// NodesMin is the fewest of whom one can be cut off while two others still have each other.
	NodesMin = 3
	// NodesMax is how many a machine with two processors carries beside the clients.
	NodesMax = 16
)
