package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

func TestTRP_10_RAW_14_TLS(t *testing.T) {
	cert, key, pool := certificate(t)
	alone(t, func(p *place) {
		for i, u := range p.nodes[0].URLs()[1:] { // the first is the port that every node has
			for _, how := range []speech{{ser: wamp.MsgPack, nibble: 15}, {ser: wamp.JSON, ws: true}} {
				if i == 1 && how.ws {
					continue // rss
				}
				parsed, err := url.Parse(u)
				if err != nil {
					t.Fatal(err)
				}
				c, err := tls.Dial("tcp", parsed.Host, &tls.Config{RootCAs: pool})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				s := &peer{t: t, name: u, conn: c, ser: how.ser}
				if how.ws {
					s.wire, err = openWebSocket(c, how.ser, false)
				} else {
					s.wire, err = openRaw(c, how.ser, how.nibble)
				}
				if err != nil {
					t.Fatal(err)
				}
				s.hello(realm, allRoles).goodbye()
			}
		}
	}, "--listen", "wss://127.0.0.1:0/ws", "--listen", "rss://127.0.0.1:0", "--cert", cert, "--key", key)
}

// certificate makes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	write := func(name, typ string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private), pool
}
