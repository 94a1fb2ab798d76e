package router

import (
	"slices"
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

// chatter is a session that says the same again and again, at times of the test's choice.
type chatter struct {
	*bench
	conn   Conn
	now    int64
	paused bool
	pauses int
	closed bool
}

func newChatter(t *testing.T, realm string) *chatter {
	b := newBench(t, 1)
	c, _ := b.joinRealm(realm, wamp.JSON)
	return &chatter{bench: b, conn: c, now: 1}
}

func (c *chatter) step(in Input) {
	in.Now = c.now
	for _, e := range c.w.Step(&in, nil) {
		switch e.Kind {
		case FxPause:
			c.paused = true
			c.pauses++
		case FxResume:
			c.paused = false
		case FxClose:
			c.closed = true
		}
	}
}

func (c *chatter) say(msg string) { c.step(Input{Kind: InMessage, Conn: c.conn, Bytes: []byte(msg)}) }

// pass lets time pass, in ticks as a loop has them.
func (c *chatter) pass(d time.Duration) {
	for end := c.now + int64(d); c.now < end; {
		c.now = min(end, c.now+int64(10*time.Millisecond))
		c.step(Input{Kind: InTick})
	}
}

const chat = `[16,1,{},"com.a"]`

// TestRateSlows: who says more than it may is slowed to its rate, and is left in peace when it has caught up.
func TestRateSlows(t *testing.T) {
	c := newChatter(t, "rated") // 100 a second, 50 ahead
	for range 50 {
		c.say(chat)
	}
	if c.paused {
		t.Fatal("what a session may be ahead holds it up")
	}
	c.say(chat)
	if !c.paused {
		t.Fatal("it is not held up")
	}
	said := 0
	for range 1000 { // ten seconds of a client that never stops
		c.pass(10 * time.Millisecond)
		for !c.paused {
			c.say(chat)
			said++
		}
	}
	if said < 990 || said > 1010 {
		t.Errorf("%d messages in ten seconds, not 1000", said)
	}
	if c.pauses > 210 {
		t.Errorf("it was stopped %d times: the loop has better to do", c.pauses)
	}
	c.pass(time.Second)
	if c.say(chat); c.paused || c.w.Stats().Throttled == 0 {
		t.Errorf("paused: %v, counted: %d", c.paused, c.w.Stats().Throttled)
	}
}

// TestRateOnlySlows: where nobody asked for a grace, a session that never stops is held to its rate for an hour, and is never closed.
func TestRateOnlySlows(t *testing.T) {
	c := newChatter(t, "rated")
	said := 0
	for end := c.now + int64(time.Hour); c.now < end; c.pass(50 * time.Millisecond) {
		for !c.paused && !c.closed {
			c.say(chat)
			said++
		}
	}
	s := c.w.Stats()
	if c.closed || s.RateClosed != 0 || s.Sessions != 1 {
		t.Errorf("closed: %v, %d for their rate, %d sessions", c.closed, s.RateClosed, s.Sessions)
	}
	if most := 100*3600 + 100; said < most*9/10 || said > most || s.Throttled == 0 {
		t.Errorf("%d messages in an hour at 100 a second, held up %d times", said, s.Throttled)
	}
}

// TestRateCloses: where there is a grace, who never catches up is closed when it is over; who does now and then is not.
func TestRateCloses(t *testing.T) {
	const grace = time.Minute
	c := newChatter(t, "rated")
	c.w.limits.RateGrace = grace
	start := c.now
	for !c.closed && c.now-start < int64(2*grace) {
		for !c.paused && !c.closed {
			c.say(chat)
		}
		c.pass(50 * time.Millisecond)
	}
	if d := time.Duration(c.now - start); !c.closed || d < grace || d > grace+2*time.Second {
		t.Errorf("closed: %v, after %v", c.closed, d)
	}
	if s := c.w.Stats(); s.RateClosed != 1 || s.Sessions != 0 || len(c.w.heldSince) != 0 {
		t.Errorf("%+v, %d held", s, len(c.w.heldSince))
	}
	c = newChatter(t, "rated")
	c.w.limits.RateGrace = grace
	for range 10 {
		for until := c.now + int64(20*time.Second); c.now < until; c.pass(50 * time.Millisecond) {
			for !c.paused {
				c.say(chat)
			}
		}
		c.pass(2 * time.Second)
	}
	if c.closed || len(c.w.heldSince) > 1 {
		t.Error("a session that catches up is closed")
	}
}

// TestRateOfChanges: what every node hears of counts for more.
func TestRateOfChanges(t *testing.T) {
	c := newChatter(t, "rated")
	n := 0
	for !c.paused && n < 100 {
		c.say(`[34,1,7]`)
		n++
	}
	if n != 3 { // 20 each, 50 ahead
		t.Errorf("held up after %d changes", n)
	}
}

// TestNoRate: without a rate nobody is slowed.
func TestNoRate(t *testing.T) {
	c := newChatter(t, "r")
	for range 100_000 {
		c.say(chat)
	}
	if c.paused || c.w.Stats().Throttled != 0 {
		t.Error("slowed")
	}
}

// TestMessageSizeOfARole: the transport is told what its sessions may send, never more than the node takes.
func TestMessageSizeOfARole(t *testing.T) {
	b := newBench(t, 1)
	b.step(Input{Kind: InOpened, Conn: 1, Serializer: wamp.JSON})
	fx := b.message(1, []byte(`[1,"small",`+allFeatures+`]`))
	if i := slices.IndexFunc(fx, func(e Effect) bool { return e.Kind == FxLimit }); i < 0 || fx[i].N != 1000 {
		t.Errorf("%+v", fx)
	}
}
