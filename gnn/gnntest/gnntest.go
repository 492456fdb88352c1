package gnntest

import (
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Inputs are the inputs of a layer.
type Inputs struct {
	Graph *gnn.Graph
	Src   *Mat // features of the source vertices
	Dst   *Mat // features of the destinations: Src unless the layer is bipartite
	Edge  *Mat // features of the edges; nil if the layer takes none
}

// Rows is the kind of rows in a layer's result.
type Rows int

// The kinds of rows.
const (
	Vertices Rows = iota // destination vertices
	Edges
	Graphs
)

// Layer is a layer under test.
type Layer struct {
	In   int // columns of the source features
	Dst  int // columns of the destination features of a bipartite layer; 0: not bipartite
	Edge int // columns of the edge features; 0: none
	Out  Rows

	Params nn.Params
	// Forward adds the layer to an expression graph. When Dst is 0 xDst is xSrc; when Edge is 0 f
	// is nil.
	Forward func(g, xSrc, xDst, f *gorgonia.Node) (*gorgonia.Node, error)
	// Reference computes the layer in float64 as its documentation writes it. p holds the
	// parameters in the order of Params, vectors as one row.
	Reference func(p []*Mat, in Inputs) *Mat

	MinVertices  int  // fewer vertices, but not none, are an error, as for BatchNorm
	AcrossGraphs bool // the graphs of a batch influence each other, as under BatchNorm
}

// Run checks the layer that make returns; rng is for initialising it. Every check makes a new
// layer.
func Run(t *testing.T, make func(rng *rand.Rand) (Layer, error)) {
	t.Helper()
	start := func(t *testing.T) (*bench, *rand.Rand) {
		t.Helper()
		rng := rand.New(rand.NewPCG(1, 2))
		l, err := make(rng)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range l.Params { // biases start at zero, where mistakes hide
			for i := range p.Data() {
				p.Data()[i] += float32(0.3 * rng.NormFloat64())
			}
		}
		b, err := newBench(l)
		if err != nil {
			t.Fatal(err)
		}
		return b, rng
	}
	t.Run("reference", func(t *testing.T) {
		b, rng := start(t)
		for _, c := range b.cases(t, rng) {
			b.checkReference(t, rng, c)
		}
	})
	t.Run("gradient", func(t *testing.T) {
		b, rng := start(t)
		for _, c := range b.cases(t, rng) {
			b.checkGradient(t, rng, c)
		}
	})
	t.Run("permutation", func(t *testing.T) {
		b, rng := start(t)
		for _, c := range b.cases(t, rng) {
			b.checkPermutation(t, rng, c)
		}
	})
	t.Run("batch", func(t *testing.T) {
		b, rng := start(t)
		if b.AcrossGraphs {
			t.Skip("the graphs of a batch influence each other by definition")
		}
		b.checkBatch(t, rng)
	})
	t.Run("allocations", func(t *testing.T) {
		b, rng := start(t)
		if raceEnabled {
			t.Skip("the race detector allocates")
		}
		b.checkAllocations(t, rng)
	})
	t.Run("errors", func(t *testing.T) {
		b, rng := start(t)
		b.checkErrors(t, rng)
	})
}
