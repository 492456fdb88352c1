package kernel

import "fmt"

// Winograd is one of Winograd's convolutions F(m x m, 3 x 3), which compute m x m pixels of a
// convolution of 3 x 3 from n x n, n = m+2, with n x n multiplications in place of 9 m x m: with the
// matrices B, G and A of A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks"
// (CVPR 2016), and products element by element,
//
//	Y = Aᵀ [(G W Gᵀ) ∘ (Bᵀ X B)] A
//
// Over many tiles and channels the n x n products are matrix products; what is here are the six
// transforms, the three above and their adjoints, which take gradients back. A pixel is a vector of
// channels.
type Winograd struct {
	Tile, Side int // m and n

	first congruence // of the six, in the order of the constants
}

// Winograd2 takes 16 multiplications in place of 36, and Winograd4 36 in place of 144, with rounding
// errors about ten times as large.
var (
	Winograd2 = Winograd{2, 4, winogradInput}
	Winograd4 = Winograd{4, 6, winograd4Input}
)

// Grid says where squares of pixels lie: Row, Col and Next are the distances, in elements, between
// the rows of a square, its columns, and one square and the next.
type Grid struct {
	Data           []float32
	Row, Col, Next int
}

// Input writes V = Bᵀ X B for squares X of n x n pixels, which may overlap, to squares of as many.
func (w Winograd) Input(squares, channels int, x, v Grid) {
	transform("Winograd.Input", w.first+winogradInput, squares, channels, x, v)
}

// Filter writes U = G W Gᵀ, of n x n pixels, for filters W of 3 x 3.
func (w Winograd) Filter(squares, channels int, f, u Grid) {
	transform("Winograd.Filter", w.first+winogradFilter, squares, channels, f, u)
}

// Output writes Y = Aᵀ M A, of m x m pixels, for squares M of n x n.
func (w Winograd) Output(squares, channels int, m, y Grid) {
	transform("Winograd.Output", w.first+winogradOutput, squares, channels, m, y)
}

// InputBackward adds B dV Bᵀ to the squares dX, which may overlap.
func (w Winograd) InputBackward(squares, channels int, dv, dx Grid) {
	transform("Winograd.InputBackward", w.first+winogradInputBackward, squares, channels, dv, dx)
}

// FilterBackward writes dW = Gᵀ dU G.
func (w Winograd) FilterBackward(squares, channels int, du, dw Grid) {
	transform("Winograd.FilterBackward", w.first+winogradFilterBackward, squares, channels, du, dw)
}

// OutputBackward writes dM = A dY Aᵀ.
func (w Winograd) OutputBackward(squares, channels int, dy, dm Grid) {
	transform("Winograd.OutputBackward", w.first+winogradOutputBackward, squares, channels, dy, dm)
}

// A congruence computes y = P x Pᵀ, or y += P x Pᵀ.
type congruence int

const (
	winogradInput congruence = iota
	winogradFilter
	winogradOutput
	winogradInputBackward
	winogradFilterBackward
	winogradOutputBackward

	winograd4Input
	winograd4Filter
	winograd4Output
	winograd4InputBackward
	winograd4FilterBackward
	winograd4OutputBackward
)

