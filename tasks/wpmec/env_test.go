package wpmec

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

func newEnv(t testing.TB, users, frames int, schedule Schedule) *Env {
	t.Helper()
	c, err := NewChannels(Distances(users))
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEnv(EnvConfig{Params: PaperParams(), Gains: c, Frames: frames, Schedule: schedule})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEnvContract(t *testing.T) {
	data := &Dataset{Frames: 5, Users: 2, H: []float64{1e-6, 2e-6, 3e-6, 4e-6, 5e-6, 6e-6, 7e-6, 8e-6, 9e-6, 1e-6}}
	for _, c := range []struct {
		name string
		env  func() rl.Env[Observation, []int32]
		same bool
	}{
		{"generated", func() rl.Env[Observation, []int32] { return newEnv(t, 4, 50, nil) }, false},
		{"weights", func() rl.Env[Observation, []int32] { return newEnv(t, 4, 50, SwapWeights) }, false},
		{"users", func() rl.Env[Observation, []int32] { return newEnv(t, 4, 50, SwitchUsers) }, false},
		{"data", func() rl.Env[Observation, []int32] {
			e, err := NewEnv(EnvConfig{Params: PaperParams(), Gains: NewReplay(data, 20), Frames: 20})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rltest.Env(t, rltest.EnvConfig[Observation, []int32]{
				New:           c.env,
				Deterministic: c.same,
				Action: func(o Observation, r *rl.Rand) []int32 {
					x := make([]int32, o.Users())
					for i := range x {
						x[i] = r.Int32N(2)
					}
					return x
				},
				Clone: func(o Observation) (c Observation) { o.CopyTo(&c); return c },
				Invalid: func(o Observation) [][]int32 {
					n := o.Users()
					return [][]int32{nil, make([]int32, n+1), append(make([]int32, n-1), 2), append(make([]int32, n-1), -1)}
				},
			})
		})
	}
}

func TestCodecContract(t *testing.T) {
	rltest.Codec(t, ObservationCodec{}, func(r *rl.Rand) Observation {
		n := 1 + r.IntN(4)
		o := Observation{H: make([]float64, n), W: make([]float64, n), Active: make([]bool, n)}
		for i := range n {
			o.H[i], o.W[i], o.Active[i] = r.Float64(), 1+r.Float64(), r.IntN(2) == 0
		}
		if r.IntN(2) == 0 {
			o.Active = nil
		}
		return o
	})
}

func TestSchedules(t *testing.T) {
	const frames, n = 1000, 10
	for _, c := range []struct {
		t, on   int
		swapped bool
	}{
		{0, 10, false}, {599, 10, false}, {600, 9, true}, {650, 8, true}, {700, 7, true}, {750, 6, true},
		{799, 6, true}, {800, 7, false}, {850, 8, false}, {900, 10, false}, {949, 10, false}, {950, 8, false}, {999, 8, false},
	} {
		w := AlternatingWeights(n, false)
		active := slices.Repeat([]bool{true}, n)
		SwapWeights(c.t, frames, w, nil)
		SwitchUsers(c.t, frames, nil, active)
		on := slices.Index(append(active, false), false)
		if on != c.on || slices.Contains(active[on:], true) {
			t.Errorf("frame %d: %v, want the first %d on", c.t, active, c.on)
		}
		if swapped := w[0] == 1.5; swapped != c.swapped || w[1] != 2.5-w[0] {
			t.Errorf("frame %d: weights %v", c.t, w)
		}
	}
	few := []bool{true, true, true}
	SwitchUsers(750, frames, nil, few)
	if !slices.Equal(few, []bool{true, true, false}) {
		t.Errorf("of 3 users: %v", few)
	}
}

func TestEnvRejects(t *testing.T) {
	c, err := NewChannels(Distances(2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewEnv(EnvConfig{Params: PaperParams(), Gains: c}); err == nil || !strings.Contains(err.Error(), "0 frames") {
		t.Errorf("no frames: %v", err)
	}
	if _, err := NewEnv(EnvConfig{Gains: c, Frames: 1}); err == nil {
		t.Error("no parameters: no error")
	}
}

func TestSummarize(t *testing.T) {
	got := Summarize([]float64{1, 0.98, 0.96, 0.94})
	want := Summary{NormalizedRate: 0.97, Share095: 0.75, Share098: 0.5}
	if math.Abs(got.NormalizedRate-want.NormalizedRate) > 1e-15 || got.Share095 != want.Share095 || got.Share098 != want.Share098 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := Summarize(nil); got != (Summary{}) {
		t.Errorf("of nothing: %+v", got)
	}
}
