package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// pureRooms are state machines: input and tick in, effects out. What lies below one is pure too, unless it is named in impure.
var (
	pureRooms = []string{"crdt", "gossip", "broker", "dealer", "transport/link", "internal/router", "internal/codec", "internal/wamp"}
	impure    = []string{"gossip/swim"}
)

// impureImports bring the world in. sync/atomic is a matter of its own.
var impureImports = []string{
	"sync", "log", "log/slog", "os", "os/exec", "os/signal", "net", "net/http", "context", "crypto/rand", "runtime", "testing", "syscall",
}

// atomicFiles may use sync/atomic: the cell that holds a realm's snapshot, and the round robin counter of a registration.
var atomicFiles = []string{"internal/router", "dealer"}

// pureCalls are the only names that a pure room may use of these packages: plain values and what the caller seeds.
var pureCalls = map[string][]string{
	"time": {
		"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour",
	},
	"math/rand/v2": {"Rand", "Source", "PCG", "ChaCha8", "New", "NewPCG", "NewChaCha8"},
	"math/rand":    {},
}

func isPure(path string) bool {
	return underAny(room(path), pureRooms) && !underAny(room(path), impure)
}

func TestPureRooms(t *testing.T) {
	for _, s := range sources(t, func(p string) bool { return isPure(p) && !isTest(p) }, 0) {
		for _, fault := range impurities(s) {
			t.Error(fault.text(s))
		}
	}
}

type fault struct {
	node ast.Node
	what string
}

func (f fault) text(s source) string {
	return s.set.Position(f.node.Pos()).String() + ": " + f.what + " in a pure room"
}

// impurities lists what a pure room's file may not do.
func impurities(s source) []fault {
	var faults []fault
	add := func(n ast.Node, what string) { faults = append(faults, fault{n, what}) }
	allowed := map[string][]string{} // by the package's name in this file
	for _, spec := range s.file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		switch {
		case slices.Contains(impureImports, path):
			add(spec, "import of "+path)
		case path == "sync/atomic" && !underAny(room(s.path), atomicFiles):
			add(spec, "import of "+path)
		}
		if names, ok := pureCalls[path]; ok {
			allowed[importName(spec, path)] = names
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n, "a goroutine")
		case *ast.ChanType:
			add(n, "a channel")
		case *ast.SelectStmt:
			add(n, "a select")
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			if names, ok := allowed[x.Name]; ok && !slices.Contains(names, n.Sel.Name) {
				add(n, x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return faults
}

func importName(spec *ast.ImportSpec, path string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	if path == "math/rand/v2" {
		return "rand"
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// TestImpurities keeps the judge honest.
func TestImpurities(t *testing.T) {
	for code, faults := range map[string]int{
		`import "time"; const d = 3 * time.Second`:                                                  0,
		`import "time"; var n = time.Now()`:                                                         1,
		`import clock "time"; var n = clock.Now`:                                                    1,
		`import "math/rand/v2"; var n = rand.IntN(3)`:                                               1,
		`import "math/rand/v2"; func f(s uint64) *rand.Rand { return rand.New(rand.NewPCG(s, s)) }`: 0,
		`import "sync"; var mu sync.Mutex`:                                                          1,
		`import "sync/atomic"; var a atomic.Bool`:                                                   1,
		`import "log/slog"; func f() { slog.Info("x") }`:                                            1,
		`func f() { go f() }`:                                                                       1,
		`var c chan int`:                                                                            1,
		`func f() { select {} }`:                                                                    1,
	} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, "crdt/x.go", "package crdt\n"+code, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := impurities(source{"crdt/x.go", set, f}); len(got) != faults {
			t.Errorf("%s: %d faults, want %d", code, len(got), faults)
		}
	}
}
