package node

import (
	"fmt"
	"sync"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// registerAll sends REGISTER for all procedures at once and says which of them were answered by what: "" for REGISTERED, or the error.
func (c *client) registerAll(o *codec.RegisterOptions, procedures []string) []string {
	c.t.Helper()
	base := c.req + 1
	for _, p := range procedures {
		c.queue(codec.AppendRegister(nil, ser, c.next(), o, p))
	}
	if err := c.write(); err != nil {
		c.t.Error(err)
	}
	answers := make([]string, len(procedures))
	for range procedures {
		m, err := c.read()
		if err != nil {
			c.t.Error(err)
			return answers
		}
		switch m.Type {
		case wamp.Registered:
		case wamp.Error:
			answers[m.Request-base] = string(m.URI)
		default:
			c.t.Errorf("got %v", m.Type)
		}
	}
	return answers
}

// TestI1_RegisteredAtOnceHasOneOwner (EVALUATION I1, I3; REG-02 over nodes): clients of three nodes register the same procedures at the same
// moment. Exactly one of them gets each; the others are told that it exists; all nodes route to that one.
func TestI1_RegisteredAtOnceHasOneOwner(t *testing.T) {
	nodes := sharedCluster(t, 2)
	var procedures []string
	for i := range 100 {
		procedures = append(procedures, fmt.Sprint("t.once.", i))
	}
	var all []*client
	answers := make([][]string, len(nodes))
	var work sync.WaitGroup
	for i, n := range nodes {
		c := join(t, n)
		all = append(all, c)
		work.Go(func() { answers[i] = c.registerAll(nil, procedures) })
	}
	work.Wait()
	settle(t, nodes...)
	for p, procedure := range procedures {
		owner := -1
		for i := range nodes {
			switch answers[i][p] {
			case "":
				if owner >= 0 {
					t.Errorf("%s: both %s and %s own it", procedure, nodes[owner].name, nodes[i].name)
				}
				owner = i
			case wamp.ErrProcedureAlreadyExists:
			default:
				t.Errorf("%s: %s", procedure, answers[i][p])
			}
		}
		if owner < 0 {
			t.Errorf("%s: nobody owns it", procedure)
			continue
		}
		for _, n := range nodes {
			r := n.realms.Get("realm1").Cell.Load().Dealer.Match([]byte(procedure))
			if r == nil || len(r.Callees) != 1 || r.Callees[0].Session != all[owner].id {
				t.Errorf("%s: %s routes to %+v", procedure, n.name, r)
			}
		}
	}
}

// TestSharedAtOnceIsShared: several nodes may begin a shared registration at the same moment.
func TestSharedAtOnceIsShared(t *testing.T) {
	nodes := sharedCluster(t, 2)
	procedures := []string{"t.shared.1", "t.shared.2", "t.shared.3"}
	var work sync.WaitGroup
	for _, n := range nodes {
		c := join(t, n)
		work.Go(func() {
			for i, err := range c.registerAll(&codec.RegisterOptions{Invoke: wamp.RoundRobin}, procedures) {
				if err != "" {
					t.Errorf("%s: %s", procedures[i], err)
				}
			}
		})
	}
	work.Wait()
	settle(t, nodes...)
	for _, n := range nodes {
		for _, p := range procedures {
			if r := n.realms.Get("realm1").Cell.Load().Dealer.Match([]byte(p)); r == nil || len(r.Called()) != len(nodes) {
				t.Errorf("%s routes %s to %+v", n.name, p, r)
			}
		}
	}
}

// TestBarrierOption: SUBSCRIBED and REGISTERED with options.x_barrier come when every other node routes by the change. A second SUBSCRIBE is
// answered the same.
func TestBarrierOption(t *testing.T) {
	nodes := sharedCluster(t, 2)
	c := join(t, nodes[0])
	for i := range 20 {
		topic, procedure := fmt.Sprint("t.xb.", i), fmt.Sprint("p.xb.", i)
		c.send(codec.AppendSubscribeOptions(nil, ser, c.next(), &codec.SubscribeOptions{Barrier: 20_000}, topic))
		id := c.expect(wamp.Subscribed).ID
		for _, n := range nodes[1:] {
			join(t, n).publish(topic, uint64(i))
			c.event(uint64(i))
		}
		c.send(codec.AppendSubscribeOptions(nil, ser, c.next(), &codec.SubscribeOptions{Barrier: 20_000}, topic))
		if again := c.expect(wamp.Subscribed).ID; again != id {
			t.Fatalf("subscribed as %d and %d", id, again)
		}
		c.register(procedure, &codec.RegisterOptions{Barrier: 20_000})
		for _, n := range nodes[1:] {
			if n.realms.Get("realm1").Cell.Load().Dealer.Match([]byte(procedure)) == nil {
				t.Fatalf("%s does not route %s", n.name, procedure)
			}
		}
	}
	c.send(codec.AppendSubscribeOptions(nil, ser, c.next(), &codec.SubscribeOptions{Barrier: 1 << 40}, "t.xb"))
	if m := c.expect(wamp.Error); string(m.URI) != wamp.ErrInvalidArgument {
		t.Fatalf("a barrier of years: %s", m.URI)
	}
}
