package client

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Event is one EVENT. It owns its memory.
type Event struct {
	Topic        string // of pattern subscriptions the published topic, else the subscribed one
	Subscription uint64
	Publication  uint64
	Publisher    uint64 // 0 where it is not disclosed
	Payload      Payload
}

// Subscription is a wish to receive events. It lasts until Unsubscribe, over reconnects.
type Subscription struct {
	client  *Client
	topic   string
	match   wamp.Match
	handler func(Event)
	first   chan error // the first verdict, for Subscribe

	// under client.mu
	granted bool // a router has once granted it
	dropped bool
	id      uint64   // in session at
	at      *session // that has it, nil for none
}

// Subscribe asks for the events of topic and returns when the router has granted it. handler runs on the dispatcher, and not
// before Subscribe's grant. When ctx ends first, the wish is withdrawn.
func (c *Client) Subscribe(ctx context.Context, topic string, match wamp.Match, handler func(Event)) (*Subscription, error) {
	sub := &Subscription{client: c, topic: topic, match: match, handler: handler, first: make(chan error, 1)}
	c.mu.Lock()
	c.subs = append(c.subs, sub)
	s := c.cur
	c.mu.Unlock()
	if s != nil {
		s.subscribe(sub)
	}
	if err := c.verdict(ctx, sub.first); err != nil {
		sub.Unsubscribe(context.WithoutCancel(ctx))
		return nil, err
	}
	return sub, nil
}

// verdict waits for the first answer to a wish.
func (c *Client) verdict(ctx context.Context, first <-chan error) error {
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.ctx.Done():
	}
	select {
	case err := <-first: // both at a time: the verdict came first
		return err
	default:
		return context.Cause(c.ctx)
	}
}

// Topic is what was subscribed to.
func (u *Subscription) Topic() string { return u.topic }

// Unsubscribe withdraws the wish and, if this was the session's last handler of the topic, waits for the router's answer. A
// handler may still be running or be called for events that have arrived before.
func (u *Subscription) Unsubscribe(ctx context.Context) error {
	c := u.client
	s, id := c.dropSubscription(u)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.topics[id] = slices.DeleteFunc(s.topics[id], func(o *Subscription) bool { return o == u })
	last := len(s.topics[id]) == 0
	if last {
		delete(s.topics, id)
	}
	s.mu.Unlock()
	if !last {
		return nil
	}
	return s.await(ctx, func(dst []byte, request uint64) []byte {
		return codec.AppendUnsubscribe(dst, s.format, request, id)
	})
}

// dropSubscription forgets the wish and returns the session that has it.
func (c *Client) dropSubscription(u *Subscription) (*session, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subs = slices.DeleteFunc(c.subs, func(o *Subscription) bool { return o == u })
	u.dropped = true
	s, id := u.at, u.id
	u.at = nil
	return s, id
}

// subscribe sends SUBSCRIBE for sub; the answer is handled on the reader.
func (s *session) subscribe(sub *Subscription) {
	s.ask(func(m *codec.Message, err error) bool {
		s.subscribed(sub, m, err)
		return true
	}, func(dst []byte, request uint64) []byte {
		return codec.AppendSubscribe(dst, s.format, request, sub.topic, sub.match)
	})
}

func (s *session) subscribed(sub *Subscription, m *codec.Message, err error) {
	c := s.client
	c.mu.Lock()
	wanted, before := !sub.dropped, sub.granted
	if err == nil {
		sub.granted = true
		sub.at, sub.id = s, m.ID
	}
	c.mu.Unlock()
	switch {
	case err == ErrLost: // the next session says it again
	case err != nil && before && wanted:
		c.notify(Notice{Kind: Refused, Name: sub.topic, URL: s.url, Err: err})
		s.again(func() { s.subscribe(sub) })
	case err != nil:
		sub.first <- err
	default:
		s.mu.Lock()
		s.topics[m.ID] = append(s.topics[m.ID], sub)
		s.mu.Unlock()
		if !wanted {
			go sub.Unsubscribe(c.ctx)
			return
		}
		c.notify(Notice{Kind: Subscribed, Name: sub.topic, URL: s.url})
		if !before {
			sub.first <- nil
		}
	}
}

// again repeats a refused wish after a pause, as long as the session lasts.
func (s *session) again(wish func()) {
	time.AfterFunc(backoffMax/4, func() {
		select {
		case <-s.gone:
		default:
			wish()
		}
	})
}

// restore says the client's wishes to a new session.
func (s *session) restore(subs []*Subscription, regs []*Registration) {
	for _, sub := range subs {
		s.subscribe(sub)
	}
	for _, reg := range regs {
		s.register(reg)
	}
}

func (s *session) event(m *codec.Message) {
	s.mu.Lock()
	subs := slices.Clone(s.topics[m.Request])
	s.mu.Unlock()
	if len(subs) == 0 {
		return // unsubscribed, and not yet known to the router (PUB-13)
	}
	e := Event{Subscription: m.Request, Publication: m.ID, Publisher: m.Options.Publisher, Payload: own(s.format, m.Payload)}
	if m.Options.Has&codec.OptTopic != 0 {
		e.Topic = string(m.Options.Topic)
	} else {
		e.Topic = subs[0].topic
	}
	s.client.enqueue(func() {
		for _, sub := range subs {
			sub.handler(e)
		}
	})
}

// PublishOptions are the options of PUBLISH that this client knows; nil means none.
type PublishOptions struct {
	Acknowledge bool // wait for PUBLISHED
	IncludeMe   bool // exclude_me = false
	DiscloseMe  bool
	Raw         json.RawMessage // of a client in JSON: the dict as it is, in place of all but Acknowledge, which it has to say too
}

// Publish sends one event. With Acknowledge it waits for the router and returns the publication id; without, it returns 0 when
// the message is on its way. It waits for a connection where there is none.
func (c *Client) Publish(ctx context.Context, topic string, p Payload, o *PublishOptions) (uint64, error) {
	s, err := c.await(ctx)
	if err != nil {
		return 0, err
	}
	payload, err := p.in(s.format)
	if err != nil {
		return 0, err
	}
	if o == nil {
		o = &PublishOptions{}
	}
	options := codec.PublishOptions{Acknowledge: o.Acknowledge, IncludeMe: o.IncludeMe, DiscloseMe: o.DiscloseMe}
	build := func(dst []byte, request uint64) []byte {
		if o.Raw != nil {
			return appendRawRequest(dst, wamp.Publish, request, o.Raw, topic, payload)
		}
		return codec.AppendPublish(dst, s.format, request, &options, topic, payload)
	}
	if !o.Acknowledge {
		_, err := s.ask(nil, build)
		return 0, err
	}
	var publication uint64
	if err := s.awaitWith(ctx, func(m *codec.Message) { publication = m.ID }, build); err != nil {
		return 0, err
	}
	return publication, nil
}

// await sends a request and waits for its answer.
func (s *session) await(ctx context.Context, build func([]byte, uint64) []byte) error {
	return s.awaitWith(ctx, nil, build)
}

// awaitWith is await with a look at the answer, on the reader.
func (s *session) awaitWith(ctx context.Context, look func(*codec.Message), build func([]byte, uint64) []byte) error {
	answered := make(chan error, 1)
	_, err := s.ask(func(m *codec.Message, err error) bool {
		if err == nil && look != nil {
			look(m)
		}
		answered <- err
		return true
	}, build)
	if err != nil {
		return err
	}
	select {
	case err := <-answered:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
