package bench

import (
	"fmt"
	"time"

	"kleeblatt/internal/client"
)

// The flows.
const (
	PubSub  = "pubsub"  // publishers and subscribers
	RPC     = "rpc"     // callers and callees that echo
	Connect = "connect" // join and leave, again and again
	Idle    = "idle"    // many sessions that wait, each reached once at the end
)

const (
	// PayloadMin is the room for a stamp.
	PayloadMin = stampBytes
	// PayloadMax leaves room for the head in the largest message that a router takes (16 MiB).
	PayloadMax = 15 << 20
	// InFlightMax bounds a sender's unanswered messages, in an open loop too: 16 bytes each.
	InFlightMax = 4096
	// SessionsMax is a million: more is no matter of one process.
	SessionsMax = 1_000_000
	// pairsMax bounds the pairs of a sender and a receiver that hear each other: 40 bytes each.
	pairsMax = 4_000_000
	// RateMax is above what one process can send, and a nanosecond apart.
	RateMax = 1e9
)

// Config says what to load and how. All fields are needed but those that say otherwise.
type Config struct {
	Flow         string
	Client       client.Config  // URLs, realm, serializer, secret; sessions are spread over the URLs in turn
	ReceiverURLs []string       // of subscribers and callees; nil: Client's
	Duration     time.Duration  // measured
	Warmup       time.Duration  // before that; may be 0
	Rate         float64        // open loop: messages, calls or connects per second, of all senders together; 0: closed loop
	Senders      int            // publishers or callers
	Receivers    int            // subscribers or callees
	Topics       int            // pubsub: sender and receiver i belong to topic i modulo Topics
	Sessions     int            // idle
	Concurrency  int            // sessions that are opened at a time
	Payload      int            // bytes of a message's argument
	InFlight     int            // closed loop: messages per sender that are under way at a time
	Acknowledge  bool           // pubsub: under way until acknowledged, instead of until all subscribers have it
	Shared       bool           // rpc: one procedure with round robin, instead of one per callee
	PIDs         []int          // processes of the routers, to tell what they use; nil: none. Linux
	Progress     func(Progress) // told every Tick, on a goroutine of its own; nil: nobody
	Tick         time.Duration  // 0: a second
}

// Progress is what has happened so far.
type Progress struct {
	Phase    string // opening, warming up, measuring, draining
	Elapsed  time.Duration
	Sessions uint64
	Sent     uint64
	Received uint64
	P50, P99 time.Duration // of what was measured so far
}

// Check says what is wrong with a configuration, in the words of the command's flags.
func (c *Config) Check() error {
	within := func(name string, v, least, most int) error {
		if v < least || v > most {
			return fmt.Errorf("--%s %d is not from %d to %d", name, v, least, most)
		}
		return nil
	}
	switch {
	case c.Duration <= 0:
		return fmt.Errorf("--duration %v is not above 0", c.Duration)
	case c.Warmup < 0:
		return fmt.Errorf("--warmup %v is below 0", c.Warmup)
	case c.Rate < 0 || c.Rate > RateMax || c.Rate != c.Rate:
		return fmt.Errorf("--rate %v is not from 0 to %v", c.Rate, float64(RateMax))
	}
	if err := within("clients", c.Concurrency, 1, SessionsMax); err != nil {
		return err
	}
	switch c.Flow {
	case Connect:
		return nil
	case Idle:
		return within("sessions", c.Sessions, 1, SessionsMax)
	case PubSub, RPC:
		return c.checkTraffic(within)
	}
	return fmt.Errorf("there is no flow %q: it is one of pubsub, rpc, connect, idle", c.Flow)
}

func (c *Config) checkTraffic(within func(string, int, int, int) error) error {
	senders, receivers, least := "publishers", "subscribers", 0
	if c.Flow == RPC {
		senders, receivers, least = "callers", "callees", 1
	}
	for _, err := range []error{
		within(senders, c.Senders, 1, SessionsMax), within(receivers, c.Receivers, least, SessionsMax),
		within("payload", c.Payload, PayloadMin, PayloadMax), within("in-flight", c.InFlight, 1, InFlightMax),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case c.Flow == PubSub && (c.Topics < 1 || c.Topics > c.Senders || c.Receivers > 0 && c.Topics > c.Receivers):
		return fmt.Errorf("--topics %d: each needs a publisher and a subscriber", c.Topics)
	case c.Flow == PubSub && c.Receivers == 0 && !c.Acknowledge && c.Rate == 0:
		return fmt.Errorf("without subscribers, --ack or --rate has to say when to go on")
	case c.Flow == RPC && !c.Shared && c.Receivers > c.Senders:
		return fmt.Errorf("--callees %d: each caller calls one of them, so some would be idle; or --shared", c.Receivers)
	case c.pairs() > pairsMax:
		return fmt.Errorf("%d pairs of %s and %s are more than %d: use more topics or fewer sessions", c.pairs(), senders, receivers, pairsMax)
	}
	return nil
}

// groups is how many topics or procedures there are.
func (c *Config) groups() int {
	switch {
	case c.Flow == PubSub:
		return c.Topics
	case c.Shared:
		return 1
	}
	return c.Receivers
}

// pairs is an upper bound of the pairs of a sender and a receiver in the same group.
func (c *Config) pairs() int {
	g := c.groups()
	return (c.Senders + g - 1) / g * c.Receivers
}

// inGroup is how many of n sessions are in group g of groups, when session i is in group i modulo groups.
func inGroup(n, g, groups int) int { return (n - g + groups - 1) / groups }
