package conformance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// later are the rows that have no test here, and why.
var later = map[string]string{
	"SER-11": "UBJSON is not spoken: two encodings of that name cannot read each other",
	"SER-12": "FlatBuffers is not spoken: the specification does not define its schema",

	"SCR-09": "allows ABORT to name scram's own reason: it would tell what a stranger guessed right",
	"CSG-04": "allows to go on without the channel binding that was asked for: such a client is refused, and may ask again without",
	"CSG-07": "trust roots and remote attestation are optional, and not spoken",
	"TMO-07": "demands nothing: no configuration key overrides what callees ask for",
}

// unbuilt are groups of rows that belong to features which are not there yet, or not whole. A row of them that has a test is not concerned.
var unbuilt = map[string]string{
	"R2R": "the specification has no messages for it; links are kleeblatt's own",
	"RSM": "session resumption is a draft, and not offered",
	"EVR": "acknowledged events are a draft, and not offered",
}

// alsoHere are rooms whose tests show rows of the transports, of the router and of the methods of authentication, too.
var alsoHere = []string{"../../transport", "../router", "../auth"}

var (
	// A row's id in the name of a test: TestPVI_17_PVI_18_…, TestTRP03to05…, TestP23_SER_08_….
	rowID     = regexp.MustCompile(`([A-Z][A-Z0-9]{2,3})_?(\d\d)(?:to(\d\d))?`)
	pitfallID = regexp.MustCompile(`(?:^Test|_)(P\d{1,2})(?:_|[A-Z])`)
)

// idsOf lists the rows that a test's name claims.
func idsOf(test string) (ids []string) {
	for _, m := range rowID.FindAllStringSubmatch(test, -1) {
		from, _ := strconv.Atoi(m[2])
		to := from
		if m[3] != "" {
			to, _ = strconv.Atoi(m[3])
		}
		for i := from; i <= to; i++ {
			ids = append(ids, m[1]+"-"+strconv.Itoa(i/10)+strconv.Itoa(i%10))
		}
	}
	// one underscore may end one id and begin the next
	for rest := test; ; {
		m := pitfallID.FindStringSubmatchIndex(rest)
		if m == nil {
			return ids
		}
		ids = append(ids, rest[m[2]:m[3]])
		rest = rest[m[3]:]
	}
}

// testsIn lists the test functions of a folder.
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

// rows are the rows of the checklist, with their levels.
func rows(t *testing.T) map[string]string {
	t.Helper()
	_, all := rowList(t)
	return all
}

// rowList are the rows in their order, and with their levels.
func rowList(t *testing.T) (order []string, all map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rows.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "#") {
			for _, entry := range strings.Fields(line) {
				id, level, ok := strings.Cut(entry, ":")
				if !ok || len(level) != 1 || !strings.Contains("MSPO-", level) {
					t.Fatalf("%q is no row: ID:LEVEL is needed", entry)
				}
				if all[id] != "" {
					t.Errorf("row %s is listed twice", id)
				}
				all[id] = level
				order = append(order, id)
			}
		}
	}
	return order, all
}

// testedRows are the tests that are named after each row, as ROOM.TestName, those of this room first.
func testedRows(t *testing.T) map[string][]string {
	t.Helper()
	tested := map[string][]string{}
	for _, folder := range append([]string{"."}, alsoHere...) {
		room := "conformance"
		if folder != "." {
			room = filepath.Base(folder)
		}
		for _, name := range testsIn(t, folder) {
			for _, id := range idsOf(name) {
				tested[id] = append(tested[id], room+"."+name)
			}
		}
	}
	return tested
}

func TestEveryRowHasATest(t *testing.T) {
	all, tested := rows(t), testedRows(t)
	for _, name := range testsIn(t, ".") {
		for _, id := range idsOf(name) {
			if all[id] == "" {
				t.Errorf("%s: there is no row %s", name, id)
			}
		}
	}
	for id := range all {
		if len(tested[id]) == 0 && later[id] == "" && unbuilt[group(id)] == "" {
			t.Errorf("%s has neither a test nor a reason", id)
		}
	}
	for id := range later {
		if all[id] == "" || len(tested[id]) > 0 {
			t.Errorf("%s has a reason, and a test or no row", id)
		}
	}
}

// group is the feature of a row.
func group(id string) string {
	g, _, _ := strings.Cut(id, "-")
	return g
}

// TestIdsOf keeps the judge honest.
func TestIdsOf(t *testing.T) {
	for name, want := range map[string]string{
		"TestPVI_17_PVI_18_NothingBehind":  "PVI-17 PVI-18",
		"TestTRP03to05Opcodes":             "TRP-03 TRP-04 TRP-05",
		"TestP23_SER_08_TheSame":           "SER-08 P23",
		"TestP2_P20_PBS_05_OneFrame":       "PBS-05 P2 P20",
		"TestP21LastMessageBeforeClose":    "P21",
		"TestEveryRowHasATest":             "",
		"TestHTTP_01_Publish":              "HTTP-01",
		"TestPUB_10_P8_TenThousandInOrder": "PUB-10 P8",
	} {
		if got := strings.Join(idsOf(name), " "); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
}
