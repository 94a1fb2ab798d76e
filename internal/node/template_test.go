package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"kleeblatt/internal/auth"
	wampclient "kleeblatt/internal/client"
	"kleeblatt/internal/wamp"
)

const tenantsFile = `
realms:
  realm1: {}
  "tenant.*": {strict: true}
users:
  - {authid: boss, role: admin, ticket: t0}
  - {authid: all, role: tenant, realms: ["tenant.*"], ticket: t1}
  - {authid: joe, role: tenant, realms: [tenant.a, realm1], ticket: t2}
  - {authid: joe, role: tenant, realms: [tenant.b], ticket: t3}
`

// Users may be let into all realms of a template, or into some of them by name.
func TestWhoMayJoinRealmsOnDemand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "k.yaml")
	if err := os.WriteFile(file, []byte(tenantsFile), 0o600); err != nil {
		t.Fatal(err)
	}
	n := runCluster(t, 1, "--config", file)[0]
	for _, c := range []struct {
		realm, authID, ticket string
		in                    bool
	}{
		{"tenant.a", "boss", "t0", true}, {"realm1", "boss", "t0", true}, {"tenant.c", "boss", "t0", true},
		{"tenant.a", "all", "t1", true}, {"tenant.z", "all", "t1", true}, {"realm1", "all", "t1", false},
		{"tenant.a", "joe", "t2", true}, {"tenant.a", "joe", "t3", false}, {"realm1", "joe", "t2", true},
		{"tenant.b", "joe", "t3", true}, {"tenant.b", "joe", "t2", false}, {"tenant.c", "joe", "t2", false}, {"tenant.c", "joe", "t3", false},
		{"tenant.never", "joe", "t1", false},
	} {
		err := login(t, n, c.realm, wamp.JSON, &auth.Proof{AuthID: c.authID, Method: auth.MethodTicket, Secret: auth.Secret(c.ticket)})
		if (err == nil) != c.in {
			t.Errorf("%s by %s and %s: %v", c.realm, c.authID, c.ticket, err)
		}
	}
	if n.realms.Get("tenant.never") != nil {
		t.Error("who was not let in has opened a realm")
	}
}

// A hundred realms on three nodes: events go from node to node in each, and the nodes have the connections that they had before.
func TestRealmsOnDemandNeedNoConnection(t *testing.T) {
	nodes := runCluster(t, 2, "--realm", "*.tenant")
	before := linkConnections(nodes)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	join := func(n *Node, realm string) *wampclient.Client {
		c, err := wampclient.Dial(ctx, wampclient.Config{URLs: n.URLs(), Realm: realm, Once: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	events := make(chan string, 100)
	for i := range 100 {
		realm := fmt.Sprint("r", i, ".tenant")
		s := join(nodes[i%2], realm)
		_, err := s.Subscribe(ctx, "topic", wamp.Exact, func(e wampclient.Event) {
			args, _, _ := e.Payload.JSON()
			events <- realm + " " + string(args)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	settle(t, nodes...)
	for i := range 100 {
		realm := fmt.Sprint("r", i, ".tenant")
		p := join(nodes[(i+1)%2], realm)
		if _, err := p.Publish(ctx, "topic", wampclient.JSONPayload([]byte(fmt.Sprintf("[%d]", i)), nil), nil); err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-events:
			if want := fmt.Sprintf("%s [%d]", realm, i); e != want {
				t.Errorf("%s instead of %s", e, want)
			}
		case <-ctx.Done():
			t.Fatal("no event in " + realm)
		}
	}
	if after := linkConnections(nodes); after != before {
		t.Errorf("%d connections between the nodes, and %d before", after, before)
	}
}

func linkConnections(nodes []*Node) (sum int64) {
	for _, n := range nodes {
		n.hubs[0].ask(func() { sum += n.hubs[0].home.connections() })
	}
	return sum
}
