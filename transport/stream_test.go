package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestGoroutinePath runs what a client notices over connections that are served by goroutines.
func TestGoroutinePath(t *testing.T) {
	onStreams = true
	defer func() { onStreams = false }()
	for name, f := range map[string]func(*testing.T){
		"TRP01": TestTRP01SubprotocolNegotiated, "TRP02": TestTRP02NoCommonSubprotocol, "TRP03to05": TestTRP03to05Opcodes,
		"TRP06": TestTRP06Fragments, "TRP07": TestTRP07Offer, "TRP11": TestTRP11PingClose, "violations": TestWebSocketViolations,
		"limit": TestSetLimit, "BAT": TestBAT01to05, "RAW01": TestRAW01FirstOctet, "RAW02": TestRAW02to04Handshake,
		"RAW05": TestRAW05TooManyConnections, "RAW06": TestRAW06PeerLimit, "RAW07": TestRAW07OwnLimit, "RAW09": TestRAW09XBit,
		"RAW10": TestRAW10to13Reserved, "RAW11": TestRAW11Ping, "RAW14": TestRAW14Unix, "P21": TestP21LastMessageBeforeClose,
		"linger": TestLingerIsBounded, "reset": TestReset, "ids": TestIDsAreNotReused, "stop": TestStop, "stop at once": TestStopAtOnce,
		"ping": TestPing, "handshake timeout": TestHandshakeTimeout, "pressure": TestPressure, "half full": TestHalfFull,
		"slow reader": TestSlowReader, "budget": TestNodeBudget, "pause": TestPauseResume, "paused": TestPausedIsNotRead,
		"turn": TestTurnIsBounded, "http": TestHTTP, "links": TestLinks, "dial failures": TestDialFailures,
	} {
		t.Run(name, f)
	}
}

// certificate is a self-signed one for localhost, and a pool that trusts it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestTRP10TLS: WebSocket, RawSocket and HTTP over TLS, orderly to the end.
func TestTRP10TLS(t *testing.T) {
	cert, pool := certificate(t)
	server, user := &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{RootCAs: pool}
	infos, closed := make(chan Info, 1), make(chan error, 1)
	s := serve(t, Config{
		Listeners: []Listener{{URL: "wss://127.0.0.1:0/ws", TLS: server}, {URL: "rss://127.0.0.1:0", TLS: server}},
		HTTP:      http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page "+r.URL.Path) }),
	}, &hooks{opened: func(_ ConnID, i *Info) { infos <- *i }, closed: func(_ ConnID, err error) { closed <- err }})

	c := connectTLS(t, s.Addrs()[0], user)
	c.upgrade("wamp.2.json")
	if i := recv(t, infos); i.TLS == nil || i.Framing != WebSocket {
		t.Errorf("%+v", i)
	}
	msg := make([]byte, 40<<10) // several records
	c.frame(ws.OpText, true, msg)
	c.wantFrame(ws.OpText, msg)
	c.frame(ws.OpClose, true, nil)
	c.wantFrame(ws.OpClose, nil)
	c.wantEnd()
	wantError(t, recv(t, closed), nil)

	c = connectTLS(t, s.Addrs()[1], user)
	c.rawHello(15, 2)
	if i := recv(t, infos); i.TLS == nil || i.Framing != RawSocket {
		t.Errorf("%+v", i)
	}
	c.put(rawFrame(0, msg)...)
	c.want(rawFrame(0, msg)...)
	c.Close()
	wantError(t, recv(t, closed), nil)

	tr := &http.Transport{TLSClientConfig: user}
	defer tr.CloseIdleConnections()
	r, err := (&http.Client{Transport: tr, Timeout: patience}).Get("https://" + s.Addrs()[0].String() + "/status")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if string(body) != "page /status" {
		t.Errorf("%q", body)
	}

	// No TLS at all: the handshake fails and nothing leaks.
	c = connect(t, s.Addrs()[0])
	c.put([]byte("GET / HTTP/1.0\r\n\r\n")...)
	io.Copy(io.Discard, c.r)
}

