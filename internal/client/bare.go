package client

import (
	"bufio"
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Opener opens bare sessions by one configuration, of which Wait, Once and Notify have no meaning here.
type Opener struct{ client *Client }

// Bare is a session that its user drives: it reads the messages, gathers his own and writes them in one go. It has no goroutine, no
// wishes and no second life, so many thousands of them are cheap.
type Bare struct {
	s   *session
	out *outlet
	in  **bufio.Reader

	mu      sync.Mutex
	request uint64
	message []byte // scratch
	held    []byte // what the next Flush writes
	masks   *rand.PCG

	flushMu sync.Mutex
	going   []byte // owned by the holder of flushMu; swapped with held
}

// BareOptions say how one bare session is opened; the zero value is good for most.
type BareOptions struct {
	From      netip.Addr // the address to dial from; invalid: the system's choice
	ReadBytes int        // buffer for reading; 0: 16 KiB. Messages may be larger
}

// NewOpener checks cfg.
func NewOpener(cfg Config) (*Opener, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Opener{c}, nil
}

// Open connects to URL i, modulo their number, and joins the realm before ctx ends. Any goroutine.
func (o *Opener) Open(ctx context.Context, i int, opt BareOptions) (*Bare, error) {
	cfg, e := &o.client.cfg, o.client.endpoints[i%len(o.client.endpoints)]
	if e.network == "tcp" {
		e.from = opt.From
	}
	w, err := dialWire(ctx, e, cfg, 0)
	if err != nil {
		return nil, err
	}
	b := &Bare{
		s:     &session{client: o.client, wire: w, format: cfg.Serializer, url: e.url},
		masks: rand.NewPCG(rand.Uint64(), rand.Uint64()),
	}
	b.out, b.in = w.ends()
	if opt.ReadBytes > 0 && (*b.in).Buffered() == 0 { // a router is silent until HELLO
		*b.in = bufio.NewReaderSize(b.out.conn, opt.ReadBytes)
	}
	if err := b.s.greet(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// ID is the session's id.
func (b *Bare) ID() uint64 { return b.s.id }

// URL is where it is connected.
func (b *Bare) URL() string { return b.s.url }

// Serializer is what its messages are written in.
func (b *Bare) Serializer() wamp.Serializer { return b.s.format }

// Receive waits for the next message. m aliases the session's memory until the next Receive. An error ends the session; after a
// [wamp.Goodbye] nothing more comes. One goroutine.
func (b *Bare) Receive(m *codec.Message) error { return b.s.receive(m) }

// More reports whether the next message, or a part of it, has arrived already. For the goroutine that receives.
func (b *Bare) More() bool { return (*b.in).Buffered() > 0 }

// Ask gathers a request, for which build gets the next request id and appends to dst. It returns the id. An error means that the
// message is too large; it was not gathered. Any goroutine; build runs within the call.
func (b *Bare) Ask(build func(dst []byte, request uint64) []byte) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.message = build(b.message[:0], b.request+1)
	if err := b.hold(); err != nil {
		return 0, err
	}
	b.request++
	return b.request, nil
}

// Tell gathers a message that is no request.
func (b *Bare) Tell(build func(dst []byte) []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.message = build(b.message[:0])
	return b.hold()
}

func (b *Bare) hold() (err error) {
	b.held, err = b.s.wire.append(b.held, b.message, b.masks.Uint64())
	return err
}

// Held is how many bytes the next Flush would write.
func (b *Bare) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.held)
}

// Flush writes all that was gathered, in one call. It waits while the router does not read. Any goroutine.
func (b *Bare) Flush() error {
	b.flushMu.Lock()
	defer b.flushMu.Unlock()
	b.mu.Lock()
	b.held, b.going = b.going[:0], b.held
	b.mu.Unlock()
	if len(b.going) == 0 {
		return nil
	}
	b.out.mu.Lock()
	err := b.out.put(b.going)
	b.out.mu.Unlock()
	b.out.drain()
	return err
}

// Close closes the connection, without a word to the realm; whoever receives gets an error. Any goroutine, any number of times.
func (b *Bare) Close() { b.s.wire.shut() }

// Reset closes the connection so that its port is free at once. What is still under way in it may be lost.
func (b *Bare) Reset() {
	if c, ok := b.out.conn.(*net.TCPConn); ok {
		c.SetLinger(0)
		c.Close()
	}
	b.Close()
}
