package main

import (
	"os"
	"path/filepath"
	"testing"
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
