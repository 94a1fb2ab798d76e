package chaos

import (
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// received implements clientSide: the message is held against the ledger, and then against what the client knows.
func (s *session) received(msg []byte) {
	if s.state == sessionOver {
		return
	}
	l, m := s.c.ledger, &s.message
	if s.stalled != 0 {
		l.broken("world", "session %d gets a message although it does not read", s.serial)
	}
	if err := s.parser.Parse(s.serializer, msg, m); err != nil {
		l.broken("well-formed messages", "session %d (%v) cannot read what it gets: %v", s.serial, s.serializer, err)
		return
	}
	switch m.Type {
	case wamp.Welcome:
		s.onWelcome(m)
	case wamp.Goodbye:
		s.onGoodbye(m)
	case wamp.Abort:
		l.broken("well-behaved sessions stay", "session %d on node %d is aborted: %s %s", s.serial, s.node, m.URI, m.Options.Msg)
		s.breakOff()
	default:
		if s.state == sessionOpening {
			l.broken("no answer before its cause", "session %d gets %v before WELCOME", s.serial, m.Type)
			return
		}
		s.dispatch(m)
	}
}

func (s *session) dispatch(m *codec.Message) {
	l := s.c.ledger
	switch m.Type {
	case wamp.Event:
		l.onEvent(s, m)
	case wamp.Published:
		if q := s.answered(m, wamp.Publish); q != nil {
			q.pub.acked = s.now()
			l.publicationID(q.pub, m.ID)
		}
	case wamp.Subscribed:
		if q := s.answered(m, wamp.Subscribe); q != nil {
			q.sub.id, q.sub.since = m.ID, s.now()
			l.idOf(l.topicIDs, q.sub.pattern, m.ID)
		}
	case wamp.Unsubscribed:
		s.onUnsubscribed(m)
	case wamp.Registered:
		if q := s.answered(m, wamp.Register); q != nil {
			q.reg.id, q.reg.since = m.ID, s.now()
			l.idOf(l.procedureIDs, q.reg.pattern, m.ID)
			l.checkRegistered(q.reg)
		}
	case wamp.Unregistered:
		s.onUnregistered(m)
	case wamp.Result:
		l.onResult(s, m)
	case wamp.Invocation:
		if v := l.onInvocation(s, m); v != nil {
			s.invocations[v.request] = v
			s.answer(v)
		}
	case wamp.Interrupt:
		s.onInterrupt(m)
	case wamp.Error:
		s.onError(m)
	default:
		l.broken("no answer before its cause", "session %d gets %v", s.serial, m.Type)
	}
}

// answered takes the request that m answers.
func (s *session) answered(m *codec.Message, kind wamp.MessageType) *request {
	q := s.pending[m.Request]
	if q == nil || q.kind != kind {
		s.c.ledger.broken("one answer per request", "session %d gets %v for request %d, which waits for none", s.serial, m.Type, m.Request)
		return nil
	}
	delete(s.pending, m.Request)
	return q
}

func (s *session) onWelcome(m *codec.Message) {
	l := s.c.ledger
	if s.state != sessionOpening {
		l.broken("no answer before its cause", "session %d gets a second WELCOME", s.serial)
		return
	}
	if other := l.bySessionID[m.Request]; other != nil {
		l.broken("ids are unique", "sessions %d and %d are both %d", other.serial, s.serial, m.Request)
	}
	s.state, s.id, s.joined = sessionOpen, m.Request, s.now()
	l.bySessionID[s.id] = s
	l.count.Joined++
	if s.begin != nil {
		s.begin()
	}
}

func (s *session) onGoodbye(m *codec.Message) {
	if s.state == sessionLeaving {
		s.left = true
		s.link.close()
		s.end()
		return
	}
	s.c.ledger.count.RouterGoodbyes++
	s.c.ledger.checkClosed(s)
	s.state = sessionLeaving
	s.link.send(codec.AppendGoodbye(nil, s.serializer, wamp.CloseGoodbyeAndOut, ""))
}

func (s *session) onUnsubscribed(m *codec.Message) {
	if m.Request == 0 {
		s.c.ledger.broken("no answer before its cause", "session %d: subscription %d is revoked", s.serial, m.Options.Subscription)
		return
	}
	if q := s.answered(m, wamp.Unsubscribe); q != nil {
		q.sub.over = s.now()
		s.subscriptions = without(s.subscriptions, q.sub)
	}
}

func (s *session) onUnregistered(m *codec.Message) {
	if m.Request == 0 {
		if reg := s.c.ledger.onRevoked(s, m); reg != nil {
			s.registrations = without(s.registrations, reg)
		}
		return
	}
	if q := s.answered(m, wamp.Unregister); q != nil {
		q.reg.over = s.now()
		s.registrations = without(s.registrations, q.reg)
	}
}

func (s *session) onInterrupt(m *codec.Message) {
	l, v := s.c.ledger, s.invocations[m.Request]
	switch {
	case v == nil:
		l.broken("no answer before its cause", "session %d is interrupted in invocation %d, which it never got", s.serial, m.Request)
	case s.features&wamp.FeatureCallCanceling == 0:
		l.broken("only what was announced", "session %d is interrupted, which it did not announce to understand", s.serial)
	case v.interrupted != 0:
		l.broken("no frame twice", "session %d is interrupted twice in invocation %d", s.serial, m.Request)
	default:
		l.checkInterrupt(v)
		v.interrupted = s.now()
		l.count.Interrupts++
		if v.answered == 0 {
			s.fail(v)
		}
	}
}

// onError takes the answer to a request that failed.
func (s *session) onError(m *codec.Message) {
	l := s.c.ledger
	if m.RequestType == wamp.Call {
		l.onCallError(s, m)
		return
	}
	q := s.answered(m, m.RequestType)
	if q == nil {
		return
	}
	switch q.kind {
	case wamp.Register:
		q.reg.over, q.reg.refused = s.now(), true
		s.registrations = without(s.registrations, q.reg)
		l.checkRegisterRefused(q.reg, string(m.URI))
	case wamp.Unregister: // it was revoked meanwhile
		if q.reg.revoked == 0 {
			l.broken("every request is served", "session %d cannot unregister %v: %s", s.serial, q.reg.pattern, m.URI)
		}
	default:
		l.broken("every request is served", "session %d: %v fails with %s", s.serial, q.kind, m.URI)
	}
}
