package kernel

import (
	"fmt"
	"math"
	"testing"
)

var allActs = []Act{ActNone, ActReLU, ActLeakyReLU, ActELU, ActSigmoid, ActTanh}

// actFloat64 returns the activation and its derivative at z.
func actFloat64(act Act, z float64) (y, dy float64) {
	switch act {
	case ActReLU:
		if z > 0 {
			return z, 1
		}
		return 0, 0
	case ActLeakyReLU:
		if z > 0 {
			return z, 1
		}
		return LeakySlope * z, LeakySlope
	case ActELU:
		if z > 0 {
			return z, 1
		}
		return math.Expm1(z), math.Exp(z)
	case ActSigmoid:
		y = 1 / (1 + math.Exp(-z))
		return y, y * (1 - y)
	case ActTanh:
		y = math.Tanh(z)
		return y, 1 - y*y
	}
	return z, 1
}

func TestActivations(t *testing.T) {
	r := newRand(4)
	for _, act := range allActs {
		for range 60 {
			rows, n := r.IntN(12), 1+r.IntN(90)
			y, bias, g := uniform(r, rows*n), uniform(r, n), uniform(r, rows*n)
			if r.IntN(3) == 0 {
				bias = nil
			}
			wantY, wantZ, wantB := wide(y), wide(g), make([]float64, n)
			for i, z := range wantY {
				if bias != nil {
					z = float64(y[i] + bias[i%n])
				}
				a, d := actFloat64(act, z)
				wantY[i] = a
				wantZ[i] *= d
				wantB[i%n] += wantZ[i]
			}
			BiasAct(act, rows, n, y, bias)
			wantClose(t, fmt.Sprint("y of ", act), y, wantY, 1e-6)
			dz, db := make([]float32, rows*n), uniform(r, n)
			ActBackward(act, rows, n, y, g, dz, db)
			wantClose(t, fmt.Sprint("dz of ", act), dz, wantZ, 1e-6)
			wantClose(t, fmt.Sprint("db of ", act), db, wantB, 1e-5)
			ActBackward(act, rows, n, y, g, g, nil)
			wantClose(t, fmt.Sprint("aliased dz of ", act), g, wantZ, 1e-6)
		}
	}
}

// relativeULP is the error in units of 2^-24 of the wanted value.
func relativeULP(got float32, want float64) float64 {
	return math.Abs(float64(got)-want) / math.Abs(want) * (1 << 24)
}

func TestExpSigmoidTanh(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for _, c := range []struct {
		name   string
		f      func(dst, src []float32)
		want   func(float64) float64
		lo, hi float32 // where the result is a normal number
	}{
		{"Exp", Exp, math.Exp, -87.3, 88.7},
		{"Sigmoid", Sigmoid, sigmoid, -87, 88},
		{"Tanh", Tanh, math.Tanh, -60, 60},
	} {
		var x []float32
		for b := uint32(0x00800000); b < 0x7f800000; b += 17011 {
			for _, v := range []float32{math.Float32frombits(b), -math.Float32frombits(b)} {
				if v >= c.lo && v <= c.hi {
					x = append(x, v)
				}
			}
		}
		y := make([]float32, len(x))
		c.f(y, x)
		for i, v := range x {
			if want := c.want(float64(v)); relativeULP(y[i], want) > 3 {
				t.Fatalf("%s(%v) = %v, want %v", c.name, v, y[i], want)
			}
		}
		inf := float32(math.Inf(1))
		nan := float32(math.NaN())
		x = []float32{0, inf, -inf, nan, 1000, -1000}
		c.f(x, x)
		for i, v := range []float64{0, math.Inf(1), math.Inf(-1), math.NaN(), 1000, -1000} {
			want := float32(c.want(v))
			if got := x[i]; got != want && !(got != got && want != want) {
				t.Errorf("%s(%v) = %v, want %v", c.name, v, got, want)
			}
		}
	}
}
