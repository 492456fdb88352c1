package gnntest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Gradients checks the gradients of a loss with respect to params: all together against finite
// differences in steps of 2e-3, and each computed alone against the same computed with the others,
// to the last bit. bind binds the inputs of each tape that is made; it may ask Tape.Needs. Make
// every input of an operation a parameter, so that a path that the operation drops shows here.
func Gradients(t *testing.T, loss *gorgonia.Node, params nn.Params, bind func(*nn.Tape) error) {
	t.Helper()
	run := func(outputs ...*gorgonia.Node) *nn.Tape {
		t.Helper()
		tape, err := nn.NewTape(outputs...)
		if err == nil {
			err = bind(tape)
		}
		if err == nil {
			err = tape.Run()
		}
		if err != nil {
			t.Fatal(err)
		}
		return tape
	}
	grads, err := nn.Grad(loss, params)
	if err != nil {
		t.Fatal(err)
	}
	together := run(append(gorgonia.Nodes{loss}, grads...)...)
	var all []*Mat
	for _, g := range grads {
		all = append(all, FromFloat32(together.Matrix(g)))
	}
	for i, p := range params {
		alone := FromFloat32(run(grads[i], loss).Matrix(grads[i]))
		if !slices.Equal(alone.V, all[i].V) {
			t.Errorf("%s: the gradient alone is %v, with the others %v", p.Name, alone.V, all[i].V)
		}
		const h = 2e-3
		var diff, norm float64
		for k, old := range p.Data() {
			at := func(v float32) float64 {
				p.Data()[k] = v
				if err := together.Run(); err != nil {
					t.Fatal(err)
				}
				return together.Scalar(loss)
			}
			want := (at(old+h) - at(old-h)) / (2 * h)
			p.Data()[k] = old
			diff, norm = diff+math.Pow(want-all[i].V[k], 2), norm+want*want
		}
		if math.Sqrt(diff) > 2e-2*math.Sqrt(norm)+2e-4 {
			t.Errorf("%s: the gradient is off by %v of %v", p.Name, math.Sqrt(diff), math.Sqrt(norm))
		}
	}
}

// Operations returns the operations of a package, "package.type", from the source in dir: the types
// with a method Backward. A package compares them with the ones that its tests cover (see Cover).
func Operations(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range source.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Backward" {
				continue
			}
			receiver := f.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			names = append(names, source.Name.Name+"."+receiver.(*ast.Ident).Name)
		}
	}
	if len(names) == 0 {
		t.Errorf("found no operation in %s", dir)
	}
	return names
}

// Cover notes in covered the operations that a tape of the expression graph runs, by the names that
// Operations gives them.
func Cover(eg *gorgonia.ExprGraph, tape *nn.Tape, covered map[string]bool) {
	for _, n := range eg.AllNodes() {
		op := reflect.ValueOf(n.Op())
		if !tape.Needs(n) || op.Kind() != reflect.Pointer {
			continue
		}
		if f := op.Elem().FieldByName("op"); f.IsValid() { // nn.Apply's, behind an unexported field
			covered[strings.TrimPrefix(f.Elem().Type().String(), "*")] = true
		}
	}
}
