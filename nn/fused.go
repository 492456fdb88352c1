package nn

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"sync/atomic"
	"unsafe"

	"github.com/chewxy/hm"
	"github.com/graphrl/graphrl/internal/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// FusedOp is a differentiable operation with a float32 matrix, vector or scalar as its result,
// written by hand so that a whole layer is one node of the graph. [Apply] turns it into a node. An
// instance belongs to one node and may keep scratch memory, for a tape runs its operations one at a
// time.
type FusedOp interface {
	// OutShape returns the result's shape for these inputs, [rows x cols], or an error when they do
	// not fit together. It is called before every Forward.
	OutShape(in []gorgonia.Value) (rows, cols int, err error)
	// Forward computes out, whose old content is arbitrary.
	Forward(in []gorgonia.Value, out Matrix) error
	// Differentiable reports whether a gradient with respect to input i exists. To differentiate
	// through an input without one is an error: see [Detach].
	Differentiable(i int) bool
	// Backward computes the gradients din[i] with respect to the inputs from the result out and its
	// gradient dout. A zero din[i] was not requested; the others have the input's shape, arbitrary
	// content, and must be overwritten.
	Backward(in []gorgonia.Value, out, dout Matrix, din []Matrix) error
}

// Shape of a node made by [Apply], as far as the graph knows it before it runs.
type Shape = tensor.Shape

// Apply adds op to the graph of its inputs. The shape is the symbolic one: for a matrix its true
// number of columns and any plausible number of rows (as an input of as many rows has it), the
// empty shape for a scalar.
func Apply(name string, op FusedOp, shape Shape, inputs ...*gorgonia.Node) (*gorgonia.Node, error) {
	if op == nil || len(inputs) == 0 {
		return nil, fmt.Errorf("nn: %s: want an operation and at least one input", name)
	}
	for i, n := range inputs {
		if n == nil {
			return nil, fmt.Errorf("nn: %s: input %d is nil", name, i)
		}
		if n.Graph() != inputs[0].Graph() {
			return nil, fmt.Errorf("nn: %s: input %d is in another expression graph than input 0", name, i)
		}
	}
	build.Lock()
	defer build.Unlock()
	f := &fused{opHeader: newHeader(name, shape, inputs), op: op}
	n, err := gorgonia.ApplyOp(f, inputs...)
	if err != nil {
		return nil, fmt.Errorf("nn: %s: %w", name, err)
	}
	return n, nil
}

// opID makes every operation unique: operations own buffers, and Gorgonia merges nodes whose
// operation hashes alike.
var opID atomic.Uint64

// opHeader implements the methods that Gorgonia requires of an operation, apart from its
// arithmetic.
type opHeader struct {
	name  string
	id    uint64
	shape Shape
	types []hm.Type // of the inputs
}

func newHeader(name string, shape Shape, inputs []*gorgonia.Node) opHeader {
	h := opHeader{name: name, id: opID.Add(1), shape: shape}
	for _, n := range inputs {
		h.types = append(h.types, n.Type())
	}
	return h
}

func (h *opHeader) Arity() int           { return len(h.types) }
func (h *opHeader) ReturnsPtr() bool     { return true }
func (h *opHeader) CallsExtern() bool    { return false }
func (h *opHeader) OverwritesInput() int { return -1 }
func (h *opHeader) String() string       { return fmt.Sprintf("%s#%d", h.name, h.id) }
func (h *opHeader) Hashcode() uint32     { f := fnv.New32a(); h.WriteHash(f); return f.Sum32() }

func (h *opHeader) WriteHash(w hash.Hash) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], h.id)
	w.Write([]byte(h.name))
	w.Write(b[:])
}

// Type returns a new type at each call because Gorgonia recycles types in pools.
func (h *opHeader) Type() hm.Type {
	var out hm.Type = tensor.Float32
	if len(h.shape) > 0 {
		out = gorgonia.TensorType{Dims: len(h.shape), Of: tensor.Float32}
	}
	return hm.NewFnType(append(append([]hm.Type(nil), h.types...), out)...)
}

func (h *opHeader) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return h.shape.Clone(), nil
}

// result is an operation's output in the form its node's type promises.
type result struct {
	buf    Buffer
	scalar gorgonia.F32
	vector *tensor.Dense
}

// get returns the value and a view of it. A node of symbolic shape [n] is a vector, of shape [] a
// scalar, otherwise a matrix.
func (r *result) get(dims, rows, cols int) (gorgonia.Value, Matrix) {
	switch dims {
	case 0:
		return &r.scalar, Matrix{1, 1, unsafe.Slice((*float32)(&r.scalar), 1)}
	case 1:
		if r.vector == nil || r.vector.Shape()[0] != rows*cols {
			r.vector = tensor.New(tensor.WithShape(rows*cols), tensor.WithBacking(make([]float32, rows*cols)))
		}
		return r.vector, Matrix{1, rows * cols, r.vector.Float32s()}
	default:
		d := r.buf.dense(rows, cols)
		return d, Matrix{rows, cols, d.Float32s()}
	}
}

// fused makes a Gorgonia operation of a FusedOp.
type fused struct {
	opHeader
	op  FusedOp
	out result
}

func (f *fused) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	rows, cols, err := f.op.OutShape(in)
	if err != nil {
		return nil, err
	}
	v, m := f.out.get(len(f.shape), rows, cols)
	return v, f.op.Forward(in, m)
}

