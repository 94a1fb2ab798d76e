package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// features that this client announces: all of them are in this package's code.
var roles = wamp.Roles{
	Publisher: true, Subscriber: true, Caller: true, Callee: true,
	SubscriberFeatures: wamp.FeatureSubscriptionRevocation,
	CallerFeatures:     wamp.FeatureCallCanceling | wamp.FeatureProgressiveCallResults | wamp.FeatureCallTimeout,
	CalleeFeatures: wamp.FeatureCallCanceling | wamp.FeatureProgressiveCallResults | wamp.FeatureSharedRegistration |
		wamp.FeatureRegistrationRevocation,
}

// session is one WAMP session on one connection. Its reader is the goroutine that calls run.
type session struct {
	client *Client
	wire   wire
	format wamp.Serializer
	url    string
	id     uint64
	parser codec.Parser // the reader's

	sendMu  sync.Mutex // request ids go out in the order in which they are given (IDS-06)
	request uint64
	out     []byte // owned by the holder of sendMu

	mu          sync.Mutex
	pending     map[uint64]answer          // by request id
	topics      map[uint64][]*Subscription // by subscription id
	procedures  map[uint64]*Registration   // by registration id
	invocations map[uint64]*Invocation     // by request id of the INVOCATION

	gone chan struct{} // closed when the session has ended
	left chan struct{} // closed when the router's GOODBYE came
	why  error         // set before gone is closed
}

// answer is told what came of a request: once a final reply or an error (ErrLost when the session ended), before that any
// progressive results. It runs on the reader and must not block longer than its own bound.
type answer func(m *codec.Message, err error) (final bool)

// open dials e and joins the realm.
func (c *Client) open(ctx context.Context, e endpoint) (*session, error) {
	w, err := dialWire(ctx, e, &c.cfg, silentPings*pingInterval)
	if err != nil {
		return nil, err
	}
	s := &session{
		client:      c,
		wire:        w,
		format:      c.cfg.Serializer,
		url:         e.url,
		pending:     map[uint64]answer{},
		topics:      map[uint64][]*Subscription{},
		procedures:  map[uint64]*Registration{},
		invocations: map[uint64]*Invocation{},
		gone:        make(chan struct{}),
		left:        make(chan struct{}),
	}
	if err := s.greet(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// greet joins the realm before ctx ends, or closes the connection.
func (s *session) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, s.wire.shut)
	err := s.join()
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		s.wire.shut()
	}
	return err
}

// protocolError is a message that may not come at this point.
type protocolError struct{ typ wamp.MessageType }

func (e *protocolError) Error() string { return "unexpected message " + e.typ.String() }

// receive reads and parses the next message. m aliases the wire's memory until the next call.
func (s *session) receive(m *codec.Message) error {
	frame, err := s.wire.read()
	if err != nil {
		return err
	}
	return s.parser.Parse(s.format, frame, m)
}

// run reads until the session ends, and returns why it did.
func (s *session) run() error {
	stopped := context.AfterFunc(s.client.ctx, s.wire.shut)
	pinger := s.keepAlive()
	err := s.readAll()
	stopped()
	pinger.Stop()
	s.wire.shut()
	s.end(err)
	return err
}

func (s *session) readAll() error {
	var m codec.Message
	for {
		if err := s.receive(&m); err != nil {
			var syntax *codec.SyntaxError
			if errors.As(err, &syntax) {
				s.wire.write(codec.AppendAbort(nil, s.format, wamp.ErrProtocolViolation, err.Error()))
			}
			return err
		}
		if err := s.handle(&m); err != nil {
			return err
		}
	}
}

// keepAlive pings until it is stopped. Each answer extends the wire's read deadline.
func (s *session) keepAlive() *time.Timer {
	var t *time.Timer
	ready := make(chan struct{})
	t = time.AfterFunc(pingInterval, func() {
		<-ready
		select {
		case <-s.gone: // stopped while it was about to run
		default:
			s.wire.ping()
			t.Reset(pingInterval)
		}
	})
	close(ready)
	return t
}

// end fails all that waits for this session.
func (s *session) end(err error) {
	s.mu.Lock()
	s.why = err
	close(s.gone)
	pending, invocations := s.pending, s.invocations
	s.pending, s.invocations = nil, nil
	s.mu.Unlock()
	for _, a := range pending {
		a(nil, ErrLost)
	}
	for _, inv := range invocations {
		inv.cancel(ErrLost)
	}
}

// ask sends the request that build appends under the next request id; a is told what comes of it. When ask fails, nothing was
// sent and a is not called, except that after a failed write a is told ErrLost.
func (s *session) ask(a answer, build func(dst []byte, request uint64) []byte) (uint64, error) {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	request := s.request + 1
	s.out = build(s.out[:0], request)
	s.mu.Lock()
	if s.pending == nil {
		s.mu.Unlock()
		return 0, ErrLost
	}
	if a != nil {
		s.pending[request] = a
	}
	s.mu.Unlock()
	err := s.wire.write(s.out)
	if errors.Is(err, ErrTooLarge) {
		s.forget(request)
		return 0, err
	}
	s.request = request
	if err != nil {
		s.wire.shut() // half a frame may be out: the reader ends the session and with it the request
		if a == nil {
			return request, ErrLost
		}
	}
	return request, nil
}

// tell sends a message that has no answer.
func (s *session) tell(build func(dst []byte) []byte) error {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	s.out = build(s.out[:0])
	err := s.wire.write(s.out)
	if err != nil && !errors.Is(err, ErrTooLarge) {
		s.wire.shut()
	}
	return err
}

func (s *session) forget(request uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, request)
}

// leave says GOODBYE and waits for the router's.
func (s *session) leave(timeout time.Duration) {
	if s.tell(func(dst []byte) []byte { return codec.AppendGoodbye(dst, s.format, wamp.CloseRealm, "") }) != nil {
		return
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-s.left:
	case <-s.gone:
	case <-t.C:
	}
}
