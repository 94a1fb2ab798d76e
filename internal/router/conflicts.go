package router

import (
	"slices"

	"kleeblatt/dealer"
	"kleeblatt/internal/wamp"
)

// Two confirmed entries that exclude each other can meet only after a partition. The index routes to the earlier
// one at once, on every node the same. The loser's owner judges it, in a settled view and only when the verdict has been the
// same for a while: what looks like a conflict may be the past, still on its way out.

const (
	// verdictTime is how long a verdict has to stay the same, in nanoseconds: longer than a session that moved to another node takes to
	// be gone everywhere.
	verdictTime = int64(500e6)
	// verdictAgain is when a verdict that is due in a view that is not settled is looked at again.
	verdictAgain = int64(50e6)
	// clockAheadMax is how far another node's clock may be ahead of ours before somebody is told, in milliseconds.
	clockAheadMax = 60_000
	// clockWarnEvery bounds how often.
	clockWarnEvery = int64(60e9)
)

// ConflictPolicy is what becomes of the loser when two owners of a procedure meet.
type ConflictPolicy uint8

const (
	Revoke  ConflictPolicy = iota // its registration ends, and it is told
	Standby                       // it stays in reserve: called when the winner is gone
)

// TablesStats count what is rare, since the start.
type TablesStats struct {
	ClaimsConfirmed uint64 // procedures that were free
	ClaimsRefused   uint64 // by another node, or by its entry
	ClaimsTimedOut  uint64 // confirmed although not every reachable node had answered
	ClaimsWithdrawn uint64 // the session left while it waited
	RefusalsSent    uint64 // objections to other nodes' claims
	Revoked         uint64 // registrations that lost a conflict and ended
	StoodBy         uint64 // registrations that lost a conflict and wait in reserve
	VerdictsChanged uint64 // conflicts that were over, or had another winner, before anybody was revoked
	ClockAhead      uint64 // times that a node's clock was found more than a minute ahead

	Claiming int // claims that wait, now
	Reserves int // registrations of this node in reserve, now
}

// Stats returns the counters.
func (t *Tables) Stats() TablesStats {
	s := t.stats
	for k := range t.flights {
		if t.claimOf(k) != nil {
			s.Claiming++
		}
	}
	for _, v := range t.verdicts {
		if v.stands {
			s.Reserves += len(t.losers(v.key))
		}
	}
	return s
}

// Conflict is what an owner decided about an entry of its own.
type Conflict struct {
	Realm   string
	Match   wamp.Match
	URI     string
	ID      uint64 // of the registration
	Session uint64 // the loser
	Winner  uint64 // the session that is called
	Node    string // its node
	Policy  ConflictPolicy
}

// verdict is a conflict that entries of this node are about to lose.
type verdict struct {
	key    tableKey
	winner dealer.Callee
	since  int64 // 0: not seen in a settled view yet
	stands bool  // it was carried out; who is still there is in reserve
}

// losers are the sessions of this node that lose the key's conflict.
func (t *Tables) losers(k tableKey) (all []dealer.Callee) {
	r := t.registration(k)
	if r == nil {
		return nil
	}
	for _, c := range r.Callees[len(r.Called()):] {
		if c.Node == 0 {
			all = append(all, c)
		}
	}
	return all
}

// judge is called when a registration has changed.
func (t *Tables) judge(k tableKey) {
	r := t.registration(k)
	if len(t.verdicts) == 0 && (r == nil || len(r.Called()) == len(r.Callees)) {
		return
	}
	at := slices.IndexFunc(t.verdicts, func(v *verdict) bool { return v.key == k })
	lost := len(t.losers(k)) > 0
	switch {
	case !lost && at < 0:
	case !lost:
		if !t.verdicts[at].stands {
			t.stats.VerdictsChanged++
		}
		t.verdicts = slices.Delete(t.verdicts, at, at+1)
	case at < 0:
		t.verdicts = append(t.verdicts, &verdict{key: k, winner: r.Callees[0]})
		t.wakeAt = 1
	case !t.verdicts[at].winner.Same(&r.Callees[0]):
		if !t.verdicts[at].stands {
			t.stats.VerdictsChanged++
		}
		*t.verdicts[at] = verdict{key: k, winner: r.Callees[0]}
		t.wakeAt = 1
	}
}

