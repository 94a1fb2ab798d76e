package gossip

import (
	"time"

	"kleeblatt/crdt"
)

// The defaults of Config.
const (
	defaultHideAfter     = 30 * time.Second       // the link's window holds frames for as long
	defaultCompareEvery  = time.Second            // what was lost on the way stays lost for a second or so
	defaultAskTimeout    = 2 * time.Second        // a slow wide area round trip and a megabyte; then somebody else is asked
	defaultAskGrace      = 250 * time.Millisecond // what others already have is probably on its way from the owner
	defaultRebirthEvery  = time.Second            // two processes of one name must not outbid each other at full speed
	defaultFrameBytes    = 64 << 10               // small against the data that shares the link
	defaultBufferedBytes = 1 << 20                // as much as the sender's log holds: beyond, asking again is no dearer
	defaultNodes         = 256                    // four times the tested mesh
	defaultLeaveGrace    = 30 * time.Second       // a restart, or a network that hiccups, does not end sessions for others
	defaultRetain        = 10 * time.Minute       // who is back sooner need not send all of its part again
	defaultPortion       = 1024                   // elements; one takes the routing about 3 µs, so a turn is not held up for long
	defaultRetainBytes   = 64 << 20               // of parts that may never be needed again; half a million elements
)

const (
	// NameBytesMax bounds a node's name: the DNS's limit, which hosts have anyway.
	NameBytesMax = 255
	// DigestBytesMax is what AppendDigest takes at most: it has to fit into the answer to a probe beside SWIM's own data.
	DigestBytesMax = 512
	// chunksPerAsk is the window of a snapshot's transfer: 1 MiB per round trip, 12 rounds for 200,000 elements.
	chunksPerAsk = 16
	// servedMax bounds the frozen copies for others who are catching up. Several readers of one part share a copy.
	servedMax = 4
	// servedFor is how long a frozen copy that nobody reads any more is kept.
	servedFor = int64(10 * time.Second)
	// headsMax bounds the heads in one frame; a head takes at least 20 bytes.
	headsMax = 4096
	// epochMax is far above wall milliseconds, and leaves room above it: an epoch can always be outbid.
	epochMax = 1 << 62
)

// Config is what a Machine is made with. A zero duration or bound means its default.
type Config struct {
	Name string
	Life Life
	Rand func() uint64 // the caller's seeded source: nonces, jitter, whom to ask

	HideAfter    time.Duration // without a path to a node until it is hidden
	CompareEvery time.Duration // between two comparisons of digests with each linked peer
	AskTimeout   time.Duration // until somebody else is asked
	AskGrace     time.Duration // until a third party is asked for what the linked owner has probably sent already
	RebirthEvery time.Duration // between two rebirths
	LeaveGrace   time.Duration // from hidden to gone: its sessions are over
	Retain       time.Duration // from hidden to forgotten: its part is dropped; LeaveGrace where that is longer

	FrameBytes    int // of a control frame; one that holds a single large element may be larger by that element
	BufferedBytes int // of deltas that wait for what comes before them, per part
	Nodes         int // other names that are remembered, their parts and buried lives included
	Portion       int // elements that one Step tells the routing; the rest follows in the next turns
	LogOps        int // changes that a part's log holds, crdt.LogOpsMax at most: who is further behind gets a snapshot
	RetainBytes   int // of all parts of nodes that are gone together; the oldest are forgotten first
}

func (c Config) withDefaults() Config {
	orTime := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orTime(&c.HideAfter, defaultHideAfter)
	orTime(&c.CompareEvery, defaultCompareEvery)
	orTime(&c.AskTimeout, defaultAskTimeout)
	orTime(&c.AskGrace, defaultAskGrace)
	orTime(&c.RebirthEvery, defaultRebirthEvery)
	orTime(&c.LeaveGrace, defaultLeaveGrace)
	orTime(&c.Retain, defaultRetain)
	orInt(&c.FrameBytes, defaultFrameBytes)
	orInt(&c.BufferedBytes, defaultBufferedBytes)
	orInt(&c.Nodes, defaultNodes)
	orInt(&c.RetainBytes, defaultRetainBytes)
	orInt(&c.LogOps, crdt.LogOpsMax)
	orInt(&c.Portion, defaultPortion)
	return c
}

// newPart returns an empty part whose log has the configured bound.
func (c *Config) newPart(l Life) *crdt.Part {
	p := crdt.NewPart(l)
	p.BoundLog(c.LogOps)
	return p
}

// rootBytes is the size of a bare root among digests.
const rootBytes = crdt.HashBytes
