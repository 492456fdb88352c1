// Package envs holds two classic control problems, CartPole-v1 and Acrobot-v1, with the dynamics, constants, rewards and
// time limits of Gymnasium 1.x (github.com/Farama-Foundation/Gymnasium), for trying out and comparing learners: what is
// published about these environments holds here. Only the random starting states differ, as they come from another
// generator.
//
// Both are rl.Env[[]float32, int]: an observation is a vector of features, an action an index.
package envs
