//go:build unix

package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), patience)
}

// subscribe returns a channel of the events' payloads.
func subscribe(t *testing.T, c *client.Client, topic string) chan string {
	t.Helper()
	ctx, cancel := contextOf(t)
	defer cancel()
	events := make(chan string, 100)
	if _, err := c.Subscribe(ctx, topic, wamp.Exact, func(e client.Event) { events <- e.Payload.String() }); err != nil {
		t.Fatal(err)
	}
	return events
}

// register answers with the name of the callee.
func register(t *testing.T, c *client.Client, procedure string, invoke wamp.Invoke, name string) {
	t.Helper()
	ctx, cancel := contextOf(t)
	defer cancel()
	answer := func(context.Context, *client.Invocation) (client.Payload, error) { return client.Args(name), nil }
	if _, err := c.Register(ctx, procedure, &client.RegisterOptions{Invoke: invoke}, answer); err != nil {
		t.Fatal(err)
	}
}

func call(t *testing.T, c *client.Client, procedure string, args ...any) (string, error) {
	t.Helper()
	ctx, cancel := contextOf(t)
	defer cancel()
	r, err := c.Call(ctx, procedure, client.Args(args...), nil)
	return r.Payload.String(), err
}

func publish(t *testing.T, c *client.Client, topic string, args ...any) {
	t.Helper()
	ctx, cancel := contextOf(t)
	defer cancel()
	if _, err := c.Publish(ctx, topic, client.Args(args...), &client.PublishOptions{Acknowledge: true}); err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, events chan string) string {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(patience):
		t.Fatal("no event")
		return ""
	}
}

// TestProcesses: three nodes are one router. Events and calls cross nodes, framings and serializers, and the tools see it.
func TestProcesses(t *testing.T) {
	c := startCluster(t, 3)
	n1, n2, n3 := c.nodes[0], c.nodes[1], c.nodes[2]
	sub := connect(t, client.Config{Serializer: wamp.CBOR}, n1.ws())
	callee := connect(t, client.Config{Serializer: wamp.MsgPack}, n2.rs())
	other := connect(t, client.Config{}, n3.ws())
	events := subscribe(t, sub, "com.x")
	register(t, callee, "com.p", wamp.Single, "n2")
	c.awaitMesh()

	publish(t, other, "com.x", 1, "ü", []int{2})
	if got := next(t, events); got != `[1,"ü",[2]]` {
		t.Error(got)
	}
	if got, err := call(t, other, "com.p"); err != nil || got != `["n2"]` {
		t.Error(got, err)
	}
	ctx, cancel := contextOf(t)
	defer cancel()
	if _, err := sub.Register(ctx, "com.p", nil, nil); !client.HasURI(err, wamp.ErrProcedureAlreadyExists) {
		t.Errorf("a second owner on another node: %v", err)
	}
	if out, _ := tell(t, "call", "--url", n1.ws(), "com.p"); out != `{"args":["n2"],"kwargs":{}}` {
		t.Error(out)
	}
	if out, _ := tell(t, "status", "--admin", n1.admin); strings.Count(out, "reachable") != 2 {
		t.Error(out)
	}
}

