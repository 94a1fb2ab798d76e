package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// router welcomes everybody on pipes, and counts.
type router struct {
	dialed atomic.Int64
	refuse atomic.Bool
}

func (r *router) dial(context.Context) (net.Conn, error) {
	if r.refuse.Load() {
		return nil, errors.New("nobody is at home")
	}
	n := r.dialed.Add(1)
	mine, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		hello := make([]byte, 4)
		if _, err := readFull(theirs, hello); err != nil {
			return
		}
		theirs.Write([]byte{0x7f, 0xf1, 0, 0})
		if readFrame(theirs) != nil {
			return
		}
		write(theirs, codec.AppendWelcome(nil, wamp.JSON, uint64(n), &codec.WelcomeDetails{Realm: "r"}))
		for readFrame(theirs) == nil { // GOODBYE, or the end
			write(theirs, codec.AppendGoodbye(nil, wamp.JSON, wamp.CloseGoodbyeAndOut, ""))
		}
	}()
	return mine, nil
}

func readFull(c net.Conn, b []byte) (int, error) {
	for n := 0; n < len(b); {
		k, err := c.Read(b[n:])
		if n += k; err != nil {
			return n, err
		}
	}
	return len(b), nil
}

func readFrame(c net.Conn) error {
	var head [4]byte
	if _, err := readFull(c, head[:]); err != nil {
		return err
	}
	_, err := readFull(c, make([]byte, int(head[1])<<16|int(head[2])<<8|int(head[3])))
	return err
}

func write(c net.Conn, b []byte) {
	c.Write(append([]byte{0, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...))
}

func TestSessionsAreUsedAgain(t *testing.T) {
	var r router
	var s sessions
	s.init(r.dial)
	defer s.close()
	join := func(who credentials, realm string) *client.Client {
		t.Helper()
		l, err := s.join(t.Context(), who, realm)
		if err != nil {
			t.Fatal(err)
		}
		l.release()
		return l.client
	}
	a := join(credentials{}, "r")
	if join(credentials{}, "r") != a || r.dialed.Load() != 1 {
		t.Error("the second request of an anonymous client has a session of its own")
	}
	if join(credentials{}, "other") == a || join(credentials{"joe", "x"}, "r") == a || join(credentials{"joe", "y"}, "r") == join(credentials{"joe", "x"}, "r") {
		t.Error("other credentials got the same session")
	}
	a.Close()
	if b := join(credentials{}, "r"); b == a {
		t.Error("a session that has ended is used again")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	var r router
	var s sessions
	s.init(r.dial)
	defer s.close()
	var held []*lease
	for i := range sessionsMax {
		l, err := s.join(t.Context(), credentials{fmt.Sprint(i), "x"}, "r")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
	}
	if _, err := s.join(t.Context(), credentials{"more", "x"}, "r"); !errors.Is(err, errFull) {
		t.Errorf("one more than the bound: %v", err)
	}
	held[3].release()
	held[7].release()
	l, err := s.join(t.Context(), credentials{"more", "x"}, "r")
	if err != nil {
		t.Fatal(err)
	}
	l.release()
	if <-held[3].client.Done(); len(s.open) != sessionsMax {
		t.Errorf("%d sessions are open", len(s.open))
	}
	select {
	case <-held[7].client.Done():
		t.Error("not the one that was idle for longest made room")
	default:
	}
}

func TestFailuresAreNotRemembered(t *testing.T) {
	var r router
	var s sessions
	s.init(r.dial)
	defer s.close()
	r.refuse.Store(true)
	if _, err := s.join(t.Context(), credentials{}, "r"); err == nil {
		t.Fatal("joined nowhere")
	}
	r.refuse.Store(false)
	l, err := s.join(t.Context(), credentials{}, "r")
	if err != nil {
		t.Fatal(err)
	}
	l.release()
	s.close()
	if _, err := s.join(t.Context(), credentials{}, "r"); err == nil {
		t.Error("joined by a bridge that is closed")
	}
}
