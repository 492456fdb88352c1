package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/graphrl/graphrl/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// orthonormal draws k rows of n values that are orthogonal to each other and of length 1.
func orthonormal(rng *rand.Rand, k, n int) [][]float64 {
	rows := make([][]float64, k)
	for i := range rows {
		r := make([]float64, n)
		for j := range r {
			r[j] = rng.NormFloat64()
		}
		for range 2 { // once is not enough for rows that are nearly in the span
			for _, other := range rows[:i] {
				d := dot(r, other)
				for j := range r {
					r[j] -= d * other[j]
				}
			}
		}
		length := math.Sqrt(dot(r, r))
		for j := range r {
			r[j] /= length
		}
		rows[i] = r
	}
	return rows
}

func dot(a, b []float64) (s float64) {
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// grown is what Newton-Schulz makes of a singular value.
func grown(s float64, iterations int) float64 {
	for range iterations {
		s *= 3.4445 - 4.7750*s*s + 2.0315*s*s*s*s
	}
	return s
}

// TestMuonIsOrthogonal gives Muon gradients with known singular value decompositions. The step has
// the same singular vectors, and the values that the scalar iteration gives.
func TestMuonIsOrthogonal(t *testing.T) {
	rng := newRand(31)
	for _, shape := range [][2]int{{40, 7}, {7, 40}, {16, 16}, {300, 32}, {5, 1}, {1, 5}} {
		for _, iterations := range []int{1, 3, 5, 8} {
			t.Run(fmt.Sprint(shape, iterations), func(t *testing.T) {
				in, out := shape[0], shape[1]
				k := min(in, out)
				u, v := orthonormal(rng, k, in), orthonormal(rng, k, out)
				s, norm := make([]float64, k), 0.0
				for i := range s {
					s[i] = 20 * math.Exp(-4*rng.Float64())
					norm = math.Hypot(norm, s[i])
				}
				g, want := make([]float32, in*out), make([]float64, in*out)
				rate := 0.5
				for i := range in {
					for j := range out {
						sum := 0.0
						for l := range s {
							sum += s[l] * u[l][i] * v[l][j]
							want[i*out+j] -= rate * math.Sqrt(max(1, float64(out)/float64(in))) * grown(s[l]/norm, iterations) * u[l][i] * v[l][j]
						}
						g[i*out+j] = float32(sum)
					}
				}
				p := must(nn.NewParam("p", nil, nil, in, out))
				opt := must(nn.NewMuon(nn.Params{p}, nn.MuonConfig{Hidden: nn.Params{p}, LearningRate: rate, Iterations: iterations}))
				step(t, opt, p, g)
				for i, got := range p.Data() {
					if math.Abs(float64(got)-want[i]) > 2e-4 {
						t.Fatalf("value %d is %v, want %v", i, got, want[i])
					}
				}
			})
		}
	}
}

// step makes a step with a gradient of the parameter.
func step(t *testing.T, opt nn.Optimizer, p *nn.Param, g []float32) {
	t.Helper()
	grad := tensor.New(tensor.WithShape(p.Shape()...), tensor.WithBacking(g))
	if err := opt.Step([]gorgonia.ValueGrad{fixedGrad{p, grad}}); err != nil {
		t.Fatal(err)
	}
}

// TestMuonOfOneColumn follows Muon where its steps have a closed form: the orthogonal factor of a
// column is the column over its length, up to what Newton-Schulz makes of 1.
func TestMuonOfOneColumn(t *testing.T) {
	const n, rate, mu, decay = 9, 0.1, 0.8, 0.3
	for name, cfg := range map[string]nn.MuonConfig{
		"decay":      {LearningRate: rate, Momentum: mu, WeightDecay: decay},
		"fixed norm": {LearningRate: rate, Momentum: mu, FixedNorm: true},
	} {
		t.Run(name, func(t *testing.T) {
			rng := newRand(32)
			p := must(nn.NewParam("p", nn.Normal(1), rng, n, 1))
			cfg.Hidden = nn.Params{p}
			opt := must(nn.NewMuon(nn.Params{p}, cfg))
			want, v := make([]float64, n), make([]float64, n)
			for i, x := range p.Data() {
				want[i] = float64(x)
			}
			for range 20 {
				g, ahead := make([]float32, n), make([]float64, n)
				for i := range g {
					g[i] = float32(rng.NormFloat64())
					v[i] = mu*v[i] + float64(g[i])
					ahead[i] = float64(g[i]) + mu*v[i]
				}
				shrink := 1 - rate*cfg.WeightDecay
				if cfg.FixedNorm {
					shrink = 1 / math.Sqrt(dot(want, want))
				}
				for i := range want {
					want[i] = shrink*want[i] - rate*grown(1, 5)*ahead[i]/math.Sqrt(dot(ahead, ahead))
				}
				step(t, opt, p, g)
			}
			for i, got := range p.Data() {
				if math.Abs(float64(got)-want[i]) > 1e-4 {
					t.Fatalf("value %d is %v, want %v", i, got, want[i])
				}
			}
		})
	}
}

// TestMuonLeavesTheRestToSGD compares parameters that are not hidden with SGD, under a schedule.
func TestMuonLeavesTheRestToSGD(t *testing.T) {
	cfg := nn.SGDConfig{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.01}
	a, b := must(nn.NewParam("p", nn.Normal(1), newRand(33), 30, 3)), must(nn.NewParam("p", nn.Normal(1), newRand(33), 30, 3))
	muon, sgd := must(nn.NewMuon(nn.Params{a}, nn.MuonConfig{LearningRate: 0.5, SGD: cfg})), must(nn.NewSGD(nn.Params{b}, cfg))
	rng := newRand(34)
	for k := range 10 {
		g := make([]float32, 90)
		for i := range g {
			g[i] = float32(rng.NormFloat64())
		}
		muon.SetLearningRate(0.5 / float64(k+1))
		sgd.SetLearningRate(0.1 / float64(k+1))
		step(t, muon, a, g)
		step(t, sgd, b, g)
	}
	for i, v := range a.Data() {
		if math.Abs(float64(v-b.Data()[i])) > 1e-5 {
			t.Fatalf("value %d is %v, SGD's %v", i, v, b.Data()[i])
		}
	}
}

// A gradient of zeros, or one too small to be scaled, moves nothing.
func TestMuonWithoutGradient(t *testing.T) {
	p := must(nn.NewParam("p", nn.Normal(1), newRand(35), 4, 4))
	before := append([]float32(nil), p.Data()...)
	opt := must(nn.NewMuon(nn.Params{p}, nn.MuonConfig{Hidden: nn.Params{p}}))
	step(t, opt, p, make([]float32, 16))
	step(t, opt, p, append(make([]float32, 15), 1e-44))
	for i, v := range p.Data() {
		if v != before[i] {
			t.Fatalf("value %d went from %v to %v", i, before[i], v)
		}
	}
}
