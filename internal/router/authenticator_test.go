package router

import (
	"strings"
	"testing"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/wamp"
)

// AUT-06: an authenticator is told of the certificate that a client has shown, and vouches for whom it is.
func TestAUT_06_TheCertificateIsForwarded(t *testing.T) {
	c := newCluster(t, 1, 1, 0, Limits{})
	z := c.open("z", 0, 0, wamp.JSON, 0)
	c.say(z, `[1,"ruled",`+allFeatures+`]`, `[64,1,{},"com.auth.who"]`)
	z.out = nil
	a := c.open("a", 0, 0, wamp.JSON, 0)
	print := strings.Repeat("ab", 32)
	c.nodes[0].workers[0].channels[mustSlot(t, c.nodes[0].workers[0], a.id)] = &auth.Channel{Certificate: print}
	c.say(a, `[1,"dyn",{"roles":{"caller":{}},"authmethods":["tls"]}]`)
	if len(z.out) != 1 || !strings.Contains(z.out[0], `"transport":{"auth":{"certificate":"`+print+`"}}`) {
		t.Fatalf("the authenticator was asked %q", z.out)
	}
	c.say(z, `[70,1,{},[{"role":"guest","authid":"box"}]]`)
	if len(a.out) == 0 || !strings.Contains(a.out[len(a.out)-1], `"authid":"box","authrole":"guest","authmethod":"tls","authprovider":"dynamic"`) {
		t.Errorf("the client got %q", a.out)
	}
}

func mustSlot(t *testing.T, w *Worker, c Conn) uint32 {
	slot, ok := w.byConn.get(uint64(c))
	if !ok {
		t.Fatal("no such connection")
	}
	return slot
}
