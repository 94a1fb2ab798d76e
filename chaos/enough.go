package chaos

import (
	"fmt"
	"reflect"
	"time"
)

// What a batch of runs has to have seen before its silence proves something.
const (
	enoughRuns       = 200
	enoughSimulated  = enoughRuns * DefaultDuration
	enoughNodes      = 5 // each of these per run, in the mean
	enoughSessions   = 20
	enoughOperations = 500
	enoughFaults     = 3
)

// rare are the counters of branches that a batch has to have reached at least once, each by its name; and of what was held against what, since
// a rule that never came to judge has held nothing.
var rare = []string{
	"Scans", "FramesIn", "LinksSummed", "RoutesCompared", "RecordsChecked",
	"OneWayCuts", "UDPCuts", "TCPCuts", "Flaps", "Clogs", "Stops", "Skews", "Twins", "Breaks", "FalseDeaths", "Leaves", "Rebirths",
	"Gaps", "Overlaps", "LateDeltas", "Obituaries", "Recalls", "CaughtUp", "Snapshots", "Collisions",
	"LossyResets", "RivalDials", "Superseded", "Detours", "RelayedIn", "RelayedOut", "HeldFrames", "HeldTooLong", "VoidedCalls",
	"Hidden", "Gone", "Forgotten", "Buried", "ReturnedHidden", "ReturnedGone", "ReturnedForgotten", "NewLives",
	"RefusalsSent", "Revoked", "VerdictsChanged", "ClaimsRefused", "ClaimsTimedOut", "ClaimsWithdrawn", "UnequalGrace",
	"EventsRemote", "EventsByPattern", "ResultsRemote", "Progress", "Cancels", "Interrupts", "Timeouts", "Busy", "Conflicts", "Revocations", "StoodBy", "TookOver",
	"Stalls", "JoinsHeard", "LeavesHeard", "LeavesWhileAlive", "Rejoins",
}

// lacking lists what the runs have not seen enough of.
func (c *Counters) lacking(simulated time.Duration) (list []string) {
	if c.Runs < enoughRuns || simulated < enoughSimulated {
		list = append(list, fmt.Sprintf("%d runs and %v simulated, want %d and %v", c.Runs, simulated, uint64(enoughRuns), enoughSimulated))
	}
	for _, x := range []struct {
		name      string
		sum, each uint64
	}{
		{"nodes", c.Nodes, enoughNodes}, {"sessions", c.Sessions, enoughSessions}, {"client operations", c.Operations, enoughOperations},
		{"faults", c.Faults, enoughFaults},
	} {
		if x.sum < x.each*c.Runs {
			list = append(list, fmt.Sprintf("%.1f %s per run, want %d", float64(x.sum)/float64(max(c.Runs, 1)), x.name, x.each))
		}
	}
	v := reflect.ValueOf(*c)
	for _, name := range rare {
		if v.FieldByName(name).Uint() == 0 {
			list = append(list, name+" is 0")
		}
	}
	return list
}
