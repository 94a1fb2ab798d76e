package report

import (
	"fmt"

	"kleeblatt/chaos/raw"
)

// writes judges T1: what changes the tables succeeds while nodes are gone, cut off or stopped.
func (b *Book) writes() Verdict {
	const id, claim = "T1", "While nodes are gone, cut off or stopped, SUBSCRIBE and REGISTER succeed within 1 s for gossip in every component, for Raft not without a majority."
	subs, ok1 := b.value("A2", ours, "worst component: subscribes ok", 0)
	regs, ok2 := b.value("A2", ours, "worst component: registers ok", 0)
	theirSubs, ok3 := b.value("A2", lan, "worst component: subscribes ok", 0)
	theirRegs, ok4 := b.value("A2", lan, "worst component: registers ok", 0)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return openVerdict(id, claim, "A2 was not run.")
	}
	why := fmt.Sprintf("In the worst component of A2 %s of gossip's SUBSCRIBEs and %s of its REGISTERs succeeded within 1 s, of `%s`'s %s and %s.", said(subs), said(regs), lan, said(theirSubs), said(theirRegs))
	switch {
	case subs.Least >= 100 && regs.Least >= 100 && theirSubs.Most <= 1:
		return Verdict{id, claim, confirmed, why}
	case subs.Least >= 100 && theirSubs.Most <= 1:
		return Verdict{id, claim, refuted, why + " So the claim holds for SUBSCRIBE and not for REGISTER: one that comes right after a cut waits for the nodes that nobody knows to be away yet before it is granted."}
	case subs.Median <= theirSubs.Median:
		return Verdict{id, claim, refuted, why}
	}
	return openVerdict(id, claim, why)
}

// storm judges T2.
func (b *Book) storm() Verdict {
	const id, claim = "T2", "Sessions per second with a subscription stay level or rise with the number of nodes for gossip, and fall for Raft."
	const name = "sessions per CPU second"
	one, ok := b.value("C1", ours, name, 1)
	most := 0
	for _, n := range []int{7, 5, 3} {
		if _, has := b.value("C1", ours, name, n); has && most == 0 {
			most = n
		}
	}
	if !ok || most == 0 {
		return openVerdict(id, claim, "C1 was not run with one node and with several.")
	}
	many, _ := b.value("C1", ours, name, most)
	raft1, ok1 := b.value("C1", lan, name, 1)
	raftN, ok2 := b.value("C1", lan, name, most)
	if !ok1 || !ok2 {
		return openVerdict(id, claim, "C1 has no run of Raft to compare.")
	}
	p1, _ := b.value("C1", ours, "SUBSCRIBED p99", most)
	p2, _ := b.value("C1", lan, "SUBSCRIBED p99", most)
	why := fmt.Sprintf("From 1 to %d nodes gossip goes from %s to %s sessions per CPU second, `%s` from %s to %s; SUBSCRIBED takes %s and %s (p99) with %d nodes. All nodes share this machine's processors, so per CPU second is what can be compared.",
		most, one, many, lan, raft1, raftN, said(p1), said(p2), most)
	switch {
	case many.Median >= 0.9*one.Median && raftN.Median < 0.9*raft1.Median:
		return Verdict{id, claim, confirmed, why}
	case many.Median < 0.9*one.Median && many.Median > raftN.Median:
		return Verdict{id, claim, refuted, why + " Gossip falls too, though less than Raft: each change still costs every node something."}
	case many.Median < 0.9*one.Median:
		return Verdict{id, claim, refuted, why}
	}
	return openVerdict(id, claim, why)
}

// staleness judges T3.
func (b *Book) staleness() Verdict {
	const id, claim = "T3", "What gossip's staleness costs is small, and Raft is not free of it either: SUBSCRIBED on one node does not say that all others have applied it."
	const name = "missed right after SUBSCRIBED"
	g, ok1 := b.value("C2", ours, name, 0)
	r, ok2 := b.value("C2", lan, name, 0)
	if !ok1 || !ok2 {
		return openVerdict(id, claim, "C2 was not run.")
	}
	gt, _ := b.value("C2", ours, "seen everywhere p99", 0)
	rt, _ := b.value("C2", lan, "seen everywhere p99", 0)
	why := fmt.Sprintf("An event published on another node the moment SUBSCRIBED came was missed by %s with gossip and %s with `%s`; a subscription was seen from another node after %s and %s (p99).", said(g), said(r), lan, said(gt), said(rt))
	if r.Median > 0 && g.Median <= r.Median+5 {
		return Verdict{id, claim, confirmed, why}
	}
	if r.Median == 0 && g.Median > 0 {
		return Verdict{id, claim, refuted, why}
	}
	return openVerdict(id, claim, why)
}

