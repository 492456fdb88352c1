package onnx

import "github.com/graphrl/graphrl/nn"

// Operations of package nn: each row by itself.

func same(c *call) string { return c.in[0] }

func activate(c *call) string { return c.act(c.Act, c.in[0]) }

func (b *Builder) act(a nn.Activation, x string) string {
	switch a {
	case nn.ReLU:
		return b.Op("Relu", x)
	case nn.LeakyReLU:
		return b.leaky(0.2, x)
	case nn.ELU:
		return b.Op("Elu", x)
	case nn.Sigmoid:
		return b.Op("Sigmoid", x)
	case nn.Tanh:
		return b.Op("Tanh", x)
	}
	return x
}

// leaky is the rectifier with a slope below zero.
func (b *Builder) leaky(slope float64, x string) string {
	return b.OpWith("LeakyRelu", Attrs{"alpha": float32(slope)}, x)
}

// fold applies a binary operation from left to right.
func (c *call) fold(op string) string {
	y := c.in[0]
	for _, x := range c.in[1:] {
		y = c.Op(op, y, x)
	}
	return y
}

// concat puts matrices side by side.
func (b *Builder) concat(in []string) string {
	if len(in) == 1 {
		return in[0]
	}
	return b.Join(1, in...)
}

// width returns the columns of input i.
func (c *call) width(i int) int { return c.nodes[i].Shape()[1] }

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
		y = c.Op("Add", y, bias)
	}
	return c.act(c.Act, y)
}

func linear(c *call) string {
	in, bias := c.bias()
	n := len(in) - 1
	return c.finish(c.Op("MatMul", c.concat(in[:n]), in[n]), bias)
}

// epsilon keeps norms of constant columns from dividing by zero, as in nn and gnn.
const epsilon = 1e-5

func layerNorm(c *call) string {
	return c.act(c.Act, c.OpWith("LayerNormalization", Attrs{"axis": -1, "epsilon": float32(epsilon)}, c.in...))
}

func batchNorm(c *call) string {
	var running [2]string
	for k, p := range c.Running {
		running[k] = c.constant("", floats(p.Shape(), p.Data()...))
	}
	deviation := c.Op("Sqrt", c.Op("Add", running[1], c.Float(epsilon)))
	x := c.Op("Div", c.Op("Sub", c.in[0], running[0]), deviation)
	return c.finish(c.Op("Mul", x, c.in[1]), c.in[2])
}

// sumOver sums over an axis, which goes.
func (b *Builder) sumOver(axis int64, x string) string {
	return b.OpWith("ReduceSum", Attrs{"keepdims": 0}, x, b.Ints(axis))
}

// gather takes rows of x.
func (b *Builder) gather(x, index string) string {
	return b.OpWith("Gather", Attrs{"axis": 0}, x, index)
}

// column makes a vector a column.
func (b *Builder) column(v string) string {
	return b.once("%column "+v, func() string { return b.Unsqueeze(1, v) })
}
