package gnn_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// gcn is a three-layer GCN 16-64-64-1, binary cross-entropy behind it.
type gcn struct {
	g, x, target, out, loss *gorgonia.Node
	params                  nn.Params
}

func newGCN(tb testing.TB, rng *rand.Rand) *gcn {
	tb.Helper()
	must := func(err error) {
		if err != nil {
			tb.Helper()
			tb.Fatal(err)
		}
	}
	m := new(gcn)
	eg := gorgonia.NewGraph()
	var err error
	m.g, err = gnn.NewGraphInput(eg, "graph")
	must(err)
	m.x, err = nn.NewInput(eg, "x", 16)
	must(err)
	m.target, err = nn.NewInput(eg, "target", 1)
	must(err)
	h := m.x
	for i, w := range [][2]int{{16, 64}, {64, 64}, {64, 1}} {
		act := nn.ReLU
		if i == 2 {
			act = nn.None
		}
		l, err := gnn.NewGCNConv(fmt.Sprint("gcn", i), gnn.GCNConvConfig{In: w[0], Out: w[1], Act: act}, rng)
		must(err)
		h, err = l.Forward(m.g, h)
		must(err)
		m.params = append(m.params, l.Params()...)
	}
	m.out = h
	m.loss, err = nn.BCEWithLogits(h, m.target)
	must(err)
	return m
}

// benchGraph has edges/nodes in-edges at each vertex, one from its predecessor.
func benchGraph(tb testing.TB, rng *rand.Rand, nodes, edges int) *gnn.Graph {
	tb.Helper()
	var ei gnn.EdgeIndex
	for i := range nodes {
		ei.Src, ei.Dst = append(ei.Src, int32((i+nodes-1)%nodes)), append(ei.Dst, int32(i))
		for range edges/nodes - 1 {
			ei.Src, ei.Dst = append(ei.Src, rng.Int32N(int32(nodes))), append(ei.Dst, int32(i))
		}
	}
	g, err := gnn.NewGraph(nodes, ei)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// BenchmarkTrainStep runs forward, backward and Adam, on another graph each step.
func BenchmarkTrainStep(b *testing.B) {
	b.Run("gcn-h64-nodes1600-edges16000", func(b *testing.B) {
		rng := rand.New(rand.NewPCG(1, 2))
		m := newGCN(b, rng)
		tr, err := nn.NewTrainer(m.loss, m.params, must(nn.NewAdam(m.params, nn.AdamConfig{LearningRate: 1e-3})))
		if err != nil {
			b.Fatal(err)
		}
		var graphs []*gnn.Graph
		for range 3 {
			graphs = append(graphs, benchGraph(b, rng, 1600, 16000))
		}
		var x, target nn.Buffer
		gnntest.Random(rng, 1600, 16).Float32(x.Resize(1600, 16))
		clear(target.Resize(1600, 1))
		step := func(i int) {
			if err := tr.Tape.Bind(m.g, graphs[i%3]); err != nil {
				b.Fatal(err)
			}
			if _, err := tr.Step(); err != nil {
				b.Fatal(err)
			}
		}
		if err := tr.Tape.Bind(m.x, x.Value()); err != nil {
			b.Fatal(err)
		}
		if err := tr.Tape.Bind(m.target, target.Value()); err != nil {
			b.Fatal(err)
		}
		for i := range 6 {
			step(i)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			step(i)
		}
	})
}

// BenchmarkForward decides on one small graph.
func BenchmarkForward(b *testing.B) {
	b.Run("gcn-h64-nodes25", func(b *testing.B) {
		rng := rand.New(rand.NewPCG(3, 4))
		m := newGCN(b, rng)
		tape, err := nn.NewTape(m.out)
		if err != nil {
			b.Fatal(err)
		}
		var x nn.Buffer
		gnntest.Random(rng, 25, 16).Float32(x.Resize(25, 16))
		if err := tape.Bind(m.g, benchGraph(b, rng, 25, 250)); err != nil {
			b.Fatal(err)
		}
		if err := tape.Bind(m.x, x.Value()); err != nil {
			b.Fatal(err)
		}
		run := func() {
			if err := tape.Run(); err != nil {
				b.Fatal(err)
			}
		}
		for range 100 {
			run()
		}
		b.ReportAllocs()
		for b.Loop() {
			run()
		}
	})
}

// BenchmarkSpMM carries features along the edges, once forth.
func BenchmarkSpMM(b *testing.B) {
	for _, f := range []int{16, 64} {
		b.Run(fmt.Sprintf("nodes1600-edges16000-f%d", f), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(5, 6))
			eg := gorgonia.NewGraph()
			g, err := gnn.NewGraphInput(eg, "graph")
			if err != nil {
				b.Fatal(err)
			}
			x, err := nn.NewInput(eg, "x", f)
			if err != nil {
				b.Fatal(err)
			}
			y, err := gnn.Aggregate(g, x, gnn.Mean)
			if err != nil {
				b.Fatal(err)
			}
			tape, err := nn.NewTape(y)
			if err != nil {
				b.Fatal(err)
			}
			var buf nn.Buffer
			gnntest.Random(rng, 1600, f).Float32(buf.Resize(1600, f))
			if err := tape.Bind(g, benchGraph(b, rng, 1600, 16000)); err != nil {
				b.Fatal(err)
			}
			if err := tape.Bind(x, buf.Value()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := tape.Run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*16000*float64(f)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
