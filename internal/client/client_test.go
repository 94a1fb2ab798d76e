package client

import (
	"context"
	"errors"
	"testing"

	"kleeblatt/internal/wamp"
)

func TestDialAbort(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.accept()
		l.expect(`[1,"nowhere",`)
		l.say(`[3,{"message":"no"},"wamp.error.no_such_realm"]`)
	})
	// Wait does not make the client wait for a realm that does not exist.
	_, err := Dial(patient(t), Config{URLs: []string{f.url}, Realm: "nowhere", Wait: true})
	if !HasURI(err, wamp.ErrNoSuchRealm) {
		t.Error(err)
	}
}

func TestDialChallenge(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.accept()
		l.receive()
		l.say(`[4,"ticket",{}]`)
		l.expect(`[3,`)
	})
	if _, err := Dial(patient(t), Config{URLs: []string{f.url}}); !HasURI(err, wamp.ErrNoMatchingAuthMethod) {
		t.Error(err)
	}
}

func TestDialEnds(t *testing.T) {
	f := newFake(t) // accepts nothing
	ctx, cancel := context.WithCancel(patient(t))
	dialed := make(chan error)
	go func() {
		_, err := Dial(ctx, Config{URLs: []string{f.url}, Wait: true})
		dialed <- err
	}()
	conn, err := f.ln.Accept() // it hangs in its handshake now
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := <-dialed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestDialNobody(t *testing.T) {
	if _, err := Dial(patient(t), Config{URLs: []string{"unix:///nonexistent/socket", "unix:///nonexistent/other"}}); err == nil {
		t.Error("connected to nobody")
	}
	if _, err := Dial(patient(t), Config{}); err == nil {
		t.Error("connected to nothing")
	}
}

func TestNextURL(t *testing.T) {
	f := newFake(t)
	tale(t, func() { f.welcome().bye() })
	c, _ := dial(t, Config{URLs: []string{"unix:///nonexistent/socket"}}, f)
	if c.URL() != f.url || c.Session() != 7 {
		t.Error(c.URL(), c.Session())
	}
}

func TestClose(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.welcome()
		l.expect(`[6,{},"wamp.close.close_realm"]`)
		l.say(`[6,{},"wamp.close.goodbye_and_out"]`)
	})
	c, notices := dial(t, Config{}, f)
	c.Close()
	c.Close()
	if _, err := c.Publish(patient(t), "a.b", Payload{}, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if n := <-notices; n.Kind != Connected || len(notices) != 0 {
		t.Errorf("%+v and %d more", n, len(notices))
	}
}

// wished plays the router for a client that subscribes to a… and registers p.
func (f *fake) wished(subscription int) *line {
	f.t.Helper()
	l := f.welcome()
	l.expect(`[32,1,{"match":"prefix"},"a"]`)
	l.say(`[33,1,%d]`, subscription)
	l.expect(`[64,2,{"invoke":"roundrobin"},"p"]`)
	l.say(`[65,2,12]`)
	return l
}

// TestReconnect: the session ends in four ways, and each time the next URL's session carries the same wishes.
func TestReconnect(t *testing.T) {
	fakes := []*fake{newFake(t), newFake(t)}
	lines := make(chan *line, 1)
	go func() { lines <- fakes[0].wished(10) }()
	c, notices := dial(t, Config{}, fakes...)
	events := make(chan Event, 1)
	if _, err := c.Subscribe(patient(t), "a", wamp.Prefix, func(e Event) { events <- e }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Register(patient(t), "p", &RegisterOptions{Invoke: wamp.RoundRobin}, nil); err != nil {
		t.Fatal(err)
	}
	l := <-lines
	until(t, notices, Registered)
	for i, end := range []func(){
		func() { l.Close() },
		func() {
			l.say(`[6,{},"wamp.close.system_shutdown"]`)
			l.expect(`[6,{},"wamp.close.goodbye_and_out"]`)
		},
		func() { l.say(`[3,{},"wamp.error.protocol_violation"]`) },
		func() { l.say(`{]`); l.expect(`[3,`) },
	} {
		next := fakes[(i+1)%2]
		go func() { lines <- next.wished(20 + i) }()
		end()
		l = <-lines
		until(t, notices, Lost)
		if n := until(t, notices, Registered); n.URL != next.url || n.Name != "p" {
			t.Errorf("%+v", n)
		}
		l.say(`[36,%d,5,{"topic":"a.x"},[1]]`, 20+i)
		if e := <-events; e.Topic != "a.x" || e.Publication != 5 || jsonOf(t, e.Payload) != "[1]{}" {
			t.Errorf("%+v", e)
		}
	}
	l.Close()
	fakes[0].ln.Close()
	fakes[1].ln.Close()
}

// TestOnce: without reconnects the client ends with its session.
func TestOnce(t *testing.T) {
	f := newFake(t)
	tale(t, func() { f.welcome().Close() })
	c, _ := dial(t, Config{Once: true}, f)
	<-c.Done()
	if _, err := c.Publish(patient(t), "a", Payload{}, nil); err == nil {
		t.Error("published without a session")
	}
}

// TestRefusedRepetition: a registration that the cluster still holds for the old session is asked for until it is granted.
func TestRefusedRepetition(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.welcome()
		l.expect(`[64,1,`)
		l.say(`[65,1,3]`)
		l.Close()
		l = f.welcome()
		l.expect(`[64,1,`)
		l.say(`[8,64,1,{},"wamp.error.procedure_already_exists"]`)
		l.expect(`[64,2,`)
		l.say(`[65,2,3]`)
		l.bye()
	})
	c, notices := dial(t, Config{}, f)
	if _, err := c.Register(patient(t), "p", nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := until(t, notices, Refused); !HasURI(n.Err, wamp.ErrProcedureAlreadyExists) {
		t.Error(n.Err)
	}
	until(t, notices, Registered)
}

// TestRevoked: what a router takes back is not asked for again.
func TestRevoked(t *testing.T) {
	f := newFake(t)
	checked := make(chan struct{})
	tale(t, func() {
		l := f.welcome()
		l.expect(`[64,1,`)
		l.say(`[65,1,3]`)
		l.expect(`[32,2,`)
		l.say(`[33,2,4]`)
		l.say(`[67,0,{"registration":3,"reason":"wamp.error.conflict"}]`)
		l.say(`[35,0,{"subscription":4,"reason":"x.y"}]`)
		l.Close()
		l = f.welcome()
		l.quiet()
		close(checked)
		l.bye()
	})
	c, notices := dial(t, Config{}, f)
	if _, err := c.Register(patient(t), "p", nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Subscribe(patient(t), "t", wamp.Exact, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p", "t"} {
		if n := until(t, notices, Revoked); n.Name != name || !errors.Is(n.Err, ErrRevoked) {
			t.Errorf("%+v", n)
		}
	}
	<-checked
}
