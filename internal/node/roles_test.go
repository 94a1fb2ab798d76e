package node

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/admin"
	"kleeblatt/internal/auth"
	wampclient "kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const rolesFile = `
users:
  - {authid: joe, role: limited, ticket: ticket1}
  - {authid: boss, role: boss, ticket: ticket2}
roles:
  limited:
    - {uri: open.exact, allow: [call, register, publish, subscribe]}
    - {uri: open.prefix., match: prefix, allow: [call, register, publish, subscribe]}
    - {uri: open.prefix.secret, match: prefix, deny: [call, register, publish, subscribe]}
    - {uri: open..wild, match: wildcard, allow: [call, register, publish, subscribe]}
`

// rolesMatrix is what the role "limited" may do, whatever the action: single URIs by each kind of rule, then patterns.
var rolesMatrix = []struct {
	match   wamp.Match
	uri     string
	granted bool
}{
	{wamp.Exact, "open.exact", true},
	{wamp.Exact, "open.exact.more", false},
	{wamp.Exact, "open.prefix.a", true},
	{wamp.Exact, "open.prefix", false},
	{wamp.Exact, "open.prefix.secret", false},
	{wamp.Exact, "open.prefix.secretary", false},
	{wamp.Exact, "open.a.wild", true},
	{wamp.Exact, "open.a.b.wild", false},
	{wamp.Exact, "elsewhere", false},
	{wamp.Prefix, "", false},
	{wamp.Prefix, "open", false},
	{wamp.Prefix, "open.exact", false},
	{wamp.Prefix, "open.prefix.", false},
	{wamp.Prefix, "open.prefix.se", false},
	{wamp.Prefix, "open.prefix.a", true},
	{wamp.Wildcard, "open..wild", true},
	{wamp.Wildcard, "open.exact", true},
	{wamp.Wildcard, "open.prefix.a.", true},
	{wamp.Wildcard, "open.prefix.", false},
	{wamp.Wildcard, "open..", false},
	{wamp.Wildcard, "..", false},
	{wamp.Wildcard, "", false},
}

func joinAs(t *testing.T, n *Node, authID, ticket string) *wampclient.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := &auth.Proof{Method: auth.MethodTicket, AuthID: authID, Secret: auth.Secret(ticket)}
	c, err := wampclient.Dial(ctx, wampclient.Config{URLs: n.URLs(), Serializer: wamp.MsgPack, Proof: p, Once: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestRoles, AZN-01 to AZN-03: over two nodes, a role may do what its rules say and nothing else, and a role without rules everything.
func TestRoles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "k.yaml")
	if err := os.WriteFile(file, []byte(rolesFile), 0o600); err != nil {
		t.Fatal(err)
	}
	nodes := runCluster(t, 2, "--config", file)
	joe, boss := joinAs(t, nodes[0], "joe", "ticket1"), joinAs(t, nodes[1], "boss", "ticket2")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nothing := wampclient.Payload{}
	answer := func(context.Context, *wampclient.Invocation) (wampclient.Payload, error) { return nothing, nil }
	acknowledged := &wampclient.PublishOptions{Acknowledge: true}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	// The boss does it all, on the other node: its procedures are there to be called, its subscription sees what is published.
	heard := make(chan string, 100)
	_, err := boss.Subscribe(ctx, "", wamp.Prefix, func(e wampclient.Event) {
		if !strings.HasPrefix(e.Topic, "wamp.") { // what is told of the subscriptions and registrations themselves
			heard <- e.Topic
		}
	})
	must(err)
	for _, c := range rolesMatrix {
		if c.match == wamp.Exact {
			_, err := boss.Register(ctx, c.uri, &wampclient.RegisterOptions{Invoke: wamp.RoundRobin}, answer)
			must(err)
		}
	}
	settle(t, nodes...)

	denied := map[auth.Action]uint64{}
	check := func(a auth.Action, m wamp.Match, uri string, granted bool, err error) {
		t.Helper()
		if !granted {
			denied[a]++
		}
		if granted && err != nil || !granted && !wampclient.HasURI(err, wamp.ErrNotAuthorized) {
			t.Errorf("%s %v %q: %v", auth.ActionNames[a], m, uri, err)
		}
	}
	got := make(chan string, 100)
	var published []string
	for _, c := range rolesMatrix {
		_, err := joe.Subscribe(ctx, c.uri, c.match, func(e wampclient.Event) { got <- e.Topic })
		check(auth.Subscribe, c.match, c.uri, c.granted, err)
		r, err := joe.Register(ctx, c.uri, &wampclient.RegisterOptions{Match: c.match, Invoke: wamp.RoundRobin}, answer)
		check(auth.Register, c.match, c.uri, c.granted, err)
		if err == nil {
			must(r.Unregister(ctx))
		}
		if c.match != wamp.Exact {
			continue
		}
		_, err = joe.Call(ctx, c.uri, nothing, nil)
		check(auth.Call, c.match, c.uri, c.granted, err)
		if _, err := joe.Publish(ctx, c.uri, nothing, nil); err != nil { // nobody is told
			t.Errorf("publish %q: %v", c.uri, err)
		}
		_, err = joe.Publish(ctx, c.uri, nothing, acknowledged)
		check(auth.Publish, c.match, c.uri, c.granted, err)
		if c.granted {
			published = append(published, c.uri, c.uri)
		} else {
			denied[auth.Publish]++
		}
	}
	_, err = joe.Publish(ctx, "open.prefix.end", nothing, nil)
	must(err)
	if all := until(t, ctx, heard, "open.prefix.end"); !slices.Equal(all, published) {
		t.Errorf("published %q, want %q", all, published)
	}

	// What joe may not subscribe to by itself does not come by a pattern either.
	settle(t, nodes...)
	for _, c := range rolesMatrix {
		if c.match == wamp.Exact {
			_, err := boss.Publish(ctx, c.uri, nothing, acknowledged)
			must(err)
		}
	}
	_, err = boss.Publish(ctx, "open.end.wild", nothing, acknowledged)
	must(err)
	seen := until(t, ctx, got, "open.end.wild")
	for _, c := range rolesMatrix {
		if c.match == wamp.Exact && slices.Contains(seen, c.uri) != c.granted {
			t.Errorf("joe hears of %q: %v", c.uri, !c.granted)
		}
	}

	// A role without rules has the protocol's own procedures too, this one not.
	_, err = boss.Call(ctx, "wamp.session.count", nothing, nil)
	must(err)
	_, err = joe.Call(ctx, "wamp.session.count", nothing, nil)
	check(auth.Call, wamp.Exact, "wamp.session.count", false, err)

	for a, want := range denied {
		counts := nodes[0].Counters().NotAuthorized
		if !slices.Contains(counts, admin.Count{Label: auth.ActionNames[a], Value: want}) {
			t.Errorf("counted %v, want %d for %s", counts, want, auth.ActionNames[a])
		}
	}
}

// until gathers what comes ahead of the last one.
func until(t *testing.T, ctx context.Context, from <-chan string, last string) (all []string) {
	t.Helper()
	for {
		select {
		case x := <-from:
			if x == last {
				return all
			}
			all = append(all, x)
		case <-ctx.Done():
			t.Fatalf("%q did not come, only %q", last, all)
		}
	}
}
