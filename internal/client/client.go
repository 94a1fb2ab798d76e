package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

const (
	// DefaultRealm is joined where Config names none.
	DefaultRealm = "realm1"
	// backoffMin and backoffMax bound the pause after all URLs have failed: short enough that a restarted node is found at
	// once, long enough that a thousand clients of a dead cluster are no load. Half of each pause is random.
	backoffMin = 50 * time.Millisecond
	backoffMax = 2 * time.Second
	// pingInterval is how often a silent router is asked for a sign of life; one that stays silent for three of them is given up.
	pingInterval = 10 * time.Second
	silentPings  = 3
	// jobsMax is how many events wait for the dispatcher before the reader stops reading.
	jobsMax = 1024
	// invocationsMax bounds the handlers that run at a time; further invocations are answered with wamp.error.unavailable.
	invocationsMax = 1024
	// goodbyeTimeout is how long Close waits for the router's GOODBYE.
	goodbyeTimeout = time.Second
)

// Config says whom to talk to and how. URLs is required, all else has a default.
type Config struct {
	URLs       []string        // ws, wss, rs, rss, unix; tried in this order
	Realm      string          // DefaultRealm
	Serializer wamp.Serializer // wamp.JSON
	TLS        *tls.Config     // of wss and rss; nil: the system's roots
	Agent      string          // HELLO.Details.agent
	AuthID     string          // HELLO.Details.authid
	Proof      *auth.Proof     // how it proves who it is; nil: not at all
	// Dial, if set, makes the connection in place of URLs, which may be empty then; RawSocket is spoken over it.
	Dial func(ctx context.Context) (net.Conn, error)
	// Wait makes Dial wait for a router to appear instead of failing when none of the URLs answers.
	Wait bool
	// Once ends the client with its first session instead of dialing again.
	Once bool
	// Notify, if set, is told of what happens to the connection and the wishes. It is called on the client's goroutines, one
	// call at a time, and must not call the client.
	Notify func(Notice)
}

// NoticeKind says what a Notice is about.
type NoticeKind uint8

const (
	Connected  NoticeKind = iota + 1 // URL, Session
	Lost                             // URL, Err: the session ended; the client dials again unless it is closed or Once
	Unreached                        // URL, Err: dialing failed
	Subscribed                       // Name, URL: also after a reconnect
	Registered                       // Name, URL: also after a reconnect
	Refused                          // Name, URL, Err: a repetition after a reconnect was refused; it is tried again
	Revoked                          // Name, URL, Err: the router took it back; it is not tried again
)

// Notice is one event of a client's life.
type Notice struct {
	Kind    NoticeKind
	URL     string
	Session uint64
	Name    string // topic or procedure
	Err     error
}

// Client is a WAMP client that outlives its connections. All methods may be called by any goroutine.
type Client struct {
	cfg       Config
	endpoints []endpoint
	ctx       context.Context // ends with Close
	cancel    context.CancelCauseFunc
	jobs      chan func()
	slots     chan struct{} // one for each running invocation handler
	done      sync.WaitGroup
	noticeMu  sync.Mutex

	mu      sync.Mutex
	cur     *session      // nil while there is none
	up      chan struct{} // closed while cur is set
	subs    []*Subscription
	regs    []*Registration
	closing bool // Close was called: the present session is the last

	strays atomic.Uint64
}

// Dial connects to the first of the URLs that answers and joins the realm. It returns when the session is established, or with the
// first URL's error. ctx bounds Dial alone.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	first := make(chan error, 1)
	c.done.Add(2)
	go c.dispatch()
	go c.supervise(ctx, first)
	if err := <-first; err != nil {
		c.cancel(ErrClosed)
		c.done.Wait()
		return nil, err
	}
	return c, nil
}

func newClient(cfg Config) (*Client, error) {
	if cfg.Dial != nil {
		cfg.URLs = nil
	} else if len(cfg.URLs) == 0 {
		return nil, errors.New("no URL given")
	}
	if cfg.Realm == "" {
		cfg.Realm = DefaultRealm
	}
	if cfg.Serializer == 0 {
		cfg.Serializer = wamp.JSON
	}
	c := &Client{
		cfg:   cfg,
		jobs:  make(chan func(), jobsMax),
		slots: make(chan struct{}, invocationsMax),
		up:    make(chan struct{}),
	}
	if cfg.Dial != nil {
		c.endpoints = []endpoint{{url: "pipe"}}
	}
	for _, u := range cfg.URLs {
		e, err := parseEndpoint(u)
		if err != nil {
			return nil, err
		}
		c.endpoints = append(c.endpoints, e)
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c, nil
}

// Close leaves the realm, closes the connection and waits for the client's goroutines, running handlers included.
func (c *Client) Close() error {
	c.mu.Lock()
	s, again := c.cur, c.closing
	c.closing = true
	c.mu.Unlock()
	if s != nil && !again {
		s.leave(goodbyeTimeout)
	}
	c.cancel(ErrClosed)
	c.done.Wait()
	return nil
}

// Done is closed when the client has ended: after Close, or with Config.Once after its only session.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// URL is where the client is connected now, "" while it is not.
func (c *Client) URL() string {
	if s := c.current(); s != nil {
		return s.url
	}
	return ""
}

// Session is the id of the present session, 0 while there is none.
func (c *Client) Session() uint64 {
	if s := c.current(); s != nil {
		return s.id
	}
	return 0
}

// Strays is how many answers have come to nothing that waits for one: each request gets one final answer, so a router sends none.
func (c *Client) Strays() uint64 { return c.strays.Load() }

func (c *Client) current() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cur
}

