package cnn

import (
	"fmt"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// PoolConfig describes a pooling layer.
type PoolConfig struct {
	In      Map
	Kernel  int // height and width of the windows
	Stride  int // 0: Kernel, so that windows do not overlap
	Padding int // below Kernel; padded pixels take no part
}

func (c PoolConfig) window() (window, Map, error) {
	w := window{c.Kernel, c.Stride, c.Padding}
	if w.stride == 0 {
		w.stride = max(w.kernel, 1)
	}
	out, err := w.over(c.In)
	if err == nil && 2*w.padding > w.kernel { // a window could lie in the padding alone
		err = fmt.Errorf("want a padding of at most half the kernel, got kernel %d, padding %d: %w", w.kernel, w.padding, nn.ErrShape)
	}
	return w, out, err
}

// MaxPool2D takes the largest value of each window, channel by channel. Of equal values the first
// one gets the gradient, and NaN exceeds every number.
//
// Shapes: [images*In.Pixels() x channels] -> [images*Out.Pixels() x channels].
type MaxPool2D struct {
	In, Out Map
	window  window
}

// NewMaxPool2D makes a layer.
func NewMaxPool2D(cfg PoolConfig) (*MaxPool2D, error) {
	w, out, err := cfg.window()
	if err != nil {
		return nil, fmt.Errorf("cnn: max pooling: %w", err)
	}
	return &MaxPool2D{In: cfg.In, Out: out, window: w}, nil
}

// Params returns nothing.
func (l *MaxPool2D) Params() nn.Params { return nil }

// Forward adds the layer to x's graph.
func (l *MaxPool2D) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := l.In.checkNode("max pooling", x); err != nil {
		return nil, err
	}
	return nn.Apply("max_pool2d", &maxPool{pool: pool{l.window, l.In, l.Out}}, l.Out.symbolic(), x)
}

// AvgPool2D takes the mean of each window, channel by channel. The mean is over the pixels of the
// map, so padding does not lower it.
//
// Shapes: [images*In.Pixels() x channels] -> [images*Out.Pixels() x channels].
type AvgPool2D struct {
	In, Out Map
	window  window
}

// NewAvgPool2D makes a layer.
func NewAvgPool2D(cfg PoolConfig) (*AvgPool2D, error) {
	w, out, err := cfg.window()
	if err != nil {
		return nil, fmt.Errorf("cnn: average pooling: %w", err)
	}
	return &AvgPool2D{In: cfg.In, Out: out, window: w}, nil
}

// NewGlobalAvgPool makes a layer that averages over the whole map: one row per image.
func NewGlobalAvgPool(in Map) (*AvgPool2D, error) {
	if err := in.check(); err != nil {
		return nil, fmt.Errorf("cnn: global average pooling: %w", err)
	}
	return &AvgPool2D{In: in, Out: Map{1, 1, in.Channels}}, nil
}

// Params returns nothing.
func (l *AvgPool2D) Params() nn.Params { return nil }

// Forward adds the layer to x's graph.
func (l *AvgPool2D) Forward(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := l.In.checkNode("average pooling", x); err != nil {
		return nil, err
	}
	return nn.Apply("avg_pool2d", &avgPool{pool{l.window, l.In, l.Out}}, l.Out.symbolic(), x)
}

// pool is the common part of both operations. The zero window is the whole map.
type pool struct {
	window
	in, out Map
}

func (o *pool) OutShape(in []gorgonia.Value) (int, int, error) {
	_, n, err := o.in.images(in[0])
	return n * o.out.Pixels(), o.out.Channels, err
}

func (*pool) Differentiable(int) bool { return true }

// region returns the pixels that the window of result row r covers: lines of cols pixels, of which
// the first begins at row begin of the input, and each next one In.Width rows later.
func (o *pool) region(r int) (begin, lines, cols int) {
	image := r / o.out.Pixels()
	if o.kernel == 0 {
		return image * o.in.Pixels(), o.in.Height, o.in.Width
	}
	top, u, uEnd := o.span(r%o.out.Pixels()/o.out.Width, o.in.Height)
	left, v, vEnd := o.span(r%o.out.Width, o.in.Width)
	return (image*o.in.Height+top+u)*o.in.Width + left + v, uEnd - u, vEnd - v
}

