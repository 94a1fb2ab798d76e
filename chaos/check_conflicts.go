package chaos

import (
	"time"

	"kleeblatt/internal/wamp"
)

// What excludes each other stands beside each other for a moment only, when a partition is over: the loser is told, or, where the realm says
// so, stands by until the winner has gone.

const (
	// conflictLasts is how long both may stand in calm times: the verdict has to be the same for half a second, in a view that is settled, and
	// is heard of some lags later.
	conflictLasts = int64(6 * time.Second)
	// conflictStep is how far apart the times are that are tried.
	conflictStep = int64(500 * time.Millisecond)

	ruleOneOwner = "single: one owner"
	ruleStandby  = "standby: the loser stays"
)

// checkConflicts judges, at the end, how long rivals stood beside each other.
func (l *ledger) checkConflicts() {
	if l.standby {
		return
	}
	for _, p := range procedures {
		var list []*registration
		for _, r := range l.held[p.pattern] {
			if r.since != 0 {
				list = append(list, r)
			}
		}
		for i, r := range list {
			for _, o := range list[:i] {
				if r.s == o.s {
					continue
				}
				if at := l.stoodBeside(r, o); at != 0 {
					l.broken(ruleOneOwner, "%v (%v) and %v (%v) have both been registered for %v at %v, and none was told that it had lost",
						o, o.invoke, r, r.invoke, time.Duration(conflictLasts), time.Duration(at))
				}
			}
		}
	}
}

// excludes says that the two cannot stand beside each other.
func (r *registration) excludes(o *registration) bool {
	return r.invoke == wamp.Single || r.invoke != o.invoke
}

// until is when the client gave it back, or lost it, or the world ended.
func (r *registration) until(end int64) int64 {
	for _, at := range []int64{r.over, r.leaving} {
		if at != 0 {
			end = min(end, at)
		}
	}
	return end
}

// stoodBeside is when two rivals have stood beside each other for too long with nothing to excuse it, 0 for never.
func (l *ledger) stoodBeside(r, o *registration) int64 {
	if !r.excludes(o) {
		return 0
	}
	from, until := max(r.since, o.since)+l.wait.visible, min(r.until(l.clock()), o.until(l.clock()))
	for ; from+conflictLasts <= until; from += conflictStep {
		end := from + conflictLasts
		if !r.s.stalledWithin(from, end) && !o.s.stalledWithin(from, end) && l.trouble(r.s.node, o.s.node, from-l.wait.visible, end) == calm &&
			l.settled(r.s.node, from, end) && l.settled(o.s.node, from, end) {
			return end
		}
	}
	return 0
}

// tookOver says that a registration, which is called now, had to wait for an earlier one to leave.
func (l *ledger) tookOver(r *registration) bool {
	for _, o := range l.held[r.pattern] {
		if o != r && o.since != 0 && o.over != 0 && o.over > r.since && o.since <= o.over && o.asked < r.asked && r.excludes(o) {
			return true
		}
	}
	return false
}