// await returns the present session, or waits for the next one.
func (c *Client) await(ctx context.Context) (*session, error) {
	for {
		c.mu.Lock()
		s, up := c.cur, c.up
		c.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-up:
		case <-ctx.Done():
			return nil, fmt.Errorf("no connection: %w", context.Cause(ctx))
		case <-c.ctx.Done():
			return nil, context.Cause(c.ctx)
		}
	}
}

// supervise keeps one session alive after the other.
func (c *Client) supervise(ctx context.Context, first chan<- error) {
	defer c.done.Done()
	// Everything ends with the supervisor, so that a client that was Once leaves nothing waiting.
	defer c.cancel(ErrClosed)
	for at := 0; ; {
		s, i, err := c.connect(ctx, at, first == nil || c.cfg.Wait)
		if err != nil {
			if first != nil {
				first <- err
			}
			return
		}
		subs, regs := c.publish(s)
		c.notify(Notice{Kind: Connected, URL: s.url, Session: s.id})
		s.restore(subs, regs)
		if first != nil {
			first <- nil
			first, ctx = nil, c.ctx
		}
		err = s.run()
		if closing := c.withdraw(); closing || c.ctx.Err() != nil {
			return
		}
		c.notify(Notice{Kind: Lost, URL: s.url, Session: s.id, Err: err})
		if c.cfg.Once {
			c.cancel(err)
			return
		}
		at = (i + 1) % len(c.endpoints)
	}
}

// connect tries the endpoints from at on, once around or, when patient, until ctx ends, with a growing pause after each round.
func (c *Client) connect(ctx context.Context, at int, patient bool) (*session, int, error) {
	ctx, stop := merge(ctx, c.ctx)
	defer stop()
	pause := backoffMin
	for {
		var firstErr error
		for k := range c.endpoints {
			i := (at + k) % len(c.endpoints)
			s, err := c.open(ctx, c.endpoints[i])
			if err == nil {
				return s, i, nil
			}
			if ctx.Err() != nil {
				return nil, 0, context.Cause(ctx)
			}
			err = fmt.Errorf("%s: %w", c.endpoints[i].url, err)
			c.notify(Notice{Kind: Unreached, URL: c.endpoints[i].url, Err: err})
			if firstErr == nil || permanent(err) {
				firstErr = err
			}
		}
		// A realm that an established client had may be missing for a moment where a node starts; one that a new client
		// asks for is more likely a mistake.
		if !patient || permanent(firstErr) && !c.established() {
			return nil, 0, firstErr
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
		pause = min(2*pause, backoffMax)
	}
}

// merge is a context that ends with either.
func merge(a, b context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(a)
	stop := context.AfterFunc(b, func() { cancel(context.Cause(b)) })
	return ctx, func() { stop(); cancel(nil) }
}

func (c *Client) established() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.subs)+len(c.regs) > 0
}

// publish makes s the present session and returns the wishes to say to it: later ones find it themselves.
func (c *Client) publish(s *session) ([]*Subscription, []*Registration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cur = s
	close(c.up)
	return slices.Clone(c.subs), slices.Clone(c.regs)
}

// withdraw ends the time of the present session, and reports whether the client wants no other.
func (c *Client) withdraw() (closing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cur = nil
	c.up = make(chan struct{})
	return c.closing
}

func (c *Client) notify(n Notice) {
	if c.cfg.Notify == nil {
		return
	}
	c.noticeMu.Lock()
	defer c.noticeMu.Unlock()
	c.cfg.Notify(n)
}

// dispatch runs the handlers of events, one after the other.
func (c *Client) dispatch() {
	defer c.done.Done()
	for {
		select {
		case job := <-c.jobs:
			job()
		case <-c.ctx.Done():
			return
		}
	}
}

// enqueue hands a job to the dispatcher; it waits while too many wait there already.
func (c *Client) enqueue(job func()) {
	select {
	case c.jobs <- job:
	case <-c.ctx.Done():
	}
}
