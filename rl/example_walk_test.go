package rl_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
)

// walk is an environment of six places in a row. Action 1 steps right and action 0 left, except at
// place 0, where it is masked. Reaching place 5 earns 1 and ends the episode; after 30 steps time is
// up.
type walk struct{ at, steps int }

const places = 6

// Reset implements rl.Env. Everything random would follow from seed.
func (w *walk) Reset(seed uint64) (int, error) {
	*w = walk{}
	return w.at, nil
}

// Step implements rl.Env.
func (w *walk) Step(action int) (rl.Transition[int], error) {
	if action != 1 && (action != 0 || w.at == 0) {
		return rl.Transition[int]{}, fmt.Errorf("walk: action %d at place %d", action, w.at)
	}
	w.at += 2*action - 1
	w.steps++
	t := rl.Transition[int]{Observation: w.at, Terminated: w.at == places-1, Truncated: w.steps == 30}
	if t.Terminated {
		t.Reward = 1
	}
	return t, nil
}

// walkProblem says how learners see the walk: a place is six features, one of which is 1, and the
// step left is masked at place 0.
func walkProblem() rl.Problem[int] {
	oneHot := func(place int) []float32 {
		x := make([]float32, places)
		x[place] = 1
		return x
	}
	allowed := func(place int) []bool { return []bool{place > 0, true} }
	network := rl.DefaultMLPConfig(places, 2)
	network.Hidden = []int{16}
	return rl.Problem[int]{
		NewEnv:   func() rl.Env[int, int] { return new(walk) },
		NewModel: func(rand *rl.Rand) (rl.Model[int], error) { return rl.NewMLPModel(oneHot, allowed, network, rand) },
		Codec:    rl.IntCodec{},
	}
}