// locality judges T4.
func (b *Book) locality() Verdict {
	const id, claim = "T4", "A publication crosses to each node that has a subscriber once, not to all nodes and not once per subscriber."
	const name = "link frames per event, one node with subscribers"
	g, ok := b.value("S1", ours, name, 0)
	if !ok {
		return openVerdict(id, claim, "S1 was not run.")
	}
	why := fmt.Sprintf("With all subscribers on one other node, %s frames of data crossed links per publication.", g)
	if p, has := b.value("S1", "raft-paper", name, 0); has {
		why += fmt.Sprintf(" The re-implementation of the 2019 design, which floods, takes %s.", p)
	}
	if g.Most <= 1.05 {
		return Verdict{id, claim, confirmed, why}
	}
	return Verdict{id, claim, refuted, why}
}

// growth judges T5.
func (b *Book) growth() Verdict {
	const id, claim = "T5", "Tables do not grow with the number of subscriptions that come and go."
	const name = "memory after churn, per cycle"
	g, ok := b.value("M1", ours, name, 0)
	if !ok {
		return openVerdict(id, claim, "M1 was not run. The repository's own test of a million subscription cycles holds the heap level.")
	}
	r, _ := b.value("M1", lan, name, 0)
	why := fmt.Sprintf("After the churn of M1 all nodes together hold %s more per cycle with gossip, %s with `%s`, which takes snapshots.", said(g), said(r), lan)
	if g.Most < 16 {
		return Verdict{id, claim, confirmed, why}
	}
	return openVerdict(id, claim, why)
}

// crash is T5b: what is measured can refute that something never happens, but not confirm it.
func (b *Book) crash() Verdict {
	const id, claim = "T5b", "No correlated crash: no table operation takes other nodes down."
	runs, crashed := 0, 0
	b.each(func(r *raw.Run) {
		if r.Header.System != ours && r.Header.System != "kleeblatt" {
			return
		}
		runs++
		if v, ok := r.Figure("a node ended by itself"); ok && v.Value > 0 {
			crashed++
		}
	})
	why := fmt.Sprintf("In %d of %d runs of ours a node ended by itself. That it never happens is no matter of measurement: decoders and table operations are fuzzed, and the simulator looks for it.", crashed, runs)
	if crashed > 0 {
		return Verdict{id, claim, refuted, why}
	}
	return openVerdict(id, claim, why)
}

// rejoin judges T6.
func (b *Book) rejoin() Verdict {
	const id, claim = "T6", "Any node, the first one too, may die and come back: clients connect all the time and there is no second cluster."
	g, ok := b.value("L1", ours, "connect ok", 5)
	if !ok {
		return openVerdict(id, claim, "L1 was not run.")
	}
	why := fmt.Sprintf("In L1 with 5 nodes, the first one killed first, %s of gossip's connects succeeded", said(g))
	for _, other := range []string{plain, lan, "raft-paper", "single", "crossbar"} {
		if v, has := b.value("L1", other, "connect ok", 0); has {
			why += fmt.Sprintf(", %s of `%s`'s", said(v), other)
		}
	}
	why += "."
	back, whole := b.value("A1", ours, "event back after a fault, longest", 0)
	switch {
	case g.Least < 100:
		return Verdict{id, claim, refuted, why}
	case !whole:
		return openVerdict(id, claim, why+" Connects alone do not show that there is one cluster; A1, in which events cross from node to node, was not run.")
	}
	return Verdict{id, claim, confirmed, why + fmt.Sprintf(" That there is one cluster is seen in A1: after each kill events crossed from each node to its neighbour again within %s.", said(back))}
}

// raftWins are the cases in which Raft is the better choice. The first are properties of the protocols, the rest is measured.
func (b *Book) raftWins() (lines []string) {
	lines = append(lines,
		"Where two owners of one procedure must never exist, not even on two sides of a cut: with Raft the side without a majority refuses to register. With gossip both sides accept, and after the heal the earlier one keeps it and the other one is told.",
		"Where it is better to get an error than to act on a partial view: a minority's client of a Raft cluster learns within 5 s that its SUBSCRIBE counts for nothing; a gossip client is served with what its side can reach.",
		"Where all nodes must see changes of the tables in one order, for session meta events too: the log gives that, gossip gives an order per node.")
	for _, side := range []string{"2 against 3", "2 against 2 against 1"} {
		name := "accepted twice, " + side
		g, ok1 := b.value("A2", ours, name, 0)
		r, ok2 := b.value("A2", lan, name, 0)
		if ok1 && ok2 {
			lines = append(lines, fmt.Sprintf("Measured in A2 (%s): procedures with one owner that were granted in more than one component: %s with gossip, %s with `%s`.", side, g, r, lan))
		}
	}
	if g, ok := b.value("C2", ours, "missed right after SUBSCRIBED", 0); ok {
		if r, ok := b.value("C2", lan, "missed right after SUBSCRIBED", 0); ok && r.Median < g.Median {
			lines = append(lines, fmt.Sprintf("Measured in C2: an event published elsewhere right after SUBSCRIBED was missed by %s with `%s`, %s with gossip.", said(r), lan, said(g)))
		}
	}
	return lines
}
