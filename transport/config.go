package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"net/http"
	"runtime"
	"time"
)

// Config is what a Server is made of. Zero fields take their defaults.
type Config struct {
	// Loops is the number of loops, each with a goroutine and a Handler of its own; default: GOMAXPROCS.
	Loops int
	// NewHandler makes the handler of loop i. It is called by New, before any loop runs; it must not call l yet.
	NewHandler func(i int, l Loop) Handler
	Listeners  []Listener
	// HTTP serves the requests that are not WebSocket upgrades; nil answers 426 to all of them.
	HTTP http.Handler
	// LinkTLS is used for link connections over the network "tls", both accepted and dialled.
	LinkTLS *tls.Config
	Limits  Limits
	Log     *slog.Logger // default: discard

	streams bool // serve plain connections by goroutines too, as other systems do; for tests
}

// Listener is one client port.
type Listener struct {
	// URL is ws://host:port/path, wss://host:port/path (both universal: WebSocket, RawSocket and HTTP), rs://host:port,
	// rss://host:port (RawSocket only) or unix:///path/of/socket (universal). Port 0 takes a free one, see Server.Addrs.
	URL string
	// TLS is needed by wss and rss.
	TLS *tls.Config
	// AllowedOrigins are accepted in a handshake's Origin header beside the request's own host: "https://app.example",
	// "app.example" (any scheme) or "*". Handshakes without an Origin do not come from a browser and are not concerned.
	AllowedOrigins []string
}

// Limits are the bounds of a Server; a zero field takes the default that is named with it.
type Limits struct {
	MessageBytesMax      int           // a message of a client may have; DefaultMessageBytesMax
	FirstMessageBytesMax int           // … until SetLimit raises it: nobody unknown makes us keep more; DefaultFirstMessageBytesMax
	HeadBytesMax         int           // an HTTP request head may have; DefaultHeadBytesMax
	HandshakeTimeout     time.Duration // from accept to Opened; DefaultHandshakeTimeout
	ConnectionsMax       int           // of all client ports together; DefaultConnectionsMax
	// ConnectionsPerAddressMax of one IPv4 address or one IPv6 /64 network; loopback and Unix sockets are not counted.
	// DefaultConnectionsPerAddressMax; negative: unlimited.
	ConnectionsPerAddressMax int
	OutboxBytesMax           int           // queued for one client; DefaultOutboxBytesMax
	NodeOutboxBytesMax       int64         // kept for all connections whose socket is full; DefaultNodeOutboxBytesMax
	LinkFrameBytesMax        int           // a link frame may have; DefaultLinkFrameBytesMax
	LinkOutboxBytesMax       int           // queued for one link connection; DefaultLinkOutboxBytesMax
	PingInterval             time.Duration // of silence before a WebSocket ping; DefaultPingInterval, negative: never
	PongTimeout              time.Duration // from ping to any sign of life; DefaultPongTimeout
	Linger                   time.Duration // for the ends that the loop begins itself; DefaultLinger
	ReadBytesPerTurn         int           // of one socket; DefaultReadBytesPerTurn
	TurnTime                 time.Duration // after which a turn stops taking messages; DefaultTurnTime
}

// The defaults of Limits.
const (
	DefaultMessageBytesMax          = 16 << 20 // the most that RawSocket can frame
	DefaultFirstMessageBytesMax     = 64 << 10 // a HELLO with a large ticket or certificate fits
	DefaultHeadBytesMax             = 8 << 10  // what common web servers take
	DefaultHandshakeTimeout         = 10 * time.Second
	DefaultConnectionsMax           = 1 << 20
	DefaultConnectionsPerAddressMax = 4096 // an office behind one address, but not a flood
	DefaultOutboxBytesMax           = 8 << 20
	DefaultNodeOutboxBytesMax       = 1 << 30
	DefaultLinkFrameBytesMax        = 1 << 20 // above what a link writes at once
	DefaultLinkOutboxBytesMax       = 8 << 20 // above what a link has on the wire; the rest waits in its window
	DefaultPingInterval             = 30 * time.Second
	DefaultPongTimeout              = 30 * time.Second
	DefaultLinger                   = 2 * time.Second
	DefaultReadBytesPerTurn         = 64 << 10
	DefaultTurnTime                 = 5 * time.Millisecond
)

