package client

import (
	"context"
	"errors"
	"slices"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// ErrRuntime is the URI of an ERROR for a handler's error that names no other.
const ErrRuntime = "wamp.error.runtime_error"

// RegisterOptions are the options of REGISTER that this client knows; nil means none.
type RegisterOptions struct {
	Match       wamp.Match
	Invoke      wamp.Invoke
	Concurrency uint64 // invocations that the router may have open with this callee; 0: no limit
	Inline      bool   // run the handler on the dispatcher: one after the other, in the order of arrival
}

// Handler answers one invocation. The payload is its result; an *[Error] is sent with its URI and payload, any other error as
// [ErrRuntime]. ctx ends when the caller cancels or the session ends.
type Handler func(ctx context.Context, inv *Invocation) (Payload, error)

// Registration is a wish to be called. It lasts until Unregister, over reconnects.
type Registration struct {
	client    *Client
	procedure string
	options   RegisterOptions
	handler   Handler
	first     chan error

	// under client.mu
	granted bool
	dropped bool
	id      uint64
	at      *session
}

// Invocation is one INVOCATION. It owns its memory.
type Invocation struct {
	Procedure string // of pattern registrations the called procedure, else the registered one
	Caller    uint64 // 0 where it is not disclosed
	Payload   Payload

	session     *session
	request     uint64
	wantsUpdate bool
	ctx         context.Context
	cancel      context.CancelCauseFunc
}

// Register asks to be called for procedure and returns when the router has granted it. When ctx ends first, the wish is withdrawn.
func (c *Client) Register(ctx context.Context, procedure string, o *RegisterOptions, handler Handler) (*Registration, error) {
	if o == nil {
		o = &RegisterOptions{}
	}
	reg := &Registration{client: c, procedure: procedure, options: *o, handler: handler, first: make(chan error, 1)}
	c.mu.Lock()
	c.regs = append(c.regs, reg)
	s := c.cur
	c.mu.Unlock()
	if s != nil {
		s.register(reg)
	}
	if err := c.verdict(ctx, reg.first); err != nil {
		reg.Unregister(context.WithoutCancel(ctx))
		return nil, err
	}
	return reg, nil
}

// Unregister withdraws the wish and waits for the router's answer. Running invocations go on.
func (r *Registration) Unregister(ctx context.Context) error {
	s, id := r.client.dropRegistration(r)
	if s == nil {
		return nil
	}
	err := s.await(ctx, func(dst []byte, request uint64) []byte {
		return codec.AppendUnregister(dst, s.format, request, id)
	})
	s.mu.Lock()
	delete(s.procedures, id)
	s.mu.Unlock()
	return err
}

func (c *Client) dropRegistration(r *Registration) (*session, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.regs = slices.DeleteFunc(c.regs, func(o *Registration) bool { return o == r })
	r.dropped = true
	s, id := r.at, r.id
	r.at = nil
	return s, id
}

func (s *session) register(reg *Registration) {
	o := codec.RegisterOptions{Match: reg.options.Match, Invoke: reg.options.Invoke, Concurrency: reg.options.Concurrency}
	s.ask(func(m *codec.Message, err error) bool {
		s.registered(reg, m, err)
		return true
	}, func(dst []byte, request uint64) []byte {
		return codec.AppendRegister(dst, s.format, request, &o, reg.procedure)
	})
}

func (s *session) registered(reg *Registration, m *codec.Message, err error) {
	c := s.client
	c.mu.Lock()
	wanted, before := !reg.dropped, reg.granted
	if err == nil {
		reg.granted = true
		reg.at, reg.id = s, m.ID
	}
	c.mu.Unlock()
	switch {
	case err == ErrLost: // the next session says it again
	case err != nil && before && wanted:
		c.notify(Notice{Kind: Refused, Name: reg.procedure, URL: s.url, Err: err})
		s.again(func() { s.register(reg) })
	case err != nil:
		reg.first <- err
	default:
		s.mu.Lock()
		s.procedures[m.ID] = reg
		s.mu.Unlock()
		if !wanted {
			go reg.Unregister(c.ctx)
			return
		}
		c.notify(Notice{Kind: Registered, Name: reg.procedure, URL: s.url})
		if !before {
			reg.first <- nil
		}
	}
}

func (s *session) invocation(m *codec.Message) {
	s.mu.Lock()
	reg := s.procedures[m.ID]
	s.mu.Unlock()
	if reg == nil {
		s.fail(m.Request, wamp.ErrNoSuchRegistration, Payload{})
		return
	}
	inv := &Invocation{
		Procedure:   reg.procedure,
		Caller:      m.Options.Caller,
		Payload:     own(s.format, m.Payload),
		session:     s,
		request:     m.Request,
		wantsUpdate: m.Options.ReceiveProgress,
	}
	if m.Options.Has&codec.OptProcedure != 0 {
		inv.Procedure = string(m.Options.Procedure)
	}
	inv.ctx, inv.cancel = context.WithCancelCause(s.client.ctx)
	s.mu.Lock()
	s.invocations[m.Request] = inv
	s.mu.Unlock()
	if reg.options.Inline {
		s.client.enqueue(func() { inv.run(reg.handler) })
		return
	}
	select {
	case s.client.slots <- struct{}{}:
	default:
		s.drop(inv)
		s.fail(m.Request, wamp.ErrUnavailable, Args("too many invocations at a time"))
		return
	}
	s.client.done.Add(1)
	go func() {
		defer s.client.done.Done()
		inv.run(reg.handler)
		<-s.client.slots
	}()
}

func (s *session) interrupt(m *codec.Message) {
	s.mu.Lock()
	inv := s.invocations[m.Request]
	s.mu.Unlock()
	if inv != nil {
		inv.cancel(&Error{Type: wamp.Invocation, URI: wamp.ErrCanceled})
	}
}

func (s *session) drop(inv *Invocation) {
	s.mu.Lock()
	delete(s.invocations, inv.request)
	s.mu.Unlock()
	inv.cancel(nil)
}

// fail answers an invocation with ERROR.
func (s *session) fail(request uint64, uri string, p Payload) {
	payload, err := p.in(s.format)
	if err != nil {
		payload = codec.Payload{}
	}
	s.tell(func(dst []byte) []byte {
		return codec.AppendError(dst, s.format, wamp.Invocation, request, []byte(uri), payload)
	})
}

// run calls the handler and sends its answer.
func (inv *Invocation) run(h Handler) {
	p, err := h(inv.ctx, inv)
	if err == nil {
		err = inv.yield(p, false)
	}
	canceled := context.Cause(inv.ctx)
	inv.session.drop(inv)
	if err == nil {
		return
	}
	var e *Error
	if errors.As(canceled, &e) || errors.As(err, &e) {
		inv.session.fail(inv.request, e.URI, e.Payload)
		return
	}
	inv.session.fail(inv.request, ErrRuntime, Args(err.Error()))
}

// WantsProgress reports whether the caller takes progressive results.
func (inv *Invocation) WantsProgress() bool { return inv.wantsUpdate }

// Progress sends a progressive result; where the caller takes none it does nothing.
func (inv *Invocation) Progress(p Payload) error {
	if !inv.wantsUpdate {
		return nil
	}
	return inv.yield(p, true)
}

func (inv *Invocation) yield(p Payload, progress bool) error {
	s := inv.session
	payload, err := p.in(s.format)
	if err != nil {
		return err
	}
	return s.tell(func(dst []byte) []byte {
		return codec.AppendYield(dst, s.format, inv.request, progress, payload)
	})
}
