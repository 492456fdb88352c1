package cnn_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/nn/cnn"
)

// torchCase holds what PyTorch computes in one layer; bench/peers/cnn_golden.py writes it.
type torchCase struct {
	Name                         string
	Images                       int
	In                           [3]int
	Out, Kernel, Stride, Padding int

	X, Y, DY, DX                 []float64
	Weight, DWeight, Bias, DBias []float64
	MeanBefore                   []float64 `json:"running_mean_before"`
	VarBefore                    []float64 `json:"running_var_before"`
	RunningMean                  []float64 `json:"running_mean"`
	RunningVar                   []float64 `json:"running_var"`
}

// layer makes our layer, and the batch normalisation if it is one.
func (c torchCase) layer() (layer, *nn.BatchNorm) {
	in := cnn.Map{Height: c.In[0], Width: c.In[1], Channels: c.In[2]}
	pool := cnn.PoolConfig{In: in, Kernel: c.Kernel, Stride: c.Stride, Padding: c.Padding}
	switch kind, _, _ := strings.Cut(c.Name, " "); kind {
	case "conv":
		l := must(cnn.NewConv2D("conv", cnn.Conv2DConfig{
			In: in, Channels: c.Out, Kernel: c.Kernel, Stride: c.Stride, Padding: c.Padding, NoBias: c.Bias == nil,
		}, newRand(1)))
		return layer{in: l.In, out: l.Out, params: l.Params(), forward: l.Forward}, nil
	case "max":
		l := must(cnn.NewMaxPool2D(pool))
		return layer{in: l.In, out: l.Out, forward: l.Forward}, nil
	case "avg":
		l := must(cnn.NewAvgPool2D(pool))
		return layer{in: l.In, out: l.Out, forward: l.Forward}, nil
	case "global":
		l := must(cnn.NewGlobalAvgPool(in))
		return layer{in: l.In, out: l.Out, forward: l.Forward}, nil
	}
	l := must(nn.NewBatchNorm("norm", in.Channels, nn.None))
	l.Training = c.Name == "norm, training"
	return layer{in: in, out: in, params: l.Params(), forward: l.Forward}, l
}

func set(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// Every layer of a convolutional network gives the results and the gradients of PyTorch's.
func TestLikePyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/torch.json")
	check(t, err)
	var golden struct {
		Torch string
		Cases []torchCase
	}
	check(t, json.Unmarshal(data, &golden))
	if len(golden.Cases) < 11 {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			l, norm := c.layer()
			s := newSetup(t, l, c.Images, newRand(2))
			set(s.x.Data(), c.X)
			set(s.dy.Matrix().Data, c.DY)
			values, grads := [][]float64{c.Weight, c.Bias}, [][]float64{c.DX, c.DWeight, c.DBias}
			for i, p := range l.params {
				set(p.Data(), values[i])
			}
			if norm != nil {
				set(norm.RunningMean.Data(), c.MeanBefore)
				set(norm.RunningVar.Data(), c.VarBefore)
			}
			check(t, s.tape.Run())
			near(t, "y", float64s(s.tape.Matrix(s.y).Data), c.Y)
			for i, g := range s.grads {
				near(t, []string{"dx", "dweight", "dbias"}[i], float64s(s.tape.Matrix(g).Data), grads[i])
			}
			if norm != nil {
				near(t, "running mean", float64s(norm.RunningMean.Data()), c.RunningMean)
				near(t, "running variance", float64s(norm.RunningVar.Data()), c.RunningVar)
			}
		})
	}
}
