package cnn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Conv2D is a convolution (a cross-correlation, as everywhere in deep learning) with zero padding:
//
//	y[i, j, o] = b[o] + sum over u, v, c of x[i s - p + u, j s - p + v, c] W[(u k + v) C + c, o]
//
// with the kernel k, stride s, padding p and C input channels.
//
// Shapes: x [images*In.Pixels() x In.Channels], W [k*k*In.Channels x Out.Channels],
// b [Out.Channels], y [images*Out.Pixels() x Out.Channels].
type Conv2D struct {
	In, Out Map
	Weight  *nn.Param
	Bias    *nn.Param // nil: none

	window window
}

// Conv2DConfig describes a [Conv2D].
type Conv2DConfig struct {
	In       Map
	Channels int     // of the result
	Kernel   int     // height and width of the filters
	Stride   int     // 0: 1
	Padding  int     // zeros around the map
	Init     nn.Init // of the weight; nil: nn.HeNormal
	NoBias   bool    // as before a batch normalisation
}

// NewConv2D makes a layer whose filters are drawn from rng and whose bias is zero. Its parameters
// are named name.weight and name.bias.
func NewConv2D(name string, cfg Conv2DConfig, rng *rand.Rand) (*Conv2D, error) {
	w := window{cfg.Kernel, cfg.Stride, cfg.Padding}
	if w.stride == 0 {
		w.stride = 1
	}
	out, err := w.over(cfg.In)
	if err == nil {
		out.Channels = cfg.Channels
		err = out.check()
	}
	if err != nil {
		return nil, fmt.Errorf("cnn: convolution %q: %w", name, err)
	}
	if cfg.Init == nil {
		cfg.Init = nn.HeNormal
	}
	l := &Conv2D{In: cfg.In, Out: out, window: w}
	l.Weight, err = nn.NewParam(name+".weight", cfg.Init, rng, w.kernel*w.kernel*cfg.In.Channels, out.Channels)
	if err == nil && !cfg.NoBias {
		l.Bias, err = nn.NewParam(name+".bias", nil, nil, out.Channels)
	}
	if err != nil {
		return nil, fmt.Errorf("cnn: convolution %q: %w", name, err)
	}
	return l, nil
}

// Dirac returns an initialiser for filters of kernel x kernel pixels that passes the input on: filter
// c has a 1 for channel c in the middle and zeros elsewhere. Filters beyond the input's channels are
// drawn by nn.HeNormal. Deep networks so start as shallow ones (K. Jordan, arXiv 2404.00498; S.
// Zagoruyko and N. Komodakis, arXiv 1706.00388).
func Dirac(kernel int) nn.Init {
	return func(w nn.Matrix, rng *rand.Rand) {
		nn.HeNormal(w, rng)
		channels := w.Rows / (kernel * kernel)
		middle := kernel / 2 * (kernel + 1) * channels
		for c := range min(channels, w.Cols) {
			for row := range w.Rows {
				w.Data[row*w.Cols+c] = 0
			}
			w.Data[(middle+c)*w.Cols+c] = 1
		}
	}
}

// Params returns the weight and the bias, if any.
func (l *Conv2D) Params() nn.Params {
	if l.Bias == nil {
		return nn.Params{l.Weight}
	}
	return nn.Params{l.Weight, l.Bias}
}

// Forward adds the layer to x's graph.
func (l *Conv2D) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if l.Weight == nil {
		return nil, errors.New("cnn: a convolution without a weight: make it with NewConv2D")
	}
	if err := l.In.checkNode(l.Weight.Name, x); err != nil {
		return nil, err
	}
	nodes, err := l.Params().Nodes(x.Graph())
	if err != nil {
		return nil, err
	}
	op := &conv2D{window: l.window, in: l.In, out: l.Out, bias: l.Bias != nil}
	return nn.Apply("conv2d", op, l.Out.symbolic(), append([]*gorgonia.Node{x}, nodes...)...)
}

