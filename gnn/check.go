package gnn

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// graphOf views the value bound to a graph input.
func graphOf(v gorgonia.Value) (*Graph, error) {
	g, ok := v.(*Graph)
	if !ok {
		return nil, fmt.Errorf("want a *gnn.Graph bound to the graph input, got %T", v)
	}
	if g == nil {
		return nil, errors.New("want a *gnn.Graph bound to the graph input, got a nil one")
	}
	return g, nil
}

// rowsOf views v as a matrix of the given shape; what says whose rows they are.
func rowsOf(v gorgonia.Value, what string, rows, cols int) (nn.Matrix, error) {
	m, err := nn.AsMatrix(v)
	if err != nil {
		return m, fmt.Errorf("%s: %w", what, err)
	}
	if m.Rows != rows || m.Cols != cols {
		return m, fmt.Errorf("%s: want [%d x %d], got [%d x %d]: %w", what, rows, cols, m.Rows, m.Cols, nn.ErrShape)
	}
	return m, nil
}

// mat views a value that OutShape has checked already.
func mat(v gorgonia.Value) nn.Matrix {
	m, _ := nn.AsMatrix(v)
	return m
}

// cols returns the number of columns of the matrix node n, 0 if it is none.
func cols(n *gorgonia.Node) int {
	if n == nil || len(n.Shape()) != 2 {
		return 0
	}
	return n.Shape()[1]
}

// checkCols reports a node that is not a matrix of want columns. Finding it when the expression
// graph is built names the layer at fault.
func checkCols(layer, what string, n *gorgonia.Node, want int) error {
	if n == nil {
		return fmt.Errorf("gnn: %s: %s are missing", layer, what)
	}
	if cols(n) != want || want == 0 {
		return fmt.Errorf("gnn: %s: want %s of %d columns, got shape %v: %w", layer, what, max(1, want), n.Shape(), nn.ErrShape)
	}
	return nil
}

// kernelAct returns the kernels' number of an activation, which is its own.
func kernelAct(a nn.Activation) (kernel.Act, error) {
	if a > nn.Tanh {
		return 0, fmt.Errorf("gnn: unknown activation %v", a)
	}
	return kernel.Act(a), nil
}

// spmm is y (+)= a x for matrices with f columns.
func spmm(a weighted, f int, x, y []float32, acc bool) {
	kernel.SpMM(a.csr, f, a.val, x, f, y, f, acc)
}

// params lists the parameters that are there.
func params(ps ...*nn.Param) nn.Params {
	var list nn.Params
	for _, p := range ps {
		if p != nil {
			list = append(list, p)
		}
	}
	return list
}

// nodes returns the nodes of parameters in x's expression graph, nil for those that are nil.
func nodes(x *gorgonia.Node, ps ...*nn.Param) ([]*gorgonia.Node, error) {
	list := make([]*gorgonia.Node, len(ps))
	for i, p := range ps {
		if p == nil {
			continue
		}
		var err error
		if list[i], err = p.Node(x.Graph()); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// size is a number that a constructor is given, and the least that makes sense.
type size struct {
	what     string
	n, least int
}

// maker makes the parameters of a new layer. It keeps the first error, so that constructors read as
// a plain list.
type maker struct {
	layer string // such as "gat"
	name  string
	init  nn.Init // nil: nn.GlorotUniform
	rng   *rand.Rand
	err   error
}

// newMaker checks what all constructors are given.
func newMaker(layer, name string, init nn.Init, rng *rand.Rand, sizes ...size) *maker {
	m := &maker{layer: layer, name: name, init: init, rng: rng}
	if m.init == nil {
		m.init = nn.GlorotUniform
	}
	for _, s := range sizes {
		if s.n < s.least {
			m.fail("want %s of at least %d, got %d", s.what, s.least, s.n)
		}
	}
	return m
}

func (m *maker) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("gnn: %s %q: "+format, append([]any{m.layer, m.name}, args...)...)
	}
}

// check keeps the error of a part.
func (m *maker) check(err error) {
	if err != nil {
		m.fail("%w", err)
	}
}

// weight makes a parameter drawn by init.
func (m *maker) weight(suffix string, shape ...int) *nn.Param {
	return m.param(suffix, m.init, shape...)
}

// param makes a parameter; a nil init leaves it zero.
func (m *maker) param(suffix string, init nn.Init, shape ...int) *nn.Param {
	if m.err != nil {
		return nil
	}
	p, err := nn.NewParam(m.name+"."+suffix, init, m.rng, shape...)
	m.check(err)
	return p
}

// linear makes a linear part without an activation.
func (m *maker) linear(suffix string, in, out int, bias bool) *nn.Linear {
	if m.err != nil {
		return nil
	}
	l, err := nn.NewLinear(m.name+"."+suffix, nn.LinearConfig{In: in, Out: out, Init: m.init, NoBias: !bias}, m.rng)
	m.check(err)
	return l
}

// weightShape returns the shape of a layer's weight matrix.
func weightShape(layer string, w *nn.Param) (rows, cols int, err error) {
	if s := w.Shape(); len(s) == 2 {
		return s[0], s[1], nil
	}
	return 0, 0, fmt.Errorf("gnn: %s: the layer has no weight matrix: make it with its constructor", layer)
}

func (m *maker) activation(a nn.Activation) {
	_, err := kernelAct(a)
	m.check(err)
}

func (m *maker) aggregation(a Aggregation) { m.check(a.check()) }

// made ends a constructor: the layer, or the first error and no layer.
func made[T any](layer *T, m *maker) (*T, error) {
	if m.err != nil {
		return nil, m.err
	}
	return layer, nil
}
