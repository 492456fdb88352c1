package gnn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// graphOf views the value bound to a graph input.
func graphOf(v gorgonia.Value) (*Graph, error) {
	g, ok := v.(*Graph)
	if !ok {
		return nil, fmt.Errorf("want a *gnn.Graph bound to the graph input, got %T", v)
	}
	return g, nil
}

// rowsOf views v as a matrix of the given shape; what says whose rows they are.
func rowsOf(v gorgonia.Value, what string, rows, cols int) (nn.Matrix, error) {
	m, err := nn.AsMatrix(v)
	if err != nil {
		return m, fmt.Errorf("%s: %w", what, err)
	}
	if m.Rows != rows || m.Cols != cols {
		return m, fmt.Errorf("%s: want [%d x %d], got [%d x %d]", what, rows, cols, m.Rows, m.Cols)
	}
	return m, nil
}

// mat views a value that OutShape has checked already.
func mat(v gorgonia.Value) nn.Matrix {
	m, _ := nn.AsMatrix(v)
	return m
}

// cols returns the number of columns of the matrix node n, 0 if it is none.
func cols(n *gorgonia.Node) int {
	if n == nil || len(n.Shape()) != 2 {
		return 0
	}
	return n.Shape()[1]
}

// checkCols reports a node that is not a matrix of want columns. Finding it when
// the expression graph is built names the layer at fault.
func checkCols(layer, what string, n *gorgonia.Node, want int) error {
	if n == nil {
		return fmt.Errorf("gnn: %s: %s are missing", layer, what)
	}
	if cols(n) != want || want == 0 {
		return fmt.Errorf("gnn: %s: want %s of %d columns, got shape %v", layer, what, max(1, want), n.Shape())
	}
	return nil
}

var kernelActs = [...]kernel.Act{
	nn.None: kernel.ActNone, nn.ReLU: kernel.ActReLU, nn.LeakyReLU: kernel.ActLeakyReLU,
	nn.ELU: kernel.ActELU, nn.Sigmoid: kernel.ActSigmoid, nn.Tanh: kernel.ActTanh,
}

// kernelAct returns the kernel's name of an activation.
func kernelAct(a nn.Activation) (kernel.Act, error) {
	if int(a) >= len(kernelActs) {
		return 0, fmt.Errorf("gnn: unknown activation %v", a)
	}
	return kernelActs[a], nil
}

// spmm is y (+)= a x for matrices with f columns.
func spmm(a weighted, f int, x, y []float32, acc bool) {
	kernel.SpMM(a.csr, f, a.val, x, f, y, f, acc)
}

// params lists the parameters that are there.
func params(ps ...*nn.Param) nn.Params {
	var list nn.Params
	for _, p := range ps {
		if p != nil {
			list = append(list, p)
		}
	}
	return list
}

// nodes returns the nodes of parameters in x's expression graph, nil for those
// that are nil.
func nodes(x *gorgonia.Node, ps ...*nn.Param) ([]*gorgonia.Node, error) {
	list := make([]*gorgonia.Node, len(ps))
	for i, p := range ps {
		if p == nil {
			continue
		}
		var err error
		if list[i], err = p.Node(x.Graph()); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func orGlorot(init nn.Init) nn.Init {
	if init == nil {
		return nn.GlorotUniform
	}
	return init
}
