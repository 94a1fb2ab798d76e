package client

import (
	"fmt"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// GoodbyeError is a router that ended the session in good order, as it does when it shuts down.
type GoodbyeError struct{ Reason string }

func (e *GoodbyeError) Error() string { return "the router said goodbye: " + e.Reason }

// handle takes one message of an established session. An error ends the session.
func (s *session) handle(m *codec.Message) error {
	switch m.Type {
	case wamp.Event:
		s.event(m)
	case wamp.Invocation:
		s.invocation(m)
	case wamp.Interrupt:
		s.interrupt(m)
	case wamp.Goodbye:
		return s.goodbye(m)
	case wamp.Abort:
		return &AbortError{Reason: string(m.URI), Message: string(m.Options.Msg)}
	case wamp.Unsubscribed, wamp.Unregistered:
		if m.Request == 0 {
			s.revoked(m)
			return nil
		}
		s.reply(m, nil)
	case wamp.Subscribed, wamp.Registered, wamp.Published, wamp.Result:
		s.reply(m, nil)
	case wamp.Error:
		s.reply(m, &Error{Type: m.RequestType, URI: string(m.URI), Payload: own(s.format, m.Payload)})
	default:
		return &protocolError{m.Type}
	}
	return nil
}

// reply gives m to whoever asked; an answer to nothing is counted.
func (s *session) reply(m *codec.Message, err error) {
	s.mu.Lock()
	a := s.pending[m.Request]
	s.mu.Unlock()
	switch {
	case a == nil:
		s.client.strays.Add(1)
	case a(m, err):
		s.forget(m.Request)
	}
}

// goodbye answers the router's GOODBYE, or takes it as the answer to ours.
func (s *session) goodbye(m *codec.Message) error {
	reason := string(m.URI)
	close(s.left)
	if reason != wamp.CloseGoodbyeAndOut {
		s.tell(func(dst []byte) []byte { return codec.AppendGoodbye(dst, s.format, wamp.CloseGoodbyeAndOut, "") })
	}
	return &GoodbyeError{Reason: reason}
}

// revoked handles UNSUBSCRIBED and UNREGISTERED that nobody asked for: the id and the reason stand in Details.
func (s *session) revoked(m *codec.Message) {
	id := m.Options.Subscription
	if m.Type == wamp.Unregistered {
		id = m.Options.Registration
	}
	why := fmt.Errorf("%w: %s", ErrRevoked, m.Options.Reason)
	if m.Type == wamp.Unregistered {
		s.mu.Lock()
		r := s.procedures[id]
		delete(s.procedures, id)
		s.mu.Unlock()
		if r != nil {
			s.client.dropRegistration(r)
			s.client.notify(Notice{Kind: Revoked, Name: r.procedure, URL: s.url, Err: why})
		}
		return
	}
	s.mu.Lock()
	subs := s.topics[id]
	delete(s.topics, id)
	s.mu.Unlock()
	for _, sub := range subs {
		s.client.dropSubscription(sub)
		s.client.notify(Notice{Kind: Revoked, Name: sub.topic, URL: s.url, Err: why})
	}
}
