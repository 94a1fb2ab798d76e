package admin

import (
	"strconv"
)

// kind is a metric's type as Prometheus names it.
type kind string

const (
	counter kind = "counter"
	gauge   kind = "gauge"
)

// metric is one row of the table.
type metric struct {
	name  string
	kind  kind
	label string // "" for none
	help  string
	read  func(c *Counters, emit func(label string, value float64))
}

// metrics is the table of everything that /metrics says, in its order. Names are for ever: dashboards hang on them.
var metrics = []metric{
	{"kleeblatt_build_info", gauge, "version", "1, for the version of the program that runs.",
		func(c *Counters, emit func(string, float64)) { emit(c.Version, 1) }},
	{"kleeblatt_start_time_seconds", gauge, "", "When the process began, in Unix time.",
		one(func(c *Counters) float64 { return float64(c.Start.UnixMilli()) / 1000 })},
	{"kleeblatt_ready", gauge, "", "1 when clients are welcome, as /readyz says.",
		one(func(c *Counters) float64 { return truth(c.Ready) })},

	{"kleeblatt_sessions", gauge, "", "Sessions on this node.", number(func(c *Counters) int { return c.Sessions })},
	{"kleeblatt_directory_sessions", gauge, "", "Sessions of the whole cluster, as far as this node is told of them.",
		number(func(c *Counters) int { return c.DirectorySessions })},
	{"kleeblatt_subscriptions", gauge, "", "Different subscriptions with a subscriber on this node.",
		number(func(c *Counters) int { return c.Subscriptions })},
	{"kleeblatt_registrations", gauge, "", "Registrations of sessions on this node.",
		number(func(c *Counters) int { return c.Registrations })},
	{"kleeblatt_calls_pending", gauge, "", "Unanswered calls of sessions on this node.",
		number(func(c *Counters) int { return c.CallsPending })},
	{"kleeblatt_invocations_pending", gauge, "", "Unanswered invocations of sessions on this node.",
		number(func(c *Counters) int { return c.InvocationsPending })},
	{"kleeblatt_slow_sessions", gauge, "", "Sessions that do not read fast enough at the moment.",
		number(func(c *Counters) int { return c.SlowSessions })},

	{"kleeblatt_messages_in_total", counter, "type", "Messages received from clients.",
		counts(func(c *Counters) []Count { return c.MessagesIn })},
	{"kleeblatt_messages_out_total", counter, "", "Messages handed to clients' connections.",
		count(func(c *Counters) uint64 { return c.MessagesOut })},
	{"kleeblatt_published_total", counter, "", "Events published by sessions on this node.",
		count(func(c *Counters) uint64 { return c.Published })},
	{"kleeblatt_events_total", counter, "", "Events handed to connections of subscribers on this node.",
		count(func(c *Counters) uint64 { return c.Events })},
	{"kleeblatt_calls_total", counter, "", "Calls of sessions on this node.", count(func(c *Counters) uint64 { return c.Calls })},
	{"kleeblatt_calls_rerouted_total", counter, "", "Calls that callees on this node gave back because they are unavailable.",
		count(func(c *Counters) uint64 { return c.Rerouted })},
	{"kleeblatt_calls_failed_total", counter, "reason", "Calls that the router itself ended with an error.",
		counts(func(c *Counters) []Count { return c.CallsFailed })},
	{"kleeblatt_protocol_violations_total", counter, "", "Sessions ended because they broke the protocol.",
		count(func(c *Counters) uint64 { return c.Violations })},
	{"kleeblatt_authentication_denied_total", counter, "", "Clients that did not get in: their credentials or their method were not right.",
		count(func(c *Counters) uint64 { return c.Denied })},
	{"kleeblatt_inquiries_total", counter, "", "Questions to authenticators and authorizers.", count(func(c *Counters) uint64 { return c.Inquiries })},
	{"kleeblatt_inquiries_unanswered_total", counter, "", "Of them those that nobody answered in time, or in words that mean nothing.",
		count(func(c *Counters) uint64 { return c.Unanswered })},
	{"kleeblatt_sessions_refused_total", counter, "", "Clients that did not get in: their realm or role has as many sessions as it may.",
		count(func(c *Counters) uint64 { return c.Crowded })},
	{"kleeblatt_not_authorized_total", counter, "action", "Requests of clients that their role's rules deny.",
		counts(func(c *Counters) []Count { return c.NotAuthorized })},
	{"kleeblatt_testaments_total", counter, "", "Events published because the session that left them behind has ended.",
		count(func(c *Counters) uint64 { return c.Testaments })},
	{"kleeblatt_retained_events", gauge, "", "Retained events of all realms.", number(func(c *Counters) int { return c.Retained })},
	{"kleeblatt_retained_bytes", gauge, "", "Bytes that retained events take, about.", number(func(c *Counters) int { return c.RetainedBytes })},
	{"kleeblatt_retained_adopted_total", counter, "", "Retained events of nodes that are gone, which this node carries on.",
		count(func(c *Counters) uint64 { return c.RetainedAdopted })},

	{"kleeblatt_dropped_total", counter, "reason", "Messages that somebody should have had and did not get.",
		counts(func(c *Counters) []Count { return c.Dropped })},
	{"kleeblatt_slow_consumers_closed_total", counter, "", "Sessions closed because their queue was full.",
		count(func(c *Counters) uint64 { return c.SlowClosed })},
	{"kleeblatt_rate_pauses_total", counter, "", "Times that a session was not read because it sent more messages than it may.",
		count(func(c *Counters) uint64 { return c.Throttled })},
	{"kleeblatt_rate_closed_total", counter, "", "Sessions closed because they never stopped sending more messages than they may.",
		count(func(c *Counters) uint64 { return c.RateClosed })},
	{"kleeblatt_publisher_pauses_total", counter, "", "Times that a publisher was not read for the sake of a receiver.",
		count(func(c *Counters) uint64 { return c.Pauses })},
	{"kleeblatt_stuck_nodes_total", counter, "", "Times that another node's full link did not move, so that publishers stopped waiting for it.",
		count(func(c *Counters) uint64 { return c.StuckNodes })},
	{"kleeblatt_queue_bytes", gauge, "queue", "Bytes that wait: for slow sockets, for other workers, for acknowledgement by other nodes.",
		counts(func(c *Counters) []Count { return c.QueueBytes })},

	{"kleeblatt_connections", gauge, "", "Open connections, links included.", number(func(c *Counters) int { return c.Connections })},
	{"kleeblatt_connections_accepted_total", counter, "", "Connections accepted.", count(func(c *Counters) uint64 { return c.Accepted })},
	{"kleeblatt_connections_refused_total", counter, "reason", "Connections that did not come to a session.",
		counts(func(c *Counters) []Count { return c.Refused })},
	{"kleeblatt_read_bytes_total", counter, "", "Bytes read from sockets.", count(func(c *Counters) uint64 { return c.BytesIn })},
	{"kleeblatt_written_bytes_total", counter, "", "Bytes written to sockets.", count(func(c *Counters) uint64 { return c.BytesOut })},
	{"kleeblatt_writes_total", counter, "", "System calls that wrote. Messages out over writes is how well coalescing works.",
		count(func(c *Counters) uint64 { return c.Writes })},

	{"kleeblatt_posts_total", counter, "", "Frames handed from one worker of this node to another.",
		count(func(c *Counters) uint64 { return c.Posts })},
	{"kleeblatt_loop_lateness_seconds", gauge, "loop", "How late a loop's turns came, the worst of the last seconds.",
		func(c *Counters, emit func(string, float64)) {
			for i, d := range c.Lateness {
				emit(strconv.Itoa(i), d.Seconds())
			}
		}},

	{"kleeblatt_link_up", gauge, "node", "1 while there is a path to that node.", link(func(l *LinkCounters) float64 { return truth(l.Up) })},
	{"kleeblatt_link_rtt_seconds", gauge, "node", "Smoothed round trip to that node.", link(func(l *LinkCounters) float64 { return l.RTT.Seconds() })},
	{"kleeblatt_relay_out_total", counter, "node", "Frames of clients' messages for that node.", link(func(l *LinkCounters) float64 { return float64(l.FramesOut) })},
	{"kleeblatt_relay_in_total", counter, "node", "Frames of clients' messages from that node.", link(func(l *LinkCounters) float64 { return float64(l.FramesIn) })},
	{"kleeblatt_link_control_out_total", counter, "node", "Frames of the tables' protocol for that node.", link(func(l *LinkCounters) float64 { return float64(l.ControlOut) })},
	{"kleeblatt_link_control_in_total", counter, "node", "Frames of the tables' protocol from that node.", link(func(l *LinkCounters) float64 { return float64(l.ControlIn) })},
	{"kleeblatt_link_written_bytes_total", counter, "node", "Bytes for that node.", link(func(l *LinkCounters) float64 { return float64(l.BytesOut) })},
	{"kleeblatt_link_read_bytes_total", counter, "node", "Bytes from that node.", link(func(l *LinkCounters) float64 { return float64(l.BytesIn) })},
	{"kleeblatt_link_ups_total", counter, "node", "Times that a path to that node came up.", link(func(l *LinkCounters) float64 { return float64(l.Ups) })},
	{"kleeblatt_link_resumes_total", counter, "node", "Of them those that went on without gap or duplicate.", link(func(l *LinkCounters) float64 { return float64(l.Resumed) })},
	{"kleeblatt_link_suspects_total", counter, "node", "Times that nothing came from that node for too long.", link(func(l *LinkCounters) float64 { return float64(l.SuspectedTimes) })},
	{"kleeblatt_link_lossy_resets_total", counter, "node", "Times that frames for that node were given up.", link(func(l *LinkCounters) float64 { return float64(l.Resets) })},
	{"kleeblatt_link_lost_total", counter, "node", "Frames for that node that were given up.", link(func(l *LinkCounters) float64 { return float64(l.Lost) })},
	{"kleeblatt_link_dropped_total", counter, "node", "Events for that node refused because its window was full.", link(func(l *LinkCounters) float64 { return float64(l.Dropped) })},
	{"kleeblatt_link_held_total", counter, "node", "Frames from that node that waited for its tables.", link(func(l *LinkCounters) float64 { return float64(l.Held) })},
	{"kleeblatt_link_held_too_long_total", counter, "node", "Of them those delivered before the tables were there.", link(func(l *LinkCounters) float64 { return float64(l.HeldTooLong) })},
	{"kleeblatt_link_cancelled_calls_total", counter, "node", "Calls for that node made void because they had failed.", link(func(l *LinkCounters) float64 { return float64(l.Cancelled) })},
	{"kleeblatt_link_faults_total", counter, "node", "Connections closed for what came over them.", link(func(l *LinkCounters) float64 { return float64(l.Faults) })},
	{"kleeblatt_link_window_bytes", gauge, "node", "Bytes that that node has not acknowledged.", link(func(l *LinkCounters) float64 { return float64(l.WindowBytes) })},
	{"kleeblatt_link_inflight_bytes", gauge, "node", "Of them those written to its connection.", link(func(l *LinkCounters) float64 { return float64(l.InFlightBytes) })},
	{"kleeblatt_link_relayed", gauge, "node", "1 while the path to that node leads over a neighbour.", link(func(l *LinkCounters) float64 { return truth(l.Up && l.Relayed) })},
	{"kleeblatt_link_detours_total", counter, "node", "Paths to that node over a neighbour that came up.", link(func(l *LinkCounters) float64 { return float64(l.Detours) })},
	{"kleeblatt_link_unheard_total", counter, "node", "Times that that node did not hear us although we heard it.", link(func(l *LinkCounters) float64 { return float64(l.Unheard) })},
	{"kleeblatt_link_stopped_total", counter, "node", "Connections to that node given up unread because this process was stopped for too long.", link(func(l *LinkCounters) float64 { return float64(l.Stopped) })},
	{"kleeblatt_link_carried_out_total", counter, "node", "Frames of paths over a neighbour given to that node: our own, and those of others.", link(func(l *LinkCounters) float64 { return float64(l.CarriedOut) })},
	{"kleeblatt_link_carried_in_total", counter, "node", "Frames of paths over a neighbour taken from that node.", link(func(l *LinkCounters) float64 { return float64(l.CarriedIn) })},
	{"kleeblatt_link_carried_out_bytes_total", counter, "node", "Their bytes.", link(func(l *LinkCounters) float64 { return float64(l.CarriedBytesOut) })},
	{"kleeblatt_link_carried_in_bytes_total", counter, "node", "Their bytes.", link(func(l *LinkCounters) float64 { return float64(l.CarriedBytesIn) })},
	{"kleeblatt_lost_total", counter, "kind", "Frames for other nodes that were given up: no path for too long, or one of the two began a new life.", counts(func(c *Counters) []Count { return c.Lost })},
	{"kleeblatt_carried_total", counter, "", "Frames passed on between two other nodes.", count(func(c *Counters) uint64 { return c.Carried })},
	{"kleeblatt_carried_bytes_total", counter, "", "Their bytes.", count(func(c *Counters) uint64 { return c.CarriedBytes })},
	{"kleeblatt_carry_refused_total", counter, "reason", "Frames of others that were not passed on; their ends send them again.", counts(func(c *Counters) []Count { return c.CarryRefused })},
	{"kleeblatt_link_refused_total", counter, "", "Link handshakes that one end refused: key, name or version.", count(func(c *Counters) uint64 { return c.LinkRefused })},

	{"kleeblatt_nodes", gauge, "state", "Other nodes by their state.", counts(func(c *Counters) []Count { return c.Nodes })},
	{"kleeblatt_part_version", gauge, "owner", "Version of that node's table, as far as it is held here.", part(func(p *Part) float64 { return float64(p.Version) })},
	{"kleeblatt_part_entries", gauge, "owner", "Entries of that node's table.", part(func(p *Part) float64 { return float64(p.Entries) })},
	{"kleeblatt_gossip_deltas_out_total", counter, "", "Deltas sent.", count(func(c *Counters) uint64 { return c.Gossip.DeltasOut })},
	{"kleeblatt_gossip_deltas_in_total", counter, "", "Deltas received.", count(func(c *Counters) uint64 { return c.Gossip.DeltasIn })},
	{"kleeblatt_gossip_snapshots_out_total", counter, "", "Whole tables sent.", count(func(c *Counters) uint64 { return c.Gossip.SnapshotsOut })},
	{"kleeblatt_gossip_snapshots_in_total", counter, "", "Whole tables received.", count(func(c *Counters) uint64 { return c.Gossip.SnapshotsIn })},
	{"kleeblatt_gossip_asks_total", counter, "", "Requests for something that was seen to be missing.", count(func(c *Counters) uint64 { return c.Gossip.Asks })},
	{"kleeblatt_gossip_alarms_total", counter, "", "Contradictions between tables. Anything but 0 is a defect.", count(func(c *Counters) uint64 { return c.Gossip.Alarms })},
	{"kleeblatt_gossip_rebirths_total", counter, "", "Times that this node went on under a higher epoch.", count(func(c *Counters) uint64 { return c.Gossip.Rebirths })},
	{"kleeblatt_registration_claims_total", counter, "result", "Procedures that were claimed before they were registered: confirmed, refused by an earlier claim or an owner, timed_out (and confirmed) without an answer of every node, withdrawn because the session left; objected are claims of other nodes.",
		counts(func(c *Counters) []Count { return c.Claims })},
	{"kleeblatt_registration_conflicts_total", counter, "result", "Registrations here that met an earlier one after a partition: revoked, standby, or avoided because it was over in time.",
		counts(func(c *Counters) []Count { return c.RegConflicts })},
	{"kleeblatt_registrations_in_reserve", gauge, "", "Registrations here that are not called as long as an earlier one is there.", number(func(c *Counters) int { return c.RegReserves })},
	{"kleeblatt_clocks_ahead_total", counter, "", "Times that another node's clock was found more than a minute ahead.", count(func(c *Counters) uint64 { return c.ClocksAhead })},
	{"kleeblatt_swim_probes_answered_total", counter, "", "Probes of membership that were answered.", count(func(c *Counters) uint64 { return c.ProbesOK })},
	{"kleeblatt_name_conflicts_total", counter, "", "Other processes with this node's name that were met.", count(func(c *Counters) uint64 { return c.Conflicts })},
}

