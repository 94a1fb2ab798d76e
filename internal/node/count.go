package node

import (
	"encoding/hex"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"kleeblatt/gossip"
	"kleeblatt/internal/admin"
	"kleeblatt/internal/auth"
	"kleeblatt/internal/router"
	"kleeblatt/internal/wamp"
	"kleeblatt/transport"
	"kleeblatt/transport/link"
)

// counters are the node's own counts; the rooms keep theirs.
type counters struct {
	linkRefused atomic.Uint64
	rebirths    atomic.Uint64
	alarms      atomic.Uint64
	probes      atomic.Uint64
	conflicts   atomic.Uint64
}

// startedAt is when the process began, near enough.
var startedAt = time.Now()

// liveTimeout is how long a loop may take to answer before the process counts as stuck.
const liveTimeout = 5 * time.Second

// Version is that of the program; the linker sets it for releases.
var Version = "0.1-dev"

var errStuck = errors.New("a loop has not turned for 5 s")

// Live implements admin.Source.
func (n *Node) Live() error {
	for _, h := range n.hubs {
		if !h.askFor(liveTimeout, func() {}) {
			return errStuck
		}
	}
	return nil
}

// Status implements admin.Source.
func (n *Node) Status() admin.Status {
	r := n.ready.Load()
	s := admin.Status{Node: n.name, Epoch: n.life.Load().Epoch, Ready: r.ready}
	if !r.ready || r.reason != reasonReady {
		s.Reasons = []string{r.reason}
	}
	for _, h := range n.hubs {
		h.ask(func() { s.Sessions += h.worker.Sessions() })
	}
	h := n.hubs[0]
	h.ask(func() {
		o := h.home
		for _, p := range o.places() {
			if p != nil {
				s.Members = append(s.Members, p.status())
			}
		}
		s.Parts = o.parts()
		s.Digest = o.digestText()
	})
	return s
}

func (p *peer) status() admin.Member {
	state := p.state
	if state == gossip.Buried { // programs that read this know five states, and it is gone
		state = gossip.Gone
	}
	m := admin.Member{Name: p.name, Epoch: p.life.Epoch, State: state.String(), Link: "none", RTTus: p.l.RTT() / int64(time.Microsecond)}
	if p.l.State() == link.Up {
		m.Link = p.kind
		if p.via != nil {
			m.Via = p.via.name
		}
	}
	return m
}

func (o *home) digestText() string {
	root := o.g.DigestRoot()
	return hex.EncodeToString(root[:])
}

// parts are our own first, then the others'.
func (o *home) parts() (out []admin.Part) {
	for _, x := range append([]gossip.PartStatus{o.g.Self()}, o.g.Parts()...) {
		out = append(out, admin.Part{Owner: x.Owner, Epoch: x.Life.Epoch, Version: x.Version, Hash: hex.EncodeToString(x.Hash[:]), Entries: x.Entries})
	}
	return out
}

