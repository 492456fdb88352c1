package main

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/rl/rltest"
)

func newEnv() rl.Env[hetero.Graph, int] { return &maxCut{draw: randomGraphs(8, 20)} }

func TestEnv(t *testing.T) {
	rltest.Env(t, rltest.EnvConfig[hetero.Graph, int]{
		New:    newEnv,
		Action: func(obs hetero.Graph, r *rl.Rand) int { return r.IntN(obs.Count("node")) },
		Clone: func(obs hetero.Graph) (dst hetero.Graph) {
			schema.Codec().Copy(&dst, obs)
			return dst
		},
		Invalid: func(obs hetero.Graph) []int { return []int{-1, obs.Count("node")} },
	})
}

// An episode has the promised number of flips, its return is the improvement of the best cut,
// counted edge by edge, over the first, and features are finite, on graphs with lonely nodes as
// well.
func TestEpisode(t *testing.T) {
	for k, g := range smallGraphs(t) {
		env := &maxCut{draw: func(*rl.Rand) (*gnn.Graph, error) { return g, nil }}
		obs, err := env.Reset(uint64(k))
		if err != nil {
			t.Fatal(err)
		}
		n := g.NumDst()
		side := slices.Clone(env.now.side)
		first := cutOf(g, side)
		best, total, rand := first, 0.0, rl.NewRand(uint64(k), 1)
		for step := 1; ; step++ {
			for i, x := range append(slices.Clone(obs.Nodes[0].Features), obs.Edges[0].Features...) {
				if math.IsNaN(float64(x)) || math.Abs(float64(x)) > 20 {
					t.Fatalf("graph %d, step %d: feature %d is %v", k, step, i, x)
				}
			}
			node := rand.IntN(n)
			tr, err := env.Step(node)
			if err != nil {
				t.Fatal(err)
			}
			side[node] = !side[node]
			best = max(best, cutOf(g, side))
			total += tr.Reward
			obs = tr.Observation
			if tr.Done() != (step == flipsPerNode*n) {
				t.Fatalf("graph %d: step %d of %d nodes: done is %v", k, step, n, tr.Done())
			}
			if tr.Done() {
				break
			}
		}
		if want := float64(best-first) / float64(n); math.Abs(total-want) > 1e-9 || env.best != best {
			t.Errorf("graph %d: return %v, want %v; best cut %d, want %d", k, total, want, env.best, best)
		}
	}
}

// If all nodes change sides the observation is the same.
func TestSidesAreAlike(t *testing.T) {
	env := &maxCut{draw: randomGraphs(20, 20)}
	obs, err := env.Reset(3)
	if err != nil {
		t.Fatal(err)
	}
	nodes, edges := slices.Clone(obs.Nodes[0].Features), slices.Clone(obs.Edges[0].Features)
	for i := range env.now.side {
		env.now.flip(i)
	}
	env.observe()
	if !slices.Equal(nodes, env.obs.Nodes[0].Features) || !slices.Equal(edges, env.obs.Edges[0].Features) {
		t.Error("the sides differ in the observation")
	}
}

func TestResetFails(t *testing.T) {
	want := errors.New("no graph")
	env := &maxCut{draw: func(*rl.Rand) (*gnn.Graph, error) { return nil, want }}
	if _, err := env.Reset(1); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}
