// Package onnx writes networks of packages nn and gnn as ONNX files (opset 18), for any number of
// vertices and edges.
//
// A graph input g becomes the int64 inputs g_edge_src and g_edge_dst [edges] and, where an
// operation needs them, g_num_dst [1], g_batch [vertices], the graph of each vertex, and
// g_num_graphs [1]. All other inputs keep their names.
package onnx

import (
	"errors"
	"fmt"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ErrUnsupported is wrapped by the error for an operation without a counterpart here.
var ErrUnsupported = errors.New("the operation cannot be exported to ONNX")

// Output is a node to compute and the name that the file gives it.
type Output struct {
	Name string
	Node *gorgonia.Node
}

// Export returns the ONNX model that computes the outputs, which are of one expression graph, as
// they are outside training: dropout passes its input on, and a batch norm uses its running
// statistics. An operation that cannot be exported is an [ErrUnsupported] that names it.
func Export(outputs ...Output) ([]byte, error) {
	if len(outputs) == 0 {
		return nil, errors.New("onnx: want at least one output")
	}
	b := &builder{names: map[*gorgonia.Node]string{}, taken: map[string]bool{}, memo: map[string]string{}}
	for i, o := range outputs {
		if o.Node == nil || o.Name == "" {
			return nil, fmt.Errorf("onnx: output %d needs a node and a name", i)
		}
		if err := b.reserve(o.Name); err != nil {
			return nil, err
		}
	}
	for _, o := range outputs {
		name, err := b.visit(o.Node)
		if err != nil {
			return nil, err
		}
		b.node("Identity", []string{name}, o.Name)
		dims := []any{}
		for k, d := range o.Node.Shape() {
			if k == 0 && len(o.Node.Shape()) == 2 {
				dims = append(dims, o.Name+"_rows")
				continue
			}
			dims = append(dims, d)
		}
		b.graph.bytes(12, valueInfo(o.Name, typeFloat, dims...))
	}
	b.graph.str(2, "graphrl")
	var set, model message
	set.int(2, opset)
	model.int(1, irVersion)
	model.str(2, "graphrl")
	model.bytes(7, b.graph)
	model.bytes(8, set)
	return model, nil
}

// builder collects the fields of a GraphProto.
type builder struct {
	graph message
	names map[*gorgonia.Node]string
	taken map[string]bool   // names of inputs, parameters and outputs
	memo  map[string]string // constants and what is derived from a graph
	count int
}

func (b *builder) reserve(name string) error {
	if b.taken[name] {
		return fmt.Errorf("onnx: two inputs, parameters or outputs are named %q: rename one", name)
	}
	b.taken[name] = true
	return nil
}

// visit returns the name of n's value and adds what computes it.
func (b *builder) visit(n *gorgonia.Node) (string, error) {
	if name, ok := b.names[n]; ok {
		return name, nil
	}
	name, err := b.value(n)
	b.names[n] = name
	return name, err
}

func (b *builder) value(n *gorgonia.Node) (string, error) {
	op, d, inputs, ok := nn.Describe(n)
	switch {
	case ok:
	case n.Op() != nil && n.Value() == nil:
		return "", fmt.Errorf("onnx: %v: %w", n.Op(), ErrUnsupported)
	case n.Value() != nil:
		t, dense := n.Value().(*tensor.Dense)
		if !dense || t.Dtype() != tensor.Float32 {
			return "", fmt.Errorf("onnx: constant %v is no float32 tensor: %w", n.Name(), ErrUnsupported)
		}
		b.graph.bytes(5, floatTensor(n.Name(), t.Shape(), t.Float32s()))
		return n.Name(), b.reserve(n.Name())
	default:
		b.graph.bytes(11, valueInfo(n.Name(), typeFloat, n.Name()+"_rows", n.Shape()[1]))
		return n.Name(), b.reserve(n.Name())
	}
	lower, ok := lowerings[op]
	if !ok {
		return "", fmt.Errorf("onnx: %s: %w", op, ErrUnsupported)
	}
	c := call{builder: b, Description: d, nodes: inputs}
	if lower.graph {
		c.g, c.nodes = inputs[0].Name(), inputs[1:]
	}
	for _, in := range c.nodes {
		name, err := b.visit(in)
		if err != nil {
			return "", err
		}
		c.in = append(c.in, name)
	}
	out := lower.do(&c)
	return out, b.err(c.g)
}

// err reports a graph's input that has the name of something else.
func (b *builder) err(g string) error {
	for _, suffix := range graphInputs {
		if _, used := b.memo[g+suffix]; used && g != "" && b.taken[g+suffix] {
			return fmt.Errorf("onnx: %q names an input of graph %s and something else: rename one", g+suffix, g)
		}
	}
	return nil
}

func (b *builder) node(op string, in []string, out string, attrs ...attr) {
	var m message
	for _, name := range in {
		m.str(1, name)
	}
	m.str(2, out)
	m.str(4, op)
	for _, a := range attrs {
		m.bytes(5, a)
	}
	b.graph.bytes(1, m)
}

// fresh returns a name that no input has: users' names would have to start with "%".
func (b *builder) fresh() string { b.count++; return fmt.Sprintf("%%%d", b.count) }

// op adds a node and returns its result.
func (b *builder) op(op string, in ...string) string { return b.opWith(op, in) }

func (b *builder) opWith(op string, in []string, attrs ...attr) string {
	out := b.fresh()
	b.node(op, in, out, attrs...)
	return out
}

// once returns what make returned the first time for the key.
func (b *builder) once(key string, make func() string) string {
	if _, ok := b.memo[key]; !ok {
		b.memo[key] = make()
	}
	return b.memo[key]
}

func (b *builder) ints(v ...int64) string {
	return b.once(fmt.Sprint("%", "ints", v), func() string {
		name := b.fresh()
		b.graph.bytes(5, intTensor(name, v...))
		return name
	})
}

func (b *builder) float(v float32) string {
	return b.once(fmt.Sprint("%", "float", v), func() string {
		name := b.fresh()
		b.graph.bytes(5, floatTensor(name, []int{1}, []float32{v}))
		return name
	})
}

// rows returns the number of rows of x, [1].
func (b *builder) rows(x string) string {
	return b.opWith("Shape", []string{x}, intAttr("start", 0), intAttr("end", 1))
}

// filled returns a tensor of the given shape.
func (b *builder) filled(shape string, v float32) string {
	return b.opWith("ConstantOfShape", []string{shape}, tensorAttr("value", floatTensor("", []int{1}, []float32{v})))
}

func (b *builder) act(a nn.Activation, x string) string {
	switch a {
	case nn.ReLU:
		return b.op("Relu", x)
	case nn.LeakyReLU:
		return b.leaky(0.2, x)
	case nn.ELU:
		return b.op("Elu", x)
	case nn.Sigmoid:
		return b.op("Sigmoid", x)
	case nn.Tanh:
		return b.op("Tanh", x)
	}
	return x
}

// leaky is the rectifier with a slope below zero.
func (b *builder) leaky(slope float64, x string) string {
	return b.opWith("LeakyRelu", []string{x}, floatAttr("alpha", float32(slope)))
}
