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
		for i := range 80 {
			rows, n := r.IntN(40), 1+r.IntN(90)
			switch i {
			case 0: // one call of a kernel does not do
				rows, n = 2, 20000
			case 1:
				rows, n = 3000, 7
			}
			z, bias, dy := uniform(r, rows*n), uniform(r, n), uniform(r, rows*n)
			Scale(3, z)
			if r.IntN(3) == 0 {
				bias = nil
			}
			exactY, exactZ, exactB := wide(z), wide(dy), make([]float64, n)
			refY, refZ := make([]float32, rows*n), make([]float32, rows*n)
			// Kernels take several rows as one, and add up their sums at last.
			together := 1
			for (together*n)%16 != 0 {
				together *= 2
			}
			if rows < 2*together || together*n > 4096 {
				together = 1
			}
			sums, refB := make([]float32, together*n), make([]float32, n)
			for i, v := range z {
				if bias != nil {
					v += bias[i%n]
				}
				y, d := actFloat64(act, float64(v))
				exactY[i] = y
				exactZ[i] *= d
				exactB[i%n] += exactZ[i]
				refY[i] = actRef(act, v)
				refZ[i] = actBackwardRef(act, refY[i], dy[i])
				sums[i%len(sums)] += refZ[i]
			}
			for i, v := range sums {
				refB[i%n] += v
			}
			eachPath(func() {
				name := fmt.Sprintf("act %d, %d rows of %d: ", act, rows, n)
				y := append([]float32(nil), z...)
				BiasAct(act, rows, n, y, bias)
				wantClose(t, name+"y", y, exactY, 1e-6)
				wantBits(t, name+"y", y, refY)
				dz, db := make([]float32, rows*n), make([]float32, n)
				db[0] = 7 // to be overwritten
				ActBackward(act, rows, n, y, dy, dz, db)
				wantClose(t, name+"dz", dz, exactZ, 1e-6)
				wantBits(t, name+"dz", dz, refZ)
				wantClose(t, name+"db", db, exactB, 1e-4)
				wantBits(t, name+"db", db, refB)
				copy(dz, dy)
				ActBackward(act, rows, n, y, dz, dz, nil)
				wantClose(t, name+"aliased dz", dz, exactZ, 1e-6)
				wantBits(t, name+"aliased dz", dz, refZ)
			})
		}
	}
}

// relativeULP returns the error in units of 2^-23 of the exact value.
func relativeULP(got float32, want float64) float64 {
	return math.Abs(float64(got)-want) / math.Abs(want) * (1 << 23)
}

func TestExpSigmoidTanh(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{0, inf, -inf, nan, 1000, -1000, 88.72284, -87.33654, -87.33655, -100, -103.9}
	for _, c := range []struct {
		name   string
		f      func(dst, src []float32)
		want   func(float64) float64
		ref    func(float32) float32
		lo, hi float32 // where the result is a normal number
	}{
		{"Exp", Exp, math.Exp, expRef, -87.3, 88.7},
		{"Sigmoid", Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, sigmoidRef, -87.3, 88},
		{"Tanh", Tanh, math.Tanh, func(x float32) float32 { return actRef(ActTanh, x) }, -math.MaxFloat32, math.MaxFloat32},
	} {
		x := append([]float32(nil), special...)
		for b := uint32(0x00800000); b < 0x7f800000; b += 30011 {
			x = append(x, math.Float32frombits(b), -math.Float32frombits(b))
		}
		ref, y := make([]float32, len(x)), make([]float32, len(x))
		for i, v := range x {
			ref[i] = c.ref(v)
		}
		eachPath(func() {
			c.f(y, x)
			worst := 0.0
			for i, v := range x {
				switch want := c.want(float64(v)); {
				case i < len(special):
					if got, want := float64(y[i]), float64(float32(want)); !(math.Abs(got-want) < 1.2e-38 || got == want || relativeULP(y[i], want) < 3 || got != got && want != want) {
						t.Errorf("%v: %s(%v) = %v, want %v", active, c.name, v, got, want)
					}
				case v >= c.lo && v <= c.hi:
					worst = max(worst, relativeULP(y[i], want))
				}
			}
			t.Logf("%v: %s is within %.2f units of the last place", active, c.name, worst)
			if worst > 3 {
				t.Errorf("%v: %s is off by %v units of the last place", active, c.name, worst)
			}
			wantBits(t, c.name, y, ref)
			copy(y, x)
			c.f(y, y)
			wantBits(t, "aliased "+c.name, y, ref)
		})
	}
}
