package bench

import (
	"context"
	"fmt"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

func (r *run) procedure(g int) string { return fmt.Sprintf("bench.%s.p%d", r.name, g) }

// rpc: caller i calls the procedure of callee i modulo the callees, or with Shared the one of all.
func (r *run) rpc(ctx context.Context) error {
	callees := make([]*callee, r.cfg.Receivers)
	err := r.each(ctx, len(callees), func(ctx context.Context, i int) error {
		b, err := r.session(ctx, r.catcher, i, client.BareOptions{})
		if err != nil {
			return err
		}
		callees[i] = &callee{r.newReceiver(b, i), make(chan struct{}, 1)}
		o := &codec.RegisterOptions{}
		if r.cfg.Shared {
			o.Invoke = wamp.RoundRobin
		}
		b.Ask(func(dst []byte, request uint64) []byte {
			return codec.AppendRegister(dst, b.Serializer(), request, o, r.procedure(callees[i].group))
		})
		return await(b, wamp.Registered)
	})
	if err != nil {
		return err
	}
	senders := make([]*sender, r.cfg.Senders)
	err = r.each(ctx, len(senders), func(ctx context.Context, i int) (err error) {
		if senders[i], err = r.newSender(ctx, i, r.procedure(i%r.cfg.groups()), 1); err == nil {
			senders[i].calls()
			senders[i].unheard.Store(1)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range callees {
		r.read(c.b, func(m *codec.Message) { c.invocation(m, senders) }, c.signal)
		r.readers.Go(c.write)
	}
	for _, s := range senders {
		c := &caller{s, &receiver{run: r, b: s.b, samples: make([]int64, 0, samplesMax)}}
		r.read(s.b, c.answer, c.settled)
	}
	if err := r.ready(senders); err != nil {
		return err
	}
	r.start(senders)
	r.measure(func() bool { return r.received.Load()+r.failed.Load() >= r.sent.Load() })
	return nil
}

// callee echoes. Its reader gathers the answers, its writer sends them, so that it reads while the router does not.
type callee struct {
	*receiver
	wake chan struct{}
}

func (c *callee) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *callee) invocation(m *codec.Message, senders []*sender) {
	if m.Type != wamp.Invocation {
		return
	}
	c.take(m.Payload.Raw, senders)
	if err := c.b.Tell(func(dst []byte) []byte {
		return codec.AppendYield(dst, c.b.Serializer(), m.Request, false, m.Payload)
	}); err != nil {
		c.run.fault(err)
	}
}

// write sends what was gathered until the session ends.
func (c *callee) write() {
	for range c.wake {
		if c.run.closing.Load() || c.b.Flush() != nil {
			return // the reader meets the same end, and tells of it
		}
	}
}

// caller is a sender and what it gets back.
type caller struct {
	*sender
	*receiver
}

func (c *caller) answer(m *codec.Message) {
	r := c.sender.run
	switch {
	case m.Type == wamp.Error:
		c.refused(m)
	case m.Type != wamp.Result:
	case m.Request <= c.first.Load():
		if c.unheard.Load() > 0 {
			c.unheard.Store(0)
		}
	default:
		if at, ok := c.answered(m.Request); ok {
			r.received.Add(1)
			c.sample(at)
		}
	}
}
