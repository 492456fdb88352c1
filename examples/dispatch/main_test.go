package main

import (
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/rl/rltest"
)

func TestEnv(t *testing.T) {
	codec := schema.Codec()
	rltest.Env(t, rltest.EnvConfig[hetero.Graph, int]{
		New: newEnv,
		Action: func(g hetero.Graph, r *rl.Rand) int {
			first := r.IntN(len(g.Allowed))
			for i := range g.Allowed {
				if e := (first + i) % len(g.Allowed); g.Allowed[e] {
					return e
				}
			}
			return 0 // the episode is over
		},
		Clone: func(g hetero.Graph) (c hetero.Graph) { codec.Copy(&c, g); return c },
		Invalid: func(g hetero.Graph) []int {
			invalid := []int{-1, len(g.Allowed)}
			for e, ok := range g.Allowed {
				if !ok {
					return append(invalid, e)
				}
			}
			return invalid
		},
	})
}

// A short training is reproducible and already far above random pairs (about -4).
func TestRun(t *testing.T) {
	learned, rule, err := run(8000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := run(8000, 1); err != nil || again != learned {
		t.Errorf("two runs with one seed differ: %v and %v, %v", learned, again, err)
	}
	if learned < 1.5*rule || rule < -2.2 || rule > -1.8 {
		t.Errorf("learned %v, rule %v", learned, rule)
	}
}
