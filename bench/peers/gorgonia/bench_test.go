package gorgonia

import (
	"fmt"
	"math/rand/v2"
	"testing"

	_ "go4.org/unsafe/assume-no-moving-gc" // Gorgonia refuses to start on new versions of Go with an older one
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// mlp is a multilayer perceptron in an expression graph for one batch size.
type mlp struct {
	g       *G.ExprGraph
	x, z    *G.Node // input and logits
	weights G.Nodes
}

func newMLP(widths []int, batch int) *mlp {
	g := G.NewGraph()
	n := &mlp{g: g, x: G.NewMatrix(g, tensor.Float32, G.WithShape(batch, widths[0]), G.WithName("x"))}
	n.z = n.x
	for i := range len(widths) - 1 {
		w := G.NewMatrix(g, tensor.Float32, G.WithShape(widths[i], widths[i+1]), G.WithName(fmt.Sprint("w", i)), G.WithInit(G.GlorotU(1)))
		b := G.NewMatrix(g, tensor.Float32, G.WithShape(1, widths[i+1]), G.WithName(fmt.Sprint("b", i)), G.WithInit(G.Zeroes()))
		n.weights = append(n.weights, w, b)
		n.z = G.Must(G.Mul(n.z, w))
		if batch == 1 {
			n.z = G.Must(G.Add(n.z, b)) // broadcasting would copy
		} else {
			n.z = G.Must(G.BroadcastAdd(n.z, b, nil, []byte{0}))
		}
		if i+2 < len(widths) {
			n.z = G.Must(G.Rectify(n.z))
		}
	}
	return n
}

func random(shape ...int) *tensor.Dense {
	rng := rand.New(rand.NewPCG(1, 2))
	t := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	for i := range t.Float32s() {
		t.Float32s()[i] = rng.Float32()
	}
	return t
}

func check(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

func BenchmarkTrainStep(b *testing.B) {
	for _, c := range []struct {
		name   string
		batch  int
		widths []int
	}{
		{"mlp-10-120-80-10-b128", 128, []int{10, 120, 80, 10}},
		{"mlp-140-128-64-140-b64", 64, []int{140, 128, 64, 140}},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := newMLP(c.widths, c.batch)
			outputs := c.widths[len(c.widths)-1]
			target := G.NewMatrix(n.g, tensor.Float32, G.WithShape(c.batch, outputs), G.WithName("target"))
			// Binary cross-entropy of the logits: mean(softplus(z) - z t).
			loss := G.Must(G.Mean(G.Must(G.Sub(G.Must(G.Softplus(n.z)), G.Must(G.HadamardProd(n.z, target))))))
			_, err := G.Grad(loss, n.weights...)
			check(b, err)
			var value G.Value
			G.Read(loss, &value)
			vm := G.NewTapeMachine(n.g, G.BindDualValues(n.weights...))
			defer vm.Close()
			solver := G.NewAdamSolver(G.WithLearnRate(1e-3))
			x, t := random(c.batch, c.widths[0]), random(c.batch, outputs)
			for i, v := range t.Float32s() {
				t.Float32s()[i] = 0
				if v < 0.5 {
					t.Float32s()[i] = 1
				}
			}
			check(b, G.Let(n.x, x))
			check(b, G.Let(target, t))
			step := func() {
				check(b, vm.RunAll())
				check(b, solver.Step(G.NodesToValueGrads(n.weights)))
				vm.Reset()
			}
			step()
			first := value.Data().(float32)
			for range 100 {
				step()
			}
			if last := value.Data().(float32); !(last < first) {
				b.Fatalf("the loss went from %v to %v", first, last)
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}

func BenchmarkForward(b *testing.B) {
	b.Run("mlp-10-120-80-10-b1", func(b *testing.B) {
		n := newMLP([]int{10, 120, 80, 10}, 1)
		G.Must(G.Sigmoid(n.z))
		vm := G.NewTapeMachine(n.g)
		defer vm.Close()
		check(b, G.Let(n.x, random(1, 10)))
		run := func() {
			check(b, vm.RunAll())
			vm.Reset()
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
