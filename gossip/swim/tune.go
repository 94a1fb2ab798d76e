package swim

import (
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"
)

// How fast failures are seen. Links see a crash within their dead time; SWIM's word is needed before a node without a path is
// hidden, so it should not be much later: with these, 3 nodes agree within about 3 s, 10 within 4 s.
const (
	probeInterval   = 500 * time.Millisecond // one random member each; also the rate at which digests are compared
	probeTimeout    = 250 * time.Millisecond // a direct answer; after it come indirect probes and TCP, within the interval
	suspicionMult   = 4                      // times log10(n) (at least 1) times the interval: 2 s to refute a suspicion
	suspicionMax    = 3                      // times that, as long as nobody else confirms it
	awarenessMax    = 4                      // a node that finds itself slow probes up to 4 times more slowly
	gossipInterval  = 100 * time.Millisecond // news go to gossipNodes random members each
	gossipNodes     = 4                      // with 3, and passing on 4 times, a refutation missed one of 16 often enough on a lossy line
	retransmitMult  = 6                      // times log10(n+1) rounded up: how often each member passes a piece of news on
	pushPull        = 10 * time.Second       // the whole membership (not tables) with one random member
	streamTimeout   = 2 * time.Second        // one join or exchange; bounds how long an unreachable seed holds up the next
	gossipToDead    = 30 * time.Second       // how long a failed member still gets news, so that it can refute
	deadNameReclaim = time.Millisecond       // a failed member's name is free at once for its successor at another address
)

// How serf remembers. rejoin goes on where serf gives up.
const (
	reconnectInterval = 5 * time.Second
	reconnectTimeout  = 24 * time.Hour
	reapInterval      = 15 * time.Second
	leaveBroadcast    = time.Second            // at most, until some member has our goodbye
	leavePropagate    = 300 * time.Millisecond // three rounds of gossip, during which we still answer
)

const (
	// DigestMax bounds the digest in a probe's answer, in bytes: with a life, the key's overhead and some news that ride along it
	// fits the 1400 bytes of a packet.
	DigestMax = 512
	// NameMax bounds a node's name, in bytes: head events (512 bytes) and tags carry it.
	NameMax = 64
	// AloneAfter is how long a node waits for any answer from its seeds before it serves alone.
	AloneAfter = 10 * time.Second
)

// The budget of heads. SWIM carries about 23 small messages a second for a cluster of 500, whoever sends them, and starves the
// older ones beyond that; 20 leaves room for failures and joins.
const (
	headsPerSecond  = 20                     // in the whole cluster
	headIntervalMin = 200 * time.Millisecond // of one node, in a small cluster
)

// headInterval is the least time between two heads of one node among so many members.
func headInterval(members int) time.Duration {
	return max(headIntervalMin, time.Duration(members)*time.Second/headsPerSecond)
}

// headsKept is how many steps of serf's logical clock the heads are kept for, in order to know those that were passed on already; heads
// that were told together share a step. Every exchange of the membership carries them all, for ever: with serf's own 512 it cost a
// cluster that had once been busy 50 KB and more each time. At the budget these are 1.6 s, longer than a head is under way.
const headsKept = 32

// eventChLen is how many of serf's events may wait for drain. drain never waits, so it is slack for the scheduler alone; it also
// has to take what serf still sends while it ends.
const eventChLen = 1024

// label keeps foreign serf and memberlist clusters apart from ours even without a key.
const label = "kleeblatt"

func (c *Config) serfConfig(n *Swim) (*serf.Config, error) {
	bind, advertise, err := c.addresses()
	if err != nil {
		return nil, err
	}
	m := memberlist.DefaultLANConfig()
	m.Label = label
	m.BindAddr, m.BindPort = bind.Addr().String(), int(bind.Port())
	m.AdvertiseAddr, m.AdvertisePort = advertise.Addr().String(), int(advertise.Port())
	m.Transport = c.transport
	m.SecretKey = c.Key
	m.ProbeInterval, m.ProbeTimeout = probeInterval*c.calm, probeTimeout*c.calm
	m.SuspicionMult, m.SuspicionMaxTimeoutMult = suspicionMult, suspicionMax
	m.AwarenessMaxMultiplier = awarenessMax
	m.GossipInterval, m.GossipToTheDeadTime = gossipInterval*c.calm, gossipToDead*c.calm
	m.GossipNodes, m.RetransmitMult = gossipNodes, retransmitMult
	m.PushPullInterval = pushPull * c.calm
	m.TCPTimeout = streamTimeout
	m.DeadNodeReclaimTime = deadNameReclaim
	m.EnableCompression = false // LZW costs more than such small messages save
	m.Ping = pingDelegate{n}
	m.Logger = n.log.std

	s := serf.DefaultConfig()
	s.Init()
	s.NodeName = c.Name
	s.Tags = n.tags.encode()
	s.EventCh, s.EventBuffer = n.events, headsKept
	s.MemberlistConfig = m
	s.Logger = n.log.std
	s.DisableCoordinates = true            // leaves the probe's payload to us
	s.EnableNameConflictResolution = false // its loser would shut itself down by majority vote
	s.Merge = mergeDelegate{n}
	s.ReconnectInterval, s.ReconnectTimeout = reconnectInterval, c.reconnectTimeout
	s.TombstoneTimeout, s.ReapInterval = c.reconnectTimeout, reapInterval
	s.BroadcastTimeout, s.LeavePropagateDelay = leaveBroadcast, leavePropagate
	return s, nil
}
