// Package floors checks what docs/architecture.md promises: that packages import only from floors
// below, that its table lists every package, and that packages, files and functions stay small.
package floors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/graphrl/graphrl/"
	root   = "../.."
	table  = "docs/architecture.md"
)

// pkg is a package of the module, tests not included.
type pkg struct {
	files   map[string]*ast.File // by path from the root
	imports map[string]bool      // of the module, by path from the root
}

// packages parses all packages of the module, keyed by their path from its root. Folders with a
// go.mod are separate modules.
func packages(t *testing.T, fset *token.FileSet) map[string]*pkg {
	all := make(map[string]*pkg)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, noModule := os.Stat(filepath.Join(file, "go.mod"))
			if file != root && (noModule == nil || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		p := all[path.Dir(rel)]
		if p == nil {
			p = &pkg{files: make(map[string]*ast.File), imports: make(map[string]bool)}
			all[path.Dir(rel)] = p
		}
		if strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		p.files[rel] = f
		for _, imp := range f.Imports {
			name, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(name, module); ok {
				p.imports[own] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("found only %d packages", len(all))
	}
	return all
}

// room is a row of the table.
type room struct {
	floor, row int
}

var row = regexp.MustCompile("(?m)^\\| (\\d) \\| `([a-z0-9/]+)` \\| .+ \\|$")

// rooms reads the table.
func rooms(t *testing.T) map[string]room {
	text, err := os.ReadFile(filepath.Join(root, table))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]room)
	floor := 0
	for i, m := range row.FindAllStringSubmatch(string(text), -1) {
		f, name := int(m[1][0]-'0'), m[2]
		if _, twice := all[name]; twice || f < floor {
			t.Errorf("%s: the row of %s stands twice, or below a higher floor", table, name)
		}
		floor = f
		all[name] = room{f, i}
	}
	return all
}

// TestFloors compares imports with the table.
func TestFloors(t *testing.T) {
	listed, all := rooms(t), packages(t, token.NewFileSet())
	for name := range listed {
		if all[name] == nil {
			t.Errorf("%s lists %s, which is no package: remove its row", table, name)
		}
	}
	for name, p := range all {
		own, ok := listed[name]
		if !ok {
			t.Errorf("%s does not list %s: add a row `| floor | %s | what it is about |` below all packages that it imports", table, name, name)
			continue
		}
		for imported := range p.imports {
			if at, ok := listed[imported]; ok && at.row >= own.row {
				t.Errorf("%s (floor %d) imports %s (floor %d), which stands below it in %s", name, own.floor, imported, at.floor, table)
			}
			if strings.HasPrefix(name, "examples/") && strings.Contains("/"+imported+"/", "/internal/") {
				t.Errorf("%s imports %s: an example must compile outside of the module", name, imported)
			}
		}
	}
}
