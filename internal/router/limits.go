package router

import (
	"math"
	"time"
)

// The defaults of Limits.
const (
	defaultHelloBytes     = 64 << 10         // who has not joined yet gets no more memory than a HELLO with a certificate needs
	defaultMessageBytes   = 16 << 20         // what RawSocket can announce at most
	defaultHelloTimeout   = 10 * time.Second // a slow mobile network included
	defaultGoodbyeTimeout = 2 * time.Second  // one round trip and some waiting behind queued events
	defaultPauseMax       = 50 * time.Millisecond
	defaultSessions       = 1 << 22  // per worker; the slot table takes 200 bytes each
	defaultSubscriptions  = 1 << 16  // per session
	defaultRegistrations  = 1 << 16  // per session
	defaultCalls          = 1 << 14  // pending per calling session
	defaultInvocations    = 1 << 16  // pending per callee session, whoever calls it
	defaultWaiting        = 1 << 12  // proposals of a session that the tables have not answered yet
	defaultTestaments     = 16       // per session: one for each thing that others have to know of its end
	defaultTestamentBytes = 64 << 10 // of a session together: every node keeps them
)

const (
	// pausesMax bounds the publishers that wait for receivers on one worker. Above it nobody is paused any more and the bound of the
	// outbox decides alone.
	pausesMax = 1 << 16
	// arenaKeepBytes is how much memory for effects is kept between steps: one burst of large messages must not pin its memory.
	arenaKeepBytes = 1 << 20
	// barrierMax bounds options.x_barrier, in milliseconds: who waits longer than an outage lasts wants to hear that it does.
	barrierMax = 60_000
	// matchCacheMax bounds the topics whose matches a worker remembers.
	matchCacheMax = 4096
)

// SlowConsumer is what happens to a session whose outbox is full.
type SlowConsumer uint8

const (
	Disconnect SlowConsumer = iota // the session is closed
	Drop                           // events are dropped and counted; a reply that does not fit closes the session all the same
)

// Limits bounds what one worker and its sessions may use. A zero field means its default.
type Limits struct {
	HelloBytes     int           // largest message before WELCOME
	MessageBytes   int           // largest message after it
	HelloTimeout   time.Duration // from the connection's opening to HELLO
	GoodbyeTimeout time.Duration // from our GOODBYE to the client's
	PauseMax       time.Duration // how long a publisher waits for one slow receiver
	Sessions       int           // per worker, connections before HELLO included
	Subscriptions  int           // per session
	Registrations  int           // per session
	Calls          int           // pending, per calling session
	Invocations    int           // pending, per called session
	Waiting        int           // unanswered SUBSCRIBE and REGISTER, per session; 65535 at most
	Testaments     int           // per session
	TestamentBytes int           // of a session's testaments together
	Rate, Burst    int           // see SessionLimits; zero: there is none
	RateGrace      time.Duration // that a session may be held up for its rate at a stretch before it is closed; zero: it is slowed, never closed
	SlowConsumer   SlowConsumer
}

func (l Limits) withDefaults() Limits {
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orTime := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	orInt(&l.HelloBytes, defaultHelloBytes)
	orInt(&l.MessageBytes, defaultMessageBytes)
	orTime(&l.HelloTimeout, defaultHelloTimeout)
	orTime(&l.GoodbyeTimeout, defaultGoodbyeTimeout)
	orTime(&l.PauseMax, defaultPauseMax)
	orInt(&l.Sessions, defaultSessions)
	orInt(&l.Subscriptions, defaultSubscriptions)
	orInt(&l.Registrations, defaultRegistrations)
	orInt(&l.Calls, defaultCalls)
	orInt(&l.Invocations, defaultInvocations)
	orInt(&l.Waiting, defaultWaiting)
	orInt(&l.Testaments, defaultTestaments)
	orInt(&l.TestamentBytes, defaultTestamentBytes)
	l.Waiting = min(l.Waiting, math.MaxUint16)
	return l
}
