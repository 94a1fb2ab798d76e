package raw

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name string, end func(*Writer) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	w, err := Create(path, Header{Scenario: "A1", System: "raft", Nodes: 5, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	w.Add(Row{Kind: Attempt, T: 1.23456789, Client: 3, What: "connect", OK: true, Ms: 0.12345})
	w.Add(Row{Kind: Figure, Name: "connects", Value: 99.87654321, Unit: "%"})
	if err := end(w); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFile(t *testing.T) {
	path := write(t, "a.jsonl", func(w *Writer) error { return w.End("") })
	r, err := Read(path)
	if err != nil || !r.Counts() || r.Header.Seed != 7 || r.Header.Units["ms"] == "" || len(r.Rows) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if a := r.Rows[0]; a.T != 1.234568 || a.Ms != 0.123 || !a.OK {
		t.Errorf("attempt %+v", a)
	}
	if f, ok := r.Figure("connects"); !ok || f.Value != 99.8765 {
		t.Errorf("figure %+v", f)
	}
	if _, ok := r.Figure("none"); ok {
		t.Error("a figure that is not there was found")
	}
	text, _ := os.ReadFile(path)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	z.Close()
	os.WriteFile(path+".gz", b.Bytes(), 0o644)
	runs, err := ReadAll(filepath.Dir(path))
	if err != nil || len(runs) != 2 || runs[1].File != "a.jsonl.gz" || len(runs[1].Rows) != 2 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

// A run that was broken off, or is void, does not count.
func TestBroken(t *testing.T) {
	if r, err := Read(write(t, "a.jsonl", (*Writer).Break)); err != nil || r.Counts() || r.Done {
		t.Errorf("broken off: %+v, %v", r, err)
	}
	if r, err := Read(write(t, "a.jsonl", func(w *Writer) error { return w.End("client 4 did not report") })); err != nil || r.Counts() || !r.Done {
		t.Errorf("void: %+v, %v", r, err)
	}
	path := write(t, "a.jsonl", func(w *Writer) error { return w.End("") })
	text, _ := os.ReadFile(path)
	if r, err := Parse(bytes.NewReader(text[:len(text)-30])); err != nil || r.Done {
		t.Errorf("cut short: %+v, %v", r, err)
	}
	if _, err := Parse(strings.NewReader(string(text) + "{}\n")); err == nil {
		t.Error("a line behind the end was read")
	}
	for _, text := range []string{"", "{}", `{"k":"header","format":2}`, `{"k":"header","format":1,"other":1}`} {
		if _, err := Parse(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("{\"k\":\"header\",\"format\":1}\n{\"k\":\"figure\",\"name\":\"a\",\"value\":1}\n{\"k\":\"end\"}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := Parse(bytes.NewReader(b)); err == nil && r.Header.Format != Format {
			t.Errorf("read with format %d", r.Header.Format)
		}
	})
}