// TestProcessOrder (P8): what one session publishes arrives in order and once, on another node.
func TestProcessOrder(t *testing.T) {
	c := startCluster(t, 2)
	sub := connect(t, client.Config{Serializer: wamp.MsgPack}, c.nodes[0].rs())
	pub := connect(t, client.Config{Serializer: wamp.MsgPack}, c.nodes[1].rs())
	events := subscribe(t, sub, "com.order")
	c.awaitMesh()
	const n = 10_000
	ctx, cancel := contextOf(t)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for i := range n {
			if _, err := pub.Publish(ctx, "com.order", client.Args(i), nil); err != nil {
				failed <- err
				return
			}
		}
	}()
	for i := range n {
		if got := next(t, events); got != fmt.Sprintf("[%d]", i) {
			t.Fatalf("event %s where [%d] was due", got, i)
		}
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

// TestProcessGoodbye (CLS-02, P33): SIGTERM tells every session before its connection closes, and the process ends in good order.
func TestProcessGoodbye(t *testing.T) {
	c := startCluster(t, 1)
	const sessions = 30
	ends := make(chan error, sessions)
	for i := range sessions {
		cfg := client.Config{Once: true, Notify: func(n client.Notice) {
			if n.Kind == client.Lost {
				ends <- n.Err
			}
		}}
		connect(t, cfg, []string{c.nodes[0].ws(), c.nodes[0].rs()}[i%2])
	}
	c.nodes[0].stop()
	for range sessions {
		if err := <-ends; err == nil || err.Error() != (&client.GoodbyeError{Reason: wamp.CloseSystemShutdown}).Error() {
			t.Errorf("a session ended with %v", err)
		}
	}
}

// TestProcessKilled: a node dies without a word. Its clients go on at another node without doing anything, calls go to the callees that
// are left, and the node that comes back under the same name is one of the cluster again.
func TestProcessKilled(t *testing.T) {
	c := startCluster(t, 3)
	n1, n2, n3 := c.nodes[0], c.nodes[1], c.nodes[2]
	notices := make(chan client.Notice, 100)
	moved := connect(t, client.Config{Notify: func(n client.Notice) { notices <- n }}, n1.ws(), n2.ws())
	events := subscribe(t, moved, "com.x")
	register(t, moved, "com.p", wamp.RoundRobin, "moved")
	stays := connect(t, client.Config{}, n3.ws())
	register(t, stays, "com.p", wamp.RoundRobin, "stays")
	c.awaitMesh()

	n1.kill()
	for n := range notices {
		if n.Kind == client.Registered && n.URL == n2.ws() {
			break
		}
	}
	eventually(t, "n1 is hidden", func() bool {
		s, err := n3.cluster()
		for _, m := range s.Members {
			if err == nil && m.Name == "n1" && m.State == "reachable" {
				return false
			}
		}
		return err == nil
	})
	c.awaitMesh()
	publish(t, stays, "com.x", "after")
	if got := next(t, events); got != `["after"]` {
		t.Error(got)
	}
	// A call may still go to the dead callee until the call grace is over; it fails then, and nobody waits longer.
	seen := map[string]bool{}
	eventually(t, "calls go to the two that live", func() bool {
		got, err := call(t, stays, "com.p")
		switch {
		case client.HasURI(err, wamp.ErrCanceled):
			clear(seen)
		case err != nil:
			t.Error(err)
		default:
			seen[got] = true
		}
		return len(seen) == 2
	})

	n1.start()
	c.awaitMesh()
	back := connect(t, client.Config{}, n1.ws())
	publish(t, back, "com.x", "back")
	if got := next(t, events); got != `["back"]` {
		t.Error(got)
	}
	if got, err := call(t, back, "com.p"); err != nil {
		t.Error(got, err)
	}
}

// TestProcessCalleeKilled (LEV-04): a call that was under way on a node that dies ends with an error, and soon.
func TestProcessCalleeKilled(t *testing.T) {
	c := startCluster(t, 2)
	callee := connect(t, client.Config{Once: true}, c.nodes[0].ws())
	caller := connect(t, client.Config{}, c.nodes[1].ws())
	called := make(chan struct{})
	ctx, cancel := contextOf(t)
	defer cancel()
	if _, err := callee.Register(ctx, "com.hang", nil, func(ctx context.Context, _ *client.Invocation) (client.Payload, error) {
		close(called)
		<-ctx.Done()
		return client.Payload{}, ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	c.awaitMesh()
	pending, err := caller.Start(ctx, "com.hang", client.Payload{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-called
	c.nodes[0].kill()
	if _, err := pending.Next(ctx); !client.HasURI(err, wamp.ErrCanceled) {
		t.Errorf("the call ended with %v", err)
	}
}

// TestProcessStopped: a node that hangs (SIGSTOP) and goes on (SIGCONT) within the window loses nothing that was published meanwhile.
func TestProcessStopped(t *testing.T) {
	c := startCluster(t, 2)
	n1, n2 := c.nodes[0], c.nodes[1]
	sub := connect(t, client.Config{}, n1.ws())
	pub := connect(t, client.Config{}, n2.ws())
	events := subscribe(t, sub, "com.x")
	c.awaitMesh()
	n1.signal(syscall.SIGSTOP)
	const n = 50
	for i := range n {
		publish(t, pub, "com.x", i)
	}
	eventually(t, "n1 is suspect", func() bool {
		s, err := n2.cluster()
		return err == nil && len(s.Members) == 1 && s.Members[0].State != "reachable"
	})
	n1.signal(syscall.SIGCONT)
	for i := range n {
		if got := next(t, events); got != fmt.Sprintf("[%d]", i) {
			t.Fatalf("event %s where [%d] was due", got, i)
		}
	}
	c.awaitMesh()
}
