package onnx

import "github.com/graphrl/graphrl/gnn"

// poolingScore takes x and p to x p / |p|.
func poolingScore(c *call) string {
	norm := c.Op("Sqrt", c.Op("Add", c.sumOver(0, c.Op("Mul", c.in[1], c.in[1])), c.Float(1e-30)))
	return c.Op("Div", c.Op("MatMul", c.in[0], c.in[1]), norm)
}

// pooling takes x and the scores s [vertices x 1]. It keeps the best of each graph, in their order,
// and computes the structure of the smaller graph.
func pooling(c *call) string {
	cfg := c.Config.(gnn.Pooled)
	x, s, batch, graphs := c.in[0], c.in[1], c.batch(), c.numGraphs()
	n := c.Rows(x)

	// The vertices by score, then, with a sort that keeps the order of equals, by graph.
	byScore := c.sorted(1, c.Reshape(s, -1), n)
	order := c.gather(byScore, c.sorted(0, c.gather(batch, byScore), n))

	// Those whose place in their graph is below the limit are kept: flag [vertices] is 1.
	count := c.Cast(c.Reshape(c.countBy(batch, graphs), -1), Int64)
	first := c.OpWith("CumSum", Attrs{"exclusive": 1}, count, c.Ints(0))
	graph := c.gather(batch, order)
	place := c.Op("Sub", c.UpTo(n), c.gather(first, graph))
	// A product off a whole number by rounding alone counts as that number.
	share := c.Op("Mul", c.Cast(count, Double), c.Doubles(cfg.Ratio*(1-1e-14)))
	limit := c.Cast(c.Op("Ceil", share), Int64)
	best := c.Cast(c.Op("Less", place, c.gather(limit, graph)), Int64)
	flag := c.Op("ScatterND", batch, c.column(order), best)
	keep := c.Op("Squeeze", c.Op("NonZero", flag), c.Ints(0))

	// Edges with both ends kept go on, between the new numbers of their ends.
	number := c.Op("Sub", c.Op("CumSum", flag, c.Ints(0)), c.Ints(1))
	both := c.Op("Mul", c.gather(flag, c.src()), c.gather(flag, c.dst()))
	stays := c.Cast(both, Bool)
	end := func(e string) string {
		return c.OpWith("Compress", Attrs{"axis": 0}, c.gather(number, e), stays)
	}
	c.Bind(cfg.Graph+"_edge_src", end(c.src()))
	c.Bind(cfg.Graph+"_edge_dst", end(c.dst()))
	c.Bind(cfg.Graph+"_num_dst", c.Rows(keep))
	c.Bind(cfg.Graph+"_batch", c.gather(batch, keep))
	c.Bind(cfg.Graph+"_num_graphs", graphs)
	return c.Op("Mul", c.gather(x, keep), c.Op("Tanh", c.gather(s, keep)))
}

// sorted returns the order of the n [1] values v: falling with largest 1, rising with 0. Equal ones
// keep their order.
func (b *Builder) sorted(largest int, v, n string) string {
	values, order := b.fresh(), b.fresh()
	b.node("TopK", Attrs{"axis": 0, "largest": largest, "sorted": 1}, []string{v, n}, values, order)
	return order
}
