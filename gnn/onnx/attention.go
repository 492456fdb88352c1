package onnx

import "github.com/graphrl/graphrl/gnn"

// Operations of attention. Scores are [edges x heads] here, the transpose of gnn's: no other
// operation sees them.

func (c *call) attention() (cfg gnn.AttentionConfig, heads, out int64) {
	cfg = c.Config.(gnn.AttentionConfig)
	return cfg, int64(cfg.Heads), int64(cfg.Out)
}

// headDots takes h [rows x heads*out] and a [heads x out] to their products [rows x heads].
func headDots(c *call) string {
	_, heads, out := c.attention()
	return c.sumOver(2, c.Op("Mul", c.Reshape(c.in[0], 0, heads, out), c.in[1]))
}

// ends returns the ends of the edges attended over. Self loops replace the list's own; n [1] is
// the number of vertices.
func (c *call) ends(selfLoops bool, n func() string) (src, dst string) {
	if !selfLoops {
		return c.src(), c.dst()
	}
	all := c.once("%vertices "+c.g.Name(), func() string { return c.UpTo(n()) })
	proper := c.once("%proper "+c.g.Name(), func() string { return c.Op("Not", c.Op("Equal", c.src(), c.dst())) })
	with := func(end string) string {
		return c.once("%looped "+end, func() string {
			end = c.OpWith("Compress", Attrs{"axis": 0}, end, proper)
			return c.Join(0, end, all)
		})
	}
	return with(c.src()), with(c.dst())
}

// gatScores takes the sources' and the destinations' part.
func gatScores(c *call) string {
	cfg, _, _ := c.attention()
	src, dst := c.ends(cfg.SelfLoops, func() string { return c.Rows(c.in[1]) })
	return c.leaky(0.2, c.Op("Add", c.gather(c.in[0], src), c.gather(c.in[1], dst)))
}

// gatv2Scores takes u, v, a and, with edge features, f and W_edge [heads*edgeDim x out].
func gatv2Scores(c *call) string {
	cfg, heads, out := c.attention()
	src, dst := c.ends(cfg.SelfLoops, func() string { return c.Rows(c.in[1]) })
	z := c.Op("Add", c.gather(c.in[0], src), c.gather(c.in[1], dst))
	if len(c.in) == 5 {
		edgeDim := int64(c.width(3))
		w := c.OpWith("Transpose", Attrs{"perm": []int{1, 0, 2}}, c.Reshape(c.in[4], heads, edgeDim, out))
		z = c.Op("Add", z, c.Op("MatMul", c.in[3], c.Reshape(w, edgeDim, heads*out)))
	}
	z = c.Reshape(c.leaky(0.2, z), 0, heads, out)
	return c.sumOver(2, c.Op("Mul", z, c.in[2]))
}

// attend takes scores, the sources' features h [vertices x heads*out] and a bias.
func attend(c *call) string {
	cfg, heads, out := c.attention()
	in, bias := c.bias()
	n := c.numDst
	if cfg.SelfLoops {
		n = func() string { return c.once("%rows "+in[1], func() string { return c.Rows(in[1]) }) }
	}
	src, dst := c.ends(cfg.SelfLoops, n)
	alpha := c.Unsqueeze(2, c.softmaxBy(in[0], dst, n(), cfg.Heads))
	messages := c.Op("Mul", c.Reshape(c.gather(in[1], src), 0, heads, out), alpha)
	y := c.reduce("sum", c.Reshape(messages, 0, heads*out), dst, n(), cfg.Heads*cfg.Out)
	if !cfg.Concat {
		y = c.OpWith("ReduceMean", Attrs{"keepdims": 0}, c.Reshape(y, 0, heads, out), c.Ints(1))
	}
	return c.finish(y, bias)
}