// matrices holds the matrix P of each congruence. Rows 2 and 3 of the larger Bᵀ and G have changed
// their signs.
var matrices = [...][][]float32{
	winogradInput:          {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
	winogradFilter:         {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
	winogradOutput:         {{1, 1, 1, 0}, {0, 1, -1, -1}},
	winogradInputBackward:  {{1, 0, 0, 0}, {0, 1, -1, 1}, {-1, 1, 1, 0}, {0, 0, 0, -1}},
	winogradFilterBackward: {{1, 0.5, 0.5, 0}, {0, 0.5, -0.5, 0}, {0, 0.5, 0.5, 1}},
	winogradOutputBackward: {{1, 0}, {1, 1}, {1, -1}, {0, -1}},

	winograd4Input: {
		{4, 0, -5, 0, 1, 0}, {0, 4, 4, -1, -1, 0}, {0, -4, 4, 1, -1, 0},
		{0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1},
	},
	winograd4Filter: {
		{1. / 4, 0, 0}, {1. / 6, 1. / 6, 1. / 6}, {1. / 6, -1. / 6, 1. / 6},
		{1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1},
	},
	winograd4Output: {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}},
	winograd4InputBackward: {
		{4, 0, 0, 0, 0, 0}, {0, 4, -4, -2, 2, 4}, {-5, 4, 4, -1, -1, 0},
		{0, -1, 1, 2, -2, -5}, {1, -1, -1, 1, 1, 0}, {0, 0, 0, 0, 0, 1},
	},
	winograd4FilterBackward: {
		{1. / 4, 1. / 6, 1. / 6, 1. / 24, 1. / 24, 0},
		{0, 1. / 6, -1. / 6, 1. / 12, -1. / 12, 0},
		{0, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1},
	},
	winograd4OutputBackward: {{1, 0, 0, 0}, {1, 1, 1, 1}, {1, -1, 1, -1}, {1, 2, 4, 8}, {1, -2, 4, -8}, {0, 0, 0, 1}},
}

// adds reports whether a congruence adds to y.
func (c congruence) adds() bool { return c == winogradInputBackward || c == winograd4InputBackward }

// transform checks that the squares lie within their slices, and transforms a burst at a time.
func transform(op string, c congruence, squares, channels int, x, y Grid) {
	checkDim(op, "squares", squares)
	checkDim(op, "channels", channels)
	if squares == 0 || channels == 0 {
		return
	}
	p := matrices[c]
	x.check(op, "the first grid", squares, channels, len(p[0]))
	y.check(op, "the second grid", squares, channels, len(p))
	width := min(channels, burst/(len(p)*len(p[0])))
	step := max(1, burst/(len(p)*len(p[0])*width))
	for at := 0; at < channels; at += width {
		n := min(width, channels-at)
		for s := 0; s < squares; s += step {
			c.apply(min(step, squares-s), n, x.from(s, at), y.from(s, at))
		}
	}
}

func (g Grid) check(op, name string, squares, channels, side int) {
	if g.Row < 0 || g.Col < 0 || g.Next < 0 {
		panic(fmt.Sprintf("kernel: %s: %s has a negative distance: %d, %d, %d", op, name, g.Row, g.Col, g.Next))
	}
	checkLen(op, name, len(g.Data), (squares-1)*g.Next+(side-1)*(g.Row+g.Col)+channels)
}

// from returns the grid from a square and a channel on.
func (g Grid) from(square, channel int) Grid {
	g.Data = g.Data[square*g.Next+channel:]
	return g
}

func (c congruence) applyGo(squares, channels int, x, y Grid) {
	p := matrices[c]
	var rows [6][6]float32 // x Pᵀ, as the assembly takes it
	for s := range squares {
		for ch := range channels {
			from, to := s*x.Next+ch, s*y.Next+ch
			for i := range p[0] {
				for j := range p {
					rows[j][i] = combine(p[j], func(k int) float32 { return x.Data[from+i*x.Row+k*x.Col] })
				}
			}
			for i := range p {
				for j := range p {
					v := combine(p[i], func(k int) float32 { return rows[j][k] })
					if at := to + i*y.Row + j*y.Col; c.adds() {
						y.Data[at] += v
					} else {
						y.Data[at] = v
					}
				}
			}
		}
	}
}

// combine returns the sum of coef[i] x(i), from left to right but that it starts with the first
// positive coefficient: the order of the assembly, where products are rounded.
func combine(coef []float32, x func(i int) float32) float32 {
	first := 0
	for first < len(coef)-1 && coef[first] <= 0 {
		first++
	}
	sum := coef[first] * x(first)
	for i, c := range coef {
		if i != first && c != 0 {
			sum += float32(c * x(i))
		}
	}
	return sum
}
