package conformance

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// results is what "go test -json" told of this room and those of alsoHere; with it the table is written. See the Makefile.
var results = flag.String("results", "", "write conformance.md by this file of results")

const tableFile = "conformance.md"

const tableHead = `# Conformance

Each row of the checklist that kleeblatt is held to (made of the WAMP specification, the text of its Basic and Advanced Profile), with its level
(M must, S should, P normative prose, O optional, - demands nothing), what became of it, where it was played, and the tests that are named
after it. A row that has no test carries its reason. This file is written by ` + "`make conformance`" + `.

| row | level | result | one node | three nodes | tests, or the reason |
|---|---|---|---|---|---|
`

// outcome is what a test came to.
type outcome struct {
	passed, failed bool
	three          bool // its sessions lived on three nodes, too
}

// outcomes reads results: by folder and name of the test.
func outcomes(t *testing.T, file string) map[string]outcome {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]outcome{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Action, Package, Test string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		test, sub, _ := strings.Cut(e.Test, "/")
		key := path.Base(e.Package) + "." + test
		o := out[key]
		switch {
		case e.Action == "pass" && sub == "":
			o.passed = true
		case e.Action == "fail":
			o.failed = true
		case e.Action == "pass" && strings.HasPrefix(sub, "three_nodes"):
			o.three = true
		}
		out[key] = o
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// reasonOf is why a row has no test.
func reasonOf(id string) string {
	if later[id] != "" {
		return later[id]
	}
	return unbuilt[group(id)]
}

// row writes one line of the table.
func row(id, level string, tests []string, told map[string]outcome) string {
	if len(tests) == 0 {
		return fmt.Sprintf("| %s | %s | no test | | | %s |\n", id, level, reasonOf(id))
	}
	result, three := "passes", ""
	for _, name := range tests {
		o := told[name]
		if o.failed || !o.passed {
			result = "**fails**"
		}
		if o.three {
			three = "yes"
		}
	}
	return fmt.Sprintf("| %s | %s | %s | yes | %s | %s |\n", id, level, result, three, strings.Join(tests, ", "))
}

var tableRow = regexp.MustCompile(`(?m)^\| ([A-Z0-9]+(?:-\d\d)?) \| ([MSPO-]) \| ([^|]*) \|`)

// TestTable writes the table where it is given results. Otherwise it sees that the table lists the rows that there are, and no failure.
func TestTable(t *testing.T) {
	ids, all := rowList(t)
	tested := testedRows(t)
	if *results != "" {
		told := outcomes(t, *results)
		text := strings.Builder{}
		text.WriteString(tableHead)
		for _, id := range ids {
			text.WriteString(row(id, all[id], tested[id], told))
		}
		if err := os.WriteFile(tableFile, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	listed := tableRow.FindAllStringSubmatch(string(text), -1)
	for i, m := range listed {
		switch {
		case i >= len(ids) || m[1] != ids[i] || m[2] != all[ids[i]]:
			t.Fatalf("%s lists %s %s, which is not the next row: make conformance", tableFile, m[1], m[2])
		case strings.Contains(m[3], "fails"):
			t.Errorf("%s fails", m[1])
		}
	}
	if len(listed) != len(ids) {
		t.Errorf("%s lists %d rows of %d: make conformance", tableFile, len(listed), len(ids))
	}
}

// TestRowLines keeps the writer honest: a test that was not played, or failed, is no pass.
func TestRowLines(t *testing.T) {
	told := map[string]outcome{
		"a.TestOne": {passed: true}, "a.TestBoth": {passed: true, three: true}, "a.TestBad": {failed: true}, "a.TestSub": {passed: true, failed: true},
	}
	for tests, want := range map[string]string{
		"a.TestOne":            "| X-01 | M | passes | yes |  | a.TestOne |",
		"a.TestOne a.TestBoth": "| X-01 | M | passes | yes | yes | a.TestOne, a.TestBoth |",
		"a.TestBad":            "| X-01 | M | **fails** | yes |  | a.TestBad |",
		"a.TestSub":            "| X-01 | M | **fails** | yes |  | a.TestSub |",
		"a.TestMissing":        "| X-01 | M | **fails** | yes |  | a.TestMissing |",
	} {
		if got := strings.TrimSpace(row("X-01", "M", strings.Fields(tests), told)); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
