package agent

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"pgregory.net/rapid"
)

// drawBacklogs draws k backlogs of n servers, in slots, a third of them 0.
func drawBacklogs(rng *rand.Rand, k, n int) []float32 {
	b := make([]float32, k*n)
	for i := range b {
		b[i] = max(0, 4*rng.Float32()-1)
	}
	return b
}

// The fit minimises the squared error over non-negative coefficients: recomputed here, the error is
// level at each coefficient above 0 and rises at each that is 0.
func TestBacklogValueFitsLeastSquares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers, kinds := rapid.IntRange(1, 4).Draw(t, "servers"), rapid.IntRange(1, 3).Draw(t, "kinds")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		const k = 200
		backlogs, targets := drawBacklogs(rng, k, servers), make([]float64, k)
		for i := range targets {
			targets[i] = 5 - float64(backlogs[i*servers]) + rng.NormFloat64()
		}
		v := newBacklogValue(servers, kinds, 0.01)
		for range 50 { // each continues from the solution so far
			if _, err := v.TrainTD(backlogs, k, targets); err != nil {
				t.Fatal(err)
			}
		}
		squares := func() float64 {
			values, sum := make([]float64, k), 0.0
			if err := v.Values(backlogs, k, values); err != nil {
				t.Fatal(err)
			}
			for i := range values {
				sum += (values[i] - targets[i]) * (values[i] - targets[i])
			}
			for _, c := range v.fitted[1:] {
				sum += ridge * c * c
			}
			return sum
		}
		const step = 1e-4
		least := squares()
		for i := range v.fitted {
			old := v.fitted[i]
			for _, d := range []float64{step, -step} {
				if i > 0 && old+d < 0 {
					continue
				}
				v.fitted[i] = old + d
				if s := squares(); s < least-1e-6 {
					t.Errorf("coefficient %d: %v squares at %v, %v at %v", i, least, old, s, old+d)
				}
			}
			v.fitted[i] = old
		}
	})
}

// After any training, a value never rises with a backlog, and falls faster the fuller the servers
// are.
func TestBacklogValueIsConcaveAndMonotone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		const k, servers = 60, 3
		v := newBacklogValue(servers, 2, 0.01)
		targets := make([]float64, k)
		for i := range targets {
			targets[i] = 10 * rng.NormFloat64()
		}
		if _, err := v.TrainTD(drawBacklogs(rng, k, servers), k, targets); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			a, b, mid := make([]float64, servers), make([]float64, servers), make([]float64, servers)
			for n := range a {
				a[n], b[n] = 0.05*rng.Float64(), 0.05*rng.Float64()
				mid[n] = (a[n] + b[n]) / 2
			}
			if v.Value(mid) < (v.Value(a)+v.Value(b))/2-1e-9 {
				t.Fatalf("not concave between %v and %v", a, b)
			}
			before := v.Value(a)
			a[rng.IntN(servers)] += 0.01
			if v.Value(a) > before+1e-9 {
				t.Fatalf("rises towards %v", a)
			}
		}
	}
}

// Targets r + gamma V of a server that, when idle, gets one slot of work with probability p, and
// then works it off. V solves two equations.
func TestBacklogValueFindsFixedPoint(t *testing.T) {
	const p, gamma, k = 0.3, 0.9, 1000
	// In state 1 the reward is 0 and the next state 0; in state 0 it is 1 and the next state 1 with
	// probability p. V0 = 1 + gamma ((1-p) V0 + p V1), V1 = gamma V0.
	want0 := 1 / (1 - gamma*(1-p) - gamma*gamma*p)
	v := newBacklogValue(1, 1, 0.01)
	state, next, reward := make([]float32, k), make([]float32, k), make([]float64, k)
	for i := range k {
		if i%2 == 0 {
			state[i], next[i], reward[i] = 1, 0, 0
			continue
		}
		reward[i] = 1
		if float64(i%1000) < 1000*p { // exactly p of them
			next[i] = 1
		}
	}
	targets := make([]float64, k)
	for range 200 {
		if err := v.Values(next, k, targets); err != nil {
			t.Fatal(err)
		}
		for i := range targets {
			targets[i] = reward[i] + gamma*targets[i]
		}
		if _, err := v.TrainTD(state, k, targets); err != nil {
			t.Fatal(err)
		}
	}
	for b, want := range []float64{want0, gamma * want0} {
		// The ridge of one observation among 500 changes the third digit.
		if got := v.Value([]float64{float64(b) * 0.01}); math.Abs(got-want) > 0.01*want {
			t.Errorf("V(%d) = %v, want %v", b, got, want)
		}
	}
}

