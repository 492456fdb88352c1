package nn

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Tape executes the part of an expression graph that its outputs need. It implements gorgonia.VM.
//
// A tape runs its operations in a fixed order on one goroutine, without reference counting or
// resets; intermediate values stay readable until the next run. The operations of a graph own their
// result buffers, so the tapes of one graph must not run at the same time; for concurrency build a
// graph and a tape per goroutine and share the parameters.
type Tape struct {
	graph  *gorgonia.ExprGraph
	slots  map[*gorgonia.Node]int
	values []gorgonia.Value
	loads  []load
	steps  []step

	diverged bool // a gradient that watch was told of is not finite
}

// load fetches an input, a parameter or a constant before each run.
type load struct {
	node  *gorgonia.Node
	slot  int
	bound gorgonia.Value // by Bind; nil: the node's own value
}

type step struct {
	op   gorgonia.Op
	args []gorgonia.Value
	from []int // slots of args
	to   int
	// diverged, if not nil, is set when the result is not finite.
	diverged *bool
}

var _ gorgonia.VM = (*Tape)(nil)

// NewTape compiles the nodes that the outputs, all of one graph, need. Gradients are outputs like
// any other; a tape computes only those requested.
func NewTape(outputs ...*gorgonia.Node) (*Tape, error) {
	if len(outputs) == 0 {
		return nil, fmt.Errorf("nn: a tape needs at least one output")
	}
	build.Lock()
	defer build.Unlock()
	t := &Tape{slots: make(map[*gorgonia.Node]int)}
	for i, n := range outputs {
		switch {
		case n == nil:
			return nil, fmt.Errorf("nn: output %d of the tape is nil", i)
		case t.graph == nil:
			t.graph = n.Graph()
		case t.graph != n.Graph():
			return nil, fmt.Errorf("nn: the outputs of a tape must be of one graph")
		}
		if err := t.visit(n); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// visit compiles n after its children, which puts the steps in an order that depends on nothing but
// the graph.
func (t *Tape) visit(n *gorgonia.Node) error {
	if _, done := t.slots[n]; done {
		return nil
	}
	if found := t.graph.Node(n.ID()); found != n {
		// Gorgonia's index of nodes goes stale when differentiation removes one.
		return fmt.Errorf("nn: the graph's index is stale for node %v: a node without any use was removed; build the graph without it", n)
	}
	children := childrenOf(n)
	for _, c := range children {
		if err := t.visit(c); err != nil {
			return err
		}
	}
	slot := len(t.values)
	t.slots[n] = slot
	t.values = append(t.values, nil)
	if len(children) == 0 && (n.Op() == nil || n.Value() != nil) { // an input or a constant
		t.loads = append(t.loads, load{node: n, slot: slot})
		return nil
	}
	s := step{op: n.Op(), args: make([]gorgonia.Value, len(children)), to: slot}
	for _, c := range children {
		s.from = append(s.from, t.slots[c])
	}
	switch op := s.op.(type) {
	case *part:
		if err := op.exists(); err != nil {
			return err
		}
		op.wanted = true
	default:
		if isBuiltinAdd(op) {
			s.op = &add{Op: op}
		}
	}
	t.steps = append(t.steps, s)
	return nil
}

// childrenOf returns the operands of n in their order.
func childrenOf(n *gorgonia.Node) (children []*gorgonia.Node) {
	it := n.Graph().From(n.ID())
	if it == nil {
		return nil
	}
	for it.Next() {
		children = append(children, it.Node().(*gorgonia.Node))
	}
	return children
}

// Bind sets the value of an input node for the runs to come. Unlike gorgonia.Let it accepts any
// number of rows.
func (t *Tape) Bind(input *gorgonia.Node, v gorgonia.Value) error {
	if r := reflect.ValueOf(v); v == nil || r.Kind() == reflect.Pointer && r.IsNil() {
		return fmt.Errorf("nn: cannot bind nothing to %v: give the Buffer a size first (Buffer.Resize)", input)
	}
	if d, ok := v.(*tensor.Dense); ok && d.Shape().TotalSize() > 1 && d.RequiresIterator() {
		return fmt.Errorf("nn: cannot bind a transposed, sliced or masked tensor to %v: copy it first", input)
	}
	for i := range t.loads {
		if t.loads[i].node == input {
			t.loads[i].bound = v
			return nil
		}
	}
	if _, ok := t.slots[input]; ok {
		return fmt.Errorf("nn: cannot bind %v: it is computed, not an input", input)
	}
	return fmt.Errorf("nn: cannot bind %v: no output of this tape needs it", input)
}

// Needs reports whether the tape's outputs depend on n.
func (t *Tape) Needs(n *gorgonia.Node) bool { _, ok := t.slots[n]; return ok }

// Run executes the tape once. An error names the operation and the shapes of its arguments.
func (t *Tape) Run() error {
	t.diverged = false
	for i := range t.loads {
		l := &t.loads[i]
		v := l.bound
		if v == nil {
			if v = l.node.Value(); v == nil {
				return fmt.Errorf("nn: input %v is not bound: call Tape.Bind first", l.node)
			}
		}
		t.values[l.slot] = v
	}
	for i := range t.steps {
		s := &t.steps[i]
		for j, slot := range s.from {
			s.args[j] = t.values[slot]
		}
		v, err := s.op.Do(s.args...)
		if err != nil {
			return t.explain(s, err)
		}
		t.values[s.to] = v
		if s.diverged != nil && !kernel.Finite(mat(v).Data) {
			*s.diverged = true
		}
	}
	return nil
}

// watch makes runs check the gradients in some slots as soon as they are computed, when they are
// still in the cache: a pass over all of them after the run takes several times as long. It reports
// whether all can be watched: those that are inputs cannot.
func (t *Tape) watch(grads []gorgonia.ValueGrad) bool {
	watched := 0
	for _, g := range grads {
		for i := range t.steps {
			s := &t.steps[i]
			if g, ok := g.(*tapeGrad); !ok || s.to != g.slot {
				continue
			}
			watched++
			if p, ok := s.op.(*part); ok {
				p.diverged = append(p.diverged, &t.diverged)
			} else {
				s.diverged = &t.diverged
			}
		}
	}
	return watched == len(grads)
}

// blame names the first value of the last run that is not finite: an input or parameter, else the
// operation that makes it from finite ones. NaN comes before infinity, which may stand for a
// forbidden choice.
func (t *Tape) blame() string {
	for _, bad := range []func(float32) bool{func(x float32) bool { return x != x }, notFinite} {
		for _, l := range t.loads {
			m := mat(t.values[l.slot])
			k := slices.IndexFunc(m.Data, bad)
			switch {
			case k < 0:
			case l.bound == nil:
				return fmt.Sprintf("parameter %q holds %v at entry %d: the learning rate may be too high", l.node.Name(), m.Data[k], k)
			default:
				return fmt.Sprintf("input %q holds %v at [%d, %d]", l.node.Name(), m.Data[k], k/m.Cols, k%m.Cols)
			}
		}
		for _, s := range t.steps {
			m := mat(t.values[s.to])
			if k := slices.IndexFunc(m.Data, bad); k >= 0 {
				return fmt.Sprintf("%v makes %v at [%d, %d] of finite values: the learning rate may be too high",
					s.op, m.Data[k], k/m.Cols, k%m.Cols)
			}
		}
	}
	return "no value of the tape is at fault"
}

func (t *Tape) explain(s *step, err error) error {
	var shapes []string
	for _, a := range s.args {
		shapes = append(shapes, fmt.Sprint(a.Shape()))
	}
	return fmt.Errorf("nn: %v with arguments of shape %s: %w", s.op, strings.Join(shapes, ", "), err)
}

// Value returns the value of n after the last run: nil before the first, or if no output needs n.
// The next run overwrites an operation's value.
func (t *Tape) Value(n *gorgonia.Node) gorgonia.Value {
	slot, ok := t.slots[n]
	if !ok {
		return nil
	}
	return t.values[slot]
}

// Matrix returns the value of n as a matrix; see [Tape.Value].
func (t *Tape) Matrix(n *gorgonia.Node) Matrix { return mat(t.Value(n)) }

// Scalar returns the value of the scalar node n; see [Tape.Value].
func (t *Tape) Scalar(n *gorgonia.Node) float64 {
	m := t.Matrix(n)
	if m.IsZero() {
		return 0
	}
	return float64(m.Data[0])
}

// RunAll is [Tape.Run], for gorgonia.VM.
func (t *Tape) RunAll() error { return t.Run() }

// Reset does nothing: a tape can always run again.
func (t *Tape) Reset() {}

// Close does nothing.
func (t *Tape) Close() error { return nil }

// Gradients pairs parameters with their gradient nodes, in the form a gorgonia.Solver steps on.
// They read the tape's memory and stay valid for its life.
func (t *Tape) Gradients(ps Params, grads gorgonia.Nodes) ([]gorgonia.ValueGrad, error) {
	if len(ps) != len(grads) {
		return nil, fmt.Errorf("nn: %d parameters but %d gradients", len(ps), len(grads))
	}
	vg := make([]gorgonia.ValueGrad, len(ps))
	for i, p := range ps {
		slot, ok := t.slots[grads[i]]
		if !ok {
			return nil, fmt.Errorf("nn: the gradient of %q is not an output of the tape", p.Name)
		}
		vg[i] = &tapeGrad{p: p, t: t, slot: slot}
	}
	return vg, nil
}

type tapeGrad struct {
	p    *Param
	t    *Tape
	slot int
}

func (g *tapeGrad) Name() string          { return g.p.Name }
func (g *tapeGrad) Value() gorgonia.Value { return g.p.Value }
func (g *tapeGrad) Grad() (gorgonia.Value, error) {
	if v := g.t.values[g.slot]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("nn: the gradient of %q is not there yet: run the tape first", g.p.Name)
}

// isBuiltinAdd recognises Gorgonia's elementwise addition, whose type is private. gorgonia.Grad
// inserts it at every value that is used more than once.
func isBuiltinAdd(op gorgonia.Op) bool {
	return op.Arity() == 2 && fmt.Sprintf("%T", op) == "gorgonia.elemBinOp" && strings.HasPrefix(op.String(), "+ ")
}

// add runs Gorgonia's addition of equal float32 tensors on a buffer that it keeps: Gorgonia's own
// allocates a result at every run. Gorgonia does everything else.
type add struct {
	gorgonia.Op
	out result
}

func (a *add) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	x, ok := in[0].(*tensor.Dense)
	y, ok2 := in[1].(*tensor.Dense)
	if !ok || !ok2 || x.Dtype() != tensor.Float32 || y.Dtype() != tensor.Float32 ||
		len(x.Shape()) == 0 || len(x.Shape()) > 2 || !x.Shape().Eq(y.Shape()) {
		return a.Op.Do(in...)
	}
	mx, my := denseMatrix(x), denseMatrix(y)
	v, out := a.out.get(len(x.Shape()), mx.Rows, mx.Cols)
	copy(out.Data, mx.Data)
	kernel.Axpy(1, my.Data[:len(out.Data)], out.Data)
	return v, nil
}
