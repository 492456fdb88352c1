package nn

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Param is a named trainable tensor, a matrix or a vector of float32. It belongs
// to no graph: every graph that binds it with [Param.Node] reads and, through an
// optimiser, writes the same memory.
type Param struct {
	Name  string
	Value *tensor.Dense
}

// NewParam makes a parameter of the given shape, filled by init from rng. A nil
// init leaves it zero.
func NewParam(name string, init Init, rng *rand.Rand, shape ...int) *Param {
	n := 1
	for _, d := range shape {
		n *= d
	}
	p := &Param{Name: name, Value: tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]float32, n)))}
	if init != nil {
		m := denseMatrix(p.Value)
		init(m, rng)
	}
	return p
}

// Data returns the parameter's values, row-major; writing to them changes it.
func (p *Param) Data() []float32 { return p.Value.Float32s() }

// Shape returns the parameter's shape.
func (p *Param) Shape() []int { return p.Value.Shape().Clone() }

// Node returns the parameter's node in g, which it adds when g has none yet. Two
// parameters of one name in one graph are an error: Gorgonia would merge them.
func (p *Param) Node(g *gorgonia.ExprGraph) (*gorgonia.Node, error) {
	build.Lock()
	defer build.Unlock()
	if named := g.ByName(p.Name); len(named) > 0 {
		if named[0].Value() != gorgonia.Value(p.Value) {
			return nil, fmt.Errorf("nn: the graph already has another node named %q: give each parameter a name of its own", p.Name)
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

// CopyFrom copies the values of src, matched by name, into ps. All of ps must be
// there with equal shapes; otherwise nothing is changed.
func (ps Params) CopyFrom(src Params) error {
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
			errs = append(errs, fmt.Errorf("nn: parameter %q has shape %v, the source %v", p.Name, p.Value.Shape(), q.Value.Shape()))
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
