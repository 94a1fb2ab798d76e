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
		Short: 24 * time.Second, Full: 6 * time.Minute, Repeats: 1, run: literalAvailability,
	},
	{
		ID: "A1", Title: "Availability of all that a router does",
		Asks:    "How much of what clients ask for succeeds while every node is killed once in a while, the first one first?",
		Offered: "10 clients; each opens a session, subscribes and registers every 250 ms; per node 10 events and 10 calls a second from its neighbour; each within 1 s",
		Systems: []string{"gossip", "raft", "raft-lan", "single"}, Nodes: []int{3, 5, 7}, Few: []int{3},
		Short: 20 * time.Second, Full: 60 * time.Second, Repeats: 5, run: strictAvailability,
	},
	{
		ID: "A2", Title: "Clusters that are cut, and a node that stands still",
		Asks:    "What succeeds in each part while 2 nodes are cut off from 3, then 2 from 2 from 1, and while one node is stopped (with Raft the one that leads)?",
		Offered: "at each node that is not stopped, every 500 ms a SUBSCRIBE, a REGISTER and an event from another node of its part, each within 1 s; one client in each part registers the same procedure",
		Systems: []string{"gossip", "raft", "raft-lan"}, Nodes: []int{5}, Short: 27 * time.Second, Full: 54 * time.Second, Repeats: 5, Network: true, run: partitions,
	},
	{
		ID: "L2", Title: "Size",
		Asks:    "How large is what one installs? (The paper's images, uncompressed: Emitter 33.7 MiB, Crossbar 460.9 MiB, Autobahnkreuz 8.6 MiB.)",
		Offered: "none", Systems: []string{"kleeblatt"}, Nodes: []int{1}, Short: time.Second, Full: time.Second, Repeats: 1, run: sizes,
	},
	{
		ID: "L3", Title: "Memory, as the paper measured it", Memory: true,
		Asks:    "What do all nodes together take while 10 clients publish to each other?",
		Offered: "10 clients, all subscribed to one topic; 100 publications a second in all, so 1,000 events",
		Systems: []string{"kleeblatt", "gossip", "raft-lan", "raft-paper", "single", "crossbar"}, Nodes: []int{5}, Short: 8 * time.Second, Full: 60 * time.Second, Repeats: 1, run: literalMemory,
	},
	{
		ID: "L4", Title: "High load, as the paper offered it",
		Asks:    "What arrives of what 10 clients publish by a timer of 1 ms, without waiting for anything? (The paper counted the ticks of that timer.)",
		Offered: "10 clients, all subscribed to one topic, each publishes 1,000 times a second: 100,000 events a second are due",
		Systems: []string{"gossip", "raft-lan", "raft-paper", "single"}, Nodes: []int{5}, Short: 4 * time.Second, Full: 30 * time.Second, Repeats: 5, run: literalLoad,
	},
	{
		ID: "L5", Title: "Scaling out, as the paper did", Sweeps: []string{"events delivered per second"},
		Asks:    "What arrives with n nodes and 2n clients? All nodes share the processors of this machine, so no more than level can be hoped for.",
		Offered: "2 clients per node, all subscribed to one topic, each publishes 200 times a second",
		Systems: []string{"gossip", "raft-lan"}, Nodes: []int{1, 3, 5}, Short: 3 * time.Second, Full: 20 * time.Second, Repeats: 5, run: literalScaling,
	},
	{
		ID: "H1", Title: "High load with answers", Pinned: true,
		Asks:    "How many events does a processor of the routers carry, acknowledged, and how long do they take? In clusters publishers are at one node and subscribers at another one.",
		Offered: "payload 64 B; all to all: 10 publishers, 10 subscribers, one topic, 1 publication each under way until acknowledged; pairs: 10 of a publisher and a subscriber, 16 each; fan-out: 1 publisher, 100 subscribers, 16; under way until all have it",
		Systems: []string{"gossip", "raft-lan", "single", "crossbar", "null"}, Nodes: []int{3}, Short: 6 * time.Second, Full: 12 * time.Second, Repeats: 5, run: highLoad,
	},
	{
		ID: "H2", Title: "Calls", Pinned: true,
		Asks:    "How many calls does a processor of the routers carry, and how long do they take? In clusters callers are at one node and callees at another one.",
		Offered: "echo, 64 B; one: 1 caller, 1 callee, 1 call under way; many: 10 callers, 4 callees, 32 calls each under way",
		Systems: []string{"gossip", "raft-lan", "single", "crossbar", "null"}, Nodes: []int{3}, Short: 6 * time.Second, Full: 12 * time.Second, Repeats: 5, run: calls,
	},
	{
		ID: "S1", Title: "What a cluster costs", Pinned: true, Sweeps: []string{"even: events per CPU second", "even: events per second"},
		Asks:    "How much does a processor carry when the same clients are spread over more nodes, and what crosses links per event?",
		Offered: "even: 10 publishers and 10 subscribers, one topic, spread over all nodes, 16 under way; one node with subscribers: 1 publisher at one node, 5 subscribers at the next one",
		Systems: []string{"gossip", "raft-lan", "raft-paper"}, Nodes: []int{1, 3, 5, 7}, Few: []int{1, 3}, Short: 4 * time.Second, Full: 10 * time.Second, Repeats: 5, run: scaling,
	},
	{
		ID: "C1", Title: "What changes of the tables cost", Pinned: true, Sweeps: []string{"sessions per CPU second", "sessions per second", "SUBSCRIBED p99"},
		Asks:    "How many sessions with a subscription of their own can come and go, and how long does SUBSCRIBED take?",
		Offered: "32 clients that connect, subscribe and go, as fast as they can, to all nodes in turn",
		Systems: []string{"gossip", "raft-lan", "raft", "raft-paper"}, Nodes: []int{1, 3, 5, 7}, Few: []int{1, 3}, Short: 4 * time.Second, Full: 10 * time.Second, Repeats: 5, run: storm,
	},
	{
		ID: "C2", Title: "Staleness",
		Asks:    "For how long after SUBSCRIBED on one node does an event from another node not arrive?",
		Offered: "6 workers, each with a subscriber at one node and a publisher at the next one: SUBSCRIBE, wait, PUBLISH; missed after 250 ms",
		Systems: []string{"gossip", "raft", "raft-lan", "raft-paper"}, Nodes: []int{3, 5}, Few: []int{3}, Short: 8 * time.Second, Full: 20 * time.Second, Repeats: 5, run: staleness,
	},
	{
		ID: "M1", Title: "Memory after churn", Pinned: true,
		Asks:    "What is left of subscriptions that came and went? The second half of the churn against the first one.",
		Offered: "one client per node subscribes and unsubscribes, 64 of it under way",
		Systems: []string{"gossip", "raft-lan", "single"}, Nodes: []int{3}, Short: 8 * time.Second, Full: 40 * time.Second, Repeats: 1, run: churn,
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
