//go:build linux

package netlab

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"kleeblatt/internal/client"
)

const (
	// setupTime bounds what a session does at its begin. A claim waits 1 s for nodes that do not answer, and a node that was
	// killed may for a moment still hold what its old sessions had.
	setupTime = 20 * time.Second
	// redialPause is between attempts: so short that clients add nothing to what is measured.
	redialPause = 20 * time.Millisecond
)

// seat is a client's place at one node. It has one session after the other, and each of them is a party of its own: the promises are
// made to sessions.
type seat struct {
	lab    *lab
	role   string
	at     *process
	begin  func(ctx context.Context, s *session) error
	number int
	now    atomic.Pointer[session] // nil while there is none
}

// session is one of a seat.
type session struct {
	party
	*client.Client
	at   *process
	ctx  context.Context // ends with it
	lost atomic.Value    // why it ended, as text
}

// keep has a session at the node until ctx ends.
func (t *seat) keep(ctx context.Context) {
	for ctx.Err() == nil {
		deaths := t.at.deaths.Load()
		s, cancel, err := t.sit(ctx)
		if err != nil {
			if ctx.Err() == nil && s != nil && t.at.deaths.Load() == deaths {
				t.lab.broken("%s could not begin: %v", s.name, err)
			}
			pause(ctx, redialPause)
			continue
		}
		select {
		case <-s.Done():
		case <-ctx.Done():
		}
		t.now.Store(nil)
		cancel()
		if ctx.Err() == nil && t.at.deaths.Load() == deaths {
			t.lab.broken("the session of %s has ended though its node has not: %v", s.name, s.lost.Load())
		}
		t.lab.ends(s)
		s.Close()
	}
}

// sit opens a session and does what it begins with. Where that fails the session is returned beside the error.
func (t *seat) sit(ctx context.Context) (*session, context.CancelFunc, error) {
	setup, done := context.WithTimeout(ctx, setupTime)
	defer done()
	t.number++
	s := &session{party: party{name: fmt.Sprintf("%s.%s.%d", t.role, t.at.name, t.number), node: t.at.name}, at: t.at}
	var err error
	s.Client, err = client.Dial(setup, client.Config{
		URLs: []string{t.at.url()}, Serializer: t.at.serializer(), Once: true, Agent: s.name,
		Notify: func(n client.Notice) {
			if n.Err != nil {
				s.lost.Store(n.Err.Error())
			}
		},
	})
	if err != nil {
		return nil, nil, err
	}
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(ctx)
	go func() {
		<-s.Done()
		cancel()
	}()
	if err := t.begin(setup, s); err != nil {
		cancel()
		s.Close()
		return s, nil, err
	}
	t.now.Store(s)
	return s, cancel, nil
}

// insist repeats what a router may refuse for a moment.
func insist(ctx context.Context, what func() error) error {
	for {
		err := what()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if pause(ctx, redialPause) != nil {
			return err
		}
	}
}

// pause waits, and returns an error when ctx ended first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
