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
	b := NewBuilder()
	for i, o := range outputs {
		if o.Node == nil || o.Name == "" {
			return nil, fmt.Errorf("onnx: output %d needs a node and a name", i)
		}
		b.reserve(o.Name) // so that no input takes it
	}
	for _, o := range outputs {
		var dims []any
		for _, d := range o.Node.Shape() {
			dims = append(dims, d)
		}
		if len(dims) == 2 {
			dims[0] = o.Name + "_rows"
		}
		value := b.Network(o.Node)
		delete(b.taken, o.Name)
		b.Output(o.Name, value, Float, dims...)
	}
	return b.Model()
}

// networkValues are the values of an expression graph's nodes.
type networkValues map[*gorgonia.Node]string

// Bind makes [Builder.Network] read a value where it would otherwise add an input of that name.
func (b *Builder) Bind(input, value string) { b.bound[input] = value }

// Network adds what computes n, a node of an expression graph, and returns its value.
func (b *Builder) Network(n *gorgonia.Node) string {
	name, ok := b.values[n]
	if !ok && b.err == nil {
		name = b.compute(n)
		b.values[n] = name
	}
	return name
}

func (b *Builder) compute(n *gorgonia.Node) string {
	op, d, inputs, ok := nn.Describe(n)
	switch {
	case ok:
		return b.lower(op, d, inputs)
	case n.Op() != nil && n.Value() == nil:
		b.Fail(fmt.Errorf("onnx: %v: %w", n.Op(), ErrUnsupported))
		return ""
	case n.Value() == nil:
		return b.input(n.Name(), Float, n.Name()+"_rows", n.Shape()[1])
	}
	t, dense := n.Value().(*tensor.Dense)
	if !dense || t.Dtype() != tensor.Float32 {
		b.Fail(fmt.Errorf("onnx: constant %v is no float32 tensor: %w", n.Name(), ErrUnsupported))
		return ""
	}
	b.reserve(n.Name())
	return b.constant(n.Name(), floats(t.Shape(), t.Float32s()...))
}

// input adds an input of the network's unless its value is bound.
func (b *Builder) input(name string, t Type, dims ...any) string {
	if value, ok := b.bound[name]; ok {
		return value
	}
	return b.Input(name, t, dims...)
}

// lower adds an operation of nn.Apply.
func (b *Builder) lower(op string, d nn.Description, inputs []*gorgonia.Node) string {
	lower, ok := lowerings[op]
	if !ok {
		b.Fail(fmt.Errorf("onnx: %s: %w", op, ErrUnsupported))
		return ""
	}
	c := call{Builder: b, Description: d, nodes: inputs}
	if lower.graph {
		c.g, c.nodes = inputs[0], inputs[1:]
	}
	for _, in := range c.nodes {
		c.in = append(c.in, b.Network(in))
	}
	if b.err != nil {
		return ""
	}
	return lower.do(&c)
}

// call is an operation to be written: its description and its inputs.
type call struct {
	*Builder
	nn.Description
	g     *gorgonia.Node   // the graph
	in    []string         // the other inputs
	nodes []*gorgonia.Node // of in
}

// lowering writes an operation as ONNX nodes and returns its result.
type lowering struct {
	graph bool // the first input is a graph
	do    func(c *call) string
}

// lowerings has an entry for each operation, by the name that nn.Apply is given.
var lowerings = map[string]lowering{
	"linear":  {false, linear},
	"project": {false, func(c *call) string { return c.Op("MatMul", c.in...) }},
	"add":     {false, func(c *call) string { return c.fold("Add") }},
	"maximum": {false, func(c *call) string { return c.fold("Max") }},
	"sub":     {false, func(c *call) string { return c.Op("Sub", c.in...) }},
	"mul":     {false, func(c *call) string { return c.Op("Mul", c.in...) }},
	"concat":  {false, func(c *call) string { return c.concat(c.in) }},
	"dropout": {false, same}, "detach": {false, same},

	"none": {false, activate}, "relu": {false, activate}, "leaky_relu": {false, activate},
	"elu": {false, activate}, "sigmoid": {false, activate}, "tanh": {false, activate},

	"layer_norm": {false, layerNorm}, "batch_norm": {false, batchNorm},

	"conv2d": {false, conv2D}, "max_pool2d": {false, maxPool2D}, "avg_pool2d": {false, avgPool2D},
	"flatten": {false, flatten},

	"gather_src": {true, func(c *call) string { return c.gather(c.in[0], c.src()) }},
	"gather_dst": {true, func(c *call) string { return c.gather(c.in[0], c.dst()) }},

	"aggregate_sum": {true, aggregate("sum")}, "aggregate_mean": {true, aggregate("mean")},
	"aggregate_max": {true, aggregate("max")}, "aggregate_edges_sum": {true, aggregateEdges("sum")},
	"aggregate_edges_mean": {true, aggregateEdges("mean")}, "aggregate_edges_max": {true, aggregateEdges("max")},

	"edge_softmax": {true, edgeSoftmax},
	"edge_message": {true, edgeMessage}, "edge_score": {true, edgeScore}, "edge_update": {true, edgeUpdate},
	"gcn": {true, gcn}, "sage": {true, sage}, "gin": {true, gin}, "nnconv": {true, nnConv},

	"head_dots": {false, headDots}, "gat_scores": {true, gatScores}, "gatv2_scores": {true, gatv2Scores},
	"attend": {true, attend},

	"readout_sum": {true, readout("sum")}, "readout_mean": {true, readout("mean")},
	"readout_max": {true, readout("max")}, "attention_readout": {true, attentionReadout},
	"broadcast":  {true, func(c *call) string { return c.gather(c.in[0], c.batch()) }},
	"graph_norm": {true, graphNorm},

	"pooling_score": {false, poolingScore}, "pooling": {true, pooling},
}
