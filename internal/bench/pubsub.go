package bench

import (
	"context"
	"fmt"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

func (r *run) topic(g int) string { return fmt.Sprintf("bench.%s.t%d", r.name, g) }

// pubsub: publisher i and subscriber i belong to topic i modulo the topics.
func (r *run) pubsub(ctx context.Context) error {
	receivers := make([]*receiver, r.cfg.Receivers)
	err := r.each(ctx, len(receivers), func(ctx context.Context, i int) error {
		b, err := r.session(ctx, r.catcher, i, client.BareOptions{})
		if err != nil {
			return err
		}
		receivers[i] = r.newReceiver(b, i)
		b.Ask(func(dst []byte, request uint64) []byte {
			return codec.AppendSubscribe(dst, b.Serializer(), request, r.topic(receivers[i].group), wamp.Exact)
		})
		return await(b, wamp.Subscribed)
	})
	if err != nil {
		return err
	}
	senders := make([]*sender, r.cfg.Senders)
	err = r.each(ctx, len(senders), func(ctx context.Context, i int) (err error) {
		g := i % r.cfg.Topics
		audience := inGroup(r.cfg.Receivers, g, r.cfg.Topics)
		need := audience
		if r.cfg.Acknowledge {
			need = 1
		}
		if senders[i], err = r.newSender(ctx, i, r.topic(g), need); err == nil {
			senders[i].unheard.Store(int64(audience))
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range receivers {
		r.read(c.b, func(m *codec.Message) { c.event(m, senders) }, c.settled)
	}
	for _, s := range senders {
		s.publishes(false)
		r.read(s.b, s.published, func() {})
	}
	if err := r.ready(senders); err != nil {
		return err
	}
	for _, s := range senders {
		s.publishes(r.cfg.Acknowledge)
	}
	r.start(senders)
	r.measure(func() bool {
		return r.received.Load() >= r.owed(senders) && (!r.cfg.Acknowledge || r.acknowledged.Load() >= r.sent.Load())
	})
	r.owedEvents = r.owed(senders)
	if n := r.sent.Load() - r.acknowledged.Load(); r.cfg.Acknowledge {
		r.unanswered = n
	}
	return nil
}

// owed is how many events all publications together make; those that were refused make none.
func (r *run) owed(senders []*sender) (n uint64) {
	for i, s := range senders {
		n += s.total.Load() * uint64(inGroup(r.cfg.Receivers, i%r.cfg.Topics, r.cfg.Topics))
	}
	return n
}

func (c *receiver) event(m *codec.Message, senders []*sender) {
	if m.Type != wamp.Event {
		return
	}
	s, st, v := c.take(m.Payload.Raw, senders)
	if s == nil || v == doubled {
		return
	}
	c.run.received.Add(1)
	c.sample(st.at)
	if !c.run.cfg.Acknowledge && c.run.cfg.Rate == 0 {
		if _, _, done := s.gate.answer(st.seq); done {
			s.signal()
		}
	}
}

// published takes what a publisher is told.
func (s *sender) published(m *codec.Message) {
	switch m.Type {
	case wamp.Published:
		if at, ok := s.answered(m.Request); ok {
			now := s.run.now()
			s.run.acknowledged.Add(1)
			s.run.lastCame.Store(now)
			if s.run.counts(at) {
				s.run.acks.add(now - at)
			}
		}
	case wamp.Error:
		s.refused(m)
	}
}

// refused takes an ERROR that answers one of the sender's requests.
func (s *sender) refused(m *codec.Message) {
	if _, ok := s.answered(m.Request); ok {
		s.run.fault(errorOf(m))
		s.total.Add(^uint64(0)) // it owes nobody an event
		s.run.failed.Add(1)
		s.run.acknowledged.Add(1)
	}
}
