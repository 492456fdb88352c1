package hetero

import "github.com/graphrl/graphrl/rl"

// Problem returns the rl.Problem for learning from rewards (PPO, A2C, DQN, REINFORCE) in
// environments whose observations are graphs of a schema. An action is a number of an option: with
// OneNode of a node, with OneEdge of an edge.
func Problem(s Schema, newEnv func() rl.Env[Graph, int], cfg Config) rl.Problem[Graph] {
	return rl.Problem[Graph]{
		NewEnv:   newEnv,
		NewModel: func(rand *rl.Rand) (rl.Model[Graph], error) { return NewModel(s, cfg, rand) },
		Codec:    s.Codec(),
	}
}
