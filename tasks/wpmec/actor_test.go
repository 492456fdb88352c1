package wpmec

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/internal/race"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// certainlyNot is the logit that droo.NetworkActor gives a row without one.
const certainlyNot = -1e9

// newActors returns an actor of each kind for n users.
func newActors(t testing.TB, n int, seed uint64) map[string]*Actor {
	t.Helper()
	mlp, err := NewMLPActor(n, DefaultMLPActorConfig(), rl.NewRand(seed, 0))
	if err != nil {
		t.Fatal(err)
	}
	graph, err := NewGraphActor(DefaultGraphActorConfig(), rl.NewRand(seed, 0))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*Actor{"mlp": mlp, "graph": graph}
}

// logits returns a copy of the actor's scores.
func logits(t testing.TB, a *Actor, obs Observation) []float32 {
	t.Helper()
	s, err := a.Scores(obs)
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows != obs.Users() || s.Options != 1 {
		t.Fatalf("scores [%d x %d] for %d users", s.Rows, s.Options, obs.Users())
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(s.Logits)
}

func trainingBatch(t testing.TB, n, size int, rng *rand.Rand) []droo.Sample[Observation] {
	t.Helper()
	s := newSolver(t)
	batch := make([]droo.Sample[Observation], size)
	for b := range batch {
		batch[b] = droo.Sample[Observation]{Observation: channelFrame(t, n, rng), Decision: make([]int32, n)}
		if _, err := s.Exhaustive(batch[b].Observation, batch[b].Decision); err != nil {
			t.Fatal(err)
		}
	}
	return batch
}

// TestActorLoss holds the first loss of a batch against the definition, and training against being
// able to fit it.
func TestActorLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	const n, size = 6, 32
	batch := trainingBatch(t, n, size, rng)
	for b := range batch { // some users off, never the same
		o := &batch[b].Observation
		o.Active = slices.Repeat([]bool{true}, n)
		o.Active[b%n] = false
	}
	for name, a := range newActors(t, n, 1) {
		want, count := 0.0, 0.0
		for _, s := range batch {
			for i, z := range logits(t, a, s.Observation) {
				if !s.Observation.Active[i] {
					if z != certainlyNot {
						t.Fatalf("%s: logit %v of a user that is off", name, z)
					}
					if name == "graph" {
						continue
					}
					z = 0 // the MLP's own logit is not shown
				}
				y := 2*float64(s.Decision[i]) - 1
				want += math.Log1p(math.Exp(-y * float64(z)))
				count++
			}
		}
		first, err := a.Train(batch)
		if err != nil {
			t.Fatal(err)
		}
		tolerance := 1e-5
		if name == "mlp" { // for the hidden logits of users that are off
			tolerance = 0.05
		}
		if math.Abs(first-want/count) > tolerance {
			t.Errorf("%s: loss %v, want %v", name, first, want/count)
		}
		var last float64
		for range 300 {
			if last, err = a.Train(batch); err != nil {
				t.Fatal(err)
			}
		}
		if last > first/4 {
			t.Errorf("%s: loss from %v to %v", name, first, last)
		}
	}
}

// TestGraphActorIsEquivariant: users in another order, or with others that are off between them,
// get the same logits.
func TestGraphActorIsEquivariant(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	a := newActors(t, 8, 2)["graph"]
	for range 20 {
		obs := channelFrame(t, 8, rng)
		want := logits(t, a, obs)
		perm := rng.Perm(8)
		var mixed Observation
		for _, i := range perm {
			if rng.IntN(3) == 0 {
				mixed.H, mixed.W, mixed.Active = append(mixed.H, 1e-6), append(mixed.W, 3), append(mixed.Active, false)
			}
			mixed.H, mixed.W, mixed.Active = append(mixed.H, obs.H[i]), append(mixed.W, obs.W[i]), append(mixed.Active, true)
		}
		got := slices.DeleteFunc(logits(t, a, mixed), func(z float32) bool { return z == certainlyNot })
		for k, i := range perm {
			if math.Abs(float64(got[k]-want[i])) > 1e-4 {
				t.Fatalf("user %d: logit %v, reordered %v", i, want[i], got[k])
			}
		}
	}
}

