package client

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"kleeblatt/internal/wamp"
)

func TestEventsInOrder(t *testing.T) {
	f := newFake(t)
	const n = 3 * jobsMax // more than the dispatcher's queue holds
	tale(t, func() {
		l := f.welcome()
		l.expect(`[32,1,{},"t"]`)
		l.say(`[33,1,3]`)
		for i := range n {
			l.say(`[36,3,%d,{"publisher":9},[%d]]`, i+1, i)
		}
		l.expect(`[34,2,3]`)
		l.say(`[36,3,1,{}]`) // on its way when we unsubscribed (PUB-13)
		l.say(`[35,2]`)
		l.say(`[36,3,1,{}]`)
		l.bye()
	})
	c, _ := dial(t, Config{}, f)
	got := make(chan int, n)
	sub, err := c.Subscribe(patient(t), "t", wamp.Exact, func(e Event) {
		var i int
		if err := e.Payload.Decode(&i); err != nil || e.Topic != "t" || e.Publisher != 9 {
			t.Errorf("%+v %v", e, err)
		}
		got <- i
	})
	if err != nil {
		t.Fatal(err)
	}
	for want := range n {
		if i := <-got; i != want {
			t.Fatalf("event %d where %d was due", i, want)
		}
	}
	if err := sub.Unsubscribe(patient(t)); err != nil {
		t.Error(err)
	}
	c.Close()
	if len(got) != 0 {
		t.Error("events behind Unsubscribe")
	}
}

// TestTwoHandlers: the router knows one subscription of a session per topic; the last handler to leave ends it.
func TestTwoHandlers(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.welcome()
		for i := 1; i <= 2; i++ {
			l.expect(fmt.Sprintf(`[32,%d,`, i))
			l.say(`[33,%d,3]`, i)
		}
		l.say(`[36,3,1,{}]`)
		l.expect(`[34,3,3]`)
		l.say(`[35,3]`)
		l.bye()
	})
	c, _ := dial(t, Config{}, f)
	got := make(chan int, 2)
	var subs []*Subscription
	for i := range 2 {
		sub, err := c.Subscribe(patient(t), "t", wamp.Exact, func(Event) { got <- i })
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	if a, b := <-got, <-got; a != 0 || b != 1 {
		t.Error(a, b)
	}
	for _, sub := range subs {
		if err := sub.Unsubscribe(patient(t)); err != nil {
			t.Error(err)
		}
	}
}

func TestSubscribeRefused(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.welcome()
		l.expect(`[32,1,`)
		l.say(`[8,32,1,{},"wamp.error.invalid_uri",["bad topic"]]`)
		l.bye()
	})
	c, _ := dial(t, Config{}, f)
	_, err := c.Subscribe(patient(t), "t", wamp.Exact, nil)
	if !HasURI(err, wamp.ErrInvalidURI) || err.Error() != "wamp.error.invalid_uri: bad topic" {
		t.Error(err)
	}
}

// TestSubscribeGivenUp: a grant that comes after the asker has gone is given back.
func TestSubscribeGivenUp(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(patient(t))
	gone, given := make(chan struct{}), make(chan struct{})
	tale(t, func() {
		l := f.welcome()
		l.expect(`[32,1,`)
		cancel()
		<-gone
		l.say(`[33,1,3]`)
		l.expect(`[34,2,3]`)
		l.say(`[35,2]`)
		close(given)
		l.bye()
	})
	c, _ := dial(t, Config{}, f)
	if _, err := c.Subscribe(ctx, "t", wamp.Exact, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(gone)
	<-given
}

func TestPublish(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.welcome()
		l.expect(`[16,1,{},"t",[1,"x"],{"k":null}]`)
		l.expect(`[16,2,{"acknowledge":true,"exclude_me":false},"t"]`)
		l.say(`[17,2,99]`)
		l.expect(`[16,3,{"acknowledge":true},"t"]`)
		l.say(`[8,16,3,{},"wamp.error.not_authorized"]`)
		l.expect(`[16,4,`)
		l.Close()
	})
	c, _ := dial(t, Config{Once: true}, f)
	p, err := NewPayload([]any{1, "x"}, map[string]any{"k": nil})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := c.Publish(patient(t), "t", p, nil); id != 0 || err != nil {
		t.Error(id, err)
	}
	if id, err := c.Publish(patient(t), "t", Payload{}, &PublishOptions{Acknowledge: true, IncludeMe: true}); id != 99 || err != nil {
		t.Error(id, err)
	}
	if _, err := c.Publish(patient(t), "t", Payload{}, &PublishOptions{Acknowledge: true}); !HasURI(err, wamp.ErrNotAuthorized) {
		t.Error(err)
	}
	if _, err := c.Publish(patient(t), "t", Payload{}, &PublishOptions{Acknowledge: true}); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

