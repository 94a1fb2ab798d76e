package client

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// resultsMax is how many progressive results wait for the caller before the session's reader waits for it.
const resultsMax = 64

// CallOptions are the options of CALL that this client knows; nil means none.
type CallOptions struct {
	Timeout    time.Duration   // told to the router, which ends the call; 0: none
	Progress   func(Result)    // asks for progressive results and gets them, on the caller's goroutine (Call only)
	Streaming  bool            // asks for progressive results for [Pending.Next]
	CancelMode wamp.CancelMode // what Call sends when its context ends
	DiscloseMe bool
	Raw        json.RawMessage // of a client in JSON: the dict as it is, in place of the other options of CALL
}

// Result is one RESULT.
type Result struct {
	Progress bool // more follow
	Payload  Payload
}

// Call calls procedure and waits for its end. When ctx ends first, the call is cancelled and ctx's error returned. An ERROR
// is returned as *[Error].
func (c *Client) Call(ctx context.Context, procedure string, p Payload, o *CallOptions) (Result, error) {
	if o == nil {
		o = &CallOptions{}
	}
	call, err := c.Start(ctx, procedure, p, o)
	if err != nil {
		return Result{}, err
	}
	defer call.Abandon()
	for {
		r, err := call.Next(ctx)
		if err != nil && ctx.Err() != nil {
			call.Cancel(o.CancelMode)
		}
		if err != nil || !r.Progress {
			return r, err
		}
		if o.Progress != nil {
			o.Progress(r)
		}
	}
}

// Pending is a call under way.
type Pending struct {
	session   *session
	request   uint64
	results   chan outcome
	abandoned chan struct{}
	once      sync.Once
}

type outcome struct {
	result Result
	err    error
}

// Start sends CALL and returns at once. The caller takes the results with Next until one is final or an error, or gives the call up with
// Abandon.
func (c *Client) Start(ctx context.Context, procedure string, p Payload, o *CallOptions) (*Pending, error) {
	s, err := c.await(ctx)
	if err != nil {
		return nil, err
	}
	payload, err := p.in(s.format)
	if err != nil {
		return nil, err
	}
	if o == nil {
		o = &CallOptions{}
	}
	options := codec.CallOptions{
		ReceiveProgress: o.Progress != nil || o.Streaming,
		Timeout:         uint64(o.Timeout.Milliseconds()),
		DiscloseMe:      o.DiscloseMe,
	}
	call := &Pending{session: s, results: make(chan outcome, resultsMax), abandoned: make(chan struct{})}
	call.request, err = s.ask(call.answer, func(dst []byte, request uint64) []byte {
		if o.Raw != nil {
			return appendRawRequest(dst, wamp.Call, request, o.Raw, procedure, payload)
		}
		return codec.AppendCall(dst, s.format, request, &options, procedure, payload)
	})
	if err != nil {
		return nil, err
	}
	return call, nil
}

// answer runs on the session's reader.
func (p *Pending) answer(m *codec.Message, err error) (final bool) {
	o := outcome{err: err}
	if err == nil {
		o.result = Result{Progress: m.Options.Progress, Payload: own(p.session.format, m.Payload)}
	}
	select {
	case p.results <- o:
	case <-p.abandoned:
	case <-p.session.client.ctx.Done():
	}
	return !o.result.Progress
}

// Next waits for the next result. After a final one or an error of the call there is no further one. When ctx ends, the call
// goes on.
func (p *Pending) Next(ctx context.Context) (Result, error) {
	var why error
	select {
	case o := <-p.results:
		return o.result, o.err
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-p.session.client.ctx.Done():
		why = context.Cause(p.session.client.ctx)
	}
	select {
	case o := <-p.results: // both at a time: the result came first
		return o.result, o.err
	default:
		return Result{}, why
	}
}

// Cancel asks the router to cancel the call; how it ends is told by Next.
func (p *Pending) Cancel(mode wamp.CancelMode) error {
	s := p.session
	return s.tell(func(dst []byte) []byte { return codec.AppendCancel(dst, s.format, p.request, mode) })
}

// Abandon makes the client ignore what still comes. It does not cancel.
func (p *Pending) Abandon() { p.once.Do(func() { close(p.abandoned) }) }
