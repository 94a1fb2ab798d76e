package client

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

// TestTLS: wss and rss verify the router's certificate for the host of the URL.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(nil) // for its certificate, of 127.0.0.1 and example.com
	defer server.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: server.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	tale(t, func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serveTLS(t, conn)
		}
	})
	defer ln.Close() // before the tale is waited for
	for url, roots := range map[string]*x509.CertPool{
		"wss://" + ln.Addr().String() + "/ws": roots,
		"rss://" + ln.Addr().String():         roots,
	} {
		c, err := Dial(patient(t), Config{URLs: []string{url}, TLS: &tls.Config{RootCAs: roots}, Once: true})
		if err != nil {
			t.Fatal(err)
		}
		<-c.Done()
		c.Close()
	}
	_, err = Dial(patient(t), Config{URLs: []string{"wss://" + ln.Addr().String()}})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
}

// serveTLS welcomes one client, whichever framing it speaks, and leaves.
func serveTLS(t *testing.T, conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(testPatience))
	p := &peer{t, conn, bufio.NewReader(conn)}
	first, err := p.in.Peek(1)
	if err != nil {
		return // the client did not like the certificate
	}
	const welcome = `[2,7,{"roles":{"broker":{},"dealer":{}}}]`
	if first[0] == rawMagic {
		io.ReadFull(p.in, make([]byte, 4))
		conn.Write([]byte{rawMagic, 0xF0 | byte(wamp.JSON), 0, 0})
		conn.Write(appendRaw(nil, rawMessage, []byte(welcome)))
		return
	}
	p.answerUpgrade(func(key string) string {
		return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptKey(key) +
			"\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n"
	})
	p.next() // HELLO
	p.Write(frame(0x81, []byte(welcome)))
}
