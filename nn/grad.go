package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// Grad differentiates the scalar loss and returns the gradient node of each parameter. One graph
// may hold several losses, each differentiated on its own.
//
// A gradient is whole or an error: a parameter that reaches the loss through an input without a
// gradient (see [FusedOp]) is refused with the name of the operation. What is behind [Detach], as
// the targets of losses are, counts as a constant.
func Grad(loss *gorgonia.Node, ps Params) (gorgonia.Nodes, error) {
	if loss == nil || !loss.IsScalar() {
		return nil, fmt.Errorf("nn: want a scalar loss, got %v", loss)
	}
	nodes, err := ps.Nodes(loss.Graph())
	if err != nil {
		return nil, err
	}
	build.Lock()
	defer build.Unlock()
	grads, err := backpropagate(loss, nodes)
	if err != nil {
		return nil, err
	}
	for i, g := range grads {
		if g == nil {
			return nil, fmt.Errorf("nn: the loss does not depend on parameter %q", ps[i].Name)
		}
	}
	return grads, nil
}

// backpropagate is reverse-mode differentiation in the order of gorgonia.Backpropagate, which drops
// undifferentiable paths in silence and, in a graph that has been differentiated before, returns
// the gradient of the loss before.
func backpropagate(loss *gorgonia.Node, wrt gorgonia.Nodes) (gorgonia.Nodes, error) {
	sorted, err := gorgonia.Sort(loss.Graph()) // operations before their operands
	if err != nil {
		return nil, fmt.Errorf("nn: differentiating the loss: %w", err)
	}
	varies := make(map[*gorgonia.Node]bool) // depends on wrt
	for _, n := range wrt {
		varies[n] = true
	}
	for i := len(sorted) - 1; i >= 0; i-- {
		n := sorted[i]
		for j, c := range childrenOf(n) {
			varies[n] = varies[n] || varies[c] && passes(n, j)
		}
	}
	one := loss.Graph().AddNode(gorgonia.NewConstant(float32(1)))
	terms := map[*gorgonia.Node]gorgonia.Nodes{loss: {one}} // of each node's gradient
	for _, n := range sorted {
		if len(terms[n]) == 0 || !varies[n] {
			continue
		}
		grad, err := gorgonia.ReduceAdd(terms[n])
		if err != nil {
			return nil, fmt.Errorf("nn: adding up the gradients of %v: %w", n, err)
		}
		terms[n] = gorgonia.Nodes{grad}
		if n.Op() == nil {
			continue
		}
		if err := propagate(n, grad, varies, terms); err != nil {
			return nil, err
		}
	}
	grads := make(gorgonia.Nodes, len(wrt))
	for i, n := range wrt {
		if g := terms[n]; len(g) > 0 {
			grads[i] = g[0]
		}
	}
	return grads, nil
}

// propagate adds n's contribution to the gradients of its operands.
func propagate(n, grad *gorgonia.Node, varies map[*gorgonia.Node]bool, terms map[*gorgonia.Node]gorgonia.Nodes) error {
	op, ok := n.Op().(gorgonia.SDOp)
	if !ok {
		return fmt.Errorf("nn: %v cannot be differentiated, and a parameter reaches the loss through it", n)
	}
	children := childrenOf(n)
	if f, ok := op.(*fused); ok {
		for j, c := range children {
			if varies[c] && !f.op.Differentiable(j) {
				return f.noGradient(j)
			}
		}
	}
	grads, err := op.SymDiff(children, n, grad)
	if err != nil {
		return fmt.Errorf("nn: differentiating %v: %w", n, err)
	}
	for j, c := range children {
		if varies[c] && passes(n, j) {
			terms[c] = append(terms[c], grads[j])
		}
	}
	return nil
}

// passes reports whether gradients go through operand j of n: where they are zero by nature, as
// behind a comparison or Detach, they do not.
func passes(n *gorgonia.Node, j int) bool {
	op, ok := n.Op().(gorgonia.SDOp)
	return !ok || op.DiffWRT(len(childrenOf(n)))[j]
}

// Detach returns x as a constant for differentiation: its value passes, gradients stop (torch's
// detach). The targets of losses are detached.
//
// Shapes: [rows x cols] -> [rows x cols].
func Detach(x *gorgonia.Node) (*gorgonia.Node, error) {
	if x == nil {
		return nil, fmt.Errorf("nn: detach: the input is nil")
	}
	build.Lock()
	defer build.Unlock()
	n, err := gorgonia.ApplyOp(&detach{newHeader("detach", x.Shape(), gorgonia.Nodes{x})}, x)
	if err != nil {
		return nil, fmt.Errorf("nn: detach: %w", err)
	}
	return n, nil
}

type detach struct{ opHeader }

func (*detach) Do(in ...gorgonia.Value) (gorgonia.Value, error) { return in[0], nil }

func (*detach) DiffWRT(int) []bool { return []bool{false} }

func (*detach) SymDiff(gorgonia.Nodes, *gorgonia.Node, *gorgonia.Node) (gorgonia.Nodes, error) {
	return nil, fmt.Errorf("nn: gradients stop at detach")
}