// conv2D takes x, W and optionally b. Where Winograd's algorithm does not suit, it unfolds a block of
// windows at a time into the rows of a matrix that stays in the cache, and multiplies it by the
// filters. The backward pass unfolds again rather than keep the forward pass's rows, which take
// kernel^2 times the input.
type conv2D struct {
	window
	in, out Map
	bias    bool
	rows    []float32 // unfolded windows [block x depth]
	drows   []float32 // their gradient
}

// depth returns the number of values in one window.
func (o *conv2D) depth() int { return o.kernel * o.kernel * o.in.Channels }

// cacheValues is the size of a block of unfolded windows that leaves room in a second-level cache.
const cacheValues = 96 << 10

// block returns the number of windows to unfold at a time. The backward pass reads and writes the
// whole gradient of the filters for each block, so blocks of wide filters exceed the cache.
func (o *conv2D) block(total int) int {
	return min(total, max(cacheValues/o.depth(), 2*o.out.Channels, 16))
}

// pointwise reports whether windows are the pixels themselves.
func (o *conv2D) pointwise() bool { return o.kernel == 1 && o.stride == 1 }

func (o *conv2D) OutShape(in []gorgonia.Value) (int, int, error) {
	_, n, err := o.in.images(in[0])
	return n * o.out.Pixels(), o.out.Channels, err
}

func (o *conv2D) Forward(in []gorgonia.Value, out nn.Matrix) error {
	x, w, err := o.operands(in)
	if err != nil {
		return err
	}
	if algorithm, ok := o.suitsWinograd(out.Rows); ok {
		p := o.winograd(algorithm, out.Rows)
		p.forward(x, w, out)
		p.close()
	} else {
		o.forwardUnfolded(x, w, out)
	}
	if o.bias {
		b, err := nn.AsMatrix(in[2])
		if err != nil {
			return err
		}
		kernel.BiasAct(kernel.ActNone, out.Rows, o.out.Channels, out.Data, b.Data)
	}
	return nil
}

// forwardUnfolded computes the result without the bias.
func (o *conv2D) forwardUnfolded(x, w, out nn.Matrix) {
	k, n := o.depth(), o.out.Channels
	step := o.block(out.Rows)
	for at := 0; at < out.Rows; at += step {
		m := min(step, out.Rows-at)
		kernel.Gemm(false, false, m, n, k, o.unfold(x, at, m), k, w.Data, n, out.Data[at*n:], n, false)
	}
}

func (o *conv2D) Differentiable(int) bool { return true }

func (o *conv2D) Backward(in []gorgonia.Value, out, dout nn.Matrix, din []nn.Matrix) error {
	x, w, err := o.operands(in)
	if err != nil {
		return err
	}
	if o.bias && !din[2].IsZero() {
		sumRows(dout, din[2].Data)
	}
	dx, dw := din[0], din[1]
	if algorithm, ok := o.suitsWinograd(out.Rows); ok {
		p := o.winograd(algorithm, out.Rows)
		p.backward(x, w, dout, dx, dw)
		p.close()
	} else {
		o.backwardUnfolded(x, w, dout, dx, dw)
	}
	return nil
}

// backwardUnfolded sets dw to the gradient of the filters and dx to that of the input, unless they
// are zero.
func (o *conv2D) backwardUnfolded(x, w, dout, dx, dw nn.Matrix) {
	if !dw.IsZero() {
		clear(dw.Data)
	}
	if !dx.IsZero() {
		clear(dx.Data)
	}
	k, n := o.depth(), o.out.Channels
	step := o.block(dout.Rows)
	for at := 0; at < dout.Rows; at += step {
		m := min(step, dout.Rows-at)
		dy := dout.Data[at*n:]
		if !dw.IsZero() { // dW += windows^T dy
			kernel.Gemm(true, false, k, n, m, o.unfold(x, at, m), k, dy, n, dw.Data, n, true)
		}
		if !dx.IsZero() { // dwindows = dy W^T
			o.drows = reuse.Slice(o.drows, m*k)
			kernel.Gemm(false, true, m, k, n, dy, n, w.Data, n, o.drows, k, false)
			o.fold(o.drows, at, m, dx)
		}
	}
}

