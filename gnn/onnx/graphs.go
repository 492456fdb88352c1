package onnx

import (
	"fmt"
	"math"
)

// Operations of package gnn, from edges to vertices and graphs.

// graphInput returns the named part of the graph's structure: an input, or what pooling computed.
func (c *call) graphInput(suffix string, dim any) string {
	name := c.g.Name() + suffix
	return c.once(name, func() string {
		if _, bound := c.bound[name]; !bound && c.g.Value() != nil {
			c.Fail(fmt.Errorf("onnx: the pooled graph %q is used without the features that are pooled with it: %w",
				c.g.Name(), ErrUnsupported))
		}
		return c.input(name, Int64, dim)
	})
}

func (c *call) src() string       { return c.graphInput("_edge_src", c.g.Name()+"_edges") }
func (c *call) dst() string       { return c.graphInput("_edge_dst", c.g.Name()+"_edges") }
func (c *call) numDst() string    { return c.graphInput("_num_dst", 1) }
func (c *call) batch() string     { return c.graphInput("_batch", c.g.Name()+"_vertices") }
func (c *call) numGraphs() string { return c.graphInput("_num_graphs", 1) }

// scatter reduces the rows z into the rows that index names, of n [1] rows of the given width that
// start as v.
func (b *Builder) scatter(z, index, n string, width int, v float32, reduction string) string {
	shape := b.Join(0, n, b.Ints(int64(width)))
	return b.OpWith("ScatterND", Attrs{"reduction": reduction}, b.Filled(shape, v), b.column(index), z)
}

// countBy returns how often each of n [1] rows is in index, [n x 1].
func (b *Builder) countBy(index, n string) string {
	return b.once("%count "+index+" "+n, func() string {
		return b.scatter(b.Filled(b.Op("Shape", b.column(index)), 1), index, n, 1, 0, "add")
	})
}

// reduce aggregates the rows z by index; a row that nothing reaches is zero.
func (b *Builder) reduce(mode, z, index, n string, width int) string {
	if mode != "max" {
		sum := b.scatter(z, index, n, width, 0, "add")
		if mode == "mean" {
			return b.Op("Div", sum, b.Op("Max", b.countBy(index, n), b.Float(1)))
		}
		return sum
	}
	top := b.scatter(z, index, n, width, float32(math.Inf(-1)), "max")
	return b.Op("Where", b.Op("Greater", b.countBy(index, n), b.Float(0)), top, b.Float(0))
}

// softmaxBy normalises the columns of s over the rows of equal index.
func (b *Builder) softmaxBy(s, index, n string, width int) string {
	top := b.reduce("max", s, index, n, width)
	p := b.Op("Exp", b.Op("Sub", s, b.gather(top, index)))
	return b.Op("Div", p, b.gather(b.reduce("sum", p, index, n, width), index))
}

func aggregate(mode string) func(c *call) string {
	return func(c *call) string {
		return c.reduce(mode, c.gather(c.in[0], c.src()), c.dst(), c.numDst(), c.width(0))
	}
}

func aggregateEdges(mode string) func(c *call) string {
	return func(c *call) string { return c.reduce(mode, c.in[0], c.dst(), c.numDst(), c.width(0)) }
}

func edgeSoftmax(c *call) string { return c.softmaxBy(c.in[0], c.dst(), c.numDst(), c.width(0)) }

func readout(mode string) func(c *call) string {
	return func(c *call) string { return c.reduce(mode, c.in[0], c.batch(), c.numGraphs(), c.width(0)) }
}

// attentionReadout takes gates and features.
func attentionReadout(c *call) string {
	weight := c.softmaxBy(c.in[0], c.batch(), c.numGraphs(), 1)
	return c.reduce("sum", c.Op("Mul", weight, c.in[1]), c.batch(), c.numGraphs(), c.width(1))
}