type reader = func(c *Counters, emit func(string, float64))

func one(f func(*Counters) float64) reader {
	return func(c *Counters, emit func(string, float64)) { emit("", f(c)) }
}

func number(f func(*Counters) int) reader {
	return one(func(c *Counters) float64 { return float64(f(c)) })
}

func count(f func(*Counters) uint64) reader {
	return one(func(c *Counters) float64 { return float64(f(c)) })
}

func counts(f func(*Counters) []Count) reader {
	return func(c *Counters, emit func(string, float64)) {
		for _, n := range f(c) {
			emit(n.Label, float64(n.Value))
		}
	}
}

func link(f func(*LinkCounters) float64) reader {
	return func(c *Counters, emit func(string, float64)) {
		for i := range c.Links {
			emit(c.Links[i].Node, f(&c.Links[i]))
		}
	}
}

func part(f func(*Part) float64) reader {
	return func(c *Counters, emit func(string, float64)) {
		for i := range c.Parts {
			emit(c.Parts[i].Owner, f(&c.Parts[i]))
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// appendMetrics writes the Prometheus text format, version 0.0.4. A metric without values has its head all the same, so that what
// exists can be seen on a node on which nothing has happened.
func appendMetrics(dst []byte, c *Counters) []byte {
	for i := range metrics {
		m := &metrics[i]
		dst = append(dst, "# HELP "+m.name+" "+m.help+"\n# TYPE "+m.name+" "+string(m.kind)+"\n"...)
		m.read(c, func(label string, value float64) {
			dst = append(dst, m.name...)
			if m.label != "" {
				dst = append(dst, "{"+m.label+`="`...)
				dst = appendLabel(dst, label)
				dst = append(dst, `"}`...)
			}
			dst = append(dst, ' ')
			dst = appendValue(dst, value)
			dst = append(dst, '\n')
		})
	}
	return dst
}

// appendLabel escapes as the format wants it.
func appendLabel(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\', '"':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendValue writes whole numbers as such, for people's eyes.
func appendValue(dst []byte, v float64) []byte {
	const exact = 1 << 53
	if v >= 0 && v < exact && v == float64(uint64(v)) {
		return strconv.AppendUint(dst, uint64(v), 10)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
