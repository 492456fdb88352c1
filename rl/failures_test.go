package rl_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
)

// faulty is an environment whose episodes last 12 steps. Its observation holds the step, whether no
// action is allowed, and the fault of the seventh step, if any. At the end no action is allowed.
type faulty struct {
	at     int
	reward float64 // of step 7
	sight  float64 // feature of step 7
	stuck  bool    // no action is allowed after step 7
}

func (f *faulty) observe() []float32 {
	obs := []float32{float32(f.at) / 12, 0, 0}
	if f.at == 7 {
		obs[2] = float32(f.sight)
	}
	if f.at == 12 || f.at == 7 && f.stuck {
		obs[1] = 1
	}
	return obs
}

func (f *faulty) Reset(uint64) ([]float32, error) { f.at = 0; return f.observe(), nil }

func (f *faulty) Step(action int) (rl.Transition[[]float32], error) {
	if action < 0 || action > 1 || f.at == 12 {
		return rl.Transition[[]float32]{}, fmt.Errorf("action %d in step %d", action, f.at)
	}
	f.at++
	t := rl.Transition[[]float32]{Observation: f.observe(), Reward: float64(action), Truncated: f.at == 12}
	if f.at == 7 {
		t.Reward = f.reward
	}
	return t, nil
}

// faultyProblem has one faulty environment, the second.
func faultyProblem(fault faulty, normalize bool) rl.Problem[[]float32] {
	made := 0
	cfg := rl.DefaultMLPConfig(3, 2)
	cfg.Hidden, cfg.Value, cfg.Normalize = []int{8}, rl.SharedValue, normalize
	return rl.Problem[[]float32]{
		NewEnv: func() rl.Env[[]float32, int] {
			made++
			if made == 2 {
				return &fault
			}
			return &faulty{reward: 1}
		},
		NewModel: func(rand *rl.Rand) (rl.Model[[]float32], error) {
			features := func(obs []float32) []float32 { return obs }
			allowed := func(obs []float32) []bool { return []bool{obs[1] == 0, obs[1] == 0} }
			return rl.NewMLPModel(features, allowed, cfg, rand)
		},
		Codec: rl.VectorCodec[float32]{},
	}
}

// A fault of an environment ends every training and evaluation at once, with the environment's
// index and step in the error.
func TestFaultsOfEnvironmentsNameTheStep(t *testing.T) {
	for name, c := range map[string]struct {
		fault faulty
		is    error
		want  string
	}{
		"NaN reward":           {faulty{reward: math.NaN()}, nn.ErrNotFinite, "the reward is NaN"},
		"infinite reward":      {faulty{reward: math.Inf(-1)}, nn.ErrNotFinite, "the reward is -Inf"},
		"reward too large":     {faulty{reward: 1e300}, nn.ErrNotFinite, "the reward is 1e+300"},
		"NaN observation":      {faulty{sight: math.NaN()}, nn.ErrNotFinite, "is NaN"},
		"infinite observation": {faulty{sight: math.Inf(1)}, nn.ErrNotFinite, "is +Inf"},
		"no action":            {faulty{stuck: true}, rl.ErrNoAction, "no action is allowed"},
	} {
		for algorithm, make := range algorithms[[]float32]() {
			for _, normalize := range []bool{false, true} {
				t.Run(fmt.Sprint(algorithm, "/", name, "/", normalize), func(t *testing.T) {
					l, err := make(faultyProblem(c.fault, normalize), 1000, 1)
					if err != nil {
						t.Fatal(err)
					}
					err = l.Train(context.Background())
					if !errors.Is(err, c.is) || errors.Is(err, rl.ErrDiverged) {
						t.Errorf("error %v", err)
					}
					for _, want := range []string{"rl: " + algorithm + ": ", ": environment 1: ", "(after step 7 of the episode with seed ", c.want} {
						if err != nil && !strings.Contains(err.Error(), want) {
							t.Errorf("%q is not in %v", want, err)
						}
					}
					_, err = rl.Evaluate(l, faultyProblem(c.fault, normalize).NewEnv, 3, 1)
					if !errors.Is(err, c.is) || !strings.Contains(err.Error(), "episode 1, after step 7: ") || !strings.Contains(err.Error(), c.want) {
						t.Errorf("evaluation: error %v", err)
					}
				})
			}
		}
	}
}

