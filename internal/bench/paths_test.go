package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
	"kleeblatt/internal/wamp"
)

// BenchmarkPath is what a message costs on each way into and out of a real node, the client's part included: a publication to one
// subscriber (event) and a call (call), 64 of them per write. An op is one of them.
func BenchmarkPath(b *testing.B) {
	urls := listenAll(b)
	for _, scheme := range []string{"ws", "rs", "unix", "wss", "rss"} {
		for _, s := range []wamp.Serializer{wamp.MsgPack, wamp.CBOR, wamp.JSON} {
			if s != wamp.MsgPack && scheme != "ws" {
				continue // the one does not depend on the other
			}
			o, err := client.NewOpener(client.Config{URLs: []string{urls[scheme]}, Serializer: s, TLS: &tls.Config{InsecureSkipVerify: true}})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(scheme+"/"+s.String()+"/event", func(b *testing.B) { events(b, o) })
			b.Run(scheme+"/"+s.String()+"/call", func(b *testing.B) { calls(b, o) })
		}
	}
}

// listenAll starts a node with a port of each kind, and returns their URLs by scheme.
func listenAll(b *testing.B) map[string]string {
	dir, err := os.MkdirTemp("", "k") // a socket's name has to be short
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	cert, key := selfSigned(b, dir)
	cfg, err := config.Parse([]string{"--listen", "ws://127.0.0.1:0/ws", "--listen", "rs://127.0.0.1:0", "--listen", "unix://" + filepath.Join(dir, "s"),
		"--listen", "wss://127.0.0.1:0/ws", "--listen", "rss://127.0.0.1:0", "--cert", cert, "--key", key, "--admin", "off", "--gossip", "off", "--workers", "1"}) // the other processor is the client's
	if err != nil {
		b.Fatal(err)
	}
	n, err := node.Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(n.Close)
	if err := n.WaitReady(patience); err != nil {
		b.Fatal(err)
	}
	urls := map[string]string{}
	for _, u := range n.URLs() {
		scheme, _, _ := strings.Cut(u, ":")
		urls[scheme] = u
	}
	return urls
}

// selfSigned makes a certificate and its key as files.
func selfSigned(b *testing.B, dir string) (certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return certFile, keyFile
}

// perWrite is how many messages go in one write.
const perWrite = 64

func open(b *testing.B, o *client.Opener) *client.Bare {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := o.Open(ctx, 0, client.BareOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s
}

// askOne sends one request and waits for its answer.
func askOne(b *testing.B, s *client.Bare, want wamp.MessageType, build func(dst []byte, request uint64) []byte) {
	if _, err := s.Ask(build); err != nil {
		b.Fatal(err)
	}
	if err := await(s, want); err != nil {
		b.Fatal(err)
	}
}

// rounds has from ask perWrite times and flush, then to receive as many messages of that type, until b.N are through.
func rounds(b *testing.B, from, to *client.Bare, want wamp.MessageType, build func(dst []byte, request uint64) []byte) {
	var m codec.Message
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += perWrite {
		for range perWrite {
			from.Ask(build)
		}
		if err := from.Flush(); err != nil {
			b.Fatal(err)
		}
		for range perWrite {
			if err := to.Receive(&m); err != nil || m.Type != want {
				b.Fatal(m.Type, err)
			}
		}
	}
}

func events(b *testing.B, o *client.Opener) {
	sub, pub := open(b, o), open(b, o)
	s := pub.Serializer()
	askOne(b, sub, wamp.Subscribed, func(dst []byte, request uint64) []byte {
		return codec.AppendSubscribe(dst, s, request, "com.example.path", wamp.Exact)
	})
	body := newPayload(s, 128)
	rounds(b, pub, sub, wamp.Event, func(dst []byte, request uint64) []byte {
		return codec.AppendPublish(dst, s, request, nil, "com.example.path", body.Payload)
	})
}

func calls(b *testing.B, o *client.Opener) {
	callee, caller := open(b, o), open(b, o)
	s := caller.Serializer()
	askOne(b, callee, wamp.Registered, func(dst []byte, request uint64) []byte {
		return codec.AppendRegister(dst, s, request, nil, "com.example.path")
	})
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		var m codec.Message
		for callee.Receive(&m) == nil {
			callee.Tell(func(dst []byte) []byte { return codec.AppendYield(dst, s, m.Request, false, m.Payload) })
			if !callee.More() && callee.Flush() != nil {
				return
			}
		}
	}()
	body := newPayload(s, 128)
	rounds(b, caller, caller, wamp.Result, func(dst []byte, request uint64) []byte {
		return codec.AppendCall(dst, s, request, nil, "com.example.path", body.Payload)
	})
	callee.Close()
	<-echoed
}
