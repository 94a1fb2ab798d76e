package node

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/auth"
	wampclient "kleeblatt/internal/client"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

const usersFile = `
users:
  - authid: joe
    role: backend
    ticket: ticket1
    wampcra: {secret: secret1, salt: salt123, iterations: 1000}
    scram: pencil
    cryptosign: SEEDKEY
  - {authid: ann, role: guest, wampcra: secret2, scram: {password: ink, kdf: argon2id13, iterations: 1, memory: 64}}
  - {authid: far, role: guest, realms: [realm2], ticket: ticket3}
realm: [realm1, realm2]
`

// The key pair of the specification's first example.
const (
	privateKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"
	publicKey  = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d"
)

func runWithUsers(t *testing.T, words ...string) *Node {
	t.Helper()
	file := filepath.Join(t.TempDir(), "k.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(usersFile, "SEEDKEY", publicKey, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := launch(slog.New(slog.DiscardHandler), hooks{}, append([]string{"--name", "n1", "--workers", "2", "--config", file}, words...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if err := n.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	return n
}

func login(t *testing.T, n *Node, realm string, s wamp.Serializer, p *auth.Proof) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := wampclient.Dial(ctx, wampclient.Config{URLs: n.URLs(), Realm: realm, Serializer: s, Proof: p, Once: true})
	if err == nil {
		c.Close()
	}
	return err
}

// TestLogin: every method lets the right ones in over every serializer, and nobody else, who cannot tell why.
func TestLogin(t *testing.T) {
	n := runWithUsers(t)
	for _, s := range []wamp.Serializer{wamp.JSON, wamp.MsgPack, wamp.CBOR} {
		for _, c := range []struct{ method, authID, secret string }{
			{auth.MethodTicket, "joe", "ticket1"},
			{auth.MethodCRA, "joe", "secret1"},
			{auth.MethodCRA, "ann", "secret2"},
			{auth.MethodScram, "joe", "pencil"},
			{auth.MethodScramShort, "ann", "ink"},
			{auth.MethodCryptosign, "joe", privateKey},
			{auth.MethodCryptosign, "", privateKey},
		} {
			p := &auth.Proof{Method: c.method, AuthID: c.authID, Secret: auth.Secret(c.secret)}
			if err := login(t, n, "realm1", s, p); err != nil {
				t.Errorf("%v %+v: %v", s, c, err)
			}
			said := ""
			for _, wrong := range []*auth.Proof{
				{Method: c.method, AuthID: c.authID, Secret: auth.Secret("00" + c.secret[2:])},
				{Method: c.method, AuthID: "nobody", Secret: auth.Secret(c.secret)},
				{Method: c.method, AuthID: "far", Secret: "ticket3"},
			} {
				if c.method == auth.MethodCryptosign && wrong.AuthID == "far" { // has no key
					continue
				}
				err := login(t, n, "realm1", s, wrong)
				var a *wampclient.AbortError
				if !errors.As(err, &a) || a.Reason != wamp.ErrAuthenticationDenied {
					t.Errorf("%v %s as %q: %v", s, c.method, wrong.AuthID, err)
				} else if said != "" && said != a.Error() {
					t.Errorf("two refusals tell apart who exists: %q, %q", said, a.Error())
				} else {
					said = a.Error()
				}
			}
		}
		var a *wampclient.AbortError
		if err := login(t, n, "realm1", s, nil); !errors.As(err, &a) || a.Reason != wamp.ErrAuthenticationRequired {
			t.Errorf("%v: anonymous: %v", s, err)
		}
	}
	if err := login(t, n, "realm2", wamp.JSON, &auth.Proof{Method: auth.MethodTicket, AuthID: "far", Secret: "ticket3"}); err != nil {
		t.Error(err)
	}
	if c := n.Counters(); c.Denied == 0 {
		t.Error("the refusals were not counted")
	}
}

// TestLoginAndAnonymous: where both are allowed the client chooses.
func TestLoginAndAnonymous(t *testing.T) {
	n := runWithUsers(t, "--anonymous", "public")
	if err := login(t, n, "realm1", wamp.JSON, nil); err != nil {
		t.Error(err)
	}
	if err := login(t, n, "realm1", wamp.JSON, &auth.Proof{Method: auth.MethodTicket, AuthID: "joe", Secret: "ticket1"}); err != nil {
		t.Error(err)
	}
}

// TestLoginByCertificate: over TLS a client may get in by its certificate, and cryptosign may sign the channel.
func TestLoginByCertificate(t *testing.T) {
	dir := t.TempDir()
	server, client, stranger := selfSigned(t, dir, "server"), selfSigned(t, dir, "client"), selfSigned(t, dir, "stranger")
	print := sha256.Sum256(client.Certificate[0])
	file := filepath.Join(dir, "k.yaml")
	text := fmt.Sprintf("users:\n  - {authid: box, role: meter, certificate: %x}\n  - {authid: joe, role: backend, cryptosign: %s}\n", print, publicKey)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := launch(slog.New(slog.DiscardHandler), hooks{}, "--name", "n1", "--config", file, "--listen", "rss://127.0.0.1:0",
		"--cert", filepath.Join(dir, "server.pem"), "--key", filepath.Join(dir, "server.key"), "--client-ca", filepath.Join(dir, "client.pem"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if err := n.WaitReady(patience); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Leaf)
	address := n.server.Addrs()[1].String()

	dial := func(version uint16, certs ...tls.Certificate) *tlsPeer {
		return dialTLS(t, address, &tls.Config{RootCAs: roots, Certificates: certs, MinVersion: version, MaxVersion: version})
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if m := dial(version, client).hello("", auth.MethodCertificate); m.Type != wamp.Welcome {
			t.Errorf("TLS %x: its certificate does not let the client in: %v %s", version, m.Type, m.URI)
		}
		if m := dial(version).hello("", auth.MethodCertificate); m.Type != wamp.Abort || string(m.URI) != wamp.ErrNoMatchingAuthMethod {
			t.Errorf("TLS %x: without a certificate: %v %s", version, m.Type, m.URI)
		}
		for _, kind := range []string{"tls-exporter", "tls-unique"} {
			c := dial(version)
			m := c.hello("", auth.MethodCryptosign, codec.TextField("pubkey", publicKey), codec.TextField("channel_binding", kind))
			channel, possible := binding(&c.state, kind)
			if !possible {
				if m.Type != wamp.Abort {
					t.Errorf("TLS %x: %s is not possible, but: %v", version, kind, m.Type)
				}
				continue
			}
			var x codec.AuthExtra
			if err := c.parser.AuthExtra(ser, wamp.Challenge, m.Dict, &x); m.Type != wamp.Challenge || err != nil || string(x.ChannelBinding) != kind {
				t.Fatalf("TLS %x: %v %s %+v %v", version, m.Type, m.URI, x, err)
			}
			if m := c.authenticate(string(x.Challenge), channel); m.Type != wamp.Welcome {
				t.Errorf("TLS %x: %s: %v %s", version, kind, m.Type, m.URI)
			}
		}
	}
	// Who signs its certificate itself does not come as far as WAMP.
	c, err := tls.Dial("tcp", address, &tls.Config{
		RootCAs: roots, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil },
	})
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		c.Write([]byte{0x7f, 0xf2, 0, 0})
		if _, err = c.Read(make([]byte, 4)); err == nil {
			t.Error("a certificate that nobody here trusts is taken")
		}
	}
}
