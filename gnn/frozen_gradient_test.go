package gnn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// TestLearnedEdgeFeatures differentiates through edge features that a layer computes and
// that reach the loss another way too, so that a lost path leaves a plausible gradient.
// A step along each weight must change the loss as the gradient says.
func TestLearnedEdgeFeatures(t *testing.T) {
	const nodes, features, dim = 5, 3, 4
	type layer interface{ Params() nn.Params }
	rng := rand.New(rand.NewPCG(1, 2))
	gat := must(gnn.NewGATv2Conv("gat", gnn.GATv2ConvConfig{In: features, InDst: features, EdgeDim: dim, Out: 3, Heads: 2, Concat: true, Act: nn.Tanh}, rng))
	gine := must(gnn.NewGINConv("gine", gnn.GINConvConfig{In: features, EdgeDim: dim, Net: must(nn.NewLinear("net", nn.LinearConfig{In: features, Out: 3, Act: nn.Tanh}, rng)), TrainEps: true}, rng))
	scorer := must(gnn.NewEdgeScorer("scorer", gnn.EdgeScorerConfig{In: features, EdgeDim: dim, Hidden: 16}, rng))
	leaky := must(gnn.NewEdgeScorer("leaky", gnn.EdgeScorerConfig{In: features, EdgeDim: dim, Hidden: 5}, rng))
	leaky.Slope = 0.3
	message := must(gnn.NewEdgeMessage("message", gnn.EdgeMessageConfig{In: features, EdgeDim: dim, Hidden: 7, Agg: gnn.Mean}, rng))
	conv := must(gnn.NewNNConv("nnconv", gnn.NNConvConfig{In: features, Out: 3, EdgeWidth: dim, Agg: gnn.Mean, Act: nn.Tanh}, rng))
	for _, c := range []struct {
		name    string
		layer   layer
		forward func(g, x, f *gorgonia.Node) (*gorgonia.Node, error)
	}{
		{"EdgeScorer", scorer, func(g, x, f *gorgonia.Node) (*gorgonia.Node, error) { return scorer.Forward(g, x, x, f) }},
		{"EdgeScorer leaky", leaky, func(g, x, f *gorgonia.Node) (*gorgonia.Node, error) { return leaky.Forward(g, x, x, f) }},
		{"EdgeMessage", message, func(g, x, f *gorgonia.Node) (*gorgonia.Node, error) { return message.Forward(g, x, x, f) }},
		{"GATv2", gat, func(g, x, f *gorgonia.Node) (*gorgonia.Node, error) { return gat.ForwardBipartite(g, x, x, f) }},
		{"GINE", gine, gine.ForwardEdges},
		{"NNConv", conv, func(g, x, f *gorgonia.Node) (*gorgonia.Node, error) { return conv.Forward(g, x, x, f) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			eg := gorgonia.NewGraph()
			g, err := gnn.NewGraphInput(eg, "graph")
			check(t, err)
			x, err := nn.NewInput(eg, "x", features)
			check(t, err)
			update := must(gnn.NewEdgeUpdate("update", gnn.EdgeUpdateConfig{In: features, Hidden: dim, Act: nn.Tanh}, rng))
			f, err := update.Forward(g, x, x, nil)
			check(t, err)
			y, err := c.forward(g, x, f)
			check(t, err)
			other, err := gnn.AggregateEdges(g, f, gnn.Sum)
			check(t, err)
			square := func(n *gorgonia.Node, name string) *gorgonia.Node {
				target, err := nn.NewInput(eg, name, n.Shape()[1])
				check(t, err)
				loss, err := nn.MSE(n, target, nil)
				check(t, err)
				return loss
			}
			loss, err := nn.WeightedSum([]*gorgonia.Node{square(y, "t1"), square(other, "t2")}, []float64{1, 0.1})
			check(t, err)
			ps := append(update.Params(), c.layer.Params()...)
			grads, err := nn.Grad(loss, ps)
			check(t, err)
			tape, err := nn.NewTape(append(gorgonia.Nodes{loss, y, other}, grads...)...)
			check(t, err)
			graph, err := gnn.NewGraph(nodes, gnn.EdgeIndex{Src: []int32{0, 1, 2, 3, 4, 0, 2, 2}, Dst: []int32{1, 2, 3, 4, 0, 2, 2, 1}})
			check(t, err)
			var xs, t1, t2 nn.Buffer
			gnntest.Random(rng, nodes, features).Float32(xs.Resize(nodes, features))
			rows := nodes
			if y.Shape()[1] == 1 {
				rows = graph.NumEdges()
			}
			gnntest.Random(rng, rows, y.Shape()[1]).Float32(t1.Resize(rows, y.Shape()[1]))
			gnntest.Random(rng, nodes, dim).Float32(t2.Resize(nodes, dim))
			check(t, tape.Bind(g, graph))
			check(t, tape.Bind(x, xs.Value()))
			check(t, tape.Bind(eg.ByName("t1")[0], t1.Value()))
			check(t, tape.Bind(eg.ByName("t2")[0], t2.Value()))
			eval := func() float64 { check(t, tape.Run()); return tape.Scalar(loss) }
			eval()
			var all [][]float32
			for _, d := range grads {
				all = append(all, append([]float32(nil), tape.Matrix(d).Data...))
			}
			const h = 1e-3
			for i, p := range ps {
				var diff, norm float64
				for k, old := range p.Data() {
					p.Data()[k] = old + h
					up := eval()
					p.Data()[k] = old - h
					down := eval()
					p.Data()[k] = old
					want := (up - down) / (2 * h)
					diff, norm = diff+math.Pow(want-float64(all[i][k]), 2), norm+want*want
				}
				if diff = math.Sqrt(diff); diff > 2e-2*math.Sqrt(norm)+1e-4 {
					t.Errorf("gradient of %s is off by %v of %v", p.Name, diff, math.Sqrt(norm))
				}
			}
		})
	}
}
