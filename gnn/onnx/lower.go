package onnx

import (
	"math"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// call is an operation to be written: its description and the names of its inputs.
type call struct {
	*builder
	nn.Description
	g     string           // the graph's name
	in    []string         // the other inputs
	nodes []*gorgonia.Node // of in
}

// lowering writes an operation as ONNX nodes and returns its result's name.
type lowering struct {
	graph bool // the first input is a graph
	do    func(c *call) string
}

var lowerings = map[string]lowering{
	"linear":  {false, linear},
	"project": {false, func(c *call) string { return c.op("MatMul", c.in...) }},
	"add":     {false, func(c *call) string { return c.fold("Add") }},
	"maximum": {false, func(c *call) string { return c.fold("Max") }},
	"sub":     {false, func(c *call) string { return c.op("Sub", c.in...) }},
	"mul":     {false, func(c *call) string { return c.op("Mul", c.in...) }},
	"concat":  {false, func(c *call) string { return c.concat(c.in) }},
	"dropout": {false, func(c *call) string { return c.in[0] }},

	"none": {false, activate}, "relu": {false, activate}, "leaky_relu": {false, activate},
	"elu": {false, activate}, "sigmoid": {false, activate}, "tanh": {false, activate},

	"layer_norm": {false, layerNorm}, "batch_norm": {false, batchNorm},

	"gather_src": {true, func(c *call) string { return c.gather(c.in[0], c.src()) }},
	"gather_dst": {true, func(c *call) string { return c.gather(c.in[0], c.dst()) }},

	"aggregate_sum": {true, aggregate("sum")}, "aggregate_mean": {true, aggregate("mean")},
	"aggregate_max": {true, aggregate("max")}, "aggregate_edges_sum": {true, aggregateEdges("sum")},
	"aggregate_edges_mean": {true, aggregateEdges("mean")}, "aggregate_edges_max": {true, aggregateEdges("max")},

	"edge_softmax": {true, edgeSoftmax},
	"edge_message": {true, edgeMessage}, "edge_score": {true, edgeScore}, "edge_update": {true, edgeUpdate},
	"gcn": {true, gcn}, "sage": {true, sage}, "gin": {true, gin},

	"readout_sum": {true, readout("sum")}, "readout_mean": {true, readout("mean")},
	"readout_max": {true, readout("max")},
	"broadcast":   {true, func(c *call) string { return c.gather(c.in[0], c.batch()) }},
}

// fold applies a binary operation from left to right.
func (c *call) fold(op string) string {
	y := c.in[0]
	for _, x := range c.in[1:] {
		y = c.op(op, y, x)
	}
	return y
}

func (c *call) concat(in []string) string {
	if len(in) == 1 {
		return in[0]
	}
	return c.opWith("Concat", in, intAttr("axis", 1))
}

func activate(c *call) string { return c.act(c.Act, c.in[0]) }

// bias splits off a bias, the only vector among a layer's inputs.
func (c *call) bias() (in []string, bias string) {
	last := len(c.in) - 1
	if len(c.nodes[last].Shape()) == 1 {
		return c.in[:last], c.in[last]
	}
	return c.in, ""
}

// finish adds the bias, if any, and applies the activation.
func (c *call) finish(y, bias string) string {
	if bias != "" {
		y = c.op("Add", y, bias)
	}
	return c.act(c.Act, y)
}

func linear(c *call) string {
	in, bias := c.bias()
	n := len(in) - 1
	return c.finish(c.op("MatMul", c.concat(in[:n]), in[n]), bias)
}

func layerNorm(c *call) string {
	return c.act(c.Act, c.opWith("LayerNormalization", c.in, intAttr("axis", -1), floatAttr("epsilon", 1e-5)))
}

func batchNorm(c *call) string {
	var running [2]string
	for k, p := range c.Running {
		running[k] = c.fresh()
		c.graph.bytes(5, floatTensor(running[k], []int{len(p.Data())}, p.Data()))
	}
	deviation := c.op("Sqrt", c.op("Add", running[1], c.float(1e-5)))
	x := c.op("Div", c.op("Sub", c.in[0], running[0]), deviation)
	return c.finish(c.op("Mul", x, c.in[1]), c.in[2])
}

// ---- graphs ----

var graphInputs = [...]string{"_edge_src", "_edge_dst", "_num_dst", "_batch", "_num_graphs"}

func (c *call) graphInput(suffix string, dim any) string {
	name := c.g + suffix
	return c.once(name, func() string {
		c.builder.graph.bytes(11, valueInfo(name, typeInt64, dim))
		return name
	})
}

func (c *call) src() string       { return c.graphInput("_edge_src", c.g+"_edges") }
func (c *call) dst() string       { return c.graphInput("_edge_dst", c.g+"_edges") }
func (c *call) numDst() string    { return c.graphInput("_num_dst", 1) }
func (c *call) batch() string     { return c.graphInput("_batch", c.g+"_vertices") }
func (c *call) numGraphs() string { return c.graphInput("_num_graphs", 1) }

// gather takes rows of x.
func (c *call) gather(x, index string) string {
	return c.opWith("Gather", []string{x, index}, intAttr("axis", 0))
}

// column makes a vector a column.
func (c *call) column(v string) string {
	return c.once("%column "+v, func() string { return c.op("Unsqueeze", v, c.ints(1)) })
}

// scatter reduces the rows z into the rows that index names, of n [1] rows of the given width that
// start as v.
func (c *call) scatter(z, index, n string, width int, v float32, reduction string) string {
	shape := c.opWith("Concat", []string{n, c.ints(int64(width))}, intAttr("axis", 0))
	return c.opWith("ScatterND", []string{c.filled(shape, v), c.column(index), z}, stringAttr("reduction", reduction))
}

// reduce aggregates the rows z by index; a row that nothing reaches is zero.
func (c *call) reduce(mode, z, index, n string, width int) string {
	if mode == "sum" {
		return c.scatter(z, index, n, width, 0, "add")
	}
	ones := c.filled(c.op("Shape", c.column(index)), 1)
	count := c.scatter(ones, index, n, 1, 0, "add")
	if mode == "mean" {
		return c.op("Div", c.scatter(z, index, n, width, 0, "add"), c.op("Max", count, c.float(1)))
	}
	top := c.scatter(z, index, n, width, float32(math.Inf(-1)), "max")
	return c.op("Where", c.op("Greater", count, c.float(0)), top, c.float(0))
}

// width returns the columns of input i.
func (c *call) width(i int) int { return c.nodes[i].Shape()[1] }

func aggregate(mode string) func(c *call) string {
	return func(c *call) string {
		return c.reduce(mode, c.gather(c.in[0], c.src()), c.dst(), c.numDst(), c.width(0))
	}
}

func aggregateEdges(mode string) func(c *call) string {
	return func(c *call) string { return c.reduce(mode, c.in[0], c.dst(), c.numDst(), c.width(0)) }
}

func readout(mode string) func(c *call) string {
	return func(c *call) string { return c.reduce(mode, c.in[0], c.batch(), c.numGraphs(), c.width(0)) }
}

// edgeSoftmax normalises scores over the edges of each destination.
func edgeSoftmax(c *call) string {
	s, f := c.in[0], c.width(0)
	top := c.reduce("max", s, c.dst(), c.numDst(), f)
	p := c.op("Exp", c.op("Sub", s, c.gather(top, c.dst())))
	sum := c.reduce("sum", p, c.dst(), c.numDst(), f)
	return c.op("Div", p, c.gather(sum, c.dst()))
}

// edges returns the rows x_src U + x_dst V + b + f W of the inputs x U, x V + b and, if there are
// edge features, f and W.
func (c *call) edges(features bool) string {
	z := c.op("Add", c.gather(c.in[0], c.src()), c.gather(c.in[1], c.dst()))
	if features {
		z = c.op("Add", z, c.op("MatMul", c.in[2], c.in[3]))
	}
	return z
}

func edgeMessage(c *call) string {
	z := c.leaky(c.Slope, c.edges(len(c.in) == 4))
	return c.reduce(c.Mode, z, c.dst(), c.rows(c.in[1]), c.width(1))
}

func edgeScore(c *call) string {
	n := len(c.in)
	return c.op("Add", c.op("MatMul", c.leaky(c.Slope, c.edges(n == 6)), c.in[n-2]), c.in[n-1])
}

func edgeUpdate(c *call) string { return c.act(c.Act, c.edges(len(c.in) == 4)) }

// gcn takes x, W and b: D^-1/2 (A+I) D^-1/2 x W, with the list's own self loops left out.
func gcn(c *call) string {
	in, bias := c.bias()
	x := c.op("MatMul", in[0], in[1])
	n := c.rows(x)
	loop := c.column(c.op("Equal", c.src(), c.dst()))
	once := c.op("Where", loop, c.float(0), c.float(1))
	scale := c.op("Reciprocal", c.op("Sqrt", c.scatter(once, c.dst(), n, 1, 1, "add")))
	scaled := c.op("Mul", x, scale)
	z := c.op("Mul", once, c.gather(scaled, c.src()))
	y := c.op("Add", scaled, c.reduce("sum", z, c.dst(), n, c.nodes[1].Shape()[1]))
	return c.finish(c.op("Mul", y, scale), bias)
}

// sage takes x, W, the destinations' features r, R and b.
func sage(c *call) string {
	in, bias := c.bias()
	n := c.rows(in[2])
	mean := c.reduce(c.Mode, c.gather(in[0], c.src()), c.dst(), n, c.width(0))
	return c.finish(c.op("Add", c.op("MatMul", mean, in[1]), c.op("MatMul", in[2], in[3])), bias)
}

// gin takes x, eps if it is learnt, and edge features with their weight if there are any.
func gin(c *call) string {
	x, rest := c.in[0], c.in[1:]
	own := x
	if len(rest)%2 == 1 {
		own = c.op("Mul", x, c.op("Add", rest[0], c.float(1)))
		rest = rest[1:]
	}
	z := c.gather(x, c.src())
	if len(rest) == 2 {
		z = c.op("Relu", c.op("Add", z, c.op("MatMul", rest[0], rest[1])))
	}
	return c.op("Add", own, c.reduce("sum", z, c.dst(), c.rows(x), c.width(0)))
}
