package transport

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// TestOrigin: same host or allowed; no Origin is no browser.
func TestOrigin(t *testing.T) {
	s := serve(t, Config{Listeners: []Listener{
		{URL: "ws://127.0.0.1:0/ws", AllowedOrigins: []string{"https://app.example", "other.example:8080"}},
		{URL: "ws://127.0.0.1:0/ws", AllowedOrigins: []string{"*"}},
	}}, nil)
	for _, x := range []struct {
		port   int
		origin string
		ok     bool
	}{
		{0, "http://router.example", true}, {0, "https://ROUTER.example", true}, {0, "http://router.example:81", false},
		{0, "https://app.example", true}, {0, "http://app.example", false}, {0, "http://other.example:8080", true},
		{0, "https://evil.example", false}, {0, "https://router.example.evil.example", false}, {0, "null", false},
		{1, "https://evil.example", true}, {1, "null", true},
	} {
		c := connect(t, s.Addrs()[x.port])
		status, _ := c.request("/ws", "wamp.2.json", "Origin: "+x.origin)
		if want := map[bool]string{true: "HTTP/1.1 101 ", false: "HTTP/1.1 403 "}[x.ok]; !strings.HasPrefix(status, want) {
			t.Errorf("%s: %s", x.origin, status)
		}
	}
	if n := s.Stats().Refused[RefusedOrigin]; n != 5 {
		t.Errorf("%d refusals counted", n)
	}
}

// TestPaths: the port's own path and "/" are endpoints, others are not.
func TestPaths(t *testing.T) {
	s := serve(t, Config{}, nil)
	for path, code := range map[string]string{"/ws": "101", "/": "101", "/ws?x=1": "101", "/other": "404", "/ws/": "404"} {
		c := connect(t, s.Addrs()[0])
		if status, _ := c.request(path, "wamp.2.json"); !strings.HasPrefix(status, "HTTP/1.1 "+code+" ") {
			t.Errorf("%s: %s", path, status)
		}
	}
}

