package stories

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Rewrite is the flag -rewrite: what the code tells now is written into the files instead of being compared.
var Rewrite = flag.Bool("rewrite", false, "write what is told now into testdata")

// Play hands each file that matches the pattern to retell, in a subtest of its name, and compares.
func Play(t *testing.T, pattern string, retell func(t *testing.T, told string) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories in %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			told, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			switch got := retell(t, string(told)); {
			case got == string(told):
			case *Rewrite:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s tells another story (-rewrite to accept): %s\n\n%s", file, difference(string(told), got), got)
			}
		})
	}
}

// difference is the first line that differs.
func difference(told, got string) string {
	want, have := strings.Split(told, "\n"), strings.Split(got, "\n")
	for i := range min(len(want), len(have)) {
		if want[i] != have[i] {
			return fmt.Sprintf("line %d is\n  %s\ninstead of\n  %s", i+1, have[i], want[i])
		}
	}
	return fmt.Sprintf("%d lines instead of %d", len(have), len(want))
}

// Answers retells a story of commands, each followed by its answers, two spaces indented; '#' begins a comment. act carries out the
// words of one command.
func Answers(told string, act func(words []string) []string) string {
	var b strings.Builder
	for line := range strings.Lines(told) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		b.WriteString(line)
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		for _, answer := range act(words) {
			b.WriteString("  " + answer + "\n")
		}
	}
	return b.String()
}
