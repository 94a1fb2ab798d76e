package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// sender is a publisher or a caller: one session, one writer.
type sender struct {
	run   *run
	b     *client.Bare
	index int
	uri   string
	need  int // answers that end a message
	build func(dst []byte, request uint64) []byte
	body  payload
	gate  *gate
	wake  chan struct{} // holds one: there may be something to do
	first atomic.Uint64 // the request before number 0: those up to it are probes

	// Open loop: message n is due at start + (n·senders + index)·interval. start is 0 until the run starts.
	due    uint64
	asleep bool // nothing was due when it last looked: the next one waits for the alarm alone

	total    atomic.Uint64 // sent, probes apart
	unheard  atomic.Int64  // receivers that have not got a probe
	progress int64         // when something was last sent; the writer's
}

func (r *run) newSender(ctx context.Context, i int, uri string, need int) (*sender, error) {
	b, err := r.session(ctx, r.opener, i, client.BareOptions{})
	if err != nil {
		return nil, err
	}
	slots := r.cfg.InFlight
	if r.cfg.Rate > 0 {
		slots = InFlightMax
	}
	s := &sender{run: r, b: b, index: i, uri: uri, need: need, gate: newGate(slots), wake: make(chan struct{}, 1)}
	s.body = newPayload(b.Serializer(), r.cfg.Payload)
	return s, nil
}

func (s *sender) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// message appends the message that build makes of the stamped payload.
func (s *sender) message(st stamp) error {
	s.body.set(st)
	_, err := s.b.Ask(s.build)
	return err
}

func (s *sender) publishes(acknowledge bool) {
	o := &codec.PublishOptions{Acknowledge: acknowledge}
	s.build = func(dst []byte, request uint64) []byte {
		return codec.AppendPublish(dst, s.b.Serializer(), request, o, s.uri, s.body.Payload)
	}
}

func (s *sender) calls() {
	s.build = func(dst []byte, request uint64) []byte {
		return codec.AppendCall(dst, s.b.Serializer(), request, nil, s.uri, s.body.Payload)
	}
}

// probe sends one message that is not counted.
func (s *sender) probe() error {
	s.first.Add(1) // before its answer can come
	if err := s.message(stamp{s.index, probe, s.run.now()}); err != nil {
		return err
	}
	return s.b.Flush()
}

// write sends until the run's context ends. start is when message 0 of all is due.
func (s *sender) write(start int64) {
	for s.run.ctx.Err() == nil {
		sent, err := s.fill(start)
		if err == nil {
			err = s.b.Flush()
		}
		if err != nil {
			s.run.lose(s.b, err)
			return
		}
		if sent {
			s.progress = s.run.now()
			continue
		}
		select {
		case <-s.wake:
			s.unstick()
		case <-s.run.ctx.Done():
		}
	}
}

// fill gathers what may be sent now, and reports whether there was anything.
func (s *sender) fill(start int64) (sent bool, err error) {
	r := s.run
	gated := r.cfg.Rate == 0 || s.waits()
	now := r.now()
	for s.b.Held() < flushBytes && (!gated || s.gate.free()) && r.ctx.Err() == nil {
		at := now
		if r.cfg.Rate > 0 {
			if at = s.dueAt(start); at > now {
				s.asleep = !sent
				break
			}
			if s.asleep && r.counts(at) { // the catching up after a wait for the router is not the alarm's fault
				r.delay.add(now - at)
			}
			s.asleep = false
			s.due++
		}
		if err := s.message(stamp{s.index, s.gate.send(s.need, at), at}); err != nil {
			return sent, err
		}
		sent = true
		s.total.Add(1)
		r.sent.Add(1)
		if r.counts(at) {
			r.sentMeasured.Add(1)
		}
	}
	return sent, nil
}

// waits reports whether messages have answers that end them.
func (s *sender) waits() bool { return s.run.cfg.Flow == RPC || s.run.cfg.Acknowledge }

// dueAt is when the next message is due in an open loop.
func (s *sender) dueAt(start int64) int64 {
	k := s.due*uint64(s.run.cfg.Senders) + uint64(s.index)
	return start + int64(float64(k)*1e9/s.run.cfg.Rate)
}

// unstick gives up the oldest message when nothing has moved for long.
func (s *sender) unstick() {
	if now := s.run.now(); now-s.progress > int64(stuckAfter) && !s.gate.free() {
		s.gate.abandon()
	}
}

// answered takes an answer to the request, and reports when that was due.
func (s *sender) answered(request uint64) (at int64, ok bool) {
	first := s.first.Load()
	if request <= first {
		return 0, false // a probe's
	}
	at, ok, done := s.gate.answer(uint32(request - first - 1))
	switch {
	case done:
		s.signal()
	case !ok && s.gate.belated():
		if s.run.cfg.Flow == RPC {
			s.run.received.Add(1)
		} else {
			s.run.acknowledged.Add(1)
		}
	case !ok:
		s.run.doubled.Add(1)
	}
	return at, ok
}

// errorOf is the fault that an ERROR is.
func errorOf(m *codec.Message) error {
	return fmt.Errorf("%s was answered with %s", m.RequestType, m.URI)
}

// start lets all senders write, with an alarm for those that have a time to keep, until the run stops.
func (r *run) start(senders []*sender) {
	start := r.now()
	for _, s := range senders {
		s.progress = start
		r.readers.Go(func() { s.write(start) })
	}
	if r.cfg.Rate > 0 {
		r.readers.Go(func() { r.alarm(start, senders) })
	}
	r.readers.Go(func() {
		t := time.NewTicker(stuckPoll)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				for _, s := range senders {
					s.signal()
				}
			case <-r.ctx.Done():
				return
			}
		}
	})
}

// alarm wakes each sender when its next message is due.
func (r *run) alarm(start int64, senders []*sender) {
	release := precise()
	defer release()
	for k := uint64(0); r.ctx.Err() == nil; {
		due := start + int64(float64(k)*1e9/r.cfg.Rate)
		if wait := due - r.now(); wait > 0 {
			nap(time.Duration(min(wait, int64(stuckPoll))))
			continue
		}
		senders[k%uint64(len(senders))].signal()
		k++
	}
}

// ready probes until every receiver has heard every sender of its group.
func (r *run) ready(senders []*sender) error {
	deadline := time.Now().Add(readyTimeout)
	for {
		waiting := int64(0)
		for _, s := range senders {
			n := s.unheard.Load()
			waiting += n
			if n == 0 {
				continue
			}
			if err := s.probe(); err != nil {
				return err
			}
		}
		switch {
		case waiting == 0:
			return nil
		case time.Now().After(deadline):
			err := fmt.Errorf("after %v, %d ways from a sender to a receiver are not open", readyTimeout, waiting)
			r.mu.Lock()
			defer r.mu.Unlock()
			return errors.Join(err, r.problem)
		case !r.pause(readyPause):
			return context.Cause(r.ctx)
		}
	}
}

// await waits for the answer of this type to the request that was just gathered.
func await(b *client.Bare, t wamp.MessageType) error {
	if err := b.Flush(); err != nil {
		return err
	}
	var m codec.Message
	for {
		switch err := b.Receive(&m); {
		case err != nil:
			return err
		case m.Type == wamp.Error:
			return errorOf(&m)
		case m.Type == t:
			return nil
		}
	}
}
