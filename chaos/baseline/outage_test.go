package baseline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

// shortBound lets a test of what a minority is told end soon; elections of raft-lan take a third of it.
const shortBound = time.Second

// TestLeaderLost: with the founder, who leads, two of three go on, and what the lost one had goes from the tables.
func TestLeaderLost(t *testing.T) {
	t.Parallel()
	l := newLab(t, Config{Tables: "raft-lan", Voters: 3}, 3)
	l.voters(0, 3)
	if _, err := l.client(0).Register(ctx(t), "was.at.leader", nil, nothing); err != nil {
		t.Fatal(err)
	}
	l.calls(1, "was.at.leader")
	l.nodes[0].Close()
	l.hears(1, 2, "after.leader")
	c := l.client(2)
	l.eventually("a free procedure", func() bool {
		_, err := c.Register(ctx(t), "was.at.leader", nil, nothing)
		if err != nil && uriOf(err) != wamp.ErrProcedureAlreadyExists && uriOf(err) != wamp.ErrUnavailable {
			t.Fatal(err)
		}
		return err == nil
	})
	l.calls(1, "was.at.leader")
}

// TestMinority: one of three voters that is left alone refuses new subscriptions and registrations when their time is over, and goes on
// with those that it has.
func TestMinority(t *testing.T) {
	t.Parallel()
	l := newLab(t, Config{Tables: "raft-lan", Voters: 3, Bound: shortBound}, 3)
	l.voters(0, 3)
	got := make(chan struct{}, 1)
	_, err := l.client(2).Subscribe(ctx(t), "had.before", wamp.Exact, func(client.Event) {
		select {
		case got <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	l.nodes[0].Close()
	l.nodes[1].Close()
	c := l.client(2)
	if _, err := c.Subscribe(ctx(t), "new.topic", wamp.Exact, func(client.Event) {}); uriOf(err) != wamp.ErrUnavailable {
		t.Errorf("SUBSCRIBE in a minority: %v", err)
	}
	if _, err := c.Register(ctx(t), "new.procedure", nil, nothing); uriOf(err) != wamp.ErrUnavailable {
		t.Errorf("REGISTER in a minority: %v", err)
	}
	l.publishUntil(2, "had.before", got)
}

// TestPromotion: there are as many voters as there may be, the others follow; a dead voter's vote goes to one of them.
func TestPromotion(t *testing.T) {
	t.Parallel()
	l := newLab(t, Config{Tables: "raft-lan", Voters: 3}, 4)
	l.voters(0, 3)
	dead := ""
	for _, s := range l.servers(0) {
		if s.voter && s.name != "n0" {
			dead = s.name
		}
	}
	for i, n := range l.nodes {
		if dead == l.name(i) {
			n.Close()
		}
	}
	l.eventually("a new voter", func() bool {
		voters := 0
		for _, s := range l.servers(0) {
			if s.name == dead {
				return false
			}
			if s.voter {
				voters++
			}
		}
		return voters == 3
	})
}

// TestFounderReturns: node 0, which has lost its log, is taken in by those that it left behind, instead of founding a second cluster.
func TestFounderReturns(t *testing.T) {
	t.Parallel()
	l := newLab(t, Config{Tables: "raft-lan", Voters: 3}, 3)
	l.voters(0, 3)
	l.restart(0)
	if err := l.nodes[0].WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	l.hears(0, 1, "back.again")
	l.hears(2, 0, "and.there")
	if n := len(l.servers(1)); n != 3 {
		t.Errorf("%d servers", n)
	}
}

// TestSnapshot: a node that joins after the log was cut short has the tables all the same.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	l := newLab(t, Config{Tables: "raft-lan", Voters: 3}, 0)
	l.tune = func(c *raft.Config) {
		c.SnapshotInterval, c.SnapshotThreshold, c.TrailingLogs = 20*time.Millisecond, 4, 1
	}
	l.add()
	if err := l.nodes[0].WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	got := make(chan struct{}, 1)
	c := l.client(0)
	for i := range 30 {
		_, err := c.Subscribe(ctx(t), fmt.Sprintf("topic.%d", i), wamp.Exact, func(client.Event) {
			select {
			case got <- struct{}{}:
			default:
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log := l.ends[0].journal.(*raftLog).raft
	l.eventually("a snapshot of nearly all", func() bool {
		last, err := strconv.Atoi(log.Stats()["last_snapshot_index"])
		return err == nil && last >= 20
	})
	l.add()
	if err := l.nodes[1].WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	l.publishUntil(1, "topic.0", got)
}

func nothing(context.Context, *client.Invocation) (client.Payload, error) {
	return client.Payload{}, nil
}

func uriOf(err error) string {
	var e *client.Error
	if errors.As(err, &e) {
		return e.URI
	}
	return ""
}
