package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Param is a named trainable tensor, a matrix or a vector of float32. It belongs to no graph: every
// graph that binds it with [Param.Node] reads and, through an optimiser, writes the same memory.
type Param struct {
	Name  string
	Value *tensor.Dense
}

// maxParam bounds the values of a parameter.
const maxParam = math.MaxInt32

// NewParam makes a parameter of the given shape, [n] or [rows x cols], filled by init from rng. A
// nil init leaves it zero and needs no rng.
func NewParam(name string, init Init, rng *rand.Rand, shape ...int) (*Param, error) {
	if name == "" {
		return nil, fmt.Errorf("nn: a parameter needs a name")
	}
	n := 1
	for _, d := range shape {
		if d < 1 || d > maxParam/n {
			return nil, fmt.Errorf("nn: parameter %q: want sizes of at least 1 and at most %d values, got shape %v", name, maxParam, shape)
		}
		n *= d
	}
	if len(shape) < 1 || len(shape) > 2 {
		return nil, fmt.Errorf("nn: parameter %q: want a vector or a matrix, got shape %v", name, shape)
	}
	if init != nil && rng == nil {
		return nil, fmt.Errorf("nn: parameter %q: want a random source to initialise it, got nil", name)
	}
	p := newParam(name, shape)
	if init != nil {
		init(denseMatrix(p.Value), rng)
	}
	return p, nil
}

// newParam makes a parameter of zeros.
func newParam(name string, shape []int) *Param {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &Param{Name: name, Value: tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]float32, n)))}
}

// check reports a parameter that was not made by NewParam.
func (p *Param) check() error {
	if p == nil {
		return errors.New("nn: a parameter is nil")
	}
	if p.Value == nil || p.Name == "" || p.Value.Dtype() != tensor.Float32 {
		return fmt.Errorf("nn: parameter %q has no name or no float32 values: make it with NewParam", p.Name)
	}
	return nil
}

// Data returns the parameter's values, row-major; writing to them changes it.
func (p *Param) Data() []float32 {
	if p.check() != nil {
		return nil
	}
	return p.Value.Float32s()
}

// Shape returns the parameter's shape, nil if it was not made by [NewParam].
func (p *Param) Shape() []int {
	if p.check() != nil {
		return nil
	}
	return p.Value.Shape().Clone()
}

// Node returns the parameter's node in g, which it adds when g has none yet. Two parameters of one
// name in one graph are an error: Gorgonia would merge them.
func (p *Param) Node(g *gorgonia.ExprGraph) (*gorgonia.Node, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if g == nil {
		return nil, fmt.Errorf("nn: parameter %q: the expression graph is nil", p.Name)
	}
	build.Lock()
	defer build.Unlock()
	if named := g.ByName(p.Name); len(named) > 0 {
		if named[0].Value() != gorgonia.Value(p.Value) {
			return nil, fmt.Errorf("nn: the graph already has another node named %q: rename the parameter", p.Name)
		}
		return named[0], nil
	}
	opts := []gorgonia.NodeConsOpt{
		gorgonia.WithShape(p.Value.Shape()...), gorgonia.WithName(p.Name), gorgonia.WithValue(p.Value),
	}
	if p.Value.Dims() == 1 {
		return gorgonia.NewVector(g, tensor.Float32, opts...), nil
	}
	return gorgonia.NewMatrix(g, tensor.Float32, opts...), nil
}

// Params are the parameters of a layer or a network, in a fixed order.
type Params []*Param

// Count returns the number of scalar weights.
func (ps Params) Count() int {
	n := 0
	for _, p := range ps {
		n += len(p.Data())
	}
	return n
}

// Nodes returns the nodes of all parameters in g.
func (ps Params) Nodes(g *gorgonia.ExprGraph) (gorgonia.Nodes, error) {
	nodes := make(gorgonia.Nodes, len(ps))
	for i, p := range ps {
		n, err := p.Node(g)
		if err != nil {
			return nil, err
		}
		nodes[i] = n
	}
	return nodes, nil
}

// check reports nil parameters and names used twice.
func (ps Params) check() error {
	seen := make(map[string]bool, len(ps))
	for i, p := range ps {
		if err := p.check(); err != nil {
			return fmt.Errorf("parameter %d: %w", i, err)
		}
		if seen[p.Name] {
			return fmt.Errorf("nn: two parameters are named %q: rename one of them", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// CopyFrom copies the values of src, matched by name, into ps. All of ps must be there with equal
// shapes ([ErrShape]); otherwise nothing changes.
func (ps Params) CopyFrom(src Params) error {
	if err := errors.Join(ps.check(), src.check()); err != nil {
		return err
	}
	byName := make(map[string]*Param, len(src))
	for _, p := range src {
		byName[p.Name] = p
	}
	var errs []error
	for _, p := range ps {
		q, ok := byName[p.Name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("nn: no parameter %q to copy from", p.Name))
		case !p.Value.Shape().Eq(q.Value.Shape()):
			errs = append(errs, fmt.Errorf("nn: parameter %q has shape %v, the source %v: %w", p.Name, p.Value.Shape(), q.Value.Shape(), ErrShape))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, p := range ps {
		copy(p.Data(), byName[p.Name].Data())
	}
	return nil
}
