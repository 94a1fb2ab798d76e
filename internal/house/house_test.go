package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the top of the tree, seen from this package's folder.
const root = "../.."

// ours is the module's import path.
const ours = "kleeblatt/"

// skipped are folders that hold no code of this module, whatever their depth.
var skipped = map[string]bool{".git": true, "bin": true, "node_modules": true, ".venv": true, "__pycache__": true}

// files returns the paths of all files below root for which keep is true, with slashes and relative to root.
func files(t *testing.T, keep func(path string) bool) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipped[d.Name()] {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.Type().IsRegular() && keep(rel) {
			all = append(all, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no file found: the test looks in the wrong place")
	}
	return all
}

func isGo(path string) bool {
	return strings.HasSuffix(path, ".go") && !strings.Contains(path, "testdata/")
}

func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

// room is the folder of a file, "" at the top.
func room(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// source is one parsed file.
type source struct {
	path string
	set  *token.FileSet
	file *ast.File
}

func sources(t *testing.T, keep func(path string) bool, mode parser.Mode) []source {
	t.Helper()
	var all []source
	for _, path := range files(t, func(p string) bool { return isGo(p) && keep(p) }) {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, filepath.Join(root, path), nil, mode|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source{path, set, f})
	}
	return all
}

// line is where n stands, for messages.
func (s source) line(n ast.Node) int { return s.set.Position(n.Pos()).Line }

// imports returns the import paths of s.
func (s source) imports() []string {
	paths := make([]string, len(s.file.Imports))
	for i, spec := range s.file.Imports {
		paths[i] = strings.Trim(spec.Path.Value, `"`)
	}
	return paths
}

// under reports whether path is folder or lies in it.
func under(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func underAny(path string, folders []string) bool {
	for _, f := range folders {
		if under(path, f) {
			return true
		}
	}
	return false
}
