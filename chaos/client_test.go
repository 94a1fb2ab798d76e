package chaos

import (
	"slices"
	"testing"
	"time"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

var clientRoles = wamp.Roles{
	Publisher: true, Subscriber: true, Caller: true, Callee: true,
}

// script is a client that joins, sends what it is given and keeps what comes.
type script struct {
	w       *World
	c       *clientConn
	say     func(ser wamp.Serializer) []byte
	got     []wamp.MessageType
	hangups int
}

func (s *script) opened() {
	s.c.send(codec.AppendHello(nil, s.c.serializer, "realm1", &codec.HelloDetails{Roles: clientRoles}))
}

func (s *script) received(msg []byte) {
	var p codec.Parser
	var m codec.Message
	if err := p.Parse(s.c.serializer, slices.Clone(msg), &m); err != nil {
		s.w.violate("a client cannot read what it gets: %v", err)
		return
	}
	s.got = append(s.got, m.Type)
	if m.Type == wamp.Welcome {
		s.c.send(s.say(s.c.serializer))
	}
}

func (s *script) closed() { s.hangups++ }

// TestClientsReachEachOther: a publication at one node comes to a subscriber at another.
func TestClientsReachEachOther(t *testing.T) {
	w := NewWorld(Options{Deserted: true, Calm: true, Seed: 7, Nodes: 3, Duration: 30 * time.Second})
	sub := &script{w: w, say: func(ser wamp.Serializer) []byte { return codec.AppendSubscribe(nil, ser, 1, "t.x", wamp.Exact) }}
	pub := &script{w: w, say: func(ser wamp.Serializer) []byte { return codec.AppendPublish(nil, ser, 1, nil, "t.x", codec.Payload{}) }}
	lost := &script{w: w}
	w.after(time.Microsecond, func() { lost.c = w.openClient(0, lost) })
	w.after(20*time.Second, func() { sub.c = w.openClient(0, sub) })
	w.after(25*time.Second, func() { pub.c = w.openClient(1, pub) })
	if r := w.Run(); len(r.Violations) > 0 {
		t.Fatal(r.Violations)
	}
	if want := []wamp.MessageType{wamp.Welcome, wamp.Subscribed, wamp.Event}; !slices.Equal(sub.got, want) {
		t.Errorf("the subscriber got %v, want %v", sub.got, want)
	}
	if lost.hangups != 1 {
		t.Errorf("a client of a node that is not there was told so %d times", lost.hangups)
	}
}
