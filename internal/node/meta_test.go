package node

import (
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// ask calls one of the node's own procedures, which must succeed.
func (c *client) ask(procedure string, args ...any) ([]any, codec.Dict) {
	c.t.Helper()
	_, p := codec.AppendPayload(nil, ser, args, nil)
	c.send(codec.AppendCall(nil, ser, c.next(), nil, procedure, p))
	for {
		m, err := c.read()
		if err != nil {
			c.t.Fatal(err)
		}
		if m.Type == wamp.Event {
			continue
		}
		if m.Type != wamp.Result || m.Request != c.req {
			c.t.Fatalf("%s is answered by %v %s", procedure, m.Type, m.URI)
		}
		return codec.ReadPayload(ser, m.Payload)
	}
}

// nextMeta reads the next event of a session that listens to meta topics by prefix.
func (c *client) nextMeta() string {
	c.t.Helper()
	m := c.expect(wamp.Event)
	args, _ := codec.ReadPayload(ser, m.Payload)
	topic := string(m.Options.Topic)
	topic = topic[strings.LastIndexByte(topic, '.')+1:]
	if d, ok := args[0].(codec.Dict); ok {
		return fmt.Sprint(topic, " ", d[0].Value)
	}
	return fmt.Sprint(topic, " ", args[0])
}

// TestP3_SessionsOfADeadNodeLeaveOnce: a node is killed. Each of the others tells its subscribers, once for each session, and counts on.
func TestP3_SessionsOfADeadNodeLeaveOnce(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 3, "--leave-grace", "300ms")
	var watchers []*client
	for _, n := range nodes[:2] {
		watchers = append(watchers, join(t, n))
	}
	ids := map[string]bool{}
	for range 20 {
		ids[fmt.Sprint("on_leave ", join(t, nodes[2]).id)] = true
	}
	settle(t, nodes...)
	for _, c := range watchers {
		if args, _ := c.ask("wamp.session.count"); args[0] != uint64(22) {
			t.Errorf("%v sessions of 22", args[0])
		}
		c.subscribe("wamp.session.", wamp.Prefix)
	}
	nodes[2].Close()
	for _, c := range watchers {
		heard := map[string]bool{}
		for range ids {
			e := c.nextMeta()
			if !ids[e] || heard[e] {
				t.Errorf("told %s", e)
			}
			heard[e] = true
		}
	}
	last := join(t, nodes[0])
	for _, c := range watchers {
		if e := c.nextMeta(); e != fmt.Sprint("on_join ", last.id) {
			t.Errorf("then told %s", e)
		}
		if args, _ := c.ask("wamp.session.count"); args[0] != uint64(3) {
			t.Errorf("%v sessions of 3", args[0])
		}
	}
}

// TestDirectoryQueryMode: nobody is told of sessions elsewhere; whoever asks is told of all of them.
func TestDirectoryQueryMode(t *testing.T) {
	t.Parallel()
	nodes := runCluster(t, 2, "--directory", "query")
	a, b := join(t, nodes[0]), join(t, nodes[1])
	a.subscribe("wamp.session.", wamp.Prefix)
	join(t, nodes[1])
	mine := join(t, nodes[0])
	if e := a.nextMeta(); e != fmt.Sprint("on_join ", mine.id) {
		t.Errorf("told %s", e)
	}
	for _, c := range []*client{a, b} {
		if args, _ := c.ask("wamp.session.count"); args[0] != uint64(4) {
			t.Errorf("%v sessions of 4", args)
		}
	}
	alone := runCluster(t, 1, "--directory", "query")
	if _, kwargs := join(t, alone[0]).ask("wamp.session.list"); len(kwargs) != 0 {
		t.Errorf("a node that is alone says %v", kwargs)
	}
}

// TestBarrierProcedure: what a client has changed before is routed by everywhere when it is answered.
func TestBarrierProcedure(t *testing.T) {
	nodes := sharedCluster(t, 2)
	sub, pub := join(t, nodes[0]), join(t, nodes[2])
	for i := range uint64(20) {
		topic := fmt.Sprint("t.barrier.", i)
		sub.subscribe(topic, wamp.Exact)
		args, _ := sub.ask("kleeblatt.barrier", 20_000)
		if want := (codec.Dict{{Key: "acked", Value: uint64(2)}, {Key: "of", Value: uint64(2)}}); fmt.Sprint(args[0]) != fmt.Sprint(want) {
			t.Fatalf("%v", args)
		}
		pub.publish(topic, i)
		sub.event(i)
	}
}

// TestExplain: who would get it, by name, whichever node is asked and whichever worker they are on.
func TestExplain(t *testing.T) {
	nodes := sharedCluster(t, 2)
	var subs []*client
	for i := range 6 {
		c := join(t, nodes[i%3])
		c.subscribe("t.explain", wamp.Exact)
		subs = append(subs, c)
	}
	callee := join(t, nodes[1])
	id := callee.register("t.explain", &codec.RegisterOptions{Invoke: wamp.First})
	settle(t, nodes...)
	for i, n := range nodes {
		args, _ := join(t, n).ask("kleeblatt.cluster.explain", "t.explain")
		text := fmt.Sprint(args)
		for j, c := range subs {
			if strings.Contains(text, fmt.Sprint(c.id)) != (j%3 == i) {
				t.Errorf("%s: session %d of %s in %s", n.name, c.id, nodes[j%3].name, text)
			}
		}
		for _, want := range []string{fmt.Sprint(callee.id), fmt.Sprint(id), "first", "nodes", nodes[(i+1)%3].name, nodes[(i+2)%3].name, "reachable"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %s: %s", n.name, want, text)
			}
		}
	}
}

// TestW9_IdentityIsTheSameOverALink: what callees and subscribers are told of who called or published is the same on the same node and on
// another, and the directory knows them as well.
func TestW9_IdentityIsTheSameOverALink(t *testing.T) {
	nodes := sharedCluster(t, 2)
	from := join(t, nodes[0])
	var told []string
	for _, n := range nodes[:2] {
		c := join(t, n)
		c.subscribe("t.w9", wamp.Exact)
		c.register("t.w9."+n.name, &codec.RegisterOptions{DiscloseCaller: true})
		settle(t, nodes...)
		from.send(codec.AppendPublish(nil, ser, from.next(), &codec.PublishOptions{Acknowledge: true, DiscloseMe: true}, "t.w9", number(1, 0)))
		from.expect(wamp.Published)
		e := c.expect(wamp.Event).Options
		told = append(told, fmt.Sprintf("%d %s %s", e.Publisher, e.PublisherAuthID, e.PublisherAuthRole))
		from.send(codec.AppendCall(nil, ser, from.next(), nil, "t.w9."+n.name, number(1, 0)))
		v := c.expect(wamp.Invocation)
		o := v.Options
		told = append(told, fmt.Sprintf("%d %s %s", o.Caller, o.CallerAuthID, o.CallerAuthRole))
		c.send(codec.AppendYield(nil, ser, v.Request, false, number(1, 0)))
		from.expect(wamp.Result)
		args, _ := c.ask("wamp.session.get", from.id)
		d := args[0].(codec.Dict)
		told = append(told, fmt.Sprintf("%v %v %v", d[0].Value, d[1].Value, d[2].Value))
	}
	for _, who := range told {
		if who != told[0] || !strings.HasPrefix(who, fmt.Sprint(from.id, " ")) || len(who) < 30 {
			t.Errorf("%q", told)
			break
		}
	}
}
