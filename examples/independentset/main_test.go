package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/bits"
	"slices"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/graphrl/graphrl/rl/rltest"
)

func TestEnv(t *testing.T) {
	rltest.Env(t, rltest.EnvConfig[hetero.Graph, int]{
		New: newEnv,
		Action: func(obs hetero.Graph, r *rl.Rand) int {
			var open []int
			for node, ok := range obs.Allowed {
				if ok {
					open = append(open, node)
				}
			}
			if len(open) == 0 { // after the end
				return 0
			}
			return open[r.IntN(len(open))]
		},
		Clone: func(obs hetero.Graph) (dst hetero.Graph) {
			schema.Codec().Copy(&dst, obs)
			return dst
		},
		Invalid: func(obs hetero.Graph) []int {
			all := []int{-1, len(obs.Allowed)}
			if closed := slices.Index(obs.Allowed, false); closed >= 0 {
				all = append(all, closed)
			}
			return all
		},
	})
}

// largest returns the size of the largest independent set among the nodes in the bit set open. It
// branches on a node with the most neighbours; neighbours has the bit set of each node's.
func largest(open uint64, neighbours []uint64) int {
	most, node := -1, -1
	for rest := open; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		if n := bits.OnesCount64(neighbours[i] & open); n > most {
			most, node = n, i
		}
	}
	if most <= 0 {
		return bits.OnesCount64(open)
	}
	without := open &^ (1 << node)
	return max(largest(without, neighbours), 1+largest(without&^neighbours[node], neighbours))
}

func neighboursOf(g *gnn.Graph) []uint64 {
	all := make([]uint64, g.NumDst())
	for i := range all {
		for _, j := range g.OutNeighbors(i) {
			all[i] |= 1 << j
		}
	}
	return all
}

// referee is a policy that remembers how large the largest set of each graph it meets is.
type referee struct {
	rule
	graphs map[*gnn.Graph]bool
	total  int
}

func (r *referee) Decide(obs []hetero.Graph, actions []int) error {
	for _, o := range obs {
		if g := o.Edges[0].Structure; !r.graphs[g] {
			r.graphs[g] = true
			r.total += largest(1<<g.NumDst()-1, neighboursOf(g))
		}
	}
	return r.rule.Decide(obs, actions)
}

// After a short training the learned policy is better than the first open node and, as all are, no
// better than the best.
func TestRun(t *testing.T) {
	f := flags{Steps: 2000, Seed: 1}
	f.Format = "json"
	var a, b bytes.Buffer
	for _, out := range []*bytes.Buffer{&a, &b} {
		if err := run(f, out, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if a.String() != b.String() {
		t.Errorf("two runs with one seed differ: %s and %s", a.String(), b.String())
	}
	var rows []row
	if err := json.Unmarshal(a.Bytes(), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("%s: %v", a.String(), err)
	}
	r := referee{rule: func(hetero.Graph, int) float32 { return 0 }, graphs: map[*gnn.Graph]bool{}}
	sizes, err := rl.Evaluate(&r, newEnv, testGraphs, testSeed)
	if err != nil {
		t.Fatal(err)
	}
	most := float64(r.total) / testGraphs
	t.Logf("the largest sets have %.2f nodes", most)
	if len(r.graphs) != testGraphs || rows[2].Size != rl.Mean(sizes) {
		t.Errorf("%d graphs, first open node %v, want %v", len(r.graphs), rows[2].Size, rl.Mean(sizes))
	}
	for _, r := range rows[:2] {
		if r.Size > most || r.Size < rows[2].Size+1 {
			t.Errorf("%+v: the largest sets have %v nodes, those of the first open node %v", r, most, rows[2].Size)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	f := flags{Steps: 0}
	if err := run(f, io.Discard, io.Discard); err == nil {
		t.Error("no steps: no error")
	}
}
