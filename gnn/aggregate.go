package gnn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Aggregation is how the messages that reach a vertex become one.
type Aggregation uint8

// The aggregations. A vertex that no message reaches gets zeros.
const (
	Sum  Aggregation = iota
	Mean             // by in-degree
	Max              // of each feature; ties go to the first edge, NaN exceeds every number
)

var aggregationNames = [...]string{"sum", "mean", "max"}

func (a Aggregation) String() string {
	if int(a) < len(aggregationNames) {
		return aggregationNames[a]
	}
	return fmt.Sprintf("Aggregation(%d)", uint8(a))
}

func (a Aggregation) check() error {
	if int(a) >= len(aggregationNames) {
		return fmt.Errorf("gnn: unknown aggregation %v", a)
	}
	return nil
}

// Aggregate gathers the features of each vertex's in-neighbours, y_i = agg over edges (j, i) of
// x_j: message passing at its barest.
//
// Shapes: g, x [NumSrc x features] -> [NumDst x features].
func Aggregate(g, x *gorgonia.Node, a Aggregation) (*gorgonia.Node, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := checkCols("aggregate", "features", x, cols(x)); err != nil {
		return nil, err
	}
	op := &aggregate{agg: propagator{kind: kindOf(a)}, f: cols(x)}
	return nn.Apply("aggregate_"+a.String(), op, x.Shape(), g, x)
}

type aggregate struct {
	agg propagator
	f   int
}

func (o *aggregate) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[1], "features", g.NumSrc(), o.f)
	return g.NumDst(), o.f, err
}

func (o *aggregate) Forward(in []gorgonia.Value, out nn.Matrix) error {
	o.agg.forward(in[0].(*Graph), o.f, mat(in[1]).Data, out.Data, false)
	return nil
}

func (o *aggregate) Differentiable(i int) bool { return i == 1 }

func (o *aggregate) Backward(in []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	if !din[1].IsZero() {
		o.agg.backward(in[0].(*Graph), o.f, dout.Data, din[1].Data)
	}
	return nil
}

// AggregateEdges gathers the features of the edges into each destination, y_i = agg over edges e
// into i of z_e.
//
// Shapes: g, z [NumEdges x features] -> [NumDst x features].
func AggregateEdges(g, z *gorgonia.Node, a Aggregation) (*gorgonia.Node, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := checkCols("aggregate edges", "edge features", z, cols(z)); err != nil {
		return nil, err
	}
	return nn.Apply("aggregate_edges_"+a.String(), &aggregateEdges{agg: a, f: cols(z)}, z.Shape(), g, z)
}

type aggregateEdges struct {
	agg    Aggregation
	f      int
	argmax []int32 // of each entry of the result: the edge, -1 if none
}

func (o *aggregateEdges) OutShape(in []gorgonia.Value) (int, int, error) {
	g, err := graphOf(in[0])
	if err != nil {
		return 0, 0, err
	}
	_, err = rowsOf(in[1], "edge features", g.NumEdges(), o.f)
	return g.NumDst(), o.f, err
}

func (o *aggregateEdges) Forward(in []gorgonia.Value, y nn.Matrix) error {
	g, z := in[0].(*Graph), mat(in[1])
	clear(y.Data)
	if o.agg == Max {
		o.argmax = reuse.Slice(o.argmax, y.Rows*o.f)
		for k := range o.argmax {
			o.argmax[k] = -1
		}
		for e, i := range g.dst {
			from := o.argmax[int(i)*o.f:][:o.f]
			largest(int32(e), z.Row(e), y.Row(int(i)), from, o.f > 0 && from[0] < 0)
		}
		return nil
	}
	if z.Rows > 0 {
		kernel.ScatterAddRows(o.f, g.dst, z.Data, y.Data)
	}
	if o.agg == Mean {
		scaleRows(g, y)
	}
	return nil
}

func (o *aggregateEdges) Differentiable(i int) bool { return i == 1 }

func (o *aggregateEdges) Backward(in []gorgonia.Value, _, dy nn.Matrix, din []nn.Matrix) error {
	g, dz := in[0].(*Graph), din[1]
	if dz.IsZero() || dz.Rows == 0 {
		return nil
	}
	if o.agg == Max {
		clear(dz.Data)
		for k, e := range o.argmax {
			if e >= 0 {
				dz.Data[int(e)*o.f+k%o.f] = dy.Data[k]
			}
		}
		return nil
	}
	kernel.GatherRows(o.f, g.dst, dy.Data, dz.Data)
	if o.agg == Mean {
		for e, c := range g.meanCoef() {
			kernel.Scale(c, dz.Row(e))
		}
	}
	return nil
}

// scaleRows divides each row by its in-degree.
func scaleRows(g *Graph, y nn.Matrix) {
	for i := range y.Rows {
		if d := g.InDegree(i); d > 1 {
			kernel.Scale(1/float32(d), y.Row(i))
		}
	}
}

// propagation is a fixed way of carrying vertex features along edges.
type propagation uint8

const (
	sumEdges   propagation = iota // A
	meanEdges                     // D^-1 A
	maxEdges                      // not a matrix
	normalized                    // D^-1/2 (A+I) D^-1/2, of GCN
)

func kindOf(a Aggregation) propagation { return [...]propagation{sumEdges, meanEdges, maxEdges}[a] }

// propagator carries features from sources to destinations and gradients back.
type propagator struct {
	kind   propagation
	argmax []int32 // maxEdges: the source each entry of the result came from, -1 if none
}

// forward is y (+)= M x with x [NumSrc x f], y [NumDst x f]. Max cannot accumulate.
func (p *propagator) forward(g *Graph, f int, x, y []float32, acc bool) {
	switch p.kind {
	case sumEdges:
		spmm(g.sum(), f, x, y, acc)
	case meanEdges:
		spmm(g.mean(), f, x, y, acc)
	case normalized:
		spmm(g.gcn(), f, x, y, acc)
	case maxEdges:
		p.maximum(g, f, x, y)
	}
}

// backward is dx = M^T dy. For max it must follow the forward pass it belongs to.
func (p *propagator) backward(g *Graph, f int, dy, dx []float32) {
	switch p.kind {
	case sumEdges:
		spmm(g.sumT(), f, dy, dx, false)
	case meanEdges:
		spmm(g.meanT(), f, dy, dx, false)
	case normalized:
		spmm(g.gcnT(), f, dy, dx, false)
	case maxEdges:
		clear(dx)
		for k, j := range p.argmax {
			if j >= 0 {
				dx[int(j)*f+k%f] += dy[k]
			}
		}
	}
}

func (p *propagator) maximum(g *Graph, f int, x, y []float32) {
	p.argmax = reuse.Slice(p.argmax, g.NumDst()*f)
	for i := range g.NumDst() {
		yi, from := y[i*f:(i+1)*f], p.argmax[i*f:(i+1)*f]
		if g.InDegree(i) == 0 {
			clear(yi)
			for k := range from {
				from[k] = -1
			}
		}
		for n, j := range g.InNeighbors(i) {
			largest(j, x[int(j)*f:(int(j)+1)*f], yi, from, n == 0)
		}
	}
}

// largest takes the features of vertex or edge i that exceed the best so far, and i as where they
// are from: all of them if they are the first.
func largest(i int32, x, best []float32, from []int32, first bool) {
	if !first {
		kernel.TakeLarger(i, x, best, from)
		return
	}
	copy(best, x)
	for k := range from {
		from[k] = i
	}
}
