package lydroo

import (
	"bytes"
	"context"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/matfile/mattest"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/rltest"
)

const published = "../../../shared/data/lydroo/result_10.mat"

func openPublished(t *testing.T) *Dataset {
	t.Helper()
	if _, err := os.Stat(published); err != nil {
		t.Skipf("the published run is not here: %v", err)
	}
	d, err := OpenDataset(published)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Given channel, queues and mode of each published frame, our allocation is feasible and at least as
// good as the authors', whose bisection is coarse.
func TestPublishedObjectives(t *testing.T) {
	d, s := openPublished(t), newSolver(t)
	o := newObservation(d.Users)
	copy(o.W, Weights(d.Users))
	x := make([]int32, d.Users)
	better := 0
	for f := range d.Frames {
		at := f * d.Users
		for i := range x {
			o.H[i], o.Q[i], o.Y[i], x[i] = d.H[at+i], d.Q[at+i], d.Y[at+i], int32(d.Mode[at+i])
		}
		a, err := s.Allocate(o, x)
		if err != nil {
			t.Fatal(err)
		}
		checkFeasible(t, s.p, o, x, a, false)
		if a.Objective < d.Objective[f]*(1-1e-6)-1e-9 {
			t.Errorf("frame %d: objective %.9g, published %.9g", f, a.Objective, d.Objective[f])
		}
		if a.Objective > d.Objective[f]*(1+1e-6) {
			better++
		}
	}
	t.Logf("better than published in %d of %d frames", better, d.Frames)
}

// The environment's queues follow the published ones when it is given the published decisions, up to
// the better allocation in the first frames.
func TestPublishedArrivals(t *testing.T) {
	d := openPublished(t)
	for f := range d.Frames - 1 {
		for i := range d.Users {
			k := f*d.Users + i
			if want := d.Q[k] + d.Arrivals[k] - d.Rate[k]; math.Abs(want-d.Q[k+d.Users]) > 1e-5 {
				t.Fatalf("frame %d, user %d: queue %v, want %v", f+1, i, d.Q[k+d.Users], want)
			}
			if want := max(d.Y[k]+energyScale*(d.Energy[k]-PaperParams().PowerLimit), 0); math.Abs(want-d.Y[k+d.Users]) > 1e-5 {
				t.Fatalf("frame %d, user %d: energy queue %v, want %v", f+1, i, d.Y[k+d.Users], want)
			}
		}
	}
}

// On the published channels and arrivals the graph actor, learning from nothing, has shorter queues
// than the published run and a rate that is not below it, and every user keeps the power limit. Seeds
// 401 to 403: nothing was chosen on them.
func TestPublishedRunIsReached(t *testing.T) {
	openPublished(t)
	for _, m := range []Method{LyDROOGraph, LyDROOValue} {
		for seed := uint64(401); seed <= 403; seed++ {
			c := DefaultConfig(m)
			c.Data, c.Users, c.Arrivals, c.Frames, c.Seed = published, 0, 0, 500, seed
			r, err := Run(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			if r.QueueMbit.Mean > 48.6 || r.WeightedRate < 35.2 || r.EnergyJ.MaxUser > 0.08 {
				t.Errorf("%s, seed %d: queue %v, rate %v, energy %v", m, seed, r.QueueMbit, r.WeightedRate, r.EnergyJ)
			}
		}
	}
}

// Searches are ordered: no decision is better than the exhaustive one, and descent ends where no
// single change helps.
func TestSearches(t *testing.T) {
	rng := rl.NewRand(5, 0)
	s := newSolver(t)
	for range 50 {
		o := randomFrame(rng.Rand, 1+rng.IntN(7))
		n := o.Users()
		best, x := make([]int32, n), make([]int32, n)
		top, err := s.Exhaustive(o, best)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := s.Allocate(o, best)
		if math.Abs(a.Objective-top) > 1e-9*(1+math.Abs(top)) {
			t.Fatalf("objective %v of the decision, %v returned", a.Objective, top)
		}
		for name, search := range map[string]func(Observation, []int32) (float64, error){"descent": s.CoordinateDescent, "greedy": s.Greedy} {
			clear(x)
			v, err := search(o, x)
			if err != nil || v > top*(1+1e-12)+1e-12 {
				t.Fatalf("%s: %v, exhaustive %v (%v)", name, v, top, err)
			}
			if name == "descent" {
				for i := range x {
					x[i] ^= 1
					if a, _ := s.Allocate(o, x); a.Objective > v*(1+1e-12) {
						t.Fatalf("descent stopped at %v, user %d leads to %v", v, i, a.Objective)
					}
					x[i] ^= 1
				}
			}
		}
	}
	if _, err := s.Exhaustive(newObservation(17), make([]int32, 17)); err == nil {
		t.Error("17 users: no error")
	}
}

func tiny(m Method) Config {
	c := DefaultConfig(m)
	c.Users, c.Frames, c.ReportInterval, c.CheckpointInterval, c.BatchSize, c.TrainInterval = 4, 60, 10, 20, 8, 2
	c.Hidden = []int{8}
	return c
}

// Training is resumed bit for bit, for every method.
func TestResume(t *testing.T) {
	for _, m := range Methods() {
		whole, err := NewTraining(tiny(m))
		if err != nil {
			t.Fatal(err)
		}
		advance := func(tr *Training, n int64) {
			for tr.Position().Steps() < n {
				if err := tr.Step(); err != nil {
					t.Fatal(err)
				}
			}
		}
		advance(whole, 60)
		first, _ := NewTraining(tiny(m))
		advance(first, 33)
		state := checkpoints.NewState()
		if err := first.SaveState(state); err != nil {
			t.Fatal(err)
		}
		second, _ := NewTraining(tiny(m))
		if err := second.LoadState(state); err != nil {
			t.Fatal(err)
		}
		advance(second, 60)
		a, b := whole.Result(), second.Result()
		a.FrameUS, b.FrameUS = 0, 0
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: %s", m, diff)
		}
	}
}

func TestEnvKeepsTheContract(t *testing.T) {
	rltest.Env(t, rltest.EnvConfig[Observation, []int32]{
		New: func() rl.Env[Observation, []int32] {
			source, err := NewRandom(Distances(3), 3)
			if err != nil {
				t.Fatal(err)
			}
			env, err := NewEnv(EnvConfig{Params: PaperParams(), Source: source, Frames: 20})
			if err != nil {
				t.Fatal(err)
			}
			return env
		},
		Action: func(o Observation, rng *rl.Rand) []int32 {
			x := make([]int32, o.Users())
			for i := range x {
				x[i] = int32(rng.IntN(2))
			}
			return x
		},
		Clone: func(o Observation) (c Observation) {
			ObservationCodec{}.Copy(&c, o)
			return c
		},
		Invalid: func(o Observation) [][]int32 { return [][]int32{nil, {0, 1}, {0, 1, 2}} },
	})
}

func TestCodec(t *testing.T) {
	o := randomFrame(rl.NewRand(2, 0).Rand, 5)
	var back Observation
	if err := (ObservationCodec{}).Decode(&back, ObservationCodec{}.Encode(nil, o)); err != nil || !cmp.Equal(o, back) {
		t.Errorf("%+v, want %+v (%v)", back, o, err)
	}
}

// Random frames have the paper's means: gains by distance, arrivals of 3 Mbit.
func TestRandomFrames(t *testing.T) {
	const frames = 20_000
	source, err := NewRandom(Distances(10), 3)
	if err != nil {
		t.Fatal(err)
	}
	source.Reset(4)
	h, a := make([]float64, 10), make([]float64, 10)
	gain, arrivals := make([]float64, 10), 0.0
	for range frames {
		source.Next(h, a)
		for i := range h {
			gain[i] += h[i] / frames
		}
		arrivals += mean(a) / frames
	}
	for i, g := range gain {
		if want := PathLoss(Distances(10)[i]); math.Abs(g/want-1) > 0.03 { // mean of the Rician gain is h
			t.Errorf("user %d: mean gain %v, want %v", i, g, want)
		}
	}
	if math.Abs(arrivals-3) > 0.03 {
		t.Errorf("mean arrivals %v", arrivals)
	}
}

func TestConfigurations(t *testing.T) {
	for _, m := range Methods() {
		c := tiny(m)
		data, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseConfig(data, "c.yaml")
		if err != nil || !cmp.Equal(c, back) {
			t.Errorf("%s: %v %s", m, err, cmp.Diff(c, back))
		}
	}
	for text, want := range map[string]string{
		"method: x":                     "method",
		"users: 0":                      "users",
		"data: a.mat\nusers: 3":         "data",
		"v: -1":                         "v",
		"power_limit: 0":                "power_limit",
		"memory_size: 3":                "memory_size",
		"frames: 1.5":                   "frames",
		"method: exhaustive\nusers: 17": "users",
		"speed: 1":                      "speed",
		"method: lydroo\nhidden: [0]":   "hidden[0]",
	} {
		if _, err := ParseConfig([]byte(text), "c.yaml"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "c.yaml") {
			t.Errorf("%q: %v, want an error about %s", text, err, want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	data, _ := tiny(LyDROOGraph).YAML()
	f.Add(data)
	f.Add([]byte("data: x.mat\nframes: 3"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data, "fuzz")
		if err != nil {
			return
		}
		written, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseConfig(written, "fuzz")
		if err != nil || !cmp.Equal(c, back) {
			t.Fatalf("%v %s", err, cmp.Diff(c, back))
		}
	})
}

// recorded is the file of two frames of two users; change alters a variable before it is written.
func recorded(change map[string][]byte) []byte {
	w := mattest.NewFile()
	for _, name := range []string{"input_h", "data_arrival", "data_queue", "off_mode", "objective"} {
		b, ok := change[name]
		switch {
		case ok:
		case name == "off_mode":
			b = mattest.Array(name, 2, 2, mattest.UINT8, []byte{0, 1, 1, 0})
		case name == "objective":
			b = mattest.Array(name, 1, 2, mattest.DOUBLE, mattest.Doubles(-1, 2))
		default:
			b = mattest.Array(name, 2, 2, mattest.DOUBLE, mattest.Doubles(1, 2, 3, 4))
		}
		w.Write(b)
	}
	return w.Bytes()
}

func TestReadDataset(t *testing.T) {
	d, err := ReadDataset(bytes.NewReader(recorded(nil)))
	if err != nil {
		t.Fatal(err)
	}
	h, a := make([]float64, 2), make([]float64, 2)
	r := NewReplay(d)
	r.Next(h, a)
	r.Next(h, a)
	if !slices.Equal(h, []float64{2, 4}) || r.t != 0 || !slices.Equal(d.Mode, []float64{0, 1, 1, 0}) {
		t.Errorf("%+v, second frame %v", d, h)
	}
	for name, content := range map[string][]byte{
		"input_h":      mattest.Array("input_h", 0, 2, mattest.DOUBLE, nil),
		"data_arrival": mattest.Array("data_arrival", 2, 2, mattest.DOUBLE, mattest.Doubles(1, 2, 3, math.NaN())),
		"data_queue":   mattest.Array("data_queue", 1, 2, mattest.DOUBLE, mattest.Doubles(1, 2)),
		"off_mode":     mattest.Array("off_mode", 2, 2, mattest.UINT8, []byte{0, 1, 2, 0}),
		"objective":    mattest.Array("objective", 1, 3, mattest.DOUBLE, mattest.Doubles(1, 2, 3)),
	} {
		if _, err := ReadDataset(bytes.NewReader(recorded(map[string][]byte{name: content}))); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadDataset(bytes.NewReader(mattest.NewFile().Bytes())); err == nil || !strings.Contains(err.Error(), "input_h") {
		t.Errorf("an empty file: %v", err)
	}
}

// FuzzReadDataset: any file is rejected or has frames that can be run.
func FuzzReadDataset(f *testing.F) {
	f.Add(recorded(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ReadDataset(bytes.NewReader(data))
		if err == nil && (len(d.H) != d.Frames*d.Users || len(d.Arrivals) != len(d.H)) {
			t.Fatalf("%+v", d)
		}
	})
}

// A graph actor that was trained with 4 users decides for any number.
func TestLearnedActorServesOtherNumbers(t *testing.T) {
	tr, err := NewTraining(tiny(LyDROOGraph))
	if err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if err := tr.Step(); err != nil {
			t.Fatal(err)
		}
	}
	state := checkpoints.NewState()
	if err := tr.SaveState(state); err != nil {
		t.Fatal(err)
	}
	c := tiny(LyDROOGraph)
	c.Users = 9
	r, err := RunFrom(context.Background(), c, state.Sub(policyState), nil)
	if err != nil || r.Users != 9 || !(r.WeightedRate > 0) {
		t.Errorf("%+v (%v)", r, err)
	}
}
