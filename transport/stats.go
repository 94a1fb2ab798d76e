package transport

import "sync/atomic"

// Refusal is why a connection did not come to Opened.
type Refusal uint8

const (
	RefusedConnections Refusal = iota // ConnectionsMax
	RefusedAddress                    // ConnectionsPerAddressMax
	RefusedTimeout                    // handshake not done in time
	RefusedHandshake                  // malformed, unknown path, no common subprotocol or serializer
	RefusedOrigin                     // Origin neither same host nor allowed
	RefusedDescriptors                // no file descriptor left
	refusals
)

// RefusalNames are the names of the refusals for metrics, indexed by Refusal.
var RefusalNames = [refusals]string{"connections", "address", "timeout", "handshake", "origin", "descriptors"}

// Stats is a snapshot of a Server's counters; all but Connections and OutboxBytes only grow.
type Stats struct {
	Connections int64  // open now, handshakes included, link connections too
	Accepted    uint64 // connections admitted since the start
	BytesIn     uint64 // read from sockets
	BytesOut    uint64 // written to sockets
	MessagesIn  uint64 // delivered by Received
	Writes      uint64 // system calls that wrote
	Dropped     uint64 // messages refused with Pressure(Full)
	TooLarge    uint64 // messages not sent because they exceed what the other end takes
	OutboxBytes int64  // kept because sockets are full, all loops
	Refused     [refusals]uint64
}

// counters are a loop's own plain counters; published copies them once per turn.
type counters struct {
	bytesIn, bytesOut, messagesIn, writes, dropped, tooLarge uint64
}

type published struct {
	bytesIn, bytesOut, messagesIn, writes, dropped, tooLarge atomic.Uint64
}

// publish stores what has changed since the last turn.
func (p *published) publish(now, last *counters) {
	if now.bytesIn != last.bytesIn {
		p.bytesIn.Store(now.bytesIn)
	}
	if now.messagesIn != last.messagesIn {
		p.messagesIn.Store(now.messagesIn)
	}
	if now.bytesOut != last.bytesOut {
		p.bytesOut.Store(now.bytesOut)
		p.writes.Store(now.writes)
	}
	if now.dropped != last.dropped || now.tooLarge != last.tooLarge {
		p.dropped.Store(now.dropped)
		p.tooLarge.Store(now.tooLarge)
	}
	*last = *now
}

// Stats sums up the counters of all loops. Safe from any goroutine.
func (s *Server) Stats() Stats {
	out := Stats{
		Connections: s.open.Load(),
		Accepted:    s.accepted.Load(),
		OutboxBytes: s.outbox.Load(),
	}
	for i := range s.refused {
		out.Refused[i] = s.refused[i].Load()
	}
	for _, l := range s.loops {
		out.BytesIn += l.published.bytesIn.Load()
		out.BytesOut += l.published.bytesOut.Load()
		out.MessagesIn += l.published.messagesIn.Load()
		out.Writes += l.published.writes.Load()
		out.Dropped += l.published.dropped.Load()
		out.TooLarge += l.published.tooLarge.Load()
	}
	return out
}
