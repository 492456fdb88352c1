// Package rltest checks implementations of package rl's interfaces against the contracts in their
// documentation. A package that adds an environment or a codec calls these functions from its
// tests:
//
//	func TestEnv(t *testing.T) {
//		rltest.Env(t, rltest.EnvConfig[Observation, Action]{
//			New:    func() rl.Env[Observation, Action] { return newEnv() },
//			Action: func(obs Observation, r *rl.Rand) Action { ... },
//			Clone:  func(obs Observation) Observation { ... },
//		})
//	}
//
// They cannot check that the dynamics are right, and they miss faults that random actions never
// trigger.
package rltest

// T is the part of *testing.T the checks use.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
