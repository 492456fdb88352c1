package main

import (
	"fmt"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/envs"
)

// task is an environment with settings that do well on it.
type task struct {
	name   string
	newEnv func() rl.DiscreteEnv
	target float64        // mean return to reach
	steps  map[string]int // to train for, per algorithm
	ppo    func(*rl.PPOConfig)
}

var tasks = map[string]task{
	"cartpole": {
		name:   "CartPole-v1",
		newEnv: func() rl.DiscreteEnv { return envs.NewCartPole() },
		target: 490,
		steps:  map[string]int{"ppo": 100_000, "dqn": 100_000, "a2c": 500_000, "reinforce": 500_000},
		// Short rollouts that are learned from often, with a high learning rate: the
		// hyper-parameters of RL Baselines3 Zoo.
		ppo: func(c *rl.PPOConfig) {
			c.Envs, c.RolloutSteps, c.BatchSize, c.Epochs = 8, 32, 256, 20
			c.Gamma, c.Lambda = 0.98, 0.8
			c.LearningRate, c.EntropyCoef = 1e-3, 0
		},
	},
	"acrobot": {
		name:   "Acrobot-v1",
		newEnv: func() rl.DiscreteEnv { return envs.NewAcrobot() },
		target: -90,
		steps:  map[string]int{"ppo": 1_000_000},
		// Rollouts, epochs and advantages are those of RL Baselines3 Zoo. Minibatches are four
		// times as large as there and steps larger, and features are not normalised, because their
		// scale is about 1.
		ppo: func(c *rl.PPOConfig) {
			c.Envs, c.RolloutSteps, c.BatchSize, c.Epochs = 16, 256, 256, 4
			c.Gamma, c.Lambda = 0.99, 0.94
			c.LearningRate, c.EntropyCoef = 1e-3, 0
		},
	},
}

// learner returns an algorithm with the recipe of the task. What a recipe does not name is the
// default.
func (t task) learner(algo string, seed uint64, steps int) (rl.Problem[[]float32], learner, error) {
	network := rl.DefaultMLPConfig(0, 0) // of two hidden layers of 64 tanh, and a critic like it
	if algo == "dqn" {
		network.Activation, network.Value, network.ScoreGain = nn.ReLU, rl.NoValue, 1
	}
	problem := rl.VectorProblem(t.newEnv, network)
	var l learner
	var err error
	switch algo {
	case "ppo":
		cfg := rl.DefaultPPOConfig()
		cfg.Steps, cfg.Seed = steps, seed
		t.ppo(&cfg)
		l, err = rl.NewPPO(problem, cfg)
	case "a2c":
		cfg := rl.DefaultA2CConfig()
		cfg.Steps, cfg.Seed = steps, seed
		cfg.RolloutSteps, cfg.Lambda = 8, 0.95
		cfg.LearningRate, cfg.EntropyCoef = 2e-3, 0
		l, err = rl.NewA2C(problem, cfg)
	case "dqn":
		cfg := rl.DefaultDQNConfig()
		cfg.Steps, cfg.Seed = steps, seed
		// Rewards come with every step and values are large. Long returns make them known soon, and
		// a target network that follows slowly keeps them steady.
		cfg.NStep, cfg.Tau, cfg.TargetInterval = 8, 0.005, 1
		cfg.TrainInterval, cfg.LearningRate, cfg.BufferSize = 2, 5e-4, 50_000
		cfg.LearningStarts = min(cfg.LearningStarts, steps) // of short trials with --steps
		l, err = rl.NewDQN(problem, cfg)
	case "reinforce":
		cfg := rl.DefaultREINFORCEConfig()
		cfg.Steps, cfg.Seed = steps, seed
		cfg.LearningRate, cfg.Anneal, cfg.EntropyCoef = 3e-3, true, 0
		l, err = rl.NewREINFORCE(problem, cfg)
	default:
		err = fmt.Errorf("unknown algorithm %q", algo)
	}
	return problem, l, err
}
