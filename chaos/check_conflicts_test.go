package chaos

import (
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

// TestRivalsStandBesideEachOtherForAMoment: who stays longer, in calm times and with nothing to excuse it, was not told that it has lost.
func TestRivalsStandBesideEachOtherForAMoment(t *testing.T) {
	const end = int64(60 * time.Second)
	second := func(n int64) int64 { return n * int64(time.Second) }
	for _, c := range []struct {
		name                  string
		invoke, other         wamp.Invoke
		revoked               int64 // the loser is told
		shaken, unsettled     bool
		standby, bothAreTheir bool // realm's choice; both are of one session
		want                  bool
	}{
		{"two owners of a single", wamp.Single, wamp.Single, 0, false, false, false, false, true},
		{"two policies", wamp.RoundRobin, wamp.Last, 0, false, false, false, false, true},
		{"they share", wamp.RoundRobin, wamp.RoundRobin, 0, false, false, false, false, false},
		{"told in time", wamp.Single, wamp.Single, second(25), false, false, false, false, false},
		{"told too late", wamp.Single, wamp.Single, second(35), false, false, false, false, true},
		{"a fault between them", wamp.Single, wamp.Single, 0, true, false, false, false, false},
		{"one does not know all", wamp.Single, wamp.Single, 0, false, true, false, false, false},
		{"the loser stands by", wamp.Single, wamp.Single, 0, false, false, true, false, false},
		{"one session", wamp.Single, wamp.Single, 0, false, false, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger(func() int64 { return end })
			l.standby = c.standby
			l.trouble = func(a, b int, from, until int64) trouble {
				if c.shaken {
					return shaken
				}
				return calm
			}
			l.settled = func(node int, from, until int64) bool { return node == 0 || !c.unsettled }
			p := procedures[0].pattern
			r := &registration{pattern: p, s: &session{node: 0}, invoke: c.invoke, since: second(10)}
			o := &registration{pattern: p, s: &session{node: 1}, invoke: c.other, since: second(20), over: c.revoked}
			if c.bothAreTheir {
				o.s = r.s
			}
			l.held[p] = []*registration{r, o}
			l.checkConflicts()
			if got := len(l.violations) > 0; got != c.want {
				t.Errorf("%v, want %v: %v", got, c.want, l.violations)
			}
		})
	}
}

// TestStandbyIsNotRevoked: who loses a conflict where losers stand by keeps what it has.
func TestStandbyIsNotRevoked(t *testing.T) {
	l := play(1, "revoked")
	l.standby, l.violations = true, nil
	for _, s := range l.sessions {
		for _, r := range s.registrations {
			if r.since != 0 && r.over == 0 {
				s.message.Options.Registration = r.id
				l.onRevoked(s, &s.message)
				if len(l.violations) != 1 || l.violations[0].rule != ruleStandby {
					t.Errorf("%v", l.violations)
				}
				return
			}
		}
	}
	t.Error("nobody holds a registration")
}

// TestMended: what was sent in an outage has to come soon after its end, at the latest when the links' patience is over.
func TestMended(t *testing.T) {
	second := func(n int64) int64 { return n * int64(time.Second) }
	for _, c := range []struct{ from, until, want int64 }{
		{second(90), second(95), second(103)},    // over before
		{second(98), second(110), second(113)},   // it ends
		{second(98), second(1000), second(140)},  // it does not
		{second(104), second(1000), second(103)}, // it begins when all has come
	} {
		l := newLedger(func() int64 { return second(1000) })
		l.trouble = func(a, b int, from, until int64) trouble {
			if from < c.until && until > c.from {
				return shaken
			}
			return calm
		}
		if got := l.mended(0, 1, second(100)); got != c.want {
			t.Errorf("an outage from %v to %v: %v, want %v", time.Duration(c.from), time.Duration(c.until), time.Duration(got), time.Duration(c.want))
		}
	}
}
