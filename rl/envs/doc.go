// Package envs holds two classic control problems, CartPole-v1 and Acrobot-v1, to test and compare
// learners on. Dynamics, constants, rewards and time limits are Gymnasium's
// (github.com/Farama-Foundation/Gymnasium, 1.x), so published results are comparable. Only the
// random starting states differ, because they come from another generator.
//
// Both are rl.DiscreteEnv: an observation is a vector of features, an action an index.
// rl.VectorProblem makes either a Problem for any learner:
//
//	problem := rl.VectorProblem(func() rl.DiscreteEnv { return envs.NewCartPole() }, rl.DefaultMLPConfig(0, 0))
//	learner, err := rl.NewPPO(problem, rl.DefaultPPOConfig())
//
// Both are deliberately small. CartPole shows whether an algorithm works at all and whether it
// bootstraps from truncated episodes, Acrobot whether it copes with a late reward.
// examples/cartpole has settings that do well on them.
package envs
