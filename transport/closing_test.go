package transport

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestP21LastMessageBeforeClose: what is queued before Close is written, all of it, then the close frame, then the end;
// also when the socket is full at that moment.
func TestP21LastMessageBeforeClose(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 6<<20) // more than the kernel takes at once
	for _, first := range [][]byte{nil, big} {
		h := &hooks{}
		closed := make(chan error, 1)
		h.received = func(c ConnID, msg []byte) {
			if first != nil {
				h.l.Send(c, first, false)
			}
			h.l.Send(c, []byte("[6,{},\"wamp.close.killed\"]"), true)
			h.l.Close(c, patience)
			if h.l.Send(c, []byte("late"), true) {
				t.Error("queued after Close")
			}
		}
		h.closed = func(_ ConnID, err error) { closed <- err }
		s := serve(t, Config{}, h)
		for range 2 {
			c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
			// The client goes on sending: closing a socket with unread input would reset it.
			c.frame(ws.OpText, true, []byte("bye"))
			c.frame(ws.OpText, true, []byte("and more"))
			if first != nil {
				c.wantFrame(ws.OpText, first)
			}
			c.wantFrame(ws.OpText, []byte("[6,{},\"wamp.close.killed\"]"))
			c.wantClose(ws.StatusNormalClosure)
			c.Close()
			wantError(t, recv(t, closed), nil)

			c = connect(t, s.Addrs()[0])
			c.rawHello(15, 1)
			c.put(rawFrame(0, []byte("bye"))...)
			c.put(rawFrame(0, []byte("and more"))...)
			if got, want := len(c.wantEnd()), 0; first == nil && got != 4+26 || first != nil && got != 4+26+4+len(first) {
				t.Errorf("%d bytes before the end, want %d", got, want)
			}
			wantError(t, recv(t, closed), nil)
		}
	}
}

// TestLingerIsBounded: a client that does not read is not waited for longer than the linger time.
func TestLingerIsBounded(t *testing.T) {
	h := &hooks{}
	closed := make(chan error, 1)
	h.received = func(c ConnID, msg []byte) {
		h.l.Send(c, make([]byte, 64<<20), false)
		h.l.Close(c, 50*time.Millisecond)
	}
	h.closed = func(_ ConnID, err error) { closed <- err }
	s := serve(t, Config{}, h)
	c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	c.frame(ws.OpText, true, nil)
	wantError(t, recv(t, closed), ErrTimeout)
	if n := s.Stats().OutboxBytes; n != 0 {
		// The counter is published at the end of the turn that told us.
		waitFor(t, func() bool { return s.Stats().OutboxBytes == 0 })
	}
}

// waitFor polls a counter that is published once per turn.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it did not come to that")
		}
	}
}

func TestReset(t *testing.T) {
	h := &hooks{}
	closed := make(chan error, 4)
	h.received = func(c ConnID, msg []byte) {
		h.l.Send(c, []byte("dropped"), false)
		h.l.Reset(c)
		h.l.Reset(c)
		h.l.Close(c, time.Second)
		h.l.Pause(c)
		h.l.Resume(c)
		h.l.SetLimit(c, 1)
		if h.l.Send(c, msg, false) || h.l.Queued(c) != 0 {
			t.Error("a reset connection takes messages")
		}
	}
	h.closed = func(_ ConnID, err error) { closed <- err }
	s := serve(t, Config{}, h)
	c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	c.frame(ws.OpText, true, nil)
	wantError(t, recv(t, closed), ErrReset)
	if p, _ := io.ReadAll(c.r); len(p) > 0 {
		t.Errorf("%q came after Reset", p)
	}
	if len(closed) > 0 {
		t.Error("Closed twice")
	}
}

// TestIDsAreNotReused: a slot is, an id is not.
func TestIDsAreNotReused(t *testing.T) {
	seen := map[ConnID]bool{}
	opened, closed := make(chan ConnID, 1), make(chan error, 1)
	h := &hooks{opened: func(c ConnID, _ *Info) { opened <- c }, closed: func(_ ConnID, err error) { closed <- err }}
	s := serve(t, Config{}, h)
	for range 20 {
		c := connect(t, s.Addrs()[0])
		c.rawHello(15, 1)
		id := recv(t, opened)
		if seen[id] || id == 0 || id.Slot() > 3 {
			t.Fatalf("id %x", uint64(id))
		}
		seen[id] = true
		c.Close()
		wantError(t, recv(t, closed), nil)
	}
}

// TestStop: ports close first, connections are told that we go away, each handler sees Closed for each connection.
func TestStop(t *testing.T) {
	closed := make(chan error, 3)
	s := serve(t, Config{}, &hooks{closed: func(_ ConnID, err error) { closed <- err }})
	a := s.Addrs()[0]
	web, raw, young := upgrade1(t, a, "wamp.2.json"), connect(t, a), connect(t, a)
	raw.rawHello(15, 1)
	s.StopAccepting()
	if c, err := dialTimeout(a); err == nil {
		c.Close()
		t.Error("a port is open after StopAccepting")
	}
	web.frame(ws.OpText, true, []byte("still here"))
	web.wantFrame(ws.OpText, []byte("still here"))
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- s.Stop(ctx)
	}()
	web.wantClose(ws.StatusGoingAway)
	raw.wantEnd()
	young.wantEnd()
	web.Close()
	raw.Close()
	wantError(t, recv(t, done), nil)
	if len(closed) != 2 {
		t.Errorf("%d times Closed", len(closed))
	}
	if st := s.Stats(); st.Connections != 0 || st.OutboxBytes != 0 {
		t.Errorf("%+v", st)
	}
}

// TestStopAtOnce: a client that does not go is cut when the context is done.
func TestStopAtOnce(t *testing.T) {
	h := &hooks{}
	closed := make(chan error, 1)
	h.closed = func(_ ConnID, err error) { closed <- err }
	h.received = func(c ConnID, _ []byte) { h.l.Send(c, make([]byte, 64<<20), false) }
	s := serve(t, Config{Limits: Limits{Linger: patience}}, h)
	c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	c.frame(ws.OpText, true, nil)
	c.get(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantError(t, s.Stop(ctx), context.Canceled)
	wantError(t, recv(t, closed), ErrStopped)
}

// TestPing: silence is answered by a ping, silence after a ping by the end; any sign of life is enough.
func TestPing(t *testing.T) {
	closed := make(chan error, 1)
	s := serve(t, Config{Limits: Limits{PingInterval: 100 * time.Millisecond, PongTimeout: 200 * time.Millisecond}},
		&hooks{closed: func(_ ConnID, err error) { closed <- err }})
	c := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	for range 3 {
		c.wantFrame(ws.OpPing, nil)
		c.frame(ws.OpPong, true, nil)
	}
	c.wantFrame(ws.OpPing, nil)
	wantError(t, recv(t, closed), ErrNoPong)
	c.wantEnd()
}

// TestHandshakeTimeout: whoever says nothing, or half a handshake, is closed and counted.
func TestHandshakeTimeout(t *testing.T) {
	s := serve(t, Config{Limits: Limits{HandshakeTimeout: 80 * time.Millisecond}}, nil)
	for _, p := range []string{"", "GET / HTTP/1.1\r\n", "\x7f\xf1"} {
		c := connect(t, s.Addrs()[0])
		c.put([]byte(p)...)
		io.Copy(io.Discard, c.r) // reset or end, as the kernel likes
	}
	if n := s.Stats().Refused[RefusedTimeout]; n != 3 {
		t.Errorf("%d timeouts counted", n)
	}
}
