package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMutantsCanBePlanted: the source goes on, and so must the list.
func TestMutantsCanBePlanted(t *testing.T) {
	if len(mutants) < 40 {
		t.Errorf("only %d planted bugs", len(mutants))
	}
	named := map[string]bool{}
	for _, m := range mutants {
		b, err := os.ReadFile(filepath.Join("..", m.file))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(b), m.was); n != 1 {
			t.Errorf("%s has %q %d times", m.file, m.was, n)
		}
		if m.is == m.was || m.breaks == "" || named[m.breaks] {
			t.Errorf("%s: %q is no mutant, or one of two that are called %q", m.file, m.was, m.breaks)
		}
		named[m.breaks] = true
	}
	for breaks := range killers {
		if !named[breaks] {
			t.Errorf("seeds are known for %q, which nobody plants", breaks)
		}
	}
}