const (
	// boundMax keeps every length and sum of lengths inside of 32 bits.
	boundMax = 1 << 30
	// messageBytesMin is the smallest limit that RawSocket can announce (2^9).
	messageBytesMin = 512
)

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (l Limits) withDefaults() Limits {
	l.MessageBytesMax = or(l.MessageBytesMax, DefaultMessageBytesMax)
	l.FirstMessageBytesMax = or(l.FirstMessageBytesMax, min(DefaultFirstMessageBytesMax, l.MessageBytesMax))
	l.HeadBytesMax = or(l.HeadBytesMax, DefaultHeadBytesMax)
	l.HandshakeTimeout = or(l.HandshakeTimeout, DefaultHandshakeTimeout)
	l.ConnectionsMax = or(l.ConnectionsMax, DefaultConnectionsMax)
	l.ConnectionsPerAddressMax = or(l.ConnectionsPerAddressMax, DefaultConnectionsPerAddressMax)
	l.OutboxBytesMax = or(l.OutboxBytesMax, DefaultOutboxBytesMax)
	l.NodeOutboxBytesMax = or(l.NodeOutboxBytesMax, DefaultNodeOutboxBytesMax)
	l.LinkFrameBytesMax = or(l.LinkFrameBytesMax, DefaultLinkFrameBytesMax)
	l.LinkOutboxBytesMax = or(l.LinkOutboxBytesMax, DefaultLinkOutboxBytesMax)
	l.PingInterval = or(l.PingInterval, DefaultPingInterval)
	l.PongTimeout = or(l.PongTimeout, DefaultPongTimeout)
	l.Linger = or(l.Linger, DefaultLinger)
	l.ReadBytesPerTurn = or(l.ReadBytesPerTurn, DefaultReadBytesPerTurn)
	l.TurnTime = or(l.TurnTime, DefaultTurnTime)
	return l
}

// validate lists every problem; nothing is clamped in silence.
func (l Limits) validate() error {
	var errs []error
	check := func(name string, v, lo, hi int) {
		if v < lo || v > hi {
			errs = append(errs, fmt.Errorf("%s is %d, must be in [%d, %d]", name, v, lo, hi))
		}
	}
	check("MessageBytesMax", l.MessageBytesMax, messageBytesMin, boundMax)
	check("FirstMessageBytesMax", l.FirstMessageBytesMax, messageBytesMin, l.MessageBytesMax)
	check("HeadBytesMax", l.HeadBytesMax, messageBytesMin, 64<<10)
	check("ConnectionsMax", l.ConnectionsMax, 1, boundMax)
	check("OutboxBytesMax", l.OutboxBytesMax, messageBytesMin, boundMax)
	check("LinkFrameBytesMax", l.LinkFrameBytesMax, messageBytesMin, boundMax)
	check("LinkOutboxBytesMax", l.LinkOutboxBytesMax, messageBytesMin, boundMax)
	check("ReadBytesPerTurn", l.ReadBytesPerTurn, messageBytesMin, readBufferBytes-leftoverCopyMax)
	for _, d := range []struct {
		name string
		v    time.Duration
	}{{"HandshakeTimeout", l.HandshakeTimeout}, {"PongTimeout", l.PongTimeout}, {"Linger", l.Linger}, {"TurnTime", l.TurnTime}} {
		if d.v <= 0 {
			errs = append(errs, fmt.Errorf("%s is %v, must be positive", d.name, d.v))
		}
	}
	if l.NodeOutboxBytesMax < 0 {
		errs = append(errs, fmt.Errorf("NodeOutboxBytesMax is %d, must not be negative", l.NodeOutboxBytesMax))
	}
	return errors.Join(errs...)
}

// rawLength is the LENGTH nibble that RawSocket announces for this limit: 2^(9+n) is the largest power of two within.
func (l Limits) rawLength() byte {
	return byte(min(bits.Len(uint(l.MessageBytesMax))-10, 15))
}

func (c Config) withDefaults() Config {
	if c.Loops == 0 {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.withDefaults()
	return c
}
