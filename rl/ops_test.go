package rl

import (
	"math"
	"testing"

	"github.com/graphrl/graphrl/gnn/gnntest"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// opChoices are three observations of four, two and three actions; in the last one is masked.
func opChoices(t *testing.T) *Choices {
	t.Helper()
	c := new(Choices)
	for _, allowed := range [][]bool{{true, true, true, true}, {true, true}, {true, false, true}} {
		if err := c.Append(len(allowed), allowed); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// opCases build every operation of this package on parameters: scores of all actions, and a value
// per observation.
var opCases = map[string]func(c *Choices, scores, values *gorgonia.Node) (*gorgonia.Node, error){
	"policy gradient": func(c *Choices, scores, _ *gorgonia.Node) (*gorgonia.Node, error) {
		op := &policyLoss{PolicyLoss: PolicyLoss{EntropyCoef: 0.3}, choices: c, batch: &opTaken}
		return nn.Apply("policy", op, nn.Shape{}, scores)
	},
	"clipped surrogate": func(c *Choices, scores, _ *gorgonia.Node) (*gorgonia.Node, error) {
		op := &policyLoss{PolicyLoss: PolicyLoss{Clip: 0.2, EntropyCoef: 0.1}, choices: c, batch: &opTaken}
		return nn.Apply("policy", op, nn.Shape{}, scores)
	},
	"value": func(_ *Choices, _, values *gorgonia.Node) (*gorgonia.Node, error) {
		return nn.Apply("value", &valueLoss{batch: &opTaken}, nn.Shape{}, values)
	},
	"clipped value": func(_ *Choices, _, values *gorgonia.Node) (*gorgonia.Node, error) {
		return nn.Apply("value", &valueLoss{clip: 0.5, batch: &opTaken}, nn.Shape{}, values)
	},
	"temporal difference": func(c *Choices, scores, _ *gorgonia.Node) (*gorgonia.Node, error) {
		return nn.Apply("td", opTD(c, 0), nn.Shape{}, scores)
	},
	"Huber of dueling": func(c *Choices, scores, values *gorgonia.Node) (*gorgonia.Node, error) {
		q, err := nn.Apply("dueling", &dueling{choices: c}, scores.Shape(), scores, values)
		if err != nil {
			return nil, err
		}
		return nn.Apply("td", opTD(c, 0.5), nn.Shape{}, q)
	},
}

// Actions, and targets on either side of the clips.
var opTaken = Taken{
	Actions:    []int{2, 0, 2},
	LogProbs:   []float32{-1, -0.5, -2},
	Advantages: []float32{1, -2, 0.5},
	Values:     []float32{0.1, 2, -1},
	Returns:    []float32{1, 0.5, -2},
}

func opTD(c *Choices, delta float64) *tdLoss {
	return &tdLoss{delta: delta, choices: c, actions: []int{2, 0, 2}, targets: []float32{3, 0.1, -1}, weights: []float32{1, 0.5, 2}, errors: make([]float64, 3)}
}

// TestEveryOperation checks each operation of this package by finite differences. It fails for an
// operation that has no case.
func TestEveryOperation(t *testing.T) {
	covered := map[string]bool{}
	for name, build := range opCases {
		t.Run(name, func(t *testing.T) { checkOperation(t, build, covered) })
	}
	for _, op := range gnntest.Operations(t, ".") {
		if !covered[op] {
			t.Errorf("no case covers the operation %s: add one to opCases", op)
		}
	}
}

func checkOperation(t *testing.T, build func(c *Choices, scores, values *gorgonia.Node) (*gorgonia.Node, error), covered map[string]bool) {
	eg, c, rng := gorgonia.NewGraph(), opChoices(t), NewRand(3, 0)
	var nodes gorgonia.Nodes
	var params nn.Params
	for _, size := range []int{c.Scores(), c.Len()} {
		p, err := nn.NewParam(map[int]string{c.Scores(): "scores", c.Len(): "values"}[size], nn.Normal(1), rng.Rand, size, 1)
		if err != nil {
			t.Fatal(err)
		}
		node, err := p.Node(eg)
		if err != nil {
			t.Fatal(err)
		}
		params, nodes = append(params, p), append(nodes, node)
	}
	loss, err := build(c, nodes[0], nodes[1])
	if err != nil {
		t.Fatal(err)
	}
	tape, err := nn.NewTape(loss)
	if err != nil {
		t.Fatal(err)
	}
	gnntest.Cover(eg, tape, covered)
	var used nn.Params
	for i, p := range params {
		if tape.Needs(nodes[i]) {
			used = append(used, p)
		}
	}
	gnntest.Gradients(t, loss, used, func(*nn.Tape) error { return nil })
	if err := tape.Run(); err != nil || math.IsNaN(tape.Scalar(loss)) {
		t.Errorf("loss %v, %v", tape.Scalar(loss), err)
	}
}