// TestBadRequests: heads that are too long, no HTTP, no key, an old version: refused, never a panic, others unaffected.
func TestBadRequests(t *testing.T) {
	s := serve(t, Config{}, nil)
	other := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	for name, x := range map[string][2]string{
		"long head":   {"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 9000), "431"},
		"no end":      {"GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 2000), "431"},
		"plain":       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426"},
		"no key":      {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n", "400"},
		"old version": {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n", "426"},
		"not HTTP":    {"HELLO\r\nUpgrade: websocket\r\n\r\n", "400"},
	} {
		c := connect(t, s.Addrs()[0])
		c.put([]byte(x[0])...)
		if status, _ := c.response(); !strings.HasPrefix(status, "HTTP/1.1 "+x[1]+" ") {
			t.Errorf("%s: %s", name, status)
		}
		c.wantEnd()
		other.frame(ws.OpText, true, []byte(name))
		other.wantFrame(ws.OpText, []byte(name))
	}
}

func TestAddressKey(t *testing.T) {
	key := func(s string) uint64 { k, _ := AddressKey(netip.MustParseAddr(s)); return k }
	for _, s := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
		if k, local := AddressKey(netip.MustParseAddr(s)); k != 0 || !local {
			t.Errorf("%s is counted", s)
		}
	}
	if key("192.0.2.1") == key("192.0.2.2") || key("192.0.2.1") != key("::ffff:192.0.2.1") || key("192.0.2.1") == 0 {
		t.Error("IPv4 addresses are counted one by one")
	}
	if key("2001:db8::1") != key("2001:db8::ffff:1") || key("2001:db8::1") == key("2001:db8:0:1::1") {
		t.Error("IPv6 addresses are counted by /64")
	}
}

func TestPerAddressLimit(t *testing.T) {
	s := serve(t, Config{Limits: Limits{ConnectionsPerAddressMax: 2}}, nil)
	n := &listener{}
	for _, want := range []bool{true, true, false} {
		if o := (origin{listener: n, address: 7}); s.admit(&o) != want {
			t.Errorf("admitted: %v", !want)
		}
	}
	s.left(7)
	if o := (origin{listener: n, address: 7}); !s.admit(&o) {
		t.Error("a place that became free is not given")
	}
	s.left(7)
	s.left(7)
	if st := s.Stats(); len(s.addresses) != 0 || st.Connections != 0 || st.Refused[RefusedAddress] != 1 {
		t.Errorf("%v %+v", s.addresses, st)
	}
}

// TestConfig: every problem of the limits is listed at once; addresses that cannot be are errors of Start.
func TestConfig(t *testing.T) {
	handler := func(int, Loop) Handler { return &hooks{} }
	_, err := New(Config{NewHandler: handler, Limits: Limits{MessageBytesMax: 1, OutboxBytesMax: -1, Linger: -1}})
	for _, name := range []string{"MessageBytesMax", "OutboxBytesMax", "Linger"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in: %v", name, err)
		}
	}
	if _, err = New(Config{}); err == nil {
		t.Error("no handler is no error")
	}
	for _, url := range []string{"http://127.0.0.1:0", "wss://127.0.0.1:0", "ws://256.0.0.1:0", "::"} {
		s, err := New(Config{Loops: 1, NewHandler: handler, Listeners: []Listener{{URL: "ws://127.0.0.1:0"}, {URL: url}}})
		if err != nil {
			t.Fatal(err)
		}
		if s.Start() == nil {
			t.Errorf("%s is no error", url)
		}
	}
	s, err := New(Config{Loops: 1, NewHandler: handler})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLeastLoaded: connections are spread over the loops, link connections go to loop 0.
func TestLeastLoaded(t *testing.T) {
	at, links := make(chan int, 1), make(chan int, 1)
	s := serve(t, Config{Loops: 3, NewHandler: func(i int, l Loop) Handler {
		return &hooks{l: l, opened: func(_ ConnID, info *Info) {
			if info.Framing == Link {
				links <- i
				return
			}
			at <- i
		}}
	}}, nil)
	var n [3]int
	for range 9 {
		connect(t, s.Addrs()[0]).rawHello(15, 1)
		n[recv(t, at)]++
	}
	if n != [3]int{3, 3, 3} {
		t.Errorf("%v", n)
	}
	a, err := s.ListenLink("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		connect(t, a)
		if i := recv(t, links); i != 0 {
			t.Errorf("a link on loop %d", i)
		}
	}
}

// TestStaleSocketFile: what a killed process left is replaced; a living one's is not.
func TestStaleSocketFile(t *testing.T) {
	path := t.TempDir() + "/s"
	leaveSocketFile(t, path)
	serve(t, Config{Listeners: []Listener{{URL: "unix://" + path}}}, nil)
	second, err := New(Config{Loops: 1, NewHandler: func(int, Loop) Handler { return &hooks{} }, Listeners: []Listener{{URL: "unix://" + path}}})
	if err != nil {
		t.Fatal(err)
	}
	if second.Start() == nil {
		t.Error("a second server took the socket")
	}
}

func leaveSocketFile(t *testing.T, path string) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
}

// TestListenLater: a client port that is bound while the loops run serves like the others, and none is after StopAccepting.
func TestListenLater(t *testing.T) {
	s := serve(t, Config{Listeners: []Listener{}}, nil)
	a, err := s.Listen(Listener{URL: "ws://127.0.0.1:0/ws"})
	if err != nil {
		t.Fatal(err)
	}
	c := upgrade1(t, a, "wamp.2.json")
	c.frame(ws.OpText, true, []byte("x"))
	c.wantFrame(ws.OpText, []byte("x"))
	if got := s.Addrs(); len(got) != 1 || got[0].String() != a.String() {
		t.Errorf("%v", got)
	}
	s.StopAccepting()
	if _, err := s.Listen(Listener{URL: "ws://127.0.0.1:0/ws"}); err == nil {
		t.Error("a port was bound after StopAccepting")
	}
}