func (o *conv2D) operands(in []gorgonia.Value) (x, w nn.Matrix, err error) {
	if x, err = nn.AsMatrix(in[0]); err == nil {
		w, err = nn.AsMatrix(in[1])
	}
	return x, w, err
}

// unfold returns the m windows from the at-th on as rows [m x depth].
func (o *conv2D) unfold(x nn.Matrix, at, m int) []float32 {
	if o.pointwise() {
		return x.Data[at*x.Cols:]
	}
	k := o.depth()
	o.rows = reuse.Slice(o.rows, m*k)
	width := o.kernel * o.in.Channels // values in one line of a window
	o.lines(at, m, func(line, pixel, lo, hi int) {
		row := o.rows[line*width:][:width]
		if lo >= hi {
			clear(row)
			return
		}
		clear(row[:lo*x.Cols])
		copy(row[lo*x.Cols:hi*x.Cols], x.Data[(pixel+lo)*x.Cols:])
		clear(row[hi*x.Cols:])
	})
	return o.rows
}

// fold adds the gradient of m windows, starting with window at, to the gradient of their pixels.
func (o *conv2D) fold(drows []float32, at, m int, dx nn.Matrix) {
	width := o.kernel * o.in.Channels
	o.lines(at, m, func(line, pixel, lo, hi int) {
		if lo < hi {
			kernel.Axpy(1, drows[line*width:][lo*dx.Cols:hi*dx.Cols], dx.Data[(pixel+lo)*dx.Cols:])
		}
	})
}

// lines calls f for each line of m windows from the at-th on. The line sees the pixels pixel+lo to
// pixel+hi; the others lie in the padding. It sees none if lo >= hi.
func (o *conv2D) lines(at, m int, f func(line, pixel, lo, hi int)) {
	line := 0
	image, i, j := at/o.out.Pixels(), at%o.out.Pixels()/o.out.Width, at%o.out.Width
	for range m {
		top, first, last := o.span(i, o.in.Height)
		left, lo, hi := o.span(j, o.in.Width)
		for u := range o.kernel {
			if u < first || u >= last {
				f(line, 0, 0, 0)
			} else {
				f(line, (image*o.in.Height+top+u)*o.in.Width+left, lo, hi)
			}
			line++
		}
		if j++; j == o.out.Width {
			j = 0
			if i++; i == o.out.Height {
				i = 0
				image++
			}
		}
	}
}

// sumRows sets sum to the sum of the rows of x.
func sumRows(x nn.Matrix, sum []float32) {
	clear(sum)
	for i := range x.Rows {
		kernel.Axpy(1, x.Row(i), sum)
	}
}

// FoldBatchNorm returns one convolution equal to l followed by norm in inference, up to rounding
// and without norm's activation: its filters are scaled and shifted by the running values. It
// copies the parameters.
func FoldBatchNorm(l *Conv2D, norm *nn.BatchNorm) (*Conv2D, error) {
	n := l.Out.Channels
	if len(norm.Gamma.Data()) != n {
		return nil, fmt.Errorf("cnn: fold: %s has %d channels, %s %d: %w",
			l.Weight.Name, n, norm.Gamma.Name, len(norm.Gamma.Data()), nn.ErrShape)
	}
	name := strings.TrimSuffix(l.Weight.Name, ".weight")
	folded, err := NewConv2D(name, Conv2DConfig{
		In: l.In, Channels: n, Kernel: l.window.kernel, Stride: l.window.stride, Padding: l.window.padding,
		Init: nn.Constant(0),
	}, rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return nil, err
	}
	scale, shift := norm.Affine()
	for c := range scale {
		if l.Bias != nil {
			shift[c] += scale[c] * float64(l.Bias.Data()[c])
		}
		folded.Bias.Data()[c] = float32(shift[c])
	}
	for i, w := range l.Weight.Data() {
		folded.Weight.Data()[i] = float32(float64(w) * scale[i%n])
	}
	return folded, nil
}

func (o *conv2D) Describe() nn.Description {
	return nn.Description{Config: Conv2DConfig{
		In: o.in, Channels: o.out.Channels, Kernel: o.kernel, Stride: o.stride, Padding: o.padding,
	}}
}
