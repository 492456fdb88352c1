package hetero

import "github.com/graphrl/graphrl/rl"

// Problem is the rl.Problem of learning from rewards in environments whose observations are graphs
// of a schema: what PPO, A2C, DQN and REINFORCE are made from.
func Problem(s Schema, newEnv func() rl.Env[Graph, int], cfg Config) rl.Problem[Graph] {
	return rl.Problem[Graph]{
		NewEnv:   newEnv,
		NewModel: func(rand *rl.Rand) (rl.Model[Graph], error) { return NewModel(s, cfg, rand) },
		Codec:    s.Codec(),
	}
}