// graphNorm takes x, alpha, gamma and beta.
func graphNorm(c *call) string {
	mean := func(x string) string {
		return c.gather(c.reduce("mean", x, c.batch(), c.numGraphs(), c.width(0)), c.batch())
	}
	o := c.Op("Sub", c.in[0], c.Op("Mul", mean(c.in[0]), c.in[1]))
	deviation := c.Op("Sqrt", c.Op("Add", mean(c.Op("Mul", o, o)), c.Float(epsilon)))
	return c.finish(c.Op("Mul", c.Op("Div", o, deviation), c.in[2]), c.in[3])
}

// edges returns the rows x_src U + x_dst V + b + f W of the inputs x U, x V + b and, if there are
// edge features, f and W.
func (c *call) edges(features bool) string {
	z := c.Op("Add", c.gather(c.in[0], c.src()), c.gather(c.in[1], c.dst()))
	if features {
		z = c.Op("Add", z, c.Op("MatMul", c.in[2], c.in[3]))
	}
	return z
}

func edgeMessage(c *call) string {
	z := c.leaky(c.Slope, c.edges(len(c.in) == 4))
	return c.reduce(c.Mode, z, c.dst(), c.Rows(c.in[1]), c.width(1))
}

func edgeScore(c *call) string {
	n := len(c.in)
	return c.Op("Add", c.Op("MatMul", c.leaky(c.Slope, c.edges(n == 6)), c.in[n-2]), c.in[n-1])
}

func edgeUpdate(c *call) string { return c.act(c.Act, c.edges(len(c.in) == 4)) }

// gcn takes x, W and b: D^-1/2 (A+I) D^-1/2 x W, with the list's own self loops left out.
func gcn(c *call) string {
	in, bias := c.bias()
	x := c.Op("MatMul", in[0], in[1])
	n := c.Rows(x)
	loop := c.column(c.Op("Equal", c.src(), c.dst()))
	once := c.Op("Where", loop, c.Float(0), c.Float(1))
	scale := c.Op("Reciprocal", c.Op("Sqrt", c.scatter(once, c.dst(), n, 1, 1, "add")))
	scaled := c.Op("Mul", x, scale)
	z := c.Op("Mul", once, c.gather(scaled, c.src()))
	y := c.Op("Add", scaled, c.reduce("sum", z, c.dst(), n, c.width(1)))
	return c.finish(c.Op("Mul", y, scale), bias)
}

// sage takes x, W, the destinations' features r, R and b.
func sage(c *call) string {
	in, bias := c.bias()
	n := c.Rows(in[2])
	mean := c.reduce(c.Mode, c.gather(in[0], c.src()), c.dst(), n, c.width(0))
	return c.finish(c.Op("Add", c.Op("MatMul", mean, in[1]), c.Op("MatMul", in[2], in[3])), bias)
}

// gin takes x, eps if it is learnt, and edge features with their weight if there are any.
func gin(c *call) string {
	x, rest := c.in[0], c.in[1:]
	own := x
	if len(rest)%2 == 1 {
		own = c.Op("Mul", x, c.Op("Add", rest[0], c.Float(1)))
		rest = rest[1:]
	}
	z := c.gather(x, c.src())
	if len(rest) == 2 {
		z = c.Op("Relu", c.Op("Add", z, c.Op("MatMul", rest[0], rest[1])))
	}
	return c.Op("Add", own, c.reduce("sum", z, c.dst(), c.Rows(x), c.width(0)))
}

// nnConv takes p = x T with T_0 last, h and r: the messages are the T_q weighted by h and 1.
func nnConv(c *call) string {
	h, width, out := c.in[1], int64(c.width(1)), int64(c.width(2))
	one := c.Filled(c.Op("Shape", c.column(c.dst())), 1)
	weights := c.Unsqueeze(2, c.concat([]string{h, one}))
	p := c.Reshape(c.gather(c.in[0], c.src()), 0, width+1, out)
	message := c.sumOver(1, c.Op("Mul", p, weights))
	y := c.reduce(c.Mode, message, c.dst(), c.Rows(c.in[2]), int(out))
	return c.act(c.Act, c.Op("Add", y, c.in[2]))
}
