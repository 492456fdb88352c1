package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// layers counts the representations of a graph that the output is read from: the features and those
// after each of four convolutions.
const layers = 5

// gin is GIN-0 of Xu et al. (ICLR 2019), section 7, for whole graphs:
//
//	h_0 = tags;  h_k = relu(norm(mlp_k(h_{k-1} + sum over neighbours of h_{k-1})))
//	logits = sum over k of dropout(P_k sum over vertices of h_k + p_k)
//
// where each mlp is linear, norm, relu, linear.
type gin struct {
	norms   []*nn.BatchNorm
	dropout *nn.Dropout
	params  nn.Params

	logits *gorgonia.Node // [graphs x classes]
}

// newGIN adds the network to the expression graph of g and x [vertices x tags].
func newGIN(g, x *gorgonia.Node, hidden, classes int, dropout float64, rng *rand.Rand) (*gin, error) {
	n := new(gin)
	var err error
	if n.dropout, err = nn.NewDropout(dropout, rng); err != nil {
		return nil, err
	}
	scores := make([]*gorgonia.Node, layers)
	h := x
	for k := range layers {
		if k > 0 {
			if h, err = n.convolve(fmt.Sprint("conv", k), g, h, hidden, rng); err != nil {
				return nil, err
			}
		}
		pooled, err := gnn.Readout(g, h, gnn.Sum)
		if err != nil {
			return nil, err
		}
		predict, err := linear(fmt.Sprint("predict", k), h.Shape()[1], classes, rng)
		if err != nil {
			return nil, err
		}
		if scores[k], err = predict.Forward(pooled); err != nil {
			return nil, err
		}
		if scores[k], err = n.dropout.Forward(scores[k]); err != nil {
			return nil, err
		}
		n.params = append(n.params, predict.Params()...)
	}
	n.logits, err = nn.Add(scores...)
	return n, err
}

// convolve adds one convolution to the expression graph.
func (n *gin) convolve(name string, g, h *gorgonia.Node, hidden int, rng *rand.Rand) (*gorgonia.Node, error) {
	var perceptron nn.Sequential
	for i, part := range []string{"inner", "outer"} {
		in := hidden
		if i == 0 {
			in = h.Shape()[1]
		}
		l, err := linear(fmt.Sprintf("%s.%d", name, i), in, hidden, rng)
		if err != nil {
			return nil, err
		}
		norm, err := nn.NewBatchNorm(name+"."+part, hidden, nn.ReLU)
		if err != nil {
			return nil, err
		}
		perceptron = append(perceptron, l, norm)
		n.norms = append(n.norms, norm)
	}
	conv, err := gnn.NewGINConv(name, gnn.GINConvConfig{Net: perceptron}, nil)
	if err != nil {
		return nil, err
	}
	n.params = append(n.params, conv.Params()...)
	return conv.Forward(g, h)
}

// linear draws weights and bias from U(-a, a), a = 1/sqrt(in), as the authors' framework does.
func linear(name string, in, out int, rng *rand.Rand) (*nn.Linear, error) {
	init := nn.Uniform(1 / math.Sqrt(float64(in)))
	l, err := nn.NewLinear(name, nn.LinearConfig{In: in, Out: out, Init: init}, rng)
	if err != nil {
		return nil, err
	}
	init(nn.Matrix{Rows: 1, Cols: out, Data: l.Bias.Data()}, rng)
	return l, nil
}

// setTraining switches between the statistics of minibatches with dropout and the running
// statistics without.
func (n *gin) setTraining(on bool) {
	n.dropout.Training = on
	for _, b := range n.norms {
		b.Training = on
	}
}
