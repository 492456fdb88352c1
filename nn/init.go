package nn

import (
	"math"
	"math/rand/v2"
)

// Init fills a weight matrix [in x out] from rng. A vector [n] is handed over as one row.
type Init func(w Matrix, rng *rand.Rand)

// GlorotUniform draws from U(-a, a), a = sqrt(6 / (in + out)) (Glorot and Bengio, AISTATS 2010, eq.
// 16).
func GlorotUniform(w Matrix, rng *rand.Rand) {
	uniform(w, rng, math.Sqrt(6/float64(w.Rows+w.Cols)))
}

// GlorotNormal draws from N(0, 2 / (in + out)) (Glorot and Bengio, AISTATS 2010).
func GlorotNormal(w Matrix, rng *rand.Rand) {
	normal(w, rng, math.Sqrt(2/float64(w.Rows+w.Cols)))
}

// HeUniform draws from U(-a, a), a = sqrt(6 / in), for layers followed by a ReLU (He et al., ICCV
// 2015).
func HeUniform(w Matrix, rng *rand.Rand) { uniform(w, rng, math.Sqrt(6/float64(w.Rows))) }

// HeNormal draws from N(0, 2 / in), for layers followed by a ReLU (He et al., ICCV 2015, eq. 10).
func HeNormal(w Matrix, rng *rand.Rand) { normal(w, rng, math.Sqrt(2/float64(w.Rows))) }

// Normal returns an initialiser that draws from N(0, std^2).
func Normal(std float64) Init {
	return func(w Matrix, rng *rand.Rand) { normal(w, rng, std) }
}

// Uniform returns an initialiser that draws from U(-a, a).
func Uniform(a float64) Init {
	return func(w Matrix, rng *rand.Rand) { uniform(w, rng, a) }
}

// Constant returns an initialiser that sets every weight to v.
func Constant(v float64) Init {
	return func(w Matrix, _ *rand.Rand) {
		for i := range w.Data {
			w.Data[i] = float32(v)
		}
	}
}

func uniform(w Matrix, rng *rand.Rand, a float64) {
	for i := range w.Data {
		w.Data[i] = float32((2*rng.Float64() - 1) * a)
	}
}

func normal(w Matrix, rng *rand.Rand, std float64) {
	for i := range w.Data {
		w.Data[i] = float32(rng.NormFloat64() * std)
	}
}

// Orthogonal returns an initialiser that makes the shorter side of the matrix orthonormal, scaled
// by gain (Saxe et al., ICLR 2014). A gain of sqrt(2) suits ReLU.
func Orthogonal(gain float64) Init {
	return func(w Matrix, rng *rand.Rand) {
		// Rows of q are the vectors made orthonormal: the rows of w, or its columns when there are
		// fewer of them.
		n, dim := w.Rows, w.Cols
		transposed := n > dim
		if transposed {
			n, dim = dim, n
		}
		q := make([][]float64, n)
		for i := range q {
			q[i] = make([]float64, dim)
			for norm := 0.0; norm < 1e-6; { // a draw in the span of the others is drawn again
				for j := range q[i] {
					q[i][j] = rng.NormFloat64()
				}
				// Gram-Schmidt twice: once loses orthogonality to rounding.
				for range 2 {
					for _, p := range q[:i] {
						d := dot64(p, q[i])
						for j := range p {
							q[i][j] -= d * p[j]
						}
					}
				}
				norm = math.Sqrt(dot64(q[i], q[i]))
				for j := range q[i] {
					q[i][j] /= norm
				}
			}
		}
		for r := range w.Rows {
			for c := range w.Cols {
				v := 0.0
				if transposed {
					v = q[c][r]
				} else {
					v = q[r][c]
				}
				w.Data[r*w.Cols+c] = float32(gain * v)
			}
		}
	}
}

func dot64(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}