// WakeAt is when Tick has to be called at the latest, 0 for never. The time may have passed.
func (t *Tables) WakeAt() int64 { return t.wakeAt }

// Tick judges what is due. now is monotonic in nanoseconds, wall is wall-clock time in milliseconds; settled says that what other nodes
// have is known here, as far as they can be reached.
func (t *Tables) Tick(now, wall int64, settled bool, out []TablesEffect) []TablesEffect {
	t.wakeAt = 0
	out = t.judgeClocks(now, wall, out)
	for _, v := range slices.Clone(t.verdicts) {
		switch {
		case v.stands:
			continue
		case !settled || t.flights[v.key] != nil:
		case v.since == 0:
			v.since = max(now, 1)
		case now-v.since >= verdictTime:
			out = t.execute(v, out)
			continue
		}
		due := now + verdictAgain
		if v.since != 0 {
			due = max(v.since+verdictTime, due)
		}
		if t.wakeAt == 0 || due < t.wakeAt {
			t.wakeAt = due
		}
	}
	return out
}

// execute carries a verdict out.
func (t *Tables) execute(v *verdict, out []TablesEffect) []TablesEffect {
	realm := t.realms.at(v.key.realm)
	id := t.registration(v.key).ID
	losers := t.losers(v.key)
	v.stands = true
	for i := range losers {
		c := &losers[i]
		told := &Conflict{realm.Name, v.key.match, v.key.uri, id, c.Session, v.winner.Session, v.winner.NodeName, realm.Conflict}
		if realm.Conflict == Standby {
			t.stats.StoodBy++
		} else {
			t.stats.Revoked++
			out = t.revoke(v.key, id, c, out)
		}
		out = append(out, TablesEffect{Kind: TxConflict, Conflict: told})
	}
	return out
}

func (t *Tables) revoke(k tableKey, id uint64, c *dealer.Callee, out []TablesEffect) []TablesEffect {
	return t.revokeFor(k, id, c, wamp.ErrProcedureAlreadyExists, out)
}

// revokeFor ends a registration of this node; its session is told why.
func (t *Tables) revokeFor(k tableKey, id uint64, c *dealer.Callee, reason string, out []TablesEffect) []TablesEffect {
	e := t.elementOf(k, c)
	t.removeCallee(k, 0, c.Session)
	t.scratch = AppendRegistration(t.scratch[:0], &e)
	out = append(out, TablesEffect{Kind: TxPropose, Op: TableOp{Element: string(t.scratch)}})
	return append(out, TablesEffect{Kind: TxRevoked, Session: c.Session, ID: id, Err: reason})
}

// elementOf is the element that a confirmed entry of this node stands for.
func (t *Tables) elementOf(k tableKey, c *dealer.Callee) Element {
	return Element{
		Realm: t.realms.at(k.realm).Name, Match: k.match, URI: k.uri, Session: c.Session, Invoke: c.Invoke,
		Concurrency: c.Concurrency, Order: c.Order, DiscloseCaller: c.DiscloseCaller,
		ForwardTimeout: c.ForwardTimeout,
	}
}

// ahead is a node whose clock seems to be ahead, until the wall clock has been asked.
type ahead struct {
	node  NodeSlot
	order uint64
}

// seen takes the clock of another node's entry.
func (t *Tables) seen(node NodeSlot, order uint64) {
	if order > t.clock && order-t.clock > clockAheadMax<<clockBits {
		at := slices.IndexFunc(t.ahead, func(a ahead) bool { return a.node == node })
		if at < 0 {
			t.ahead = append(t.ahead, ahead{node, order})
		} else {
			t.ahead[at].order = max(t.ahead[at].order, order)
		}
		t.wakeAt = 1
	}
	if order < clockMax {
		t.clock = max(t.clock, order)
	}
}

// judgeClocks counts and tells whose clock is too far ahead of ours.
func (t *Tables) judgeClocks(now, wall int64, out []TablesEffect) []TablesEffect {
	for _, a := range t.ahead {
		by := int64(a.order>>clockBits) - wall
		if by <= clockAheadMax {
			continue
		}
		t.stats.ClockAhead++
		if last := t.warned[a.node]; last == 0 || now-last >= clockWarnEvery {
			t.warned[a.node] = max(now, 1)
			out = append(out, TablesEffect{Kind: TxClockAhead, Node: a.node, Wait: by})
		}
	}
	t.ahead = t.ahead[:0]
	return out
}
