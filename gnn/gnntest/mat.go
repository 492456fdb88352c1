package gnntest

import (
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
)

// Mat is a row-major float64 matrix, for writing references. Unlike most libraries' it may have no
// rows.
type Mat struct {
	Rows, Cols int
	V          []float64
}

// NewMat returns a matrix of zeros.
func NewMat(rows, cols int) *Mat { return &Mat{rows, cols, make([]float64, rows*cols)} }

// Random returns a matrix of standard normal numbers that float32 can hold.
func Random(rng *rand.Rand, rows, cols int) *Mat {
	m := NewMat(rows, cols)
	for i := range m.V {
		m.V[i] = float64(float32(rng.NormFloat64()))
	}
	return m
}

// FromFloat32 copies a float32 matrix; a vector becomes one row.
func FromFloat32(x nn.Matrix) *Mat {
	m := NewMat(x.Rows, x.Cols)
	for i := range m.V {
		m.V[i] = float64(x.Data[i])
	}
	return m
}

// Float32 copies m's values into dst.
func (m *Mat) Float32(dst []float32) {
	for i, v := range m.V {
		dst[i] = float32(v)
	}
}

// Row returns row i.
func (m *Mat) Row(i int) []float64 { return m.V[i*m.Cols : (i+1)*m.Cols] }

// At returns entry (i, j).
func (m *Mat) At(i, j int) float64 { return m.V[i*m.Cols+j] }

// Mul returns m b.
func (m *Mat) Mul(b *Mat) *Mat {
	c := NewMat(m.Rows, b.Cols)
	for i := range m.Rows {
		for k, a := range m.Row(i) {
			for j, v := range b.Row(k) {
				c.V[i*c.Cols+j] += a * v
			}
		}
	}
	return c
}

// Add returns m + b; a b of one row is added to every row.
func (m *Mat) Add(b *Mat) *Mat {
	c := NewMat(m.Rows, m.Cols)
	for i := range c.V {
		if b.Rows == 1 {
			c.V[i] = m.V[i] + b.V[i%m.Cols]
		} else {
			c.V[i] = m.V[i] + b.V[i]
		}
	}
	return c
}

// Map returns f of every entry.
func (m *Mat) Map(f func(float64) float64) *Mat {
	c := NewMat(m.Rows, m.Cols)
	for i, v := range m.V {
		c.V[i] = f(v)
	}
	return c
}

// Gather returns the rows of m that idx lists.
func (m *Mat) Gather(idx []int32) *Mat {
	c := NewMat(len(idx), m.Cols)
	for i, r := range idx {
		copy(c.Row(i), m.Row(int(r)))
	}
	return c
}

// ReLU is max(0, x).
func ReLU(x float64) float64 { return max(0, x) }

// LeakyReLU returns the function that is x above zero and slope x below.
func LeakyReLU(slope float64) func(float64) float64 {
	return func(x float64) float64 { return max(x, slope*x) }
}