// TestStrays: a second answer to one request, and an answer to none, are counted and do no harm.
func TestStrays(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.welcome()
		l.expect(`[48,1,{},"p"]`)
		l.say(`[50,1,{}]`)
		l.say(`[8,48,1,{},"wamp.error.canceled"]`)
		l.say(`[50,77,{}]`)
		l.expect(`[48,2,{},"p"]`)
		l.say(`[50,2,{}]`)
		l.bye()
	})
	c, _ := dial(t, Config{Once: true}, f)
	for range 2 {
		if _, err := c.Call(patient(t), "p", Payload{}, nil); err != nil {
			t.Error(err)
		}
	}
	if n := c.Strays(); n != 2 {
		t.Errorf("%d strays, want 2", n)
	}
	c.Close()
}

func TestCall(t *testing.T) {
	f := newFake(t)
	tale(t, func() {
		l := f.welcome()
		l.expect(`[48,1,{},"p",[1]]`)
		l.say(`[50,1,{},[2],{"k":3}]`)
		l.expect(`[48,2,{"receive_progress":true},"p"]`)
		for i := range 3 * resultsMax {
			l.say(`[50,2,{"progress":true},[%d]]`, i)
		}
		l.say(`[50,2,{}]`)
		l.expect(`[48,3,`)
		l.say(`[8,48,3,{},"com.oops",[{"not":"text"}],{"a":1}]`)
		l.expect(`[48,4,`)
		l.Close()
	})
	c, _ := dial(t, Config{Once: true}, f)
	if r, err := c.Call(patient(t), "p", Args(1), nil); err != nil || jsonOf(t, r.Payload) != `[2]{"k":3}` {
		t.Error(r, err)
	}
	seen := 0
	r, err := c.Call(patient(t), "p", Payload{}, &CallOptions{Progress: func(r Result) {
		if jsonOf(t, r.Payload) != fmt.Sprintf("[%d]{}", seen) {
			t.Errorf("%v where %d was due", r.Payload, seen)
		}
		seen++
	}})
	if err != nil || seen != 3*resultsMax || r.Payload.N != 0 {
		t.Error(r, seen, err)
	}
	_, err = c.Call(patient(t), "p", Payload{}, nil)
	var e *Error
	if !errors.As(err, &e) || e.URI != "com.oops" || e.Type != wamp.Call || jsonOf(t, e.Payload) != `[{"not":"text"}]{"a":1}` || err.Error() != "com.oops" {
		t.Error(err)
	}
	if _, err := c.Call(patient(t), "p", Payload{}, nil); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(patient(t))
	tale(t, func() {
		l := f.welcome()
		l.expect(`[48,1,`)
		cancel()
		l.expect(`[49,1,{"mode":"killnowait"}]`)
		l.say(`[8,48,1,{},"wamp.error.canceled"]`)
		l.expect(`[48,2,`)
		l.expect(`[49,2,{"mode":"kill"}]`)
		l.say(`[8,48,2,{},"wamp.error.canceled"]`)
		l.bye()
	})
	c, _ := dial(t, Config{}, f)
	if _, err := c.Call(ctx, "p", Payload{}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	call, err := c.Start(patient(t), "p", Payload{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Cancel(wamp.Kill); err != nil {
		t.Error(err)
	}
	if _, err := call.Next(patient(t)); !HasURI(err, wamp.ErrCanceled) {
		t.Error(err)
	}
}

func TestInvocations(t *testing.T) {
	f := newFake(t)
	answered := make(chan struct{})
	tale(t, func() {
		l := f.welcome()
		l.expect(`[64,1,{"match":"prefix","concurrency":5},"p"]`)
		l.say(`[65,1,3]`)
		l.say(`[68,1,3,{"procedure":"p.x","receive_progress":true},[1]]`)
		l.expect(`[70,1,{"progress":true},["half"]]`)
		l.expect(`[70,1,{},[1]]`)
		l.say(`[68,2,3,{},["no progress asked"]]`)
		l.expect(`[70,2,{},["no progress asked"]]`)
		l.say(`[68,3,3,{},["fail"]]`)
		l.expect(`[8,68,3,{},"wamp.error.runtime_error",["plain"]]`)
		l.say(`[68,4,3,{},["error"]]`)
		l.expect(`[8,68,4,{},"com.oops",[5]]`)
		l.say(`[68,5,3,{},["wait"]]`)
		l.say(`[69,5,{"mode":"kill"}]`)
		l.expect(`[8,68,5,{},"wamp.error.canceled"]`)
		l.say(`[69,5,{}]`) // it is over: ignored
		l.say(`[68,6,77,{}]`)
		l.expect(`[8,68,6,{},"wamp.error.no_such_registration"]`)
		close(answered)
		l.expect(`[66,2,3]`)
		l.say(`[67,2]`)
		l.bye()
	})
	c, _ := dial(t, Config{}, f)
	reg, err := c.Register(patient(t), "p", &RegisterOptions{Match: wamp.Prefix, Concurrency: 5}, func(ctx context.Context, inv *Invocation) (Payload, error) {
		if err := inv.Progress(Args("half")); err != nil {
			return Payload{}, err
		}
		switch jsonOf(t, inv.Payload) {
		case `["fail"]{}`:
			return Payload{}, errors.New("plain")
		case `["error"]{}`:
			return Payload{}, &Error{URI: "com.oops", Payload: Args(5)}
		case `["wait"]{}`:
			<-ctx.Done()
			return Payload{}, ctx.Err()
		}
		return inv.Payload, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-answered
	if err := reg.Unregister(patient(t)); err != nil {
		t.Error(err)
	}
}

// TestInvocationsEnd: handlers learn that their session has ended, and Close waits for them.
func TestInvocationsEnd(t *testing.T) {
	f := newFake(t)
	running := make(chan struct{})
	tale(t, func() {
		l := f.welcome()
		l.expect(`[64,1,`)
		l.say(`[65,1,3]`)
		l.say(`[68,1,3,{}]`)
		<-running
		l.Close()
	})
	c, _ := dial(t, Config{Once: true}, f)
	ended := false
	if _, err := c.Register(patient(t), "p", nil, func(ctx context.Context, _ *Invocation) (Payload, error) {
		close(running)
		<-ctx.Done()
		ended = true
		return Payload{}, ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if !ended {
		t.Error("Close did not wait for the handler")
	}
}

func TestInlineInvocationsInOrder(t *testing.T) {
	f := newFake(t)
	const n = 200
	tale(t, func() {
		l := f.welcome()
		l.expect(`[64,1,`)
		l.say(`[65,1,3]`)
		for i := range n {
			l.say(`[68,%d,3,{},[%d]]`, i+1, i)
		}
		for i := range n {
			l.expect(fmt.Sprintf(`[70,%d,{},[%d]]`, i+1, i))
		}
		l.Close()
	})
	c, _ := dial(t, Config{Once: true}, f)
	if _, err := c.Register(patient(t), "p", &RegisterOptions{Inline: true}, func(_ context.Context, inv *Invocation) (Payload, error) {
		return inv.Payload, nil
	}); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
}

// TestSerializers: payloads are built and read in one serializer and travel in the client's.
func TestSerializers(t *testing.T) {
	p, err := NewPayload([]any{1.5, "ü", []int{1}, nil}, map[string]any{"big": uint64(1) << 53})
	if err != nil {
		t.Fatal(err)
	}
	const want = `[1.5,"ü",[1],null]{"big":9007199254740992}`
	for _, s := range []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR} {
		in, err := p.in(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := jsonOf(t, own(s, in)); got != want {
			t.Errorf("%v: %s", s, got)
		}
	}
	var f float64
	var u string
	if err := p.Decode(&f, &u); err != nil || f != 1.5 || u != "ü" {
		t.Error(f, u, err)
	}
	if err := (Payload{}).Decode(&f); err == nil {
		t.Error("decoded what is not there")
	}
	if err := p.Decode(&u); err == nil {
		t.Error("a number became text")
	}
	if got := JSONPayload([]byte("[ 1 ]"), nil).String(); got != "[ 1 ]" {
		t.Error(got)
	}
}
