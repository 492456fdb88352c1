package droo_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/rl/hetero"
)

func TestAdaptiveK(t *testing.T) {
	a, err := droo.NewAdaptiveK(6, 3)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	// Intervals of three: largest index 5, then 1, then 0, then 4 in the last slot of its interval.
	for _, best := range []int{5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0} {
		a.Observe(best)
		got = append(got, a.K())
	}
	if want := []int{6, 6, 6, 6, 6, 3, 3, 3, 2, 2, 2, 6, 6}; !slices.Equal(got, want) {
		t.Errorf("K = %v, want %v", got, want)
	}
	fixed, err := droo.NewAdaptiveK(4, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		fixed.Observe(0)
	}
	if fixed.K() != 4 {
		t.Errorf("with interval 0: K = %d, want 4", fixed.K())
	}
	if _, err := droo.NewAdaptiveK(0, 3); err == nil {
		t.Error("at most 0 candidates: no error")
	}
	state := checkpoints.NewState()
	state.PutInt("k", 7)
	state.PutInt("slots", 0)
	state.PutInt("largest", 0)
	if err := a.LoadState(state); err == nil {
		t.Error("loaded K = 7 of at most 6: no error")
	}
}

// SaveState and LoadState complete the example's actor.
func (a *logistic) SaveState(s *checkpoints.State) error {
	for i, w := range a.weights {
		s.PutFloat64(fmt.Sprint(i), nil, w[:])
	}
	return nil
}

func (a *logistic) LoadState(s *checkpoints.State) error {
	var err error
	for i := range a.weights {
		err = errors.Join(err, s.Float64(fmt.Sprint(i), a.weights[i][:]))
	}
	return err
}