// DiffWRT claims a gradient for every input, since Gorgonia would drop the paths through the others
// without a word. A path that does not exist is found and refused by Grad and, should gorgonia.Grad
// be called, by SymDiff or NewTape.
func (f *fused) DiffWRT(inputs int) []bool {
	d := make([]bool, inputs)
	for i := range d {
		d[i] = true
	}
	return d
}

// SymDiff adds one node that computes all gradients at once and, for each input, one that hands its
// gradient on. Gradients whose node no output needs are not computed: see [NewTape]. It runs under
// build's lock, from Grad.
func (f *fused) SymDiff(in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	if err := checkTerms(grad); err != nil {
		return nil, err
	}
	all := append(append(gorgonia.Nodes(nil), in...), out, grad)
	b := &backward{opHeader: newHeader(f.name+".backward", nil, all), f: f, parts: make([]*part, len(in))}
	joint, err := gorgonia.ApplyOp(b, all...)
	if err != nil {
		return nil, err
	}
	grads := make(gorgonia.Nodes, len(in))
	for i, n := range in {
		b.parts[i] = &part{opHeader: newHeader(fmt.Sprintf("%s.d%d", f.name, i), n.Shape(), gorgonia.Nodes{joint}), of: b, input: i}
		if grads[i], err = gorgonia.ApplyOp(b.parts[i], joint); err != nil {
			return nil, err
		}
	}
	return grads, nil
}

// backward computes every wanted gradient of one fused operation. Its own value is a token that
// only orders it before the parts.
type backward struct {
	opHeader
	f     *fused
	parts []*part
	din   []Matrix
	token gorgonia.F32
}

func (b *backward) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	n := len(b.parts)
	if b.din == nil {
		b.din = make([]Matrix, n)
	}
	for i, p := range b.parts {
		b.din[i] = Matrix{}
		if p != nil && p.wanted {
			m, err := AsMatrix(in[i])
			if err != nil {
				return nil, err
			}
			p.value, b.din[i] = p.out.get(len(p.shape), m.Rows, m.Cols)
		}
	}
	if err := b.f.op.Backward(in[:n], mat(in[n]), mat(in[n+1]), b.din); err != nil {
		return nil, err
	}
	b.check(in)
	return &b.token, nil
}

// check tells the tapes that watch a gradient when it is not finite.
func (b *backward) check(in []gorgonia.Value) {
	n := len(b.parts)
	known := n
	for i, p := range b.parts {
		if p == nil || !p.wanted || len(p.diverged) == 0 {
			continue
		}
		if op, ok := b.f.op.(bounder); ok && known == n {
			known = op.finiteFrom(in[:n])
		}
		if i < known && !kernel.Finite(b.din[i].Data) {
			for _, diverged := range p.diverged {
				*diverged = true
			}
		}
	}
}

// bounder is a FusedOp that may know by a bound, sooner than by a look at them, that gradients of
// its last Backward are finite: those with respect to the inputs from the returned one on.
type bounder interface {
	finiteFrom(in []gorgonia.Value) int
}

// checkTerms returns an error if a term of the sum grad does not exist.
func checkTerms(grad *gorgonia.Node) error {
	if p, ok := grad.Op().(*part); ok {
		return p.exists()
	}
	if op := grad.Op(); op == nil || !isBuiltinAdd(op) {
		return nil
	}
	for _, c := range childrenOf(grad) {
		if err := checkTerms(c); err != nil {
			return err
		}
	}
	return nil
}

// part is the gradient with respect to one input.
type part struct {
	opHeader
	of     *backward
	input  int
	wanted bool
	out    result
	value  gorgonia.Value
	// diverged is set when the gradient is not finite, for each tape that watches it.
	diverged []*bool
}

func (p *part) Do(...gorgonia.Value) (gorgonia.Value, error) { return p.value, p.exists() }

// exists returns an error if the operation has no gradient with respect to the input.
func (p *part) exists() error {
	if p.of.f.op.Differentiable(p.input) {
		return nil
	}
	return p.of.f.noGradient(p.input)
}

func (f *fused) noGradient(input int) error {
	return fmt.Errorf("nn: %v has no gradient with respect to input %d, and a parameter reaches the loss through it: "+
		"put nn.Detach in front of the input if it is to count as a constant", f, input)
}

// Description is what an operation of [Apply] computes beyond its name and its inputs. Exports to
// other formats read it.
type Description struct {
	Act     Activation
	Slope   float64  // of an edge layer's rectifier below zero
	Mode    string   // of messages: how they are aggregated, such as "mean"
	Running []*Param // of a batch norm: mean and variance
	Config  any      // what a layer was made with, of its package's type, where the above does not say it
}

// Described is a [FusedOp] that has more to say than its name and inputs.
type Described interface{ Describe() Description }

// Describe returns the name that [Apply] was given for n, its operation's description and its
// inputs in their order. The name of [Detach] is "detach". An input, a parameter or an operation of
// Gorgonia's own is not ok.
func Describe(n *gorgonia.Node) (name string, d Description, inputs []*gorgonia.Node, ok bool) {
	f, ok := n.Op().(*fused)
	if !ok {
		_, ok = n.Op().(*detach)
		return "detach", d, childrenOf(n), ok
	}
	if op, ok := f.op.(Described); ok {
		d = op.Describe()
	}
	return f.name, d, childrenOf(n), true
}
