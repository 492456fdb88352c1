package cnn

import (
	"fmt"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
)

// Map is the size of the feature map of one image.
type Map struct{ Height, Width, Channels int }

// Pixels returns the number of rows of one image in a matrix of feature maps.
func (m Map) Pixels() int { return m.Height * m.Width }

// Values returns the number of values of one feature map.
func (m Map) Values() int { return m.Pixels() * m.Channels }

func (m Map) String() string { return fmt.Sprintf("%dx%dx%d", m.Height, m.Width, m.Channels) }

// maxSize bounds heights, widths, channels, kernels, strides and paddings, so that no product of
// sizes overflows.
const maxSize = 1 << 15

func (m Map) check() error {
	for _, n := range []int{m.Height, m.Width, m.Channels} {
		if n < 1 || n > maxSize {
			return fmt.Errorf("want height, width and channels from 1 to %d, got %v: %w", maxSize, m, nn.ErrShape)
		}
	}
	return nil
}

// checkNode reports whether x can hold maps of this size.
func (m Map) checkNode(layer string, x *gorgonia.Node) error {
	switch {
	case x == nil:
		return fmt.Errorf("cnn: %s: no input", layer)
	case x.Dims() != 2 || x.Shape()[1] != m.Channels:
		return fmt.Errorf("cnn: %s: want feature maps [images*%d x %d], got shape %v: %w",
			layer, m.Pixels(), m.Channels, x.Shape(), nn.ErrShape)
	}
	return nil
}

// images returns the matrix v of feature maps and how many images it holds.
func (m Map) images(v gorgonia.Value) (nn.Matrix, int, error) {
	x, err := nn.AsMatrix(v)
	if err != nil {
		return nn.Matrix{}, 0, err
	}
	if x.Cols != m.Channels || x.Rows%m.Pixels() != 0 {
		return nn.Matrix{}, 0, fmt.Errorf("want feature maps [images*%d x %d], got [%d x %d]: %w",
			m.Pixels(), m.Channels, x.Rows, x.Cols, nn.ErrShape)
	}
	return x, x.Rows / m.Pixels(), nil
}

// symbolic returns the shape of a node of these maps, with a plausible number of rows.
func (m Map) symbolic() nn.Shape { return nn.Shape{2 * m.Pixels(), m.Channels} }

// window slides over the pixels of a map.
type window struct{ kernel, stride, padding int }

// over returns the size of the result of sliding the window over m.
func (w window) over(m Map) (Map, error) {
	if err := m.check(); err != nil {
		return Map{}, err
	}
	if w.kernel < 1 || w.kernel > maxSize || w.stride < 1 || w.stride > maxSize || w.padding < 0 || w.padding >= w.kernel {
		return Map{}, fmt.Errorf("want a kernel and a stride of at least 1 and a padding below the kernel, got kernel %d, stride %d, padding %d: %w",
			w.kernel, w.stride, w.padding, nn.ErrShape)
	}
	if m.Height+2*w.padding < w.kernel || m.Width+2*w.padding < w.kernel {
		return Map{}, fmt.Errorf("a kernel of %d does not fit into %v with padding %d: %w", w.kernel, m, w.padding, nn.ErrShape)
	}
	return Map{
		Height:   (m.Height+2*w.padding-w.kernel)/w.stride + 1,
		Width:    (m.Width+2*w.padding-w.kernel)/w.stride + 1,
		Channels: m.Channels,
	}, nil
}

// span returns the part [lo, hi) of the window at position i of the result that lies within n
// pixels, and the pixel where the window begins, which may lie in the padding.
func (w window) span(i, n int) (begin, lo, hi int) {
	begin = i*w.stride - w.padding
	return begin, max(0, -begin), min(w.kernel, n-begin)
}
