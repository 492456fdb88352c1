// Package constructors checks that a package's constructors refuse nonsense. It serves tests.
package constructors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bad maps each constructor to calls with invalid arguments, keyed by the fault.
type Bad map[string]map[string]func() error

// Check calls them all: each must return an error and none may panic. A constructor of the package
// in dir (an exported function called New...) that the table lacks fails too, unless it has no way
// to fail and returns no error.
func Check(t *testing.T, dir string, bad Bad) {
	t.Helper()
	declared := list(t, dir)
	for name, fails := range declared {
		if fails && len(bad[name]) == 0 {
			t.Errorf("%s: no bad arguments are tried: add some to the table", name)
		}
	}
	for name, calls := range bad {
		if !declared[name] {
			t.Errorf("%s: no such constructor, or it returns no error", name)
		}
		for what, call := range calls {
			t.Run(name+"/"+what, func(t *testing.T) {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("panic: %v", p)
					}
				}()
				if err := call(); err == nil {
					t.Error("no error")
				}
			})
		}
	}
}

// list returns the constructors in dir and whether they return an error.
func list(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "New") || f.Type.Results == nil {
				continue
			}
			results := f.Type.Results.List
			last, ok := results[len(results)-1].Type.(*ast.Ident)
			found[f.Name.Name] = ok && last.Name == "error"
		}
	}
	if len(found) == 0 {
		t.Fatalf("no constructors in %s", dir)
	}
	return found
}
