package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
)

// method is a way to cut graphs.
type method struct {
	name  string
	flips int // per node; 0: until nothing gains
	// cut returns the best cut it finds of each graph. All that is random follows from seed.
	cut func(graphs []*gnn.Graph, seed uint64) ([]int, error)
}

// each makes a method of a search that is given one graph.
func each(search func(g *gnn.Graph, rand *rl.Rand) int) func([]*gnn.Graph, uint64) ([]int, error) {
	return func(graphs []*gnn.Graph, seed uint64) ([]int, error) {
		cuts := make([]int, len(graphs))
		for k, g := range graphs {
			cuts[k] = search(g, rl.NewRand(seed, 1<<32+uint64(k))) // streams of their own
		}
		return cuts, nil
	}
}

// starts is from how many random partitions the policy goes where it has more than one.
const starts = 10

// methods returns all that are compared. Of the policies seed s, counted from 1, has number s-1.
func methods(policies []rl.Policy[hetero.Graph]) []method {
	all := []method{
		{"greedy flips", 0, each(func(g *gnn.Graph, _ *rl.Rand) int { return greedyFlips(g).cut })},
		{greedy, 0, each(func(g *gnn.Graph, _ *rl.Rand) int { return greedyConstruction(g).cut })},
	}
	for _, budget := range []int{1, starts, 100} { // in episodes
		flips := budget * flipsPerNode
		all = append(all,
			method{"local search", flips, each(func(g *gnn.Graph, r *rl.Rand) int { return localSearch(g, flips*g.NumDst(), r) })},
			method{"tabu search", flips, each(func(g *gnn.Graph, r *rl.Rand) int { return tabuSearch(g, flips*g.NumDst(), r) })})
		if budget <= starts {
			all = append(all, method{"policy", flips, func(graphs []*gnn.Graph, seed uint64) ([]int, error) {
				return solve(policies[seed-1], graphs, budget, seed)
			}})
		}
	}
	return all
}

// greedy is the method that the others are compared with.
const greedy = "greedy construction"

// solve lets a policy play an episode on each graph from each of a number of random partitions, and
// returns the best cuts.
func solve(policy rl.Policy[hetero.Graph], graphs []*gnn.Graph, starts int, seed uint64) ([]int, error) {
	n := len(graphs)
	envs, cuts := make([]*maxCut, n), make([]int, n)
	obs, actions := make([]hetero.Graph, n), make([]int, n)
	for k, g := range graphs {
		envs[k] = &maxCut{draw: func(*rl.Rand) (*gnn.Graph, error) { return g, nil }}
	}
	rand := rl.NewRand(seed, 0)
	for range starts {
		for k, env := range envs {
			var err error
			if obs[k], err = env.Reset(rand.Uint64()); err != nil {
				return nil, err
			}
		}
		for over := false; !over; { // all graphs at once, for they are of one size
			if err := policy.Decide(obs, actions); err != nil {
				return nil, err
			}
			for k, env := range envs {
				t, err := env.Step(actions[k])
				if err != nil {
					return nil, err
				}
				obs[k], over = t.Observation, t.Done()
			}
		}
		for k, env := range envs {
			cuts[k] = max(cuts[k], env.best)
		}
	}
	return cuts, nil
}

// row is the printed result of a method on graphs of one size.
type row struct {
	Nodes  int      `json:"nodes"`
	Method string   `json:"method"`
	Flips  int      `json:"flips_per_node"` // 0: until nothing gains
	Cut    float64  `json:"cut"`            // mean number of edges
	Low    *float64 `json:"low"`            // of its 95 % confidence interval over the seeds; null: of one seed there is none
	High   *float64 `json:"high"`
	Ratio  float64  `json:"of_best"` // mean of the cut over the best that any method has found of the graph with any seed
	Wins   float64  `json:"beats_greedy"`
	Millis float64  `json:"ms"` // per graph, on average
}

// testGraphs draws the graphs of a test. All hyper-parameters, including those of the searches,
// were chosen on others.
func testGraphs(nodes, graphs int) ([]*gnn.Graph, error) {
	all := make([]*gnn.Graph, graphs)
	for k := range all {
		var err error
		if all[k], err = randomGraphs(nodes, nodes)(rl.NewRand(uint64(nodes), 1<<33+uint64(k))); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// compare tests all methods with each seed on graphs of the given size.
func compare(all []method, nodes, graphs, seeds int) ([]row, error) {
	test, err := testGraphs(nodes, graphs)
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(all))
	cuts := make([][][]int, len(all)) // per method and seed, those of the graphs
	best := make([]int, graphs)
	for i, m := range all {
		start := time.Now()
		for s := range seeds {
			of, err := m.cut(test, uint64(s+1))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			cuts[i] = append(cuts[i], of)
			for k, cut := range of {
				best[k] = max(best[k], cut)
			}
		}
		millis := float64(time.Since(start)) / float64(time.Millisecond)
		rows[i] = row{Nodes: nodes, Method: m.name, Flips: m.flips, Millis: millis / float64(graphs*seeds)}
	}
	reference := cuts[slices.IndexFunc(all, func(m method) bool { return m.name == greedy })][0]
	for i := range rows {
		if err := rows[i].judge(cuts[i], reference, best); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// judge computes the figures of a method from its cuts with each seed.
func (r *row) judge(cuts [][]int, reference, best []int) error {
	means := make([]float64, len(cuts))
	wins, ratios := 0, 0.0
	for s, of := range cuts {
		sum := 0
		for k, cut := range of {
			sum += cut
			ratios += float64(cut) / float64(best[k])
			if cut > reference[k] {
				wins++
			}
		}
		means[s] = float64(sum) / float64(len(of))
	}
	n := float64(len(cuts) * len(best))
	r.Ratio, r.Wins = ratios/n, float64(wins)/n
	mean, err := rl.NewBootstrap(rl.NewRand(1, 0)).Estimate(rl.Mean, means)
	if err != nil {
		return err
	}
	r.Cut = mean.Value
	if len(cuts) > 1 {
		r.Low, r.High = &mean.Low, &mean.High
	}
	return nil
}
