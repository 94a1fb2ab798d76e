package scenario

import (
	"context"
	"slices"
	"time"

	"kleeblatt/chaos/raw"
	"kleeblatt/chaos/systems"
)

// Spec is a scenario.
type Spec struct {
	ID      string
	Title   string
	Asks    string   // what one wants to know
	Offered string   // the load, in words
	Systems []string // that it is for
	Nodes   []int    // of systems that can have any number, in a full run
	Few     []int    // in a short one; nil: Nodes
	Short   time.Duration
	Full    time.Duration
	Repeats int      // of full runs
	Pinned  bool     // routers and clients have a processor each, where there are two
	Network bool     // in a network that can be cut
	Memory  bool     // its report shows memory over time
	Sweeps  []string // figures that its report shows over the number of nodes
	run     func(context.Context, *lab) error
}

// All are the scenarios, in the order of the report.
var All = []*Spec{
	{
		ID: "L1", Title: "Availability, as the paper measured it",
		Asks:    "How many connects succeed while one node after the other is killed?",
		Offered: "10 clients; each opens and leaves a session every second, within 1 s",
		Systems: []string{"gossip", "raft", "raft-lan", "raft-paper", "single", "crossbar"}, Nodes: []int{5},
		Short: 30 * time.Second, Full: 6 * time.Minute, Repeats: 1, run: literalAvailability,
	},
	{
		ID: "A1", Title: "Availability of all that a router does",
		Asks:    "How much of what clients ask for succeeds while every node is killed once in a while, the first one first?",
		Offered: "10 clients; each opens a session, subscribes and registers every 250 ms; per node 10 events and 10 calls a second from its neighbour; each within 1 s",
		Systems: []string{"gossip", "raft", "raft-lan", "raft-paper", "single"}, Nodes: []int{3, 5, 7}, Few: []int{3},
		Short: 24 * time.Second, Full: 60 * time.Second, Repeats: 5, run: strictAvailability,
	},
}

// Find is the scenario of that id, nil where there is none.
func Find(id string) *Spec {
	i := slices.IndexFunc(All, func(s *Spec) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return All[i]
}

// Duration is that of the load.
func (s *Spec) Duration(length string) time.Duration {
	if length == raw.Full {
		return s.Full
	}
	return s.Short
}

// nodes are how many a system has.
func (s *Spec) nodes(length string) []int {
	if length == raw.Short && s.Few != nil {
		return s.Few
	}
	return s.Nodes
}

// Plan is what an evaluation runs: for each scenario all systems and numbers of nodes, in the first round, then again in the next one, so that
// what changes on the machine meanwhile meets all of them. A system that has one number of nodes alone runs once with that. Runs of a round
// have its number as their seed.
func Plan(length, commit string, repeats int) (cells []Cell, err error) {
	rounds := 1
	for _, s := range All {
		rounds = max(rounds, s.repeats(length, repeats))
	}
	for round := 1; round <= rounds; round++ {
		for _, s := range All {
			if round > s.repeats(length, repeats) {
				continue
			}
			for _, name := range s.Systems {
				y, err := systems.Load(name)
				if err != nil {
					return nil, err
				}
				counts := s.nodes(length)
				if y.Nodes > 0 {
					counts = []int{y.Nodes}
				}
				for _, n := range counts {
					cells = append(cells, Cell{
						Spec: s, System: name, Nodes: n, Seed: uint64(round), Repeat: round, Length: length, For: s.Duration(length), Commit: commit,
					})
				}
			}
		}
	}
	return cells, nil
}

// repeats is how often each cell is run; 0 leaves it to the scenario.
func (s *Spec) repeats(length string, wanted int) int {
	switch {
	case wanted > 0:
		return wanted
	case length == raw.Full:
		return s.Repeats
	}
	return 1
}
