package gnn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// softmaxBackward is the gradient of the scores s that lead to one vertex, given that of their
// softmax.
func softmaxBackward(s []float32, da []float64) []float64 {
	top := math.Inf(-1)
	for _, v := range s {
		top = max(top, float64(v))
	}
	p, sum := make([]float64, len(s)), 0.0
	for e, v := range s {
		p[e] = math.Exp(float64(v) - top)
		sum += p[e]
	}
	ds := make([]float64, len(s))
	for e := range s {
		for j := range s { // a difference at a time: nothing cancels
			ds[e] += p[e] / sum * p[j] / sum * (da[e] - da[j])
		}
	}
	return ds
}

// worst is the largest error of a gradient, relative to its largest entry.
func worst(got []float32, want []float64) float64 {
	size, e := 0.0, 0.0
	for i, w := range want {
		size, e = max(size, math.Abs(w)), max(e, math.Abs(float64(got[i])-w))
	}
	return e / size
}

// Where one edge has nearly all the weight, gradients are differences of nearly equal numbers. They
// stay as exact as float32 allows.
func TestSaturatedSoftmaxGradients(t *testing.T) {
	const edges, width = 40, 8
	rng := rand.New(rand.NewPCG(9, 9))
	star := EdgeIndex{Src: make([]int32, edges), Dst: make([]int32, edges)}
	for e := range star.Src {
		star.Src[e] = int32(e)
	}
	g, err := NewBipartite(edges, 1, star)
	if err != nil {
		t.Fatal(err)
	}
	random := func(b *nn.Buffer, rows, cols int, offset float32) nn.Matrix {
		for i := range b.Resize(rows, cols) {
			b.Matrix().Data[i] = offset + float32(rng.NormFloat64())
		}
		return b.Matrix()
	}
	for _, lead := range []float32{0, 3, 6, 9, 12} {
		for range 20 {
			var s, da, h, dy nn.Buffer
			random(&s, edges, 1, 0)
			s.Matrix().Data[rng.IntN(edges)] += lead
			random(&da, edges, 1, 5)

			o := &edgeSoftmax{f: 1}
			a, ds := nn.Matrix{Rows: edges, Cols: 1, Data: make([]float32, edges)}, nn.Matrix{Rows: edges, Cols: 1, Data: make([]float32, edges)}
			in := []gorgonia.Value{g, s.Value()}
			if err := o.Forward(in, a); err != nil {
				t.Fatal(err)
			}
			if err := o.Backward(in, a, da.Matrix(), []nn.Matrix{{}, ds}); err != nil {
				t.Fatal(err)
			}
			wide := make([]float64, edges)
			for e, v := range da.Matrix().Data {
				wide[e] = float64(v)
			}
			if e := worst(ds.Data, softmaxBackward(s.Matrix().Data, wide)); e > 1e-6 {
				t.Errorf("EdgeSoftmax, lead %v: error %.2g", lead, e)
			}

			// Attention: the gradient of a weight is a product with the features.
			random(&h, edges, width, 1)
			random(&dy, 1, width, 1)
			for e := range wide {
				wide[e] = 0
				for k, v := range h.Matrix().Row(e) {
					wide[e] += float64(v) * float64(dy.Matrix().Data[k])
				}
			}
			attention := &attend{cfg: AttentionConfig{Out: width, Heads: 1}}
			var y, dh nn.Buffer
			y.Resize(1, width)
			dh.Resize(edges, width)
			var row nn.Buffer
			copy(row.Resize(1, edges), s.Matrix().Data)
			in = []gorgonia.Value{g, row.Value(), h.Value()}
			if err := attention.Forward(in, y.Matrix()); err != nil {
				t.Fatal(err)
			}
			ds.Rows, ds.Cols = 1, edges
			if err := attention.Backward(in, y.Matrix(), dy.Matrix(), []nn.Matrix{{}, ds, dh.Matrix()}); err != nil {
				t.Fatal(err)
			}
			if e := worst(ds.Data, softmaxBackward(s.Matrix().Data, wide)); e > 1e-5 {
				t.Errorf("attention, lead %v: error %.2g", lead, e)
			}
		}
	}
}
