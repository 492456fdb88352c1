package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// Every transform gives P x Pᵀ in float64 up to rounding, on all instruction sets the same bits, and
// touches nothing between the squares.
func TestWinogradTransforms(t *testing.T) {
	r := newRand(31)
	type c struct {
		name     string
		f        func(squares, channels int, x, y Grid)
		p        [][]float64
		from, to int // sides
	}
	const q, s, v, u = 1. / 4, 1. / 6, 1. / 12, 1. / 24
	var all []c
	for _, w := range []struct {
		Winograd
		b, g, a [][]float64
	}{
		{
			Winograd2,
			[][]float64{{1, 0, 0, 0}, {0, 1, -1, 1}, {-1, 1, 1, 0}, {0, 0, 0, -1}},
			[][]float64{{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}},
			[][]float64{{1, 0}, {1, 1}, {1, -1}, {0, -1}},
		},
		{
			Winograd4,
			[][]float64{{4, 0, 0, 0, 0, 0}, {0, 4, -4, -2, 2, 4}, {-5, 4, 4, -1, -1, 0}, {0, -1, 1, 2, -2, -5}, {1, -1, -1, 1, 1, 0}, {0, 0, 0, 0, 0, 1}},
			[][]float64{{q, 0, 0}, {s, s, s}, {s, -s, s}, {u, v, s}, {u, -v, s}, {0, 0, 1}},
			[][]float64{{1, 0, 0, 0}, {1, 1, 1, 1}, {1, -1, 1, -1}, {1, 2, 4, 8}, {1, -2, 4, -8}, {0, 0, 0, 1}},
		},
	} {
		all = append(all,
			c{"input", w.Input, transposed(w.b), w.Side, w.Side},
			c{"filter", w.Filter, w.g, 3, w.Side},
			c{"output", w.Output, transposed(w.a), w.Side, w.Tile},
			c{"input backward", w.InputBackward, w.b, w.Side, w.Side},
			c{"filter backward", w.FilterBackward, transposed(w.g), w.Side, 3},
			c{"output backward", w.OutputBackward, w.a, w.Tile, w.Side},
		)
	}
	for _, c := range all {
		largest := 0.0 // sum in a row of P, which bounds what cancels
		for _, row := range c.p {
			sum := 0.0
			for _, v := range row {
				sum += math.Abs(v)
			}
			largest = max(largest, sum)
		}
		for _, size := range [][2]int{{0, 3}, {1, 1}, {3, 7}, {2, 16}, {5, 33}, {40, 48}, {1, 3000}} {
			squares, channels := size[0], size[1]
			grid := func(side, gap int) Grid {
				g := Grid{Col: channels + gap}
				g.Row = side*g.Col + gap
				g.Next = side*g.Row + gap
				g.Data = uniform(r, squares*g.Next)
				return g
			}
			x, y := grid(c.from, 2), grid(c.to, 3)
			x.Next = 2 * x.Col // squares overlap, as an input's do
			if c.name == "input backward" {
				y.Next = 2 * y.Col
			}
			want := wide(y.Data)
			for s := range squares {
				for ch := range channels {
					for i := range c.to {
						for j := range c.to {
							at, sum := s*y.Next+i*y.Row+j*y.Col+ch, 0.0
							for k := range c.from {
								for l := range c.from {
									sum += c.p[i][k] * c.p[j][l] * float64(x.Data[s*x.Next+k*x.Row+l*x.Col+ch])
								}
							}
							if c.name == "input backward" {
								sum += want[at]
							}
							want[at] = sum
						}
					}
				}
			}
			var bits []float32
			eachPath(func() {
				got := y
				got.Data = slices.Clone(y.Data)
				c.f(squares, channels, x, got)
				name := fmt.Sprintf("%v: %s of %d squares of %d, %d channels", active, c.name, squares, c.from, channels)
				wantClose(t, name, got.Data, want, 5e-7*largest*largest)
				if bits == nil {
					bits = got.Data
				}
				if !slices.Equal(bits, got.Data) {
					t.Errorf("%s: other bits than before", name)
				}
			})
		}
	}
	small := Grid{Data: make([]float32, 100), Row: 4, Col: 1, Next: 16}
	wantPanic(t, "too short", func() { Winograd2.Input(7, 1, small, small) })
	wantPanic(t, "too many channels", func() { Winograd2.Input(1, 90, small, small) })
	wantPanic(t, "negative squares", func() { Winograd2.Input(-1, 1, small, small) })
	small.Row = -1
	wantPanic(t, "negative distance", func() { Winograd2.Input(1, 1, small, small) })
}

func transposed(m [][]float64) [][]float64 {
	t := make([][]float64, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}

// Both algorithms are convolutions: with filters and pixels of one channel, in float64.
func TestWinogradConvolves(t *testing.T) {
	r := newRand(32)
	for _, w := range []Winograd{Winograd2, Winograd4} {
		n, m := w.Side, w.Tile
		square := func(side int) Grid {
			return Grid{Data: uniform(r, side*side), Row: side, Col: 1, Next: side * side}
		}
		x, f, v, u, y := square(n), square(3), square(n), square(n), square(m)
		w.Input(1, 1, x, v)
		w.Filter(1, 1, f, u)
		for k := range v.Data {
			v.Data[k] *= u.Data[k]
		}
		w.Output(1, 1, v, y)
		want := make([]float64, m*m)
		for i := range m {
			for j := range m {
				for k := range 9 {
					want[i*m+j] += float64(f.Data[k]) * float64(x.Data[(i+k/3)*n+j+k%3])
				}
			}
		}
		wantClose(t, fmt.Sprintf("tile %d", m), y.Data, want, 1e-5)
	}
}
