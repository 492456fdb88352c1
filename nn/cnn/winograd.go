package cnn

import (
	"sync"

	"github.com/graphrl/graphrl/internal/kernel"
	"github.com/graphrl/graphrl/internal/reuse"
	"github.com/graphrl/graphrl/nn"
)

// Convolutions of 3 x 3 pixels and stride 1 are taken by Winograd's F(2x2, 3x3) or F(4x4, 3x3), see
// package kernel: a tile of m x m pixels of the result comes from n x n of the input, n = m+2. Of a
// block of tiles the transforms are n x n matrices, one for each point of a tile, and each is
// multiplied by one of as many of the filters. The backward pass transforms the input again rather
// than keep what takes four times its size, or 2.25 times with larger tiles.
const (
	// smallTiles is the least number of tiles of 2 x 2 that repay the transform of the filters, and
	// winogradChannels the least number of input channels that repay those of the tiles.
	smallTiles       = 16
	winogradChannels = 8

	// largeTiles is the least number of tiles of 4 x 4 to be taken in place of smaller ones. They save
	// 28 multiplications in 64 and cost 36 transformed values of a filter in place of 16, and some
	// accuracy: single images of 32 x 32 pixels, for decisions, do without.
	largeTiles = 128

	// apart is the number of values between the matrices of two points, and between their rows where
	// these are long. Without it they lie powers of two apart, and what is read or written in turn, the
	// points of a tile or a column of a matrix, shares a few lines of the cache.
	apart   = 16
	longRow = 128

	// blockTiles is the least number of tiles in a block, past which all transformed filters go.
	blockTiles = 72
)

// suitsWinograd reports which algorithm fits, if any, and pays for so many pixels of results.
func (o *conv2D) suitsWinograd(pixels int) (kernel.Winograd, bool) {
	fits := func(w kernel.Winograd, tiles int) bool {
		return o.out.Height%w.Tile == 0 && o.out.Width%w.Tile == 0 && pixels >= tiles*w.Tile*w.Tile
	}
	switch {
	case o.kernel != 3 || o.stride != 1 || o.in.Channels < winogradChannels:
		return kernel.Winograd{}, false
	case fits(kernel.Winograd4, largeTiles):
		return kernel.Winograd4, true
	}
	return kernel.Winograd2, fits(kernel.Winograd2, smallTiles)
}

// winograd is a pass through a convolution.
type winograd struct {
	*conv2D
	*winogradMemory
	kernel.Winograd
	points int // of a tile of the input
	width  int // of a row of tiles
	rows   int // of tiles, in all images
	step   int // rows in a block
}

// rowStride returns the distance of rows of so many channels.
func rowStride(channels int) int {
	if channels%longRow == 0 {
		return channels + apart
	}
	return channels
}

// winogradMemory is what a pass needs. Layers share it, so that it stays in the cache.
type winogradMemory struct {
	filters    []float32 // [n*n x In.Channels x Out.Channels]; going back, the last two in turn
	transposed []float32 // filters before the transform, their channels in turn
	dfilters   []float32
	inputs     []float32 // of a block [n*n x tiles x In.Channels]; going back, their gradients too
	results    []float32 // [n*n x tiles x Out.Channels]; going back, their gradients
	strip      []float32 // the n rows of the padded input that a row of tiles sees
}

var winogradPool = sync.Pool{New: func() any { return new(winogradMemory) }}

// winograd starts a pass over so many pixels of results.
func (o *conv2D) winograd(w kernel.Winograd, pixels int) winograd {
	p := winograd{
		conv2D: o, winogradMemory: winogradPool.Get().(*winogradMemory),
		Winograd: w, points: w.Side * w.Side, width: o.out.Width / w.Tile,
	}
	p.rows = pixels / (w.Tile * w.Tile * p.width)
	tiles := max(cacheValues/(p.points*(o.in.Channels+o.out.Channels)), blockTiles)
	p.step = max(1, tiles/p.width)
	return p
}

// transformFilters sets filters to the transforms of w [9 x rows x cols], matrices of the same size.
func (p *winograd) transformFilters(w []float32, rows, cols int) {
	p.filters = reuse.Slice(p.filters, p.points*point(rows, cols))
	p.Filter(rows, cols, pointGrid(w, rows*cols, 3, cols), pointGrid(p.filters, point(rows, cols), p.Side, rowStride(cols)))
}

// point is the distance of the matrices of two points, of so many rows: tiles, or filters' channels.
func point(rows, channels int) int { return rows*rowStride(channels) + apart }

// pointGrid is matrices for side x side points that lie point apart, their rows ld apart.
func pointGrid(x []float32, point, side, ld int) kernel.Grid {
	return kernel.Grid{Data: x, Row: side * point, Col: point, Next: ld}
}

// forward computes the result y without the bias.
func (p *winograd) forward(x, w, y nn.Matrix) {
	c, n := p.in.Channels, p.out.Channels
	filter := point(c, n)
	p.transformFilters(w.Data, c, n)
	for at := 0; at < p.rows; at += p.step {
		rows := min(p.step, p.rows-at)
		tiles := rows * p.width
		input, result := point(tiles, c), point(tiles, n)
		p.transformInput(x, at, rows)
		p.results = reuse.Slice(p.results, p.points*result)
		for k := range p.points {
			kernel.Gemm(false, false, tiles, n, c, p.inputs[k*input:], rowStride(c), p.filters[k*filter:], rowStride(n), p.results[k*result:], rowStride(n), false)
		}
		for r := range rows {
			p.Output(p.width, n, p.tileGrid(p.results, r, rows, n), p.resultGrid(y, at+r))
		}
	}
}

