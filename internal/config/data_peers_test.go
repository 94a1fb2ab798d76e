package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Where the others were survives a restart; what is broken is told and replaced.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, "n1")
	read := func(want ...string) {
		t.Helper()
		if got, err := d.Peers(); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
	}
	read()
	for _, peers := range [][]string{{"10.0.0.1:7946", "[::1]:7946"}, {"10.0.0.2:1"}, {}} {
		if err := d.KeepPeers(peers); err != nil {
			t.Fatal(err)
		}
		d.Close()
		d = open(t, dir, "n1")
		read(peers...)
	}
	for _, broken := range []string{"", "kleeblatt peers 1", "kleeblatt peers 2\n", "kleeblatt peers 1\n10.0.0.1:7946", "kleeblatt peers 1\nhost:1\n",
		"kleeblatt peers 1\n\n", peersHeader + "\n" + strings.Repeat("1.1.1.1:1\n", peersMax+1), strings.Repeat("x", peersBytes+1)} {
		if err := os.WriteFile(filepath.Join(dir, peersFile), []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Peers(); err == nil || got != nil || !strings.Contains(err.Error(), peersFile) {
			t.Errorf("%.40q: %v, %v", broken, got, err)
		}
	}
	if _, err := d.NextEpoch(0, time.Now()); err != nil {
		t.Fatal(err)
	}
	d.KeepPeers([]string{"10.0.0.3:7946"})
	read("10.0.0.3:7946")
	if files, _ := os.ReadDir(dir); len(files) != 3 {
		t.Errorf("left in the directory: %v", files)
	}
}

// Any bytes lead to a list of addresses or an error, and what is written can be read.
func FuzzPeers(f *testing.F) {
	f.Add("kleeblatt peers 1\n10.0.0.1:7946\n[::1]:1\n")
	f.Add("kleeblatt peers 1\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		peers, err := parsePeers(s)
		if err != nil {
			return
		}
		again, err := parsePeers(strings.Join(append([]string{peersHeader}, peers...), "\n") + "\n")
		if err != nil || !slices.Equal(peers, again) {
			t.Fatalf("%q: %v", peers, err)
		}
	})
}
