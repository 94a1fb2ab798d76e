package transport

import (
	"crypto/tls"
	"time"

	"kleeblatt/internal/wamp"
)

// ConnID names one connection of one loop: its slot in the low 32 bits, a generation above. An id is never reused by its
// loop; every call with the id of a closed connection does nothing. 0 is no connection.
type ConnID uint64

// Slot is the connection's place in its loop's table, reused after the connection has closed.
func (c ConnID) Slot() uint32 { return uint32(c) }

// Framing is how messages are told apart on a connection.
type Framing uint8

const (
	WebSocket Framing = iota + 1
	WebSocketBatched
	RawSocket
	Link // a router link: 4 octets big-endian length, then the frame
)

// Level says how full a connection's outbox is.
type Level uint8

const (
	Drained  Level = iota // empty, or below a quarter of the bound again
	HalfFull              // above half of the bound: its publishers should not be read
	Full                  // a message did not fit: it was not queued; slow_consumer decides
	Draining              // the other end has read of the backlog since HalfFull, or this, was told: it is slow at most, not stuck
)

// Info describes a connection when it opens.
type Info struct {
	Framing    Framing
	Serializer wamp.Serializer // of WAMP connections
	Binary     bool
	Peer       string               // address of the other end, for logs
	Local      bool                 // over loopback or a Unix socket
	TLS        *tls.ConnectionState // nil without
	MaxMessage int                  // the largest message that the other end takes, in bytes
	Tag        uint64               // of link connections: what Dial was given, 0 for accepted ones
}

// Handler is the worker as its loop sees it. Every method is called on the loop's goroutine. A handler may call any method of
// its Loop from inside of them.
type Handler interface {
	// Opened: the handshake is done and messages will follow.
	Opened(c ConnID, info *Info)
	// Received hands over one message without its framing. msg lies in the loop's read buffer: it is valid until Received
	// returns and may be overwritten.
	Received(c ConnID, msg []byte)
	// Closed is called exactly once for each connection that Opened, after the last Received; err is nil for an orderly end.
	Closed(c ConnID, err error)
	// DialFailed: no connection came of Dial(…, tag).
	DialFailed(tag uint64, err error)
	// Pressure: the outbox passed a level. Full may come from inside of Send and Fanout.
	Pressure(c ConnID, level Level)
	// Woken: another goroutine called Wake.
	Woken()
	// Turn is called at the end of each turn, before the outboxes are flushed. now is the turn's clock reading (nanoseconds of a
	// monotonic clock); Turn is called again at the returned time at the latest (0: only when something happens). again asks
	// for another turn at once (work left over by the turn's bound).
	Turn(now int64) (next int64, again bool)
}

// Loop is what a Handler calls. All methods but Wake must be called on the loop's goroutine.
// Both implementations (epoll on Linux; goroutines for TLS connections and other systems) live behind it.
type Loop interface {
	// Now is the turn's clock reading.
	Now() int64
	// Send queues one message; body is copied before Send returns. It reports whether the message was queued; a message that
	// is larger than the free part of the bound is not (Handler.Pressure(Full)), except that an outbox that is a quarter full or less takes any one message.
	// urgent messages (replies) may use a further quarter of the bound.
	Send(c ConnID, body []byte, urgent bool) bool
	// Fanout queues one event for each of the connections: one copy of body per framing among them, whatever their number.
	Fanout(cs []ConnID, body []byte)
	// Pause stops delivering messages from c (the rest of what was read is kept) until Resume.
	Pause(c ConnID)
	Resume(c ConnID)
	// SetLimit bounds the size of the messages that c may send from now on.
	SetLimit(c ConnID, bytes int)
	// Close flushes what is queued (at most for the linger time), closes with the framing's orderly close and calls Closed.
	Close(c ConnID, linger time.Duration)
	// Reset drops what is queued and closes at once.
	Reset(c ConnID)
	// Queued is the number of bytes in the outbox of c.
	Queued(c ConnID) int
	// Dial opens a link connection; the outcome is Opened with Info.Tag == tag, or DialFailed.
	Dial(network, address string, tag uint64, timeout time.Duration)
	// Wake makes the loop call Handler.Woken soon. Safe from any goroutine; cheap when already woken.
	Wake()
}
