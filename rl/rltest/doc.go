// Package rltest checks that an implementation of one of package rl's interfaces keeps the contract
// that the interface documents. A package that adds an environment, a quantizer or a codec calls
// these functions from its own tests:
//
//	func TestEnv(t *testing.T) {
//		rltest.Env(t, rltest.EnvConfig[Observation, Action]{
//			New:    func() rl.Env[Observation, Action] { return newEnv() },
//			Action: func(obs Observation, r *rl.Rand) Action { ... },
//			Clone:  func(obs Observation) Observation { ... },
//		})
//	}
//
// What they cannot see: whether the dynamics are the right ones, and what the random actions never
// provoke.
package rltest

// T is the part of *testing.T the checks use.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
