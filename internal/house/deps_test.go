package house

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/deps.txt anew")

// TestDeps compares what is linked into the product with the list that was agreed to. A package that appears there is a package
// that every user runs.
func TestDeps(t *testing.T) {
	golist := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd/kleeblatt")
	golist.Dir = filepath.FromSlash(root)
	golist.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	out, err := golist.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderrOf(err))
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	list := filepath.Join("testdata", "deps.txt")
	if *rewrite {
		if err := os.WriteFile(list, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(text))
	for _, p := range got {
		if !slices.Contains(want, p) {
			t.Errorf("linked into the product, not in %s: %s", list, p)
		}
	}
	for _, p := range want {
		if !slices.Contains(got, p) {
			t.Errorf("in %s, not linked into the product: %s", list, p)
		}
	}
	if t.Failed() {
		t.Log("if that is meant: go test ./internal/house -run Deps -rewrite")
	}
}

func stderrOf(err error) string {
	if e, ok := err.(*exec.ExitError); ok {
		return string(e.Stderr)
	}
	return ""
}
