package main

import (
	"context"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
)

// recipe returns the hyper-parameters. What it does not name is the default.
func recipe(steps int, seed uint64) (rl.PPOConfig, hetero.Config) {
	c := rl.DefaultPPOConfig()
	c.Steps, c.Seed = steps, seed
	c.Envs, c.RolloutSteps = 32, 64 // an episode is over after 40 to 100 steps
	c.LearningRate = 1e-3
	c.Gamma = 0.95        // a way out of a local optimum is a matter of a few flips
	c.EntropyCoef = 0.001 // choosing among dozens of nodes, a policy has much entropy anyway
	network := hetero.DefaultConfig()
	network.Hidden, network.Layers = 32, 3
	return c, network
}

// train trains a policy in environments that newEnv makes. It calls show with the steps made.
func train(ctx context.Context, newEnv func() rl.Env[hetero.Graph, int], steps int, seed uint64, show func(steps int)) (*rl.PPO[hetero.Graph], error) {
	cfg, network := recipe(steps, seed)
	ppo, err := rl.NewPPO(hetero.Problem(schema, newEnv, network), cfg)
	if err != nil {
		return nil, err
	}
	return ppo, ppo.Train(ctx, func(p rl.Progress) error {
		show(min(p.Steps, steps))
		return nil
	})
}