// If no action is allowed at the end of an episode, learners continue, and their checkpoints load.
// That includes a DQN that has not learned yet.
func TestNothingIsAllowedAtTheEnd(t *testing.T) {
	for algorithm, make := range algorithms[[]float32]() {
		for _, steps := range []int{150, 600} { // DQN starts to learn after 200
			l, err := make(faultyProblem(faulty{}, false), 600, 1)
			if err != nil {
				t.Fatal(err)
			}
			stop := func(p rl.Progress) error {
				if p.Steps >= steps {
					return rl.ErrStop
				}
				return nil
			}
			if err := l.Train(context.Background(), stop); err != nil {
				t.Fatalf("%s: %v", algorithm, err)
			}
			s := checkpoints.NewState()
			if err := l.SaveState(s); err != nil {
				t.Fatal(err)
			}
			again, err := make(faultyProblem(faulty{}, false), 600, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.LoadState(s); err != nil {
				t.Errorf("%s after %d steps: %v", algorithm, steps, err)
			}
			if digest(t, again) != digest(t, l) {
				t.Errorf("%s after %d steps: loading changes the state", algorithm, steps)
			}
		}
	}
}

// An absurd learning rate is an error that names the rate and does not blame the environment.
func TestDivergenceBlamesTheLearningRate(t *testing.T) {
	problem := faultyProblem(faulty{}, false)
	ppo, a2c, reinforce, dqn := rl.DefaultPPOConfig(), rl.DefaultA2CConfig(), rl.DefaultREINFORCEConfig(), rl.DefaultDQNConfig()
	ppo.LearningRate, a2c.LearningRate, reinforce.LearningRate, dqn.LearningRate = 1e30, 1e30, 1e30, 1e30
	ppo.Anneal, a2c.Anneal, dqn.LearningStarts, dqn.Dueling = false, false, 100, true
	dqn.HuberDelta = 0 // its loss would stay finite
	for name, newLearner := range map[string]func() (learner[[]float32], error){
		"PPO":       func() (learner[[]float32], error) { return rl.NewPPO(problem, ppo) },
		"A2C":       func() (learner[[]float32], error) { return rl.NewA2C(problem, a2c) },
		"REINFORCE": func() (learner[[]float32], error) { return rl.NewREINFORCE(problem, reinforce) },
		"DQN":       func() (learner[[]float32], error) { return rl.NewDQN(problem, dqn) },
	} {
		l, err := newLearner()
		if err != nil {
			t.Fatal(err)
		}
		err = l.Train(context.Background())
		if !errors.Is(err, rl.ErrDiverged) || !errors.Is(err, nn.ErrNotFinite) || !strings.Contains(err.Error(), "the learning rate is 1e+30") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Missing parts and inconsistent sizes are errors of constructors.
func TestConstructorsRefuseWhatMakesNoSense(t *testing.T) {
	problem := faultyProblem(faulty{}, false)
	dqn := rl.DefaultDQNConfig()
	dqn.Dueling, dqn.BufferSize = true, 1<<50
	_, large := rl.NewDQN(problem, dqn)
	ppo := rl.DefaultPPOConfig()
	ppo.RolloutSteps = 1 << 50
	_, long := rl.NewPPO(problem, ppo)
	problem.NewEnv = func() rl.Env[[]float32, int] { return nil }
	_, noEnv := rl.NewA2C(problem, rl.DefaultA2CConfig())
	_, noEpisodes := rl.NewREINFORCE(problem, rl.DefaultREINFORCEConfig())
	_, noVec := rl.NewVecEnv([]rl.Env[int, int]{nil}, 1, nil, rl.IntCodec{})
	_, noRollout := rl.NewRollout[int, int](1, 1, nil, nil)
	_, noReplay := rl.NewReplayBuffer[int](1, nil)
	_, noNStep := rl.NewNStep[int](1, 1, nil)
	_, noFeatures := rl.NewMLPModel[int](nil, nil, rl.DefaultMLPConfig(1, 1), rl.NewRand(1, 0))
	_, noPolicy := rl.Evaluate[int](nil, nil, 1, 1)
	for want, err := range map[string]error{
		"do not fit": errors.Join(large, long), "NewEnv returns nil": noEnv, "rl: the problem's NewEnv": noEpisodes,
		"environment 0 is nil": noVec, "rollout: want two codecs": noRollout, "replay buffer: want a codec": noReplay,
		"n-step returns: want a codec": noNStep, "a function that returns features": noFeatures, "want a policy": noPolicy,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	if large == nil || long == nil {
		t.Errorf("sizes beyond memory: %v, %v", large, long)
	}
}