// Counters implements admin.Source.
func (n *Node) Counters() admin.Counters {
	c := admin.Counters{Version: Version, Start: startedAt, Ready: n.isReady()}
	c.LinkRefused, c.ProbesOK, c.Conflicts = n.count.linkRefused.Load(), n.count.probes.Load(), n.count.conflicts.Load()
	n.countTransport(&c)
	var late, parts, large, uncarriable, dropped, bad, unkept, cut uint64
	var received [wamp.MessageTypeBound]uint64
	var failed [len(router.FailureNames)]uint64
	var notAuthorized [auth.ActionBound]uint64
	var mailboxes int64
	for _, h := range n.hubs {
		mailboxes += h.box.bytes.Load()
		h.ask(func() {
			s := h.worker.Stats()
			c.Sessions += s.Sessions
			c.Subscriptions += s.Subscriptions
			c.Registrations += s.Registrations
			c.CallsPending += s.CallsPending
			c.InvocationsPending += s.InvocationsPending
			c.Published += s.Published
			c.Events += s.Events
			c.Calls += s.Calls
			c.Violations += s.Violations
			c.Denied += s.Denied
			c.Inquiries += s.Inquiries
			c.Unanswered += s.Unanswered
			c.Crowded += s.Crowded
			c.Throttled += s.Throttled
			c.RateClosed += s.RateClosed
			c.SlowClosed += s.SlowClosed
			c.Pauses += s.Pauses
			c.StuckNodes += s.StuckNodes
			c.Posts += s.Posts
			c.SlowSessions += s.SlowSessions
			c.MessagesOut += s.Sent
			for t, n := range s.Received {
				received[t] += n
			}
			for i, n := range s.Failed {
				failed[i] += n
			}
			for i, n := range s.NotAuthorized {
				notAuthorized[i] += n
			}
			c.Lateness = append(c.Lateness, h.late.worst(h.loop.Now()))
			late += s.RepliesLate
			parts += s.PartsLate
			c.Rerouted += s.Rerouted
			large += s.EventsTooLarge
			uncarriable += s.EventsUncarriable
			dropped += s.EventsDropped
			bad += s.BadFrames
			unkept += s.HistoryTooLarge
			cut += s.RetainedCut
			c.Testaments += s.Testaments
		})
	}
	c.Dropped = append(c.Dropped,
		admin.Count{Label: "reply_late", Value: late}, admin.Count{Label: "call_part_late", Value: parts}, admin.Count{Label: "event_too_large", Value: large},
		admin.Count{Label: "event_not_carried", Value: uncarriable}, admin.Count{Label: "event_slow_consumer", Value: dropped},
		admin.Count{Label: "frame_unreadable", Value: bad}, admin.Count{Label: "history_too_large", Value: unkept},
		admin.Count{Label: "retained_too_many", Value: cut})
	for t, n := range received {
		if n > 0 {
			c.MessagesIn = append(c.MessagesIn, admin.Count{Label: strings.ToLower(wamp.MessageType(t).String()), Value: n})
		}
	}
	for i, n := range failed {
		c.CallsFailed = append(c.CallsFailed, admin.Count{Label: router.FailureNames[i], Value: n})
	}
	for i, n := range notAuthorized {
		c.NotAuthorized = append(c.NotAuthorized, admin.Count{Label: auth.ActionNames[i], Value: n})
	}
	c.QueueBytes = append(c.QueueBytes, admin.Count{Label: "mailbox", Value: uint64(mailboxes)})
	n.hubs[0].ask(func() { n.hubs[0].home.count(&c) })
	return c
}

func (n *Node) countTransport(c *admin.Counters) {
	t := n.server.Stats()
	c.Connections, c.Accepted = int(t.Connections), t.Accepted
	c.BytesIn, c.BytesOut, c.Writes = t.BytesIn, t.BytesOut, t.Writes
	for i, v := range t.Refused {
		c.Refused = append(c.Refused, admin.Count{Label: transport.RefusalNames[i], Value: v})
	}
	c.QueueBytes = append(c.QueueBytes, admin.Count{Label: "outbox", Value: uint64(t.OutboxBytes)})
	c.Dropped = append(c.Dropped, admin.Count{Label: "outbox_full", Value: t.Dropped}, admin.Count{Label: "message_too_large", Value: t.TooLarge})
}