// backward computes the gradients of the filters and, unless dx is zero, that of the input.
func (p *winograd) backward(x, w, dy, dx, dw nn.Matrix) {
	c, n := p.in.Channels, p.out.Channels
	filter, dfilter := point(n, c), c*n+apart
	if !dx.IsZero() {
		p.transposed = reuse.Slice(p.transposed, len(w.Data))
		for tap := range 9 {
			kernel.Transpose(c, n, w.Data[tap*c*n:][:c*n], p.transposed[tap*c*n:])
		}
		p.transformFilters(p.transposed, n, c)
	}
	p.dfilters = reuse.Slice(p.dfilters, p.points*dfilter)
	for at := 0; at < p.rows; at += p.step {
		rows := min(p.step, p.rows-at)
		tiles := rows * p.width
		input, result := point(tiles, c), point(tiles, n)
		p.results = reuse.Slice(p.results, p.points*result)
		for r := range rows {
			p.OutputBackward(p.width, n, p.resultGrid(dy, at+r), p.tileGrid(p.results, r, rows, n))
		}
		if !dw.IsZero() {
			p.transformInput(x, at, rows)
			for k := range p.points {
				kernel.Gemm(true, false, c, n, tiles, p.inputs[k*input:], rowStride(c), p.results[k*result:], rowStride(n), p.dfilters[k*dfilter:], n, at > 0)
			}
		}
		if !dx.IsZero() {
			p.inputs = reuse.Slice(p.inputs, p.points*input)
			for k := range p.points {
				kernel.Gemm(false, false, tiles, c, n, p.results[k*result:], rowStride(n), p.filters[k*filter:], rowStride(c), p.inputs[k*input:], rowStride(c), false)
			}
			p.inputGradient(dx, at, rows)
		}
	}
	if !dw.IsZero() {
		p.FilterBackward(1, c*n, pointGrid(p.dfilters, dfilter, p.Side, 0), pointGrid(dw.Data, c*n, 3, 0))
	}
}

// tileGrid is row r of a block of rows of tiles: of [n*n x tiles x channels].
func (p *winograd) tileGrid(x []float32, r, rows, channels int) kernel.Grid {
	return pointGrid(x[r*p.width*rowStride(channels):], point(rows*p.width, channels), p.Side, rowStride(channels))
}

// resultGrid is the pixels of row r of tiles in the result.
func (p *winograd) resultGrid(y nn.Matrix, r int) kernel.Grid {
	return kernel.Grid{Data: y.Data[p.Tile*r*p.out.Width*y.Cols:], Row: p.out.Width * y.Cols, Col: y.Cols, Next: p.Tile * y.Cols}
}

// transformInput sets inputs to the transforms of rows rows of tiles from the at-th on.
func (p *winograd) transformInput(x nn.Matrix, at, rows int) {
	p.inputs = reuse.Slice(p.inputs, p.points*point(rows*p.width, x.Cols))
	strip := p.stripGrid()
	clear(strip.Data) // the padding at the sides stays zero
	for r := range rows {
		p.stripRows(at+r, func(u, pixel int) {
			row := p.inside(strip, u)
			if pixel < 0 {
				clear(row)
			} else {
				copy(row, x.Data[pixel*x.Cols:])
			}
		})
		p.Input(p.width, x.Cols, strip, p.tileGrid(p.inputs, r, rows, x.Cols))
	}
}

// inputGradient sets dx to what comes from inputs, the gradients of such transforms. A strip shares
// its first two rows with the one before it, in the same image, and is the first to set the others.
func (p *winograd) inputGradient(dx nn.Matrix, at, rows int) {
	strip := p.stripGrid()
	for r := range rows {
		clear(strip.Data)
		p.InputBackward(p.width, dx.Cols, p.tileGrid(p.inputs, r, rows, dx.Cols), strip)
		p.stripRows(at+r, func(u, pixel int) {
			switch {
			case pixel < 0:
			case u >= 2 || p.top(at+r):
				copy(dx.Data[pixel*dx.Cols:], p.inside(strip, u))
			default:
				kernel.Axpy(1, p.inside(strip, u), dx.Data[pixel*dx.Cols:])
			}
		})
	}
}

// stripGrid is what a row of tiles sees: n rows of the padded input.
func (p *winograd) stripGrid() kernel.Grid {
	c := p.in.Channels
	row := (p.in.Width + 2*p.padding) * c
	p.strip = reuse.Slice(p.strip, p.Side*row)
	return kernel.Grid{Data: p.strip, Row: row, Col: c, Next: p.Tile * c}
}

// inside is row u of a strip without the padding.
func (p *winograd) inside(strip kernel.Grid, u int) []float32 {
	c := p.in.Channels
	return strip.Data[u*strip.Row+p.padding*c:][:p.in.Width*c]
}

// stripRows calls f for each row of the strip of row r of tiles, with the input's pixel where the row
// begins, or -1 in the padding.
func (p *winograd) stripRows(r int, f func(u, pixel int)) {
	ofImage := p.out.Height / p.Tile
	image, top := r/ofImage, p.Tile*(r%ofImage)-p.padding
	for u := range p.Side {
		if i := top + u; i < 0 || i >= p.in.Height {
			f(u, -1)
		} else {
			f(u, (image*p.in.Height+i)*p.in.Width)
		}
	}
}

// top reports whether row r of tiles is the first of an image.
func (p *winograd) top(r int) bool { return r%(p.out.Height/p.Tile) == 0 }

// close ends the pass.
func (p *winograd) close() { winogradPool.Put(p.winogradMemory) }