// Your own environment is two methods; a Problem adds the network, the mask and the codec of
// observations.
func ExampleProblem() {
	problem := walkProblem()
	cfg := rl.DefaultA2CConfig()
	cfg.Steps, cfg.LearningRate = 10_000, 3e-3
	learner, err := rl.NewA2C(problem, cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := learner.Train(context.Background()); err != nil {
		log.Fatal(err)
	}
	actions := make([]int, places-1)
	if err := learner.Decide([]int{0, 1, 2, 3, 4}, actions); err != nil {
		log.Fatal(err)
	}
	fmt.Println("from places 0 to 4:", actions)

	_, err = new(walk).Step(0)
	fmt.Println("the masked step left:", err)
	// Output:
	// from places 0 to 4: [1 1 1 1 1]
	// the masked step left: walk: action 0 at place 0
}

// DQN with experiences of three steps and prioritised replay, stopped by your own callback.
func ExampleDQN() {
	problem := walkProblem()
	cfg := rl.DefaultDQNConfig()
	cfg.Steps, cfg.LearningStarts, cfg.BatchSize, cfg.BufferSize = 20_000, 200, 32, 2000
	cfg.Dueling, cfg.NStep, cfg.PriorityAlpha = true, 3, 0.6
	learner, err := rl.NewDQN(problem, cfg)
	if err != nil {
		log.Fatal(err)
	}
	// The walk takes five steps at least, so the best return of 1 says nothing about haste.
	enough := func(p rl.Progress) error {
		if p.Episodes >= 100 && p.Return > 0.99 {
			return rl.ErrStop
		}
		return nil
	}
	if err := learner.Train(context.Background(), enough); err != nil {
		log.Fatal(err)
	}
	fmt.Println("stopped before the end:", learner.Progress().Steps < cfg.Steps)
	// Output:
	// stopped before the end: true
}

// A training is stopped half-way, saved, and resumed in a new learner: the weights end equal to the
// last bit.
func ExampleCheckpoint() {
	cfg := rl.DefaultPPOConfig()
	cfg.Steps, cfg.Envs, cfg.RolloutSteps = 4096, 4, 128
	newLearner := func() *rl.PPO[int] {
		learner, err := rl.NewPPO(walkProblem(), cfg)
		if err != nil {
			log.Fatal(err)
		}
		return learner
	}
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	whole := newLearner()
	if err := whole.Train(context.Background()); err != nil {
		log.Fatal(err)
	}

	first := newLearner()
	half := func(p rl.Progress) error {
		if p.Steps >= cfg.Steps/2 {
			return rl.ErrStop
		}
		return nil
	}
	save := rl.Checkpoint(dir, 0, first, checkpoints.Manifest{Method: "PPO"})
	if err := first.Train(context.Background(), half, save); err != nil {
		log.Fatal(err)
	}

	state, manifest, err := checkpoints.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	second := newLearner()
	if err := second.LoadState(state); err != nil {
		log.Fatal(err)
	}
	if err := second.Train(context.Background()); err != nil {
		log.Fatal(err)
	}
	same := true
	for i, p := range second.Policy().Params() {
		same = same && slices.Equal(p.Data(), whole.Policy().Params()[i].Data())
	}
	fmt.Println("resumed half-way:", manifest.Step >= 2048 && manifest.Step < 4096)
	fmt.Println("weights equal:", same)
	// Output:
	// resumed half-way: true
	// weights equal: true
}

// An Evaluator measures the policy during training, in separate episodes, and stops when it has not
// improved for three evaluations.
func ExampleEvaluator() {
	problem := walkProblem()
	cfg := rl.DefaultPPOConfig()
	cfg.Steps, cfg.Envs, cfg.RolloutSteps = 50_000, 4, 64
	learner, err := rl.NewPPO(problem, cfg)
	if err != nil {
		log.Fatal(err)
	}
	evaluator := rl.NewEvaluator(learner, problem.NewEnv, 1000)
	evaluator.Episodes, evaluator.Until = 10, rl.NoBetterFor(3)
	if err := learner.Train(context.Background(), evaluator.Evaluate); err != nil {
		log.Fatal(err)
	}
	points := evaluator.Points()
	fmt.Println("stopped early:", learner.Progress().Steps < cfg.Steps)
	fmt.Println("last mean return:", points[len(points)-1].Mean)
	// Output:
	// stopped early: true
	// last mean return: 1
}

// Failures have names to match: here an environment that allows no action, although its episode
// continues.
func Example_errors() {
	problem := walkProblem()
	nothing := func(int) []bool { return []bool{false, false} }
	features := func(int) []float32 { return make([]float32, places) }
	problem.NewModel = func(rand *rl.Rand) (rl.Model[int], error) {
		return rl.NewMLPModel(features, nothing, rl.DefaultMLPConfig(places, 2), rand)
	}
	learner, err := rl.NewPPO(problem, rl.DefaultPPOConfig())
	if err != nil {
		log.Fatal(err)
	}
	err = learner.Train(context.Background())
	fmt.Println(errors.Is(err, rl.ErrNoAction), errors.Is(err, rl.ErrDiverged))
	// Output:
	// true false
}

// minimal is a complete learner: an actor-critic that takes one step along the policy gradient
// after each rollout. Its loop is Train, which all learners share.
type minimal struct {
	env              *rl.VecEnv[int, int]
	rollout          *rl.Rollout[int, int]
	policy           *rl.ActorCritic[int]
	batch            rl.Minibatch[int]
	actions          []int
	logProbs, values []float32
	progress         rl.Progress
}

func newMinimal(problem rl.Problem[int], envs, steps int, seed uint64) (*minimal, error) {
	l := &minimal{actions: make([]int, envs), logProbs: make([]float32, envs), values: make([]float32, envs)}
	var all []rl.Env[int, int]
	for range envs {
		all = append(all, problem.NewEnv())
	}
	var err error
	if l.env, err = rl.NewVecEnv(all, 1, problem.Codec, rl.IntCodec{}); err != nil {
		return nil, err
	}
	if _, err = l.env.Reset(seed); err != nil {
		return nil, err
	}
	if l.rollout, err = rl.NewRollout(steps, envs, problem.Codec, rl.IntCodec{}); err != nil {
		return nil, err
	}
	model, err := problem.NewModel(rl.NewRand(seed, 1))
	if err != nil {
		return nil, err
	}
	adam, err := nn.NewAdam(model.Params(), nn.AdamConfig{LearningRate: 3e-3})
	if err != nil {
		return nil, err
	}
	loss := rl.PolicyLoss{ValueCoef: 0.5, EntropyCoef: 0.01}
	l.policy, err = rl.NewActorCritic(model, adam, loss, 0.5, rl.NewRand(seed, 2))
	return l, err
}

// Update implements rl.Learner: act for a rollout, estimate advantages, learn.
func (l *minimal) Update() error {
	l.rollout.Clear()
	for range l.rollout.Steps {
		obs := l.env.Observations()
		if err := l.policy.Act(obs, l.actions, l.logProbs, l.values); err != nil {
			return err
		}
		if err := l.rollout.Act(obs, l.actions, l.logProbs, l.values); err != nil {
			return err
		}
		steps, err := l.env.Step(l.actions)
		if err != nil {
			return err
		}
		if err := l.rollout.Observe(steps); err != nil {
			return err
		}
	}
	if err := l.policy.Values(l.env.Observations(), l.values); err != nil {
		return err
	}
	if err := l.rollout.Finish(l.values, 0.99, 0.95); err != nil {
		return err
	}
	executed := l.rollout.Executed(nil) // steps that only started an episode teach nothing
	l.batch.Gather(l.rollout, executed)
	l.batch.NormalizeAdvantages()
	var err error
	l.progress.Policy, err = l.policy.Update(&l.batch)
	l.progress.Steps += len(executed)
	l.progress.Updates++
	return err
}

// Progress implements rl.Learner.
func (l *minimal) Progress() rl.Progress { return l.progress }

// Your own learner on the shared loop: callbacks, cancellation and evaluation come with it.
func ExampleTrain() {
	problem := walkProblem()
	learner, err := newMinimal(problem, 8, 16, 1)
	if err != nil {
		log.Fatal(err)
	}
	evaluator := rl.NewEvaluator(learner.policy, problem.NewEnv, 2000)
	evaluator.Episodes = 10
	if err := rl.Train(context.Background(), "minimal", learner, 8000, evaluator.Evaluate); err != nil {
		log.Fatal(err)
	}
	points := evaluator.Points()
	fmt.Printf("return %v in the last of %d evaluations\n", points[len(points)-1].Mean, len(points))
	// Output:
	// return 1 in the last of 4 evaluations
}
