package gnn_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
)

func TestNeighborSamplerStructure(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	g := benchGraph(t, rng, 200, 2000)
	s, err := gnn.NewNeighborSampler(g, []int{4, 3}, rng)
	check(t, err)
	for range 20 {
		seeds := make([]int32, 0, 10)
		for _, i := range rng.Perm(200)[:10] {
			seeds = append(seeds, int32(i))
		}
		m, err := s.Sample(seeds)
		check(t, err)
		if !slices.Equal(m.Nodes[:m.Seeds], seeds) {
			t.Fatalf("the sample starts with %v, want the seeds %v", m.Nodes[:m.Seeds], seeds)
		}
		all := slices.Clone(m.Nodes)
		slices.Sort(all)
		if len(slices.Compact(all)) != len(m.Nodes) {
			t.Fatal("a vertex is in the sample twice")
		}
		edges := slices.Clone(m.Edges)
		slices.Sort(edges)
		if len(slices.Compact(edges)) != len(m.Edges) || len(edges) != m.Graph.NumEdges() {
			t.Fatal("an edge is in the sample twice")
		}
		for e, k := range m.Edges {
			if m.Nodes[m.Graph.Edges().Src[e]] != g.Edges().Src[k] || m.Nodes[m.Graph.Edges().Dst[e]] != g.Edges().Dst[k] {
				t.Fatalf("edge %d of the sample is not edge %d of the graph", e, k)
			}
		}
		for i := range m.Seeds {
			if m.Graph.InDegree(i) != 4 {
				t.Fatalf("seed %d has %d in-edges, want 4", i, m.Graph.InDegree(i))
			}
		}
	}
}

// Every in-edge is as likely as any other.
func TestNeighborSamplerUniform(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	g, err := gnn.NewGraph(6, gnn.EdgeIndex{Src: []int32{1, 2, 3, 4, 5}, Dst: []int32{0, 0, 0, 0, 0}})
	check(t, err)
	s, err := gnn.NewNeighborSampler(g, []int{2}, rng)
	check(t, err)
	count := make([]int, 5)
	for range 10000 {
		m, err := s.Sample([]int32{0})
		check(t, err)
		for _, e := range m.Edges {
			count[e]++
		}
	}
	for e, n := range count {
		if n < 3800 || n > 4200 {
			t.Errorf("edge %d is in %d of 10000 samples, want about 4000", e, n)
		}
	}
}

// With all neighbours taken, a network of as many layers as hops computes the same
// at the seeds as on the whole graph.
func TestNeighborSamplerIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	graph := benchGraph(t, rng, 60, 180)
	g, x := inputs(t)
	a := must(gnn.NewSAGEConv("a", gnn.SAGEConvConfig{In: 2, Out: 4, Agg: gnn.Mean, Act: nn.Tanh}, rng))
	b := must(gnn.NewGATConv("b", gnn.GATConvConfig{In: 4, Out: 2, Heads: 2, Concat: true}, rng))
	h, err := a.Forward(g, x)
	check(t, err)
	h, err = b.Forward(g, h)
	check(t, err)
	tape, err := nn.NewTape(h)
	check(t, err)
	features := gnntest.Random(rng, 60, 2)
	run := func(graph *gnn.Graph, rows []int32) *mat {
		var buf nn.Buffer
		m := features.Gather(rows)
		m.Float32(buf.Resize(m.Rows, 2))
		check(t, tape.Bind(g, graph))
		check(t, tape.Bind(x, buf.Value()))
		check(t, tape.Run())
		return gnntest.FromFloat32(tape.Matrix(h))
	}
	every := make([]int32, 60)
	for i := range every {
		every[i] = int32(i)
	}
	want := run(graph, every)
	s, err := gnn.NewNeighborSampler(graph, []int{-1, 100}, rng)
	check(t, err)
	seeds := []int32{17, 3, 42}
	m, err := s.Sample(seeds)
	check(t, err)
	got := run(m.Graph, m.Nodes)
	for r, i := range seeds {
		for k, v := range want.Row(int(i)) {
			if d := got.At(r, k) - v; d > 1e-6 || d < -1e-6 {
				t.Errorf("seed %d: %v, want %v", i, got.Row(r), want.Row(int(i)))
			}
		}
	}
}

func TestNeighborSamplerErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	g := benchGraph(t, rng, 10, 20)
	if _, err := gnn.NewNeighborSampler(g, []int{2, 0}, rng); err == nil {
		t.Error("a fanout of 0 gives no error")
	}
	bipartite, err := gnn.CompleteBipartite(2, 2)
	check(t, err)
	if _, err := gnn.NewNeighborSampler(bipartite, []int{2}, rng); err == nil {
		t.Error("a bipartite graph gives no error")
	}
	s, err := gnn.NewNeighborSampler(g, []int{2}, rng)
	check(t, err)
	for _, seeds := range [][]int32{{10}, {-1}, {3, 3}} {
		if _, err := s.Sample(seeds); err == nil {
			t.Errorf("seeds %v give no error", seeds)
		}
	}
	m, err := s.Sample([]int32{3}) // errors leave nothing behind
	check(t, err)
	if m.Nodes[0] != 3 || m.Graph.InDegree(0) != 2 {
		t.Errorf("after errors the sample is %v", m)
	}
	seeds := []int32{1, 2, 3}
	if n := testing.AllocsPerRun(20, func() {
		if _, err := s.Sample(seeds); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("sampling allocates %v times", n)
	}
}
