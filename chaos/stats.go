package chaos

import (
	"fmt"
	"io"
	"reflect"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/node"
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
	FramesIn       uint64 // publications that came to a worker from elsewhere
	LinksSummed    uint64 // times that the two ends of a link were held against each other
	RoutesCompared uint64 // times that nodes with one digest were held against each other
	RecordsChecked uint64 // nodes whose records were held against what their clients wait for

	// Rare branches of the tables' protocol, the index and the links, from their own counters.
	Gaps, Overlaps, LateDeltas, Obituaries, Recalls, CaughtUp, Snapshots uint64
	Collisions                                                           uint64
	LossyResets, RivalDials, Superseded, Detours, RelayedIn, RelayedOut  uint64
	Duplicates, HeldFrames, HeldTooLong, VoidedCalls, LinksRefused       uint64
	RefusalsSent, Revoked, StoodBy, VerdictsChanged                      uint64
	ClaimsRefused, ClaimsTimedOut, ClaimsWithdrawn                       uint64
	UnequalGrace                                                         uint64 // records that one end had given up when the other resumed
	Distrusts                                                            uint64

	// Of nodes, as others saw them.
	Hidden, Gone, Forgotten, Buried uint64
	ReturnedHidden                  uint64 // routed to again before their sessions were given up
	ReturnedGone                    uint64
	ReturnedForgotten               uint64
	NewLives                        uint64

	// What clients did and saw.
	Operations            uint64
	Joined                uint64 // sessions that were welcomed
	EventsSeen            uint64
	EventsRemote          uint64
	EventsByPattern       uint64
	EventsLate            uint64 // later than where no fault is
	EventsDue             uint64 // of the pairs of publication and subscription those that came
	EventsExcused         uint64 // those that did not, for a fault's sake
	EventsNotDue          uint64 // those that need not have come anyway
	Results               uint64
	ResultsRemote         uint64
	Progress              uint64
	CallErrors            uint64
	CallsFailedByFault    uint64
	InvocationsAfterError uint64 // begun after their caller was told that they failed
	Cancels               uint64
	Interrupts            uint64
	Timeouts              uint64
	Busy                  uint64
	Conflicts             uint64 // REGISTERs that were refused
	Revocations           uint64
	TookOver              uint64 // calls that came to who may have stood by before
	Stalls                uint64
	CutOff                uint64 // sessions that did not read and were closed
	RouterGoodbyes        uint64
	JoinsHeard            uint64 // by watchers
	LeavesHeard           uint64
	LeavesWhileAlive      uint64 // of sessions whose node was given up
	Rejoins               uint64 // of sessions that were said to have left
}

// sum adds what a process has counted.
func (c *Counters) sum(v *node.View) {
	g, t := &v.Gossip, &v.Tables
	c.Gaps += g.Gaps
	c.Overlaps += g.Overlaps
	c.LateDeltas += g.LateDeltas
	c.Obituaries += g.Obituaries
	c.Recalls += g.Recalls
	c.CaughtUp += g.CaughtUp
	c.Snapshots += g.SnapshotsIn
	c.Distrusts += g.Distrusts
	c.Collisions += v.Collisions
	c.LinksRefused += v.Refused
	c.RefusalsSent += t.RefusalsSent
	c.Revoked += t.Revoked
	c.ClaimsRefused += t.ClaimsRefused
	c.ClaimsTimedOut += t.ClaimsTimedOut
	c.ClaimsWithdrawn += t.ClaimsWithdrawn
	c.StoodBy += t.StoodBy
	c.VerdictsChanged += t.VerdictsChanged
	for i := range v.Peers {
		l := v.Peers[i].Stats()
		c.LossyResets += l.Resets
		c.UnequalGrace += l.PeerLost
		c.RivalDials += l.Rivals
		c.Superseded += l.Superseded
		c.Detours += l.Detours
		c.RelayedIn += l.RelayIn
		c.RelayedOut += l.RelayOut
		c.Duplicates += l.Duplicates
		c.HeldFrames += l.Held
		c.HeldTooLong += l.HeldTooLong
		c.VoidedCalls += l.Voided
	}
}

// state counts a change of a node's state at an observer. same: it is of one life.
func (c *Counters) state(from, to gossip.PeerState, same bool) {
	if !same {
		c.NewLives++
	}
	switch to {
	case gossip.Hidden:
		if same && from == gossip.Forgotten {
			c.ReturnedForgotten++
			return
		}
		c.Hidden++
	case gossip.Gone:
		c.Gone++
	case gossip.Forgotten:
		c.Forgotten++
	case gossip.Buried:
		c.Buried++
	case gossip.Reachable, gossip.Suspect:
		if same && from == gossip.Hidden {
			c.ReturnedHidden++
		}
		if same && from == gossip.Gone {
			c.ReturnedGone++
		}
	}
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
	for _, s := range w.sites {
		if s.p != nil {
			v := s.p.sim.View()
			w.count.sum(&v)
		}
	}
	if w.opts.Calm {
		w.checkUnneeded()
	}
	w.count.Runs, w.count.Events, w.count.Nodes = 1, w.steps, uint64(w.draw.nodes)
	return Result{
		Seed: w.opts.Seed, Mode: w.draw.mode, Nodes: w.draw.nodes, Digest: w.trace.digest, Violations: w.violations,
		Simulated: time.Duration(w.now - w.begun), Count: w.count,
	}
}

// checkUnneeded: what is there for bad times does nothing on a good network.
func (w *World) checkUnneeded() {
	for _, x := range []struct {
		what string
		n    uint64
		most uint64
	}{
		// Nodes may meet late, since views are completed late: a frame or two comes before the tables that it was sent by, and who has not been
		// told of a node yet does not acknowledge what it claims.
		{"frames were held until their time was over, not until their version was routed", w.count.HeldTooLong, 100},
		{"frames were given up by a link", w.count.LossyResets, 0},
		{"claims were confirmed before all nodes had answered", w.count.ClaimsTimedOut, 10},
	} {
		if x.n > x.most {
			w.violate("in calm times %s: %d", x.what, x.n)
		}
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
