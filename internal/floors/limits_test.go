package floors

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// Limits on what a reader must take in at once. Tests do not count.
const (
	maxFiles    = 25  // of a package
	maxLines    = 400 // of a file above floor 0
	maxFunction = 60  // lines
)

// kernels are measured by nothing but their number of files: most of their code is generated, or
// lists one case for each instruction set.
const kernels = "internal/kernel"

// exceptions are packages, files (path) and functions (path:name) above a limit, with the reason.
var exceptions = map[string]string{}

// TestLimits measures every package, file and function.
func TestLimits(t *testing.T) {
	fset := token.NewFileSet()
	used := make(map[string]bool)
	check := func(name, what string, size, most int) {
		if size <= most {
			return
		}
		if exceptions[name] != "" {
			used[name] = true
			return
		}
		t.Errorf("%s has %d %s, at most %d: split it by purpose, or give the reason in exceptions", name, size, what, most)
	}
	for dir, p := range packages(t, fset) {
		check(dir, "files", len(p.files), maxFiles)
		if dir == kernels || strings.HasPrefix(dir, kernels+"/") {
			continue
		}
		for name, f := range p.files {
			if ast.IsGenerated(f) {
				continue
			}
			check(name, "lines", fset.Position(f.FileEnd).Line-1, maxLines)
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
					check(name+":"+fn.Name.Name, "lines", lines, maxFunction)
				}
			}
		}
	}
	for name := range exceptions {
		if !used[name] {
			t.Errorf("%s is within the limits, or gone: remove it from exceptions", name)
		}
	}
}
