package node

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kleeblatt/internal/codec"
)

// selfSigned makes a certificate that signs itself, and keeps it as NAME.pem and NAME.key.
func selfSigned(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// tlsPeer is a RawSocket client over TLS that knows its channel.
type tlsPeer struct {
	*client
	state tls.ConnectionState
}

func dialTLS(t *testing.T, address string, conf *tls.Config) *tlsPeer {
	t.Helper()
	c, err := tls.Dial("tcp", address, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	x := &client{t: t, conn: c, r: bufio.NewReader(c)}
	if _, err := c.Write([]byte{0x7f, 0xf0 | byte(ser), 0, 0}); err != nil {
		t.Fatal(err)
	}
	var hs [4]byte
	if _, err := io.ReadFull(x.r, hs[:]); err != nil {
		t.Fatal(err)
	}
	return &tlsPeer{x, c.ConnectionState()}
}

// hello sends HELLO and gives the answer.
func (p *tlsPeer) hello(authID, method string, extra ...codec.Field) *codec.Message {
	p.t.Helper()
	return p.ask(codec.AppendHello(nil, ser, "realm1", &codec.HelloDetails{
		Roles: allRoles, AuthID: authID, AuthMethods: []string{method}, AuthExtra: extra,
	}))
}

// authenticate signs the challenge for the channel.
func (p *tlsPeer) authenticate(challenge string, channel []byte) *codec.Message {
	p.t.Helper()
	seed, _ := hex.DecodeString(privateKey)
	message, _ := hex.DecodeString(challenge)
	subtle.XORBytes(message, message, channel)
	signature := append(ed25519.Sign(ed25519.NewKeyFromSeed(seed), message), message...)
	return p.ask(codec.AppendAuthenticate(nil, ser, hex.EncodeToString(signature), nil))
}

func (p *tlsPeer) ask(message []byte) *codec.Message {
	p.t.Helper()
	p.send(message)
	m, err := p.read()
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}
