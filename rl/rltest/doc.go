// Package rltest checks that an implementation of one of package rl's interfaces keeps the contract that its
// documentation states. A package that adds an environment, a quantizer or a codec calls these from its own tests:
//
//	func TestEnv(t *testing.T) {
//		rltest.Env(t, rltest.EnvConfig[Observation, Action]{
//			New:    func() rl.Env[Observation, Action] { return newEnv() },
//			Action: func(o Observation, r *rl.Rand) Action { ... },
//			Clone:  Observation.Clone,
//		})
//	}
//
// What the checks cannot see: whether the dynamics are the right ones, and memory that is shared but written only in
// ways the random actions never provoke.
package rltest