// Decisions use the average of the fits, and training goes on from the last: with an average the
// fits are the same as without, bit for bit, and the value of a decision stays between theirs and
// hardly moves with a single one. A value that is saved and restored continues exactly.
func TestBacklogValueAverage(t *testing.T) {
	const k, fits = 50, 400
	last, mean := newBacklogValue(1, 1, 0.01), newBacklogValue(1, 1, 0.01)
	mean.average = 100
	rng := rand.New(rand.NewPCG(1, 0))
	targets, at := make([]float64, k), []float64{0.01}
	var values, averages []float64
	for i := range fits {
		backlogs, price := drawBacklogs(rng, k, 1), 1+float64(i%2) // changes from fit to fit
		for j := range targets {
			targets[j] = 5 - price*float64(backlogs[j])
		}
		for _, v := range []*backlogValue{last, mean} {
			if _, err := v.TrainTD(backlogs, k, targets); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(last.fitted, mean.fitted) || !slices.Equal(last.coefficients, last.fitted) {
			t.Fatalf("fit %d: %v, without an average %v", i, mean.fitted, last.fitted)
		}
		values, averages = append(values, last.Value(at)), append(averages, mean.Value(at))
		if i != fits/2 {
			continue
		}
		state, restored := checkpoints.NewState(), newBacklogValue(1, 1, 0.01)
		restored.average = mean.average
		if err := errors.Join(mean.SaveState(state), restored.LoadState(state)); err != nil {
			t.Fatal(err)
		}
		mean = restored
	}
	spread := func(v []float64) float64 { return slices.Max(v[fits/2:]) - slices.Min(v[fits/2:]) }
	if spread(values) < 0.5 || spread(averages) > 0.05*spread(values) {
		t.Errorf("averages spread over %v, values over %v", spread(averages), spread(values))
	}
	if m := averages[fits-1]; m < slices.Min(values[fits/2:]) || m > slices.Max(values[fits/2:]) {
		t.Errorf("the average is %v", m)
	}
}

// A value that was saved without an average decides as it did. Its average begins with the next fit.
func TestBacklogValueWithoutAverage(t *testing.T) {
	old, young := newBacklogValue(1, 1, 0.01), newBacklogValue(1, 1, 0.01)
	young.average = 100
	state, at := checkpoints.NewState(), []float64{0.01}
	train := func(v *backlogValue, slope float64) {
		t.Helper()
		if _, err := v.TrainTD([]float32{0, 1, 2}, 3, []float64{5, 5 - slope, 5 - 2*slope}); err != nil {
			t.Fatal(err)
		}
	}
	train(old, 1)
	if err := errors.Join(old.SaveState(state), young.LoadState(state)); err != nil {
		t.Fatal(err)
	}
	for _, slope := range []float64{1, 3} {
		if old.Value(at) != young.Value(at) {
			t.Errorf("%v, saved %v", young.Value(at), old.Value(at))
		}
		train(old, slope)
		train(young, slope)
	}
	if first := 5 - 1.; !(young.Value(at) > old.Value(at) && young.Value(at) < first) {
		t.Errorf("%v is not between the last fit, %v, and the one before", young.Value(at), old.Value(at))
	}
}

func TestBacklogValueState(t *testing.T) {
	v := newBacklogValue(3, 2, 0.01)
	if _, err := v.TrainTD([]float32{0, 1, 2, 2, 1, 0}, 2, []float64{1, -3}); err != nil {
		t.Fatal(err)
	}
	state := checkpoints.NewState()
	if err := v.SaveState(state); err != nil {
		t.Fatal(err)
	}
	// More servers, with the learned kinds repeated.
	w := newBacklogValue(6, 4, 0.01)
	if err := w.LoadState(state); err != nil {
		t.Fatal(err)
	}
	b := []float64{0.01, 0.005, 0.03}
	if got, want := w.Value([]float64{b[0], b[1], b[2], b[1], b[0], b[1]}), v.Value([]float64{b[0], b[1], b[2]}); math.IsNaN(got) || math.IsNaN(want) {
		t.Errorf("%v and %v", got, want)
	}
	same := newBacklogValue(3, 2, 0.01)
	if err := same.LoadState(state); err != nil || same.Value(b) != v.Value(b) {
		t.Errorf("%v, want %v, error %v", same.Value(b), v.Value(b), err)
	}
	for _, bad := range [][]float64{make([]float64, 16), {1}, append([]float64{1, math.NaN()}, make([]float64, 15)...), append([]float64{1, -1}, make([]float64, 15)...)} {
		state := checkpoints.NewState()
		state.PutFloat64("coefficients", nil, bad)
		if same.LoadState(state) == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
	if !math.IsNaN(v.Value(nil)) || v.Values(make([]float32, 4), 1, make([]float64, 1)) == nil {
		t.Error("no servers or features of another number of them are accepted")
	}
}
