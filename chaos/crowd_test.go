package chaos

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// play lets a crowd loose on a toy for a while, and then judges.
func play(seed uint64, flaw string) *ledger {
	t := newToy(seed, flaw)
	l := newLedger(t.clock)
	l.trouble = func(a, b int, from, until int64) trouble { return calm }
	l.late = func(a, b int, from, until int64) bool { return false }
	l.torn = func(a, b int, at int64) int64 { return 0 }
	l.gone = func(a, b int, from, until int64) bool { return false }
	l.died = func(node int, from, until int64) bool { return false }
	c := &crowd{place: t, rnd: rand.New(rand.NewPCG(seed, 2)), ledger: l, realm: "realm1", padMax: largePad}
	for range 12 {
		c.add()
	}
	for node := range 3 {
		c.watch(node)
	}
	t.run(int64(100 * time.Second))
	c.stop()
	t.run(int64(130 * time.Second))
	c.probe([]int{0, 1, 2})
	t.run(int64(140 * time.Second))
	l.checkEnd()
	c.checkProbes()
	return l
}

// TestCrowdFindsNothingWhereAllIsWell: the ledger accuses nobody who is innocent, and the crowd is no quiet one.
func TestCrowdFindsNothingWhereAllIsWell(t *testing.T) {
	for seed := range uint64(5) {
		l := play(seed, "")
		for _, v := range l.violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		c := l.count
		if c.Operations < 500 || c.Joined < 20 || c.EventsDue < 200 || c.Results < 100 || c.EventsRemote < 100 || c.ResultsRemote < 50 ||
			c.EventsByPattern < 50 || c.Interrupts == 0 || c.Timeouts == 0 || c.Progress == 0 || c.Conflicts == 0 || c.Stalls == 0 || c.Cancels == 0 {
			t.Errorf("seed %d: it was quiet: %+v", seed, *c)
		}
	}
}

// TestCrowdFindsEachFlaw: a router that breaks one promise is found out by the rule that says so.
func TestCrowdFindsEachFlaw(t *testing.T) {
	for _, c := range []struct{ flaw, rule string }{
		{"ids differ", "ids without agreement"},
		{"unsubscribed in vain", "EVENT only to who is subscribed"},
		{"prefix for all", "EVENT only to who is subscribed"},
		{"event lost", "no loss without a fault"},
		{"own events", "exclusion"},
		{"exclusion ignored", "exclusion"},
		{"publication ids differ", "ids are unique"},
		{"overtaken", "order per pair"},
		{"event twice", "EVENT never twice"},
		{"no PUBLISHED", "one answer per request"},
		{"two owners", "single: one owner"},
		{"revoked", "revocations have a reason"},
		{"call fails", "no failed call without a fault"},
		{"procedure unknown", "no failed call without a fault"},
		{"invoked twice", "one INVOCATION per CALL"},
		{"no INTERRUPT", "INTERRUPT when nobody waits"},
		{"no RESULT", "one final answer per CALL"},
		{"two RESULTs", "one final answer per CALL"},
		{"callee gone in silence", "one final answer per CALL"},
	} {
		t.Run(c.flaw, func(t *testing.T) {
			for seed := range uint64(5) {
				for _, v := range play(seed, c.flaw).violations {
					if v.rule == c.rule {
						return
					}
				}
			}
			t.Errorf("not found by %q", c.rule)
		})
	}
}

// TestContestedByWhoIsBroken: what a broken node's client held until lately may still decide at some of the healed.
func TestContestedByWhoIsBroken(t *testing.T) {
	const now = int64(150 * time.Second)
	p := procedures[slices.IndexFunc(procedures, func(p procedure) bool { return p.invoke == wamp.Single })]
	for _, x := range []struct {
		name        string
		node        int
		since, over time.Duration
		want        bool
	}{
		{"on a broken node", 2, 100, 0, true},
		{"on a broken node until lately", 2, 100, 142, true},
		{"on a broken node long ago", 2, 20, 60, false},
		{"refused on a broken node", 2, 0, 142, false},
		{"on a healed node until lately", 1, 100, 142, false},
	} {
		l := newLedger(func() int64 { return now })
		c := &crowd{ledger: l, healed: []int{0, 1}}
		owner := &registration{pattern: p.pattern, s: &session{node: 0}, invoke: p.invoke, since: now - 1}
		other := &registration{pattern: p.pattern, s: &session{node: x.node}, invoke: p.invoke, since: int64(x.since * time.Second), over: int64(x.over * time.Second)}
		l.held[p.pattern] = []*registration{owner, other}
		if got := c.contested(p, []*registration{owner}); got != x.want {
			t.Errorf("%s: %v", x.name, got)
		}
	}
}

// TestNothingIsLostWithoutAFault: on real nodes and a good network every event comes, and no call fails that had a callee.
func TestNothingIsLostWithoutAFault(t *testing.T) {
	r := run(t, Options{Seed: 4, Nodes: 3, Calm: true, Duration: 60 * time.Second})
	if c := &r.Count; c.Operations < 200 || c.EventsRemote < 100 || c.ResultsRemote < 30 || c.Joined < 12 {
		t.Errorf("it was quiet: %+v", *c)
	}
}

