package nn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
)

// L2 is half the sum of the squares of all weights, sum w^2 / 2, as a node of g.
// Times a coefficient and added to a loss by [WeightedSum] it is L2 regularisation,
// whose gradient, the coefficient times w, passes through the optimiser. Under Adam
// this is what the weight_decay of PyTorch's Adam means, and differs from AdamW's
// (see [AdamConfig]).
func L2(g *gorgonia.ExprGraph, ps Params) (*gorgonia.Node, error) {
	if len(ps) == 0 {
		return nil, fmt.Errorf("nn: l2: want at least one parameter")
	}
	nodes, err := ps.Nodes(g)
	if err != nil {
		return nil, err
	}
	return Apply("l2", halfSquares{}, Shape{}, nodes...)
}

type halfSquares struct{}

func (halfSquares) OutShape([]gorgonia.Value) (int, int, error) { return 1, 1, nil }

func (halfSquares) Forward(in []gorgonia.Value, out Matrix) error {
	var sum float64
	for _, v := range in {
		sum += kernel.SumSquares(mat(v).Data)
	}
	out.Data[0] = float32(sum / 2)
	return nil
}

func (halfSquares) Differentiable(int) bool { return true }

func (halfSquares) Backward(in []gorgonia.Value, _, dout Matrix, din []Matrix) error {
	for i, d := range din {
		if !d.IsZero() {
			copy(d.Data, mat(in[i]).Data)
			kernel.Scale(dout.Data[0], d.Data)
		}
	}
	return nil
}
