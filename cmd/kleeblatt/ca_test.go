package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kleeblatt/internal/client"
	"kleeblatt/internal/config"
	"kleeblatt/internal/node"
)

// TestCA: a file that cannot be read, or holds no certificate, is told before anything is dialed.
func TestCA(t *testing.T) {
	if _, err := (&dialFlags{caFile: filepath.Join(t.TempDir(), "none.pem")}).config(); err == nil {
		t.Error("a file that is not there is taken")
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&dialFlags{caFile: file}).config(); err == nil {
		t.Error("a file without a certificate is taken")
	}
}

// TestCATrustsWhoItSigns: a tool that is given the right file joins over wss and rss, one with another file, or the system's, does not.
func TestCATrustsWhoItSigns(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := authority(t, dir, "ca")
	authority(t, dir, "other")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile := writePEM(t, dir, "cert", "CERTIFICATE", der)
	keyFile := writePEM(t, dir, "key", "PRIVATE KEY", secret)
	cfg, err := config.Parse([]string{"--listen", "wss://127.0.0.1:0/ws", "--listen", "rss://127.0.0.1:0", "--cert", certFile, "--key", keyFile,
		"--gossip", "off", "--admin", "off", "--workers", "1"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	for _, url := range n.URLs() {
		for file, trusted := range map[string]bool{filepath.Join(dir, "ca"): true, filepath.Join(dir, "other"): false, "": false} {
			c, err := (&dialFlags{urls: listFlag{url}, realm: client.DefaultRealm, caFile: file}).config()
			if err != nil {
				t.Fatal(err)
			}
			c.Once = true
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			s, err := client.Dial(ctx, c)
			cancel()
			if (err == nil) != trusted {
				t.Errorf("%s with --ca %s: %v", url, filepath.Base(file), err)
			}
			if err == nil {
				s.Close()
			}
		}
	}
}

// authority makes a certificate that signs others, in a file of that name.
func authority(t *testing.T, dir, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, dir, name, "CERTIFICATE", der)
	return ca, key
}

func writePEM(t *testing.T, dir, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
