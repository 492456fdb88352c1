package kernel

import (
	"fmt"
	"slices"
	"testing"
)

// Every transform gives P x Pᵀ in float64 up to rounding, on all instruction sets the same bits, and
// touches nothing between the squares.
func TestWinogradTransforms(t *testing.T) {
	r := newRand(31)
	for _, c := range []struct {
		name     string
		f        func(squares, channels int, x, y Grid)
		p        [][]float64
		from, to int // sides
	}{
		{"input", WinogradInput, [][]float64{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}, 4, 4},
		{"filter", WinogradFilter, [][]float64{{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}}, 3, 4},
		{"output", WinogradOutput, [][]float64{{1, 1, 1, 0}, {0, 1, -1, -1}}, 4, 2},
		{"input backward", WinogradInputBackward, [][]float64{{1, 0, 0, 0}, {0, 1, -1, 1}, {-1, 1, 1, 0}, {0, 0, 0, -1}}, 4, 4},
		{"filter backward", WinogradFilterBackward, [][]float64{{1, .5, .5, 0}, {0, .5, -.5, 0}, {0, .5, .5, 1}}, 4, 3},
		{"output backward", WinogradOutputBackward, [][]float64{{1, 0}, {1, 1}, {1, -1}, {0, -1}}, 2, 4},
	} {
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
				name := fmt.Sprintf("%v: %s of %d squares, %d channels", active, c.name, squares, channels)
				wantClose(t, name, got.Data, want, 2e-6)
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
	wantPanic(t, "too short", func() { WinogradInput(7, 1, small, small) })
	wantPanic(t, "too many channels", func() { WinogradInput(1, 90, small, small) })
	wantPanic(t, "negative squares", func() { WinogradInput(-1, 1, small, small) })
	small.Row = -1
	wantPanic(t, "negative distance", func() { WinogradInput(1, 1, small, small) })
}