// count adds what the home hub knows.
func (o *home) count(c *admin.Counters) {
	states := map[gossip.PeerState]uint64{}
	var window uint64
	lost := o.lost
	for _, p := range o.places() {
		if p == nil {
			continue
		}
		states[p.state]++
		s := p.l.Stats()
		window += uint64(s.WindowBytes)
		for kind, n := range s.LostKinds {
			lost[kind] += n
		}
		c.Links = append(c.Links, admin.LinkCounters{
			Node: p.name, Up: p.l.State() == link.Up, RTT: time.Duration(p.l.RTT()),
			FramesOut: s.DataOut, FramesIn: s.DataIn, ControlOut: s.ControlOut, ControlIn: s.ControlIn,
			BytesOut: s.BytesOut, BytesIn: s.BytesIn, Ups: s.Ups, Resumed: s.Resumed, Resets: s.Resets,
			Lost: s.Lost, Dropped: s.Dropped, Held: s.Held, HeldTooLong: s.HeldTooLong,
			Cancelled: s.Cancelled, Faults: s.Faults, WindowBytes: s.WindowBytes, InFlightBytes: s.InflightBytes,
			SuspectedTimes: p.suspected, Relayed: p.l.Relayed(), Detours: s.Detours, Unheard: s.Unheard, Stopped: s.Stopped,
			CarriedOut: s.RelayOut, CarriedIn: s.RelayIn, CarriedBytesOut: s.RelayBytesOut, CarriedBytesIn: s.RelayBytesIn,
		})
	}
	for _, s := range gossip.PeerStates {
		c.Nodes = append(c.Nodes, admin.Count{Label: s.String(), Value: states[s]})
	}
	for kind, n := range lost {
		c.Lost = append(c.Lost, admin.Count{Label: link.LostNames[kind], Value: n})
	}
	d := o.detours.Stats()
	c.Carried, c.CarriedBytes = d.Frames, d.Bytes
	c.CarryRefused = append(c.CarryRefused, admin.Count{Label: "no_neighbour", Value: d.Refused},
		admin.Count{Label: "full", Value: d.Crowded}, admin.Count{Label: "unreadable", Value: d.Strange})
	c.QueueBytes = append(c.QueueBytes, admin.Count{Label: "window", Value: window})
	c.Parts = o.parts()
	c.Dropped = append(c.Dropped,
		admin.Count{Label: "relay_over_budget", Value: o.dropped}, admin.Count{Label: "table_entry_unknown", Value: o.tables.Unknown() + o.directory.Unknown()},
		admin.Count{Label: "session_id_clash", Value: o.directory.Clashes()})
	c.DirectorySessions = o.directory.Len()
	kept := o.retention.Stats()
	c.Retained, c.RetainedBytes, c.RetainedAdopted = kept.Events, kept.Bytes, kept.Adopted
	c.Dropped = append(c.Dropped, admin.Count{Label: "not_retained", Value: kept.Refused})
	r := o.tables.Stats()
	c.Claims = append(c.Claims,
		admin.Count{Label: "confirmed", Value: r.ClaimsConfirmed}, admin.Count{Label: "refused", Value: r.ClaimsRefused},
		admin.Count{Label: "timed_out", Value: r.ClaimsTimedOut}, admin.Count{Label: "withdrawn", Value: r.ClaimsWithdrawn},
		admin.Count{Label: "objected", Value: r.RefusalsSent})
	c.RegConflicts = append(c.RegConflicts,
		admin.Count{Label: "revoked", Value: r.Revoked}, admin.Count{Label: "standby", Value: r.StoodBy}, admin.Count{Label: "avoided", Value: r.VerdictsChanged})
	c.RegReserves, c.ClocksAhead = r.Reserves, r.ClockAhead
	g := o.g.Stats()
	c.Gossip = admin.GossipCounters{
		DeltasOut: g.DeltasOut, DeltasIn: g.DeltasIn, SnapshotsOut: g.SnapshotsOut, SnapshotsIn: g.SnapshotsIn, Asks: g.Asks,
		Alarms: o.n.count.alarms.Load(), Rebirths: o.n.count.rebirths.Load(),
	}
}

// latenessWindow is how long a late turn is shown at least, and half of how long at most.
const latenessWindow = int64(10 * time.Second)

// lateness keeps how late a hub's turns came, of this window and the one before. It belongs to the hub's loop.
type lateness struct {
	due         int64 // when the hub wanted its next turn, 0 for no wish
	begun       int64 // the window
	now, before int64 // the worst of each
}

// turned takes a turn that came at now.
func (l *lateness) turned(now int64) {
	l.shift(now)
	if l.due != 0 {
		l.now = max(l.now, now-l.due)
	}
}

func (l *lateness) shift(now int64) {
	switch age := now - l.begun; {
	case age >= 2*latenessWindow:
		l.begun, l.now, l.before = now, 0, 0
	case age >= latenessWindow:
		l.begun, l.now, l.before = now, 0, l.now
	}
}

func (l *lateness) worst(now int64) time.Duration {
	l.shift(now)
	return time.Duration(max(l.now, l.before))
}

// askFor runs f on the hub's loop and reports whether it did so in time.
func (h *hub) askFor(limit time.Duration, f func()) bool {
	done := make(chan struct{})
	h.deliver(letter{kind: letterDo, do: func() { f(); close(done) }})
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	case <-h.n.closed:
		return false
	}
}
