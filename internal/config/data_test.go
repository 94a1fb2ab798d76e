package config

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, dir, name string) *Data {
	t.Helper()
	d, err := OpenData(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// Epochs grow over restarts, also when the clock goes back and when the cluster knows better.
func TestEpochs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	now := time.UnixMilli(1_700_000_000_000)
	d := open(t, dir, "n1")
	last := uint64(0)
	for i, c := range []struct {
		known uint64
		at    time.Time
		want  uint64
	}{
		{0, now, 1_700_000_000_000},
		{0, now, 1_700_000_000_001},
		{0, now.Add(-time.Hour), 1_700_000_000_002},
		{0, time.UnixMilli(-5), 1_700_000_000_003},
		{1_800_000_000_000, now, 1_800_000_000_001},
		{7, now, 1_800_000_000_002},
		{0, time.UnixMilli(1_900_000_000_000), 1_900_000_000_000},
	} {
		got, err := d.NextEpoch(c.known, c.at)
		if err != nil || got != c.want || got <= last || got <= c.known {
			t.Fatalf("step %d: %d, %v; want %d", i, got, err, c.want)
		}
		last = got
		if stored, err := os.ReadFile(filepath.Join(dir, dataFile)); err != nil || !strings.Contains(string(stored), "name n1\n") {
			t.Fatalf("on disk: %q, %v", stored, err)
		}
		if i%2 == 1 { // a restart
			d.Close()
			d = open(t, dir, "n1")
		}
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 2 {
		t.Errorf("left in the directory: %v", files)
	}
}

func TestEpochsWithoutDirectory(t *testing.T) {
	d := open(t, "", "n1")
	now := time.UnixMilli(1000)
	for _, want := range []uint64{1000, 1001, 1002} {
		if got, err := d.NextEpoch(0, now); got != want || err != nil {
			t.Errorf("%d, %v; want %d", got, err, want)
		}
	}
	if _, err := d.NextEpoch(math.MaxUint64, now); err != ErrEpochs {
		t.Errorf("above the highest epoch: %v", err)
	}
	if got, err := d.NextEpoch(0, now); got != 1003 || err != nil {
		t.Errorf("after a refusal: %d, %v", got, err)
	}
}

// A directory has one name and one process.
func TestDataIsForOne(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, "n1")
	if _, err := OpenData(dir, "n1"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second process: %v", err)
	}
	if _, err := d.NextEpoch(0, time.UnixMilli(1)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if _, err := OpenData(dir, "n2"); err == nil || !strings.Contains(err.Error(), "belongs to node n1") {
		t.Errorf("another name: %v", err)
	}
	open(t, dir, "n1")
	if c := mustParse(t, "--data", dir); c.Name != "n1" {
		t.Errorf("the directory's name is not taken: %q", c.Name)
	}
}

func TestDamagedData(t *testing.T) {
	for _, text := range []string{"", "x", "kleeblatt life 2\nname a\nepoch 1\n", "kleeblatt life 1\nname a b\nepoch 1\n",
		"kleeblatt life 1\nname a\nepoch -1\n", "kleeblatt life 1\nname a\nepoch 1", "kleeblatt life 1\nname a\nepoch 1\n\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, dataFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenData(dir, "a"); err == nil {
			t.Errorf("%q: taken", text)
		}
		if _, err := parse([]string{"--data", dir}, testEnv()); err == nil {
			t.Errorf("%q: a name was taken from it", text)
		}
	}
}

func FuzzLife(f *testing.F) {
	f.Add("kleeblatt life 1\nname a\nepoch 1\n")
	f.Fuzz(func(t *testing.T, s string) {
		if name, _, err := parseLife(s); err == nil && setName(new(string), name) != nil {
			t.Errorf("%q: name %q", s, name)
		}
	})
}
