package checkpoints_test

import (
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
)

func TestParamsAndOptimizer(t *testing.T) {
	net := func(seed uint64) (*nn.MLP, *nn.Adam) {
		m, err := nn.NewMLP("net", []int{3, 4, 2}, nn.ReLU, nil, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatal(err)
		}
		opt, err := nn.NewAdam(m.Params(), nn.AdamConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range opt.State().Slots {
			p.Data()[0] = float32(seed) + float32(i)
		}
		opt.SetStep(int(seed))
		return m, opt
	}
	a, optA := net(1)
	b, optB := net(2)
	s := checkpoints.NewState()
	checkpoints.SaveParams(s.Sub("weights"), a.Params())
	checkpoints.SaveOptimizer(s.Sub("adam"), optA)
	if err := checkpoints.LoadParams(s.Sub("weights"), b.Params()); err != nil {
		t.Fatal(err)
	}
	if err := checkpoints.LoadOptimizer(s.Sub("adam"), optB); err != nil {
		t.Fatal(err)
	}
	equal := func(x, y nn.Params) {
		t.Helper()
		for i, p := range x {
			for j, v := range p.Data() {
				if y[i].Data()[j] != v {
					t.Fatalf("%s[%d] is %v, saved as %v", p.Name, j, y[i].Data()[j], v)
				}
			}
		}
	}
	equal(a.Params(), b.Params())
	equal(optA.State().Slots, optB.State().Slots)
	if optB.State().Step != 1 {
		t.Errorf("step %d, saved as 1", optB.State().Step)
	}

	wider, err := nn.NewMLP("net", []int{3, 5, 2}, nn.ReLU, nil, rand.New(rand.NewPCG(3, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkpoints.LoadParams(s.Sub("weights"), wider.Params()); err == nil {
		t.Error("parameters of another size: want an error")
	}
}