func newLearner(t testing.TB, cfg droo.Config) *droo.Learner[[]float64] {
	q, err := droo.NewNoisyOrderPreserving(1, rl.NewRand(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	l, err := droo.New(&logistic{rate: 1}, q, channelValue{}, rl.VectorCodec[float64]{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run trains l on slots of random gains and returns all its outputs.
func run(t testing.TB, l *droo.Learner[[]float64], rng *rl.Rand, slots int) []string {
	var log []string
	gains := make([]float64, radios)
	for range slots {
		for i := range gains {
			gains[i] = rng.Float64()
		}
		decision, err := l.Decide(gains)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(decision, l.BestIndex(), l.BestValue(), l.K())
		loss, trained, err := l.Learn(gains, decision)
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, line+fmt.Sprint(loss, trained))
	}
	return log
}

func smallConfig() droo.Config {
	return droo.Config{Candidates: 6, AdaptInterval: 8, TrainInterval: 5, StepsPerTrain: 2, BatchSize: 16, MemorySize: 64}
}

func TestDROOResumesExactly(t *testing.T) {
	whole := newLearner(t, smallConfig())
	rng := rl.NewRand(7, 0)
	run(t, whole, rng, 203)

	state := checkpoints.NewState()
	if err := whole.SaveState(state); err != nil {
		t.Fatal(err)
	}
	if err := state.Err(); err != nil {
		t.Fatal(err)
	}
	rngState := checkpoints.NewState()
	if err := rng.SaveState(rngState); err != nil {
		t.Fatal(err)
	}
	want := run(t, whole, rng, 100)

	resumed, rng2 := newLearner(t, smallConfig()), rl.NewRand(0, 0)
	if err := errors.Join(resumed.LoadState(state), rng2.LoadState(rngState)); err != nil {
		t.Fatal(err)
	}
	if got := run(t, resumed, rng2, 100); !slices.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("slot %d after resuming: %s, want %s", i, got[i], want[i])
			}
		}
	}
	if err := newLearner(t, smallConfig()).LoadState(checkpoints.NewState()); err == nil {
		t.Error("empty state: no error")
	}
}

// The decision is the candidate with the highest value, here checked by scoring the same candidates
// again.
func TestDROODecidesForTheBestCandidate(t *testing.T) {
	cfg := smallConfig()
	cfg.AdaptInterval = 0
	l := newLearner(t, cfg)
	twin, err := droo.NewNoisyOrderPreserving(1, rl.NewRand(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	rng := rl.NewRand(2, 0)
	var d droo.Decisions
	indices := map[int]bool{}
	for range 50 {
		gains := make([]float64, radios)
		for i := range gains {
			gains[i] = rng.Float64()
		}
		decision, err := l.Decide(gains)
		if err != nil {
			t.Fatal(err)
		}
		// The untrained actor's logits are zero.
		if err := twin.Candidates(droo.Scores{Rows: radios, Options: 1, Logits: make([]float32, radios)}, 6, &d); err != nil {
			t.Fatal(err)
		}
		values := make([]float64, d.K)
		channelValue{}.Score(gains, &d, values)
		if best := slices.Max(values); best != l.BestValue() || !slices.Equal(decision, d.Candidate(l.BestIndex())) {
			t.Fatalf("decided %v with value %v, the best is %v", decision, l.BestValue(), best)
		}
		indices[l.BestIndex()] = true
	}
	if len(indices) < 3 {
		t.Errorf("the best candidate was always one of %v", indices)
	}
}

// everything proposes to do everything.
type everything struct{}

func (everything) Propose(_ []float64, dst []int32) error {
	for i := range dst {
		dst[i] = 1
	}
	return nil
}

// A proposal is one more candidate: executed where it is the best, without influence on K.
func TestDROOConsidersProposals(t *testing.T) {
	cfg := smallConfig()
	cfg.AdaptInterval = 1
	cfg.Candidates = 2
	with, without := newLearner(t, cfg), newLearner(t, cfg)
	with.SetProposer(everything{})
	rng := rl.NewRand(2, 0)
	chosen := 0
	for range 50 {
		gains := make([]float64, radios)
		for i := range gains {
			gains[i] = rng.Float64()
		}
		d := droo.Decisions{Rows: radios}
		d.Append(slices.Repeat([]int32{1}, radios))
		var proposal [1]float64
		channelValue{}.Score(gains, &d, proposal[:])
		if _, err := without.Decide(gains); err != nil {
			t.Fatal(err)
		}
		decision, err := with.Decide(gains)
		if err != nil {
			t.Fatal(err)
		}
		if want := max(without.BestValue(), proposal[0]); with.BestValue() != want {
			t.Fatalf("value %v, want %v", with.BestValue(), want)
		}
		if proposal[0] > without.BestValue() {
			chosen++
			if !slices.Equal(decision, d.Candidate(0)) {
				t.Fatalf("decided %v", decision)
			}
			k := with.K()
			if _, _, err := with.Learn(gains, decision); err != nil || with.K() != k {
				t.Fatalf("K went from %d to %d, error %v", k, with.K(), err)
			}
		}
	}
	if chosen == 0 {
		t.Error("the proposal was never the best")
	}
}

// drawn proposes at random.
type drawn struct{ *rl.Rand }

func (d drawn) Propose(_ []float64, dst []int32) error {
	for i := range dst {
		dst[i] = int32(d.IntN(2))
	}
	return nil
}

// A proposer's random source is part of the state.
func TestDROOSavesTheProposer(t *testing.T) {
	whole, resumed := newLearner(t, smallConfig()), newLearner(t, smallConfig())
	source, other := drawn{rl.NewRand(3, 0)}, drawn{rl.NewRand(3, 0)}
	whole.SetProposer(source)
	resumed.SetProposer(other)
	run(t, whole, rl.NewRand(7, 0), 20)
	state := checkpoints.NewState()
	if err := whole.SaveState(state); err != nil {
		t.Fatal(err)
	}
	if err := resumed.LoadState(state); err != nil {
		t.Fatal(err)
	}
	if a, b := source.Uint64(), other.Uint64(); a != b {
		t.Errorf("the next draw is %d, would have been %d", b, a)
	}
}

// trainings counts the batches that an actor gets.
type trainings struct {
	logistic
	batches []int
}

func (a *trainings) Train(batch []droo.Sample[[]float64]) (float64, error) {
	a.batches = append(a.batches, len(batch))
	return 1, nil
}

func TestDROOTrainsWhenDue(t *testing.T) {
	for _, c := range []struct {
		change func(*droo.Config)
		want   []int // of the first 30, those after which training happens
	}{
		{func(*droo.Config) {}, []int{20, 25, 30}}, // not at 5, 10 and 15: BatchSize is 16
		{func(c *droo.Config) { c.Warmup = 26 }, []int{30}},
		{func(c *droo.Config) { c.BatchSize, c.TrainInterval = 3, 7 }, []int{7, 14, 21, 28}},
	} {
		cfg := smallConfig()
		c.change(&cfg)
		actor := new(trainings)
		l, err := droo.New(actor, new(droo.KNN), channelValue{}, rl.VectorCodec[float64]{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for slot := 1; slot <= 30; slot++ {
			_, trained, err := l.Learn(make([]float64, radios), make([]int32, radios))
			if err != nil {
				t.Fatal(err)
			}
			if trained {
				got = append(got, slot)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: trained after slots %v, want %v", cfg, got, c.want)
		}
		if len(actor.batches) != 2*len(c.want) || actor.batches[0] != cfg.BatchSize {
			t.Errorf("%+v: batches of %v samples, want %d of %d", cfg, actor.batches, 2*len(c.want), cfg.BatchSize)
		}
	}
}

// With replacement, training starts with the first sample.
func TestDROODrawsWithReplacement(t *testing.T) {
	cfg := smallConfig()
	cfg.Replace, cfg.TrainInterval = true, 1
	l := newLearner(t, cfg)
	rng := rl.NewRand(3, 0)
	obs := make([]float64, radios)
	for slot := range 5 {
		for i := range obs {
			obs[i] = rng.Float64()
		}
		decision, err := l.Decide(obs)
		if err != nil {
			t.Fatal(err)
		}
		if _, trained, err := l.Learn(obs, decision); err != nil || !trained {
			t.Fatalf("slot %d: trained %v (%v)", slot, trained, err)
		}
	}
}

func TestDROOSkipsEmptySlots(t *testing.T) {
	l := newLearner(t, smallConfig())
	if _, _, err := l.Learn(nil, nil); err != nil {
		t.Fatal(err)
	}
	if l.Slots() != 1 || l.Memory().Len() != 0 {
		t.Errorf("after a slot with nothing to decide: %d slots, %d samples; want 1, 0", l.Slots(), l.Memory().Len())
	}
}

// scripted is an actor and a critic with prescribed answers.
type scripted struct {
	logits []float32
	value  float64 // value of the second candidate
	loss   float64
	err    error
}

func (s *scripted) Scores([]float64) (droo.Scores, error) {
	return droo.Scores{Rows: len(s.logits), Options: 1, Logits: s.logits}, nil
}

func (s *scripted) Train([]droo.Sample[[]float64]) (float64, error) { return s.loss, s.err }

func (s *scripted) Score(_ []float64, _ *droo.Decisions, dst []float64) error {
	for k := range dst {
		dst[k] = s.value
	}
	dst[0] = math.Inf(-1)
	return s.err
}

func TestDROOErrorsSayWhere(t *testing.T) {
	cfg := smallConfig()
	cfg.BatchSize, cfg.TrainInterval = 1, 1
	for _, c := range []struct {
		s    scripted
		want string
	}{
		{scripted{logits: []float32{0, float32(math.NaN())}}, "logit of row 1, option 0 is NaN"},
		{scripted{logits: []float32{0, 1}, value: math.NaN()}, "critic: candidate 1 of 3 has the value NaN: [1 1]"},
		{scripted{logits: []float32{0, 1}, value: math.Inf(-1)}, "none of the 3 candidates can be executed"},
		{scripted{logits: []float32{0, 1}, err: errors.New("cold")}, "critic: cold"},
		{scripted{logits: []float32{0, 1}, loss: math.NaN()}, "the actor's loss is NaN"},
	} {
		l, err := droo.New(&c.s, new(droo.OrderPreserving), &c.s, rl.VectorCodec[float64]{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Decide([]float64{1})
		if err == nil {
			_, _, err = l.Learn([]float64{1}, []int32{1})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one saying %q", err, c.want)
		}
	}
}

// Of candidates with equal value the first wins: it is more probable and needs a smaller K.
func TestDROOPrefersTheFirstOfEquals(t *testing.T) {
	s := &scripted{logits: []float32{-1, 2, 3}} // worth -Inf, 0, 0, 0
	l, err := droo.New(s, new(droo.OrderPreserving), s, rl.VectorCodec[float64]{}, smallConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Decide(nil); err != nil || l.BestIndex() != 1 {
		t.Errorf("best index %d, error %v; want 1", l.BestIndex(), err)
	}
}

// K adapts to decisions, not to samples learned without deciding.
func TestDROOObservesEachDecisionOnce(t *testing.T) {
	s := &scripted{logits: []float32{-1, 2, 3}}
	cfg := smallConfig()
	cfg.AdaptInterval = 2
	l, err := droo.New(s, new(droo.OrderPreserving), s, rl.VectorCodec[float64]{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Decide(nil); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, _, err := l.Learn([]float64{1}, []int32{1, 1, 1}); err != nil {
			t.Fatal(err)
		}
	}
	if l.K() != cfg.Candidates {
		t.Errorf("K = %d after one decision, learned from five times; the interval is two decisions", l.K())
	}
}

func TestDROOConfigCheck(t *testing.T) {
	if err := droo.DefaultConfig().Check(); err != nil {
		t.Error(err)
	}
	for _, field := range []string{"Candidates", "TrainInterval", "StepsPerTrain", "BatchSize"} {
		if err := (droo.Config{}).Check(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("zero config: error %v does not name %s", err, field)
		}
	}
	for _, change := range []func(*droo.Config){
		func(c *droo.Config) { c.MemorySize = 100 },
		func(c *droo.Config) { c.Window = 100 },
		func(c *droo.Config) { c.AdaptInterval = -1 },
		func(c *droo.Config) { c.Warmup = -1 },
	} {
		cfg := droo.DefaultConfig()
		change(&cfg)
		if _, err := droo.New(&logistic{}, new(droo.KNN), channelValue{}, rl.VectorCodec[float64]{}, cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}

func TestDROOAllocatesNothing(t *testing.T) {
	l := newLearner(t, smallConfig())
	rng := rl.NewRand(3, 0)
	gains := make([]float64, radios)
	slot := func() {
		for i := range gains {
			gains[i] = rng.Float64()
		}
		decision, err := l.Decide(gains)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Learn(gains, decision); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		slot()
	}
	if n := testing.AllocsPerRun(200, slot); n != 0 {
		t.Errorf("a slot allocates %v times", n)
	}
}

// A loaded policy has the learner's weights, number of candidates and learned value, and decides as
// the learner does; what does not fit is refused.
func TestLoadPolicy(t *testing.T) {
	learner, err := trainSenders(400)
	if err != nil {
		t.Fatal(err)
	}
	state := checkpoints.NewState()
	if err := learner.SaveState(state); err != nil {
		t.Fatal(err)
	}
	model, err := newSenders()
	if err != nil {
		t.Fatal(err)
	}
	critic := droo.CriticFunc[hetero.Graph](clash)
	policy, err := droo.LoadPolicy(state, model, new(droo.KBest), critic)
	if err != nil {
		t.Fatal(err)
	}
	if policy.K() != learner.K() {
		t.Errorf("%d candidates, the learner has %d", policy.K(), learner.K())
	}
	var g hetero.Graph
	rand := rl.NewRand(3, 9)
	for range 50 {
		ring(&g, 3+rand.IntN(20), rand)
		want, errWant := learner.Decide(g)
		got, errGot := policy.Decide(g)
		if errWant != nil || errGot != nil || !slices.Equal(want, got) || policy.BestValue() != learner.BestValue() {
			t.Fatalf("%v, error %v, of the learner %v, error %v", got, errGot, want, errWant)
		}
	}
	if _, err := droo.LoadPolicy(checkpoints.NewState(), model, new(droo.KBest), critic); !errors.Is(err, checkpoints.ErrMismatch) {
		t.Errorf("an empty state: %v", err)
	}
	if _, err := droo.NewPolicy[hetero.Graph](nil, new(droo.KBest), critic, 1); err == nil {
		t.Error("no scorer: no error")
	}
}

// What a critic has learned is a part of the policy.
func TestLoadPolicyWithLearnedCritic(t *testing.T) {
	newCritic := func(v float64, memory int) (*droo.LongTerm[queueObs], *table) {
		value := &table{v: []float64{v, 2 * v}, visits: make([]float64, 2)}
		return newLongTerm(t, nil, value, 0.9, memory), value
	}
	trained, want := newCritic(7, 64)
	state := checkpoints.NewState()
	if err := trained.SaveState(state); err != nil {
		t.Fatal(err)
	}
	loaded, got := newCritic(0, 16) // another memory, which a policy has no use for
	if err := loaded.LoadLearned(state); err != nil || !slices.Equal(got.v, want.v) {
		t.Errorf("value %v, error %v, want %v", got.v, err, want.v)
	}
}

// A network whose weights have run away is refused at the decision, with the reason.
func TestDivergedActor(t *testing.T) {
	model, err := newSenders()
	if err != nil {
		t.Fatal(err)
	}
	actor, err := droo.NewNetworkActor(model, droo.NetworkActorConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var g hetero.Graph
	ring(&g, 5, rl.NewRand(1, 0))
	for _, p := range actor.Params() {
		for i := range p.Data() {
			p.Data()[i] = 1e30
		}
	}
	if _, err := actor.Scores(g); !errors.Is(err, rl.ErrDiverged) || !errors.Is(err, nn.ErrNotFinite) || !strings.Contains(err.Error(), "learning rate") {
		t.Errorf("error %v", err)
	}
}
