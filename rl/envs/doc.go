// Package envs holds two classic control problems, CartPole-v1 and Acrobot-v1, with the dynamics,
// constants, rewards and time limits of Gymnasium 1.x (github.com/Farama-Foundation/Gymnasium), for
// trying out and comparing learners: what is published about these environments holds here. Only
// the random starting states differ, as they come from another generator.
//
// Both are rl.DiscreteEnv: an observation is a vector of features, an action an index.
// rl.VectorProblem makes of one what a learner needs:
//
//	problem := rl.VectorProblem(func() rl.DiscreteEnv { return envs.NewCartPole() }, rl.DefaultMLPConfig(0, 0))
//	learner, err := rl.NewPPO(problem, rl.DefaultPPOConfig())
//
// They are small on purpose. CartPole tells whether an algorithm works at all and whether truncated
// episodes are bootstrapped from, Acrobot whether it copes with a reward that comes late. What does
// well on them: examples/cartpole.
package envs