// TestCalleeThatDoesNotRead: a call does not fail while its callee is there. One that does not read may have been cut off, or may have lost what
// it registered, and hears of it only behind what it has not read.
func TestCalleeThatDoesNotRead(t *testing.T) {
	const now = int64(150 * time.Second)
	at := func(s int64) int64 { return s * int64(time.Second) }
	p := pattern{wamp.Exact, "p.single.a"}
	for _, x := range []struct {
		name   string
		callee session
		broken bool
	}{
		{"reads", session{}, true},
		{"did not read long ago", session{stalls: []span{{at(120), at(124)}}}, true},
		{"did not read just before", session{stalls: []span{{at(140), at(148)}}}, false},
		{"does not read", session{stalled: at(145)}, false},
	} {
		for _, uri := range []string{wamp.ErrNoSuchProcedure, wamp.ErrCanceled} {
			for _, invoked := range []bool{false, true} {
				l := newLedger(func() int64 { return now })
				l.trouble = func(int, int, int64, int64) trouble { return calm }
				l.torn = func(int, int, int64) int64 { return 0 }
				callee := x.callee
				callee.node, callee.state = 1, sessionOpen
				l.held[p] = []*registration{{pattern: p, s: &callee, invoke: wamp.Single, asked: at(100), since: at(101)}}
				c := &call{s: &session{state: sessionOpen}, procedure: p.uri, at: at(149)}
				if invoked {
					c.invoked = &invocation{call: c, s: &callee, at: at(149)}
				}
				if why := l.blame(c, uri); (why != "") != x.broken {
					t.Errorf("%s, %s, invoked %v: %q", x.name, uri, invoked, why)
				}
			}
		}
	}
}

// TestInterruptedWithoutReason: a callee is interrupted when nobody waits for its answer. A caller that has not read may have been cut off, and
// hears of it only behind what it has not read.
func TestInterruptedWithoutReason(t *testing.T) {
	const now = int64(150 * time.Second)
	at := func(s int64) int64 { return s * int64(time.Second) }
	for _, x := range []struct {
		name   string
		caller session
		call   call
		broken bool
	}{
		{"waits", session{}, call{}, true},
		{"has cancelled", session{}, call{cancelled: now - 1}, false},
		{"was told an error", session{}, call{answered: now - 1}, false},
		{"is gone", session{state: sessionOver}, call{}, false},
		{"did not read just before", session{stalls: []span{{at(140), at(144)}}}, call{}, false},
		{"does not read", session{stalled: at(148)}, call{}, false},
		{"did not read long ago", session{stalls: []span{{at(120), at(124)}}}, call{}, true},
	} {
		l := newLedger(func() int64 { return now })
		l.trouble = func(int, int, int64, int64) trouble { return calm }
		if x.caller.state == 0 {
			x.caller.state = sessionOpen
		}
		x.call.s, x.call.at = &x.caller, at(146)
		l.checkInterrupt(&invocation{call: &x.call, s: &session{node: 1}, at: at(147)})
		if got := len(l.violations) > 0; got != x.broken {
			t.Errorf("a caller that %s: %v", x.name, l.violations)
		}
	}
}

// TestRevokedWithoutAFault: of two rivals a claim refuses one before it is told REGISTERED; that an owner is revoked needs a fault.
func TestRevokedWithoutAFault(t *testing.T) {
	now := int64(150 * time.Second)
	p := pattern{wamp.Exact, "p.single.a"}
	for _, x := range []struct {
		name   string
		level  trouble
		late   bool
		rivals int
		broken int
	}{
		{"nobody else holds it", calm, false, 0, 1},
		{"a rival all the time in reach", calm, false, 1, 1},
		{"a rival behind a fault", torn, false, 1, 0},
		{"a rival whose claim came late", calm, true, 1, 0},
	} {
		l := newLedger(func() int64 { return now })
		l.trouble = func(a, b int, _, _ int64) trouble {
			if a == b {
				return calm
			}
			return x.level
		}
		l.late = func(a, b int, _, _ int64) bool { return a != b && x.late }
		s := &session{state: sessionOpen}
		r := &registration{pattern: p, s: s, id: 7, invoke: wamp.Single, asked: now - 2, since: now - 1}
		s.registrations = []*registration{r}
		l.held[p] = []*registration{r}
		for range x.rivals {
			o := &registration{pattern: p, s: &session{node: 1, state: sessionOpen}, invoke: wamp.Single, asked: now - 3, since: now - 2}
			l.held[p] = append(l.held[p], o)
		}
		m := new(codec.Message)
		m.Options.Registration = 7
		if got := l.onRevoked(s, m); got != r || len(l.violations) != x.broken {
			t.Errorf("%s: %v, %v", x.name, got, l.violations)
		}
	}
}
