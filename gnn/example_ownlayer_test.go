package gnn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// gatedConv is the residual gated graph convolution of X. Bresson and T. Laurent, "Residual gated
// graph ConvNets" (2017): the two ends of an edge decide, column by column, how much of its message
// passes.
//
//	y_i = x_i R + c + sum over edges (j, i) of sigmoid(x_j K + x_i Q + b) * x_j V
//
// Shapes: x [vertices x in], y [vertices x out].
type gatedConv struct {
	gate  *gnn.EdgeUpdate // K, Q and b
	value *nn.Linear      // V
	root  *nn.Linear      // R and c
}

func newGatedConv(name string, in, out int, rng *rand.Rand) (*gatedConv, error) {
	gate, err := gnn.NewEdgeUpdate(name+".gate", gnn.EdgeUpdateConfig{In: in, Hidden: out, Act: nn.Sigmoid}, rng)
	if err != nil {
		return nil, err
	}
	value, err := nn.NewLinear(name+".value", nn.LinearConfig{In: in, Out: out, NoBias: true}, rng)
	if err != nil {
		return nil, err
	}
	root, err := nn.NewLinear(name+".root", nn.LinearConfig{In: in, Out: out}, rng)
	if err != nil {
		return nil, err
	}
	return &gatedConv{gate, value, root}, nil
}

// Params returns K, Q, b, V, R and c.
func (l *gatedConv) Params() nn.Params {
	return append(append(l.gate.Params(), l.value.Params()...), l.root.Params()...)
}

// Forward writes the formula down. Gradients follow by themselves.
func (l *gatedConv) Forward(g, x *gorgonia.Node) (*gorgonia.Node, error) {
	gate, err := l.gate.Forward(g, x, x, nil) // [edges x out]
	if err != nil {
		return nil, err
	}
	value, err := l.value.Forward(x) // [vertices x out]
	if err != nil {
		return nil, err
	}
	sent, err := gnn.GatherSrc(g, value) // [edges x out]
	if err != nil {
		return nil, err
	}
	message, err := nn.Mul(gate, sent)
	if err != nil {
		return nil, err
	}
	heard, err := gnn.AggregateEdges(g, message, gnn.Sum) // [vertices x out]
	if err != nil {
		return nil, err
	}
	own, err := l.root.Forward(x)
	if err != nil {
		return nil, err
	}
	return nn.Add(own, heard)
}

// A layer with Forward and Params is a gnn.Conv and can replace any built-in one.
var _ gnn.Conv = (*gatedConv)(nil)

func TestGatedConv(t *testing.T) {
	gnntest.Run(t, func(rng *rand.Rand) (gnntest.Layer, error) {
		l, err := newGatedConv("gated", 3, 2, rng)
		if err != nil {
			return gnntest.Layer{}, err
		}
		return gnntest.Layer{
			In:      3,
			Params:  l.Params(),
			Forward: func(g, x, _, _ *gorgonia.Node) (*gorgonia.Node, error) { return l.Forward(g, x) },
			Reference: func(p []*gnntest.Mat, in gnntest.Inputs) *gnntest.Mat {
				k, q, b, v, r, c := p[0], p[1], p[2], p[3], p[4], p[5]
				y := in.Src.Mul(r).Add(c)
				edges := in.Graph.Edges()
				for e, j := range edges.Src {
					i := edges.Dst[e]
					xj, xi := in.Src.Gather([]int32{j}), in.Src.Gather([]int32{i})
					gate := xj.Mul(k).Add(xi.Mul(q)).Add(b)
					value := xj.Mul(v)
					for col := range y.Cols {
						y.Row(int(i))[col] += value.V[col] / (1 + math.Exp(-gate.V[col]))
					}
				}
				return y
			},
		}, nil
	})
}

// Your own layer, written as its formula: see docs/your-own-layer.md. Vertex 0 receives messages
// from 1 and 2; gates of 1/2 (their weights are zero) pass half of each.
func Example_yourOwnLayer() {
	l := newLab(star(), [][]float32{{1}, {10}, {30}}, nil)
	conv, err := newGatedConv("gated", 1, 1, newSource())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range conv.Params() {
		clear(p.Data())
	}
	conv.value.Weight.Data()[0], conv.root.Weight.Data()[0] = 1, 1
	l.print(conv.Forward(l.graph, l.x))
	// Output:
	// row 0: [21.00]
	// row 1: [10.00]
	// row 2: [30.00]
}

// The tutorial shows the code of this file, word for word.
func TestTutorial(t *testing.T) {
	page, err := os.ReadFile("../docs/your-own-layer.md")
	check(t, err)
	source, err := os.ReadFile("example_ownlayer_test.go")
	check(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 3 {
		t.Fatalf("%d blocks of code in the tutorial, want at least 3", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(string(source), b[1]) {
			t.Errorf("the tutorial has code that this file has not:\n%s", b[1])
		}
	}
}
