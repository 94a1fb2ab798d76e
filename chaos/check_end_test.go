package chaos

import (
	"testing"
	"time"
)

// TestWhatACutHidesIsExcused: an event has to come over a path that was late only where the publisher's node could know of the subscription.
func TestWhatACutHidesIsExcused(t *testing.T) {
	const cut, publishes = int64(40 * time.Second), int64(49 * time.Second)
	for _, c := range []struct {
		name  string
		since time.Duration
		want  trouble
	}{
		{"subscribed long before the cut", 20 * time.Second, calm},
		{"subscribed as the cut began", 39 * time.Second, shaken},
		{"subscribed in the cut", 43 * time.Second, shaken},
		{"subscribed in the cut, a while before the event", 46 * time.Second, shaken},
		{"subscribed just before the event", 47 * time.Second, torn},
	} {
		l := newLedger(func() int64 { return int64(200 * time.Second) })
		l.trouble = func(a, b int, from, until int64) trouble {
			if until < cut || a == b {
				return calm
			}
			return shaken
		}
		l.torn = func(a, b int, at int64) int64 { return 0 }
		p := &publication{s: &session{node: 1}, at: publishes, acked: publishes}
		if got := l.due(p, &subscription{s: &session{node: 2}, since: int64(c.since)}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestWhatWasKnownBeforeACutIsDue: also of a subscription that another cut hid at first.
func TestWhatWasKnownBeforeACutIsDue(t *testing.T) {
	l := newLedger(func() int64 { return int64(200 * time.Second) })
	l.trouble = func(a, b int, from, until int64) trouble {
		if from < int64(25*time.Second) || until > int64(52*time.Second) {
			return shaken
		}
		return calm
	}
	l.torn = func(a, b int, at int64) int64 { return 0 }
	p := &publication{s: &session{node: 1}, at: int64(60 * time.Second), acked: int64(60 * time.Second)}
	if got := l.due(p, &subscription{s: &session{node: 2}, since: int64(20 * time.Second)}); got != calm {
		t.Errorf("%v", got)
	}
}
