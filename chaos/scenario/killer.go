package scenario

import (
	"context"
	"syscall"
	"time"

	"kleeblatt/chaos/raw"
)

const (
	// downTime is between the end of a node and its new start: as long as a container takes to be replaced.
	downTime = time.Second
	// wholeTime is how long a kill waits for the cluster to be complete again after the one before.
	wholeTime = 20 * time.Second
	// graceTime is what a node has between SIGTERM and SIGKILL.
	graceTime = 5 * time.Second
)

// kills ends one node after the other, the first one first and the rest in an order drawn from the seed, and starts each again. A kill is due
// at first and then each period, but not before the cluster is complete again; with both, every second one is a SIGTERM. It returns
// when they were.
func (l *lab) kills(ctx context.Context, first, period, until time.Duration, both bool) (at []float64, err error) {
	r := l.chance(0)
	var order []int
	for k, due := 0, first; due < until; k, due = k+1, due+period {
		if len(order) == 0 {
			order = r.Perm(l.cell.Nodes)
			for i, n := range order {
				if n == 0 && k == 0 {
					order[0], order[i] = order[i], order[0]
				}
			}
		}
		if err := pause(ctx, time.Until(l.began.Add(due))); err != nil {
			return at, err
		}
		node := order[0]
		order = order[1:]
		sig, what := syscall.SIGKILL, "SIGKILL"
		if both && k%2 == 1 {
			sig, what = syscall.SIGTERM, "SIGTERM"
		}
		at = append(at, l.now())
		l.raw.Add(raw.Row{Kind: raw.Fault, T: l.now(), Node: node + 1, What: what})
		l.cluster.End(node, sig, graceTime)
		if err := pause(ctx, downTime); err != nil {
			return at, err
		}
		l.raw.Add(raw.Row{Kind: raw.Fault, T: l.now(), Node: node + 1, What: "start"})
		if err := l.cluster.Restart(node); err != nil {
			return at, err
		}
		if l.whole(ctx, node) {
			l.raw.Add(raw.Row{Kind: raw.Fault, T: l.now(), Node: node + 1, What: "complete"})
		}
		due = max(due, time.Since(l.began)-period)
	}
	return at, nil
}

// whole waits until a node that was started again has its part, and says whether it got it.
func (l *lab) whole(ctx context.Context, node int) bool {
	ctx, cancel := context.WithTimeout(ctx, wholeTime)
	defer cancel()
	return l.cluster.Ready(ctx, node) == nil && l.cluster.Settled(ctx, node) == nil
}