// TestHTTP: requests that are no upgrades reach the HTTP handler, with a body, pipelined or kept alive; the loop goes on.
func TestHTTP(t *testing.T) {
	s := serve(t, Config{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.Method+" "+r.URL.Path+" "+string(body))
	})}, nil)
	c := connect(t, s.Addrs()[0])
	for _, part := range []string{"POST /a HTTP/1.1\r\nHost: x\r\nCont", "ent-Length: 5\r\n\r\nhel", "lo", "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"} {
		c.put([]byte(part)...)
	}
	for _, want := range []string{"POST /a hello", "GET /b "} {
		if status, _ := c.response(); status != "HTTP/1.1 200 OK" {
			t.Error(status)
		}
		if got := string(c.get(len(want))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if n := s.Stats().Connections; n != 1 {
		t.Errorf("%d connections counted", n)
	}
	c.Close()
	waitFor(t, func() bool { return s.Stats().Connections == 0 })
	w := upgrade1(t, s.Addrs()[0], "wamp.2.json")
	w.frame(ws.OpText, true, []byte("x"))
	w.wantFrame(ws.OpText, []byte("x"))
}

// TestLinks: link connections over tcp, a name and unix, between two servers; frames go both ways.
func TestLinks(t *testing.T) {
	cert, pool := certificate(t)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}
	accepted := make(chan Info, 4)
	far := serve(t, Config{LinkTLS: conf}, &hooks{opened: func(_ ConnID, i *Info) { accepted <- *i }})
	h := &hooks{}
	q := &commands{}
	type up struct {
		id   ConnID
		info Info
	}
	ups, got, closed := make(chan up, 1), make(chan string, 1), make(chan error, 1)
	h.opened = func(c ConnID, i *Info) { ups <- up{c, *i} }
	h.received = func(_ ConnID, msg []byte) { got <- string(msg) }
	h.closed = func(_ ConnID, err error) { closed <- err }
	h.failed = func(_ uint64, err error) { t.Error(err) }
	h.woken = q.run
	serve(t, Config{LinkTLS: conf}, h)
	q.l = h.l
	for i, x := range []struct{ listen, network string }{
		{"127.0.0.1:0", "tcp"}, {"tcp://localhost:0", "tcp"}, {"unix://" + t.TempDir() + "/link.sock", "unix"}, {"tls://127.0.0.1:0", "tls"},
	} {
		a, err := far.ListenLink(x.listen)
		if err != nil {
			t.Fatal(err)
		}
		address := a.String()
		if strings.Contains(x.listen, "localhost") {
			_, port, _ := net.SplitHostPort(address)
			address = "localhost:" + port
		}
		q.do(func() { h.l.Dial(x.network, address, uint64(i+7), patience) })
		u := recv(t, ups)
		if u.info.Framing != Link || u.info.Tag != uint64(i+7) || !u.info.Local || (u.info.TLS != nil) != (x.network == "tls") {
			t.Errorf("%+v", u.info)
		}
		if in := recv(t, accepted); in.Framing != Link || in.Tag != 0 {
			t.Errorf("%+v", in)
		}
		for _, msg := range []string{"", "frame", strings.Repeat("x", 1<<20)} {
			q.do(func() { h.l.Send(u.id, []byte(msg), false) })
			if recv(t, got) != msg {
				t.Error("the echo differs")
			}
		}
		q.do(func() { h.l.Close(u.id, time.Second) })
		wantError(t, recv(t, closed), nil)
	}
}

// TestDialFailures: each Dial has exactly one outcome.
func TestDialFailures(t *testing.T) {
	h := &hooks{}
	q := &commands{}
	failed := make(chan uint64, 1)
	h.failed = func(tag uint64, err error) {
		if err == nil {
			t.Error("failed without an error")
		}
		failed <- tag
	}
	h.woken = q.run
	serve(t, Config{}, h)
	q.l = h.l
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ln.Addr().String()
	ln.Close()
	for i, x := range [][2]string{
		{"tcp", nobody}, {"unix", t.TempDir() + "/none"}, {"tcp", "not an address"}, {"tcp", "127.0.0.1:99999999"},
		{"carrier pigeon", "x"}, {"tls", nobody},
	} {
		q.do(func() { h.l.Dial(x[0], x[1], uint64(i), patience) })
		if tag := recv(t, failed); tag != uint64(i) {
			t.Errorf("%v: tag %d", x, tag)
		}
	}
}
