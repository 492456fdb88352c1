package kernel

import "fmt"

// Winograd's convolution F(2x2, 3x3) computes 2 x 2 pixels of a convolution of 3 x 3 from 4 x 4 with
// 16 multiplications in place of 36: with the matrices B, G and A of A. Lavin and S. Gray, "Fast
// Algorithms for Convolutional Neural Networks" (CVPR 2016), and products element by element,
//
//	Y = Aᵀ [(G W Gᵀ) ∘ (Bᵀ X B)] A
//
// Over many tiles and channels the 16 products are matrix products; what is here are the six
// transforms, the three above and their adjoints, which take gradients back. A pixel is a vector of
// channels.

// Grid says where squares of pixels lie: Row, Col and Next are the distances, in elements, between
// the rows of a square, its columns, and one square and the next.
type Grid struct {
	Data           []float32
	Row, Col, Next int
}

// WinogradInput writes V = Bᵀ X B for squares X of 4 x 4 pixels, which may overlap, to squares of as
// many.
func WinogradInput(squares, channels int, x, v Grid) {
	transform("WinogradInput", winogradInput, squares, channels, x, v)
}

// WinogradFilter writes U = G W Gᵀ, of 4 x 4 pixels, for filters W of 3 x 3.
func WinogradFilter(squares, channels int, w, u Grid) {
	transform("WinogradFilter", winogradFilter, squares, channels, w, u)
}

// WinogradOutput writes Y = Aᵀ M A, of 2 x 2 pixels, for squares M of 4 x 4.
func WinogradOutput(squares, channels int, m, y Grid) {
	transform("WinogradOutput", winogradOutput, squares, channels, m, y)
}

// WinogradInputBackward adds B dV Bᵀ to the squares dX, which may overlap.
func WinogradInputBackward(squares, channels int, dv, dx Grid) {
	transform("WinogradInputBackward", winogradInputBackward, squares, channels, dv, dx)
}

// WinogradFilterBackward writes dW = Gᵀ dU G.
func WinogradFilterBackward(squares, channels int, du, dw Grid) {
	transform("WinogradFilterBackward", winogradFilterBackward, squares, channels, du, dw)
}

// WinogradOutputBackward writes dM = A dY Aᵀ.
func WinogradOutputBackward(squares, channels int, dy, dm Grid) {
	transform("WinogradOutputBackward", winogradOutputBackward, squares, channels, dy, dm)
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
)

// matrices holds the matrix P of each congruence.
var matrices = [...][][]float32{
	winogradInput:          {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
	winogradFilter:         {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
	winogradOutput:         {{1, 1, 1, 0}, {0, 1, -1, -1}},
	winogradInputBackward:  {{1, 0, 0, 0}, {0, 1, -1, 1}, {-1, 1, 1, 0}, {0, 0, 0, -1}},
	winogradFilterBackward: {{1, 0.5, 0.5, 0}, {0, 0.5, -0.5, 0}, {0, 0.5, 0.5, 1}},
	winogradOutputBackward: {{1, 0}, {1, 1}, {1, -1}, {0, -1}},
}

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
	width := min(channels, burst/16)
	step := max(1, burst/(16*width))
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
	var rows [4][4]float32 // x Pᵀ, as the assembly takes it
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
					if at := to + i*y.Row + j*y.Col; c == winogradInputBackward {
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
// positive coefficient: the order of the assembly.
func combine(coef []float32, x func(i int) float32) float32 {
	first := 0
	for first < len(coef)-1 && coef[first] <= 0 {
		first++
	}
	sum := coef[first] * x(first)
	for i, c := range coef {
		if i != first && c != 0 {
			sum += c * x(i)
		}
	}
	return sum
}