func TestActorStateResumes(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 12))
	const n = 5
	batch := trainingBatch(t, n, 16, rng)
	others := newActors(t, n, 99)
	for name, a := range newActors(t, n, 3) {
		for range 5 {
			if _, err := a.Train(batch); err != nil {
				t.Fatal(err)
			}
		}
		state := checkpoints.NewState()
		if err := a.SaveState(state); err != nil {
			t.Fatal(err)
		}
		b := others[name]
		if err := b.LoadState(state); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			x, err := a.Train(batch)
			if err != nil {
				t.Fatal(err)
			}
			y, err := b.Train(batch)
			if err != nil || x != y {
				t.Fatalf("%s: loss %v, resumed %v (%v)", name, x, y, err)
			}
		}
		if !slices.Equal(logits(t, a, batch[0].Observation), logits(t, b, batch[0].Observation)) {
			t.Errorf("%s: resumed, other logits", name)
		}
		if err := b.LoadState(checkpoints.NewState()); err == nil {
			t.Errorf("%s: no error for an empty state", name)
		}
	}
}

func TestActorRejects(t *testing.T) {
	actors := newActors(t, 4, 4)
	other := Observation{H: make([]float64, 5), W: AlternatingWeights(5, false)}
	if _, err := actors["mlp"].Scores(other); err == nil || !strings.Contains(err.Error(), "use a graph actor") {
		t.Errorf("another number of users: %v", err)
	}
	for name, a := range actors {
		if _, err := a.Scores(Observation{H: make([]float64, 4)}); err == nil {
			t.Errorf("%s: no weights: no error", name)
		}
	}
	if s, err := actors["graph"].Scores(Observation{}); err != nil || s.Rows != 0 {
		t.Errorf("no users: %v, %v", s, err)
	}
	off := Observation{H: []float64{1e-6}, W: []float64{1}, Active: []bool{false}}
	if s, err := actors["graph"].Scores(off); err != nil || s.Rows != 1 {
		t.Errorf("nobody on: %v, %v", s, err)
	}
	if _, err := NewGraphActor(GraphActorConfig{Hidden: 1}, rl.NewRand(1, 0)); err == nil {
		t.Error("no rounds: no error")
	}
	if _, err := NewMLPActor(0, MLPActorConfig{}, rl.NewRand(1, 0)); err == nil {
		t.Error("no users: no error")
	}
}

func TestActorAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	rng := rand.New(rand.NewPCG(13, 13))
	const n = 10
	batch := trainingBatch(t, n, 32, rng)
	for name, a := range newActors(t, n, 5) {
		step := func() {
			if _, err := a.Scores(batch[0].Observation); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Train(batch); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if got := testing.AllocsPerRun(20, step); got != 0 {
			t.Errorf("%s: a decision and a training step allocate %v times", name, got)
		}
	}
}

// BenchmarkDecision is everything between an observation and the decision: actor, candidates,
// scoring, choice. K is N throughout, more than the learner settles at.
func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{10, 30} {
		for name, a := range newActors(b, n, 6) {
			b.Run(name+"/"+map[int]string{10: "N=10", 30: "N=30"}[n], func(b *testing.B) {
				cfg := droo.DefaultConfig()
				cfg.Candidates, cfg.AdaptInterval = n, 0
				l, err := droo.New(a, &droo.OrderPreserving{}, newSolver(b), ObservationCodec{}, cfg)
				if err != nil {
					b.Fatal(err)
				}
				obs := channelFrame(b, n, rand.New(rand.NewPCG(14, 14)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := l.Decide(obs); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