type maxPool struct {
	pool
	from []int32 // row of the input that each result came from
}

// partitions reports whether every pixel of the input is in exactly one window.
func (o *maxPool) partitions() bool {
	return o.kernel == o.stride && o.padding == 0 && o.in.Height%o.kernel == 0 && o.in.Width%o.kernel == 0
}

func (o *maxPool) Forward(in []gorgonia.Value, y nn.Matrix) error {
	x, err := nn.AsMatrix(in[0])
	if err != nil {
		return err
	}
	if cap(o.from) < len(y.Data) {
		o.from = make([]int32, len(y.Data))
	}
	o.from = o.from[:len(y.Data)]
	for r := range y.Rows {
		begin, lines, cols := o.region(r)
		best, from := y.Row(r), o.from[r*y.Cols:][:y.Cols]
		copy(best, x.Row(begin))
		for c := range from {
			from[c] = int32(begin)
		}
		for u := range lines {
			for v := range cols {
				if p := begin + u*o.in.Width + v; p != begin {
					kernel.TakeLarger(int32(p), x.Row(p), best, from)
				}
			}
		}
	}
	return nil
}

func (o *maxPool) Backward(_ []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) error {
	dx := din[0]
	if dx.IsZero() {
		return nil
	}
	if o.partitions() {
		for r := range y.Rows {
			begin, lines, cols := o.region(r)
			for u := range lines {
				for v := range cols {
					p := begin + u*o.in.Width + v
					kernel.KeepWhere(int32(p), o.from[r*y.Cols:][:y.Cols], dy.Row(r), dx.Row(p))
				}
			}
		}
		return nil
	}
	clear(dx.Data)
	for r := range y.Rows {
		from := o.from[r*y.Cols:][:y.Cols]
		for c, g := range dy.Row(r)[:len(from)] {
			dx.Data[int(from[c])*dx.Cols+c] += g
		}
	}
	return nil
}

type avgPool struct{ pool }

func (o *avgPool) Forward(in []gorgonia.Value, y nn.Matrix) error {
	x, err := nn.AsMatrix(in[0])
	if err != nil {
		return err
	}
	clear(y.Data)
	for r := range y.Rows {
		begin, lines, cols := o.region(r)
		for u := range lines {
			for v := range cols {
				kernel.Axpy(1, x.Row(begin+u*o.in.Width+v), y.Row(r))
			}
		}
		kernel.Scale(1/float32(lines*cols), y.Row(r))
	}
	return nil
}

func (o *avgPool) Backward(_ []gorgonia.Value, y, dy nn.Matrix, din []nn.Matrix) error {
	dx := din[0]
	if dx.IsZero() {
		return nil
	}
	clear(dx.Data)
	for r := range y.Rows {
		begin, lines, cols := o.region(r)
		for u := range lines {
			for v := range cols {
				kernel.Axpy(1/float32(lines*cols), dy.Row(r), dx.Row(begin+u*o.in.Width+v))
			}
		}
	}
	return nil
}

// Flatten gives each image one row, for [nn.Linear]: [images*m.Pixels() x channels] ->
// [images x m.Values()].
func Flatten(x *gorgonia.Node, m Map) (*gorgonia.Node, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("cnn: flatten: %w", err)
	}
	if err := m.checkNode("flatten", x); err != nil {
		return nil, err
	}
	return nn.Apply("flatten", flatten{m}, nn.Shape{2, m.Values()}, x)
}

type flatten struct{ m Map }

func (o flatten) OutShape(in []gorgonia.Value) (int, int, error) {
	_, n, err := o.m.images(in[0])
	return n, o.m.Values(), err
}

func (flatten) Forward(in []gorgonia.Value, out nn.Matrix) error {
	x, err := nn.AsMatrix(in[0])
	copy(out.Data, x.Data)
	return err
}

func (flatten) Differentiable(int) bool { return true }

func (flatten) Backward(_ []gorgonia.Value, _, dout nn.Matrix, din []nn.Matrix) error {
	copy(din[0].Data, dout.Data)
	return nil
}

func (o *pool) Describe() nn.Description {
	return nn.Description{Config: PoolConfig{o.in, o.kernel, o.stride, o.padding}}
}

func (o flatten) Describe() nn.Description {
	return nn.Description{Config: o.m}
}
