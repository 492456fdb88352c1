package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
)

func tiny() flags {
	f := flags{Steps: 2000, Seeds: 2, Small: 8, Large: 10, Test: []int{12, 9}, Graphs: 3}
	f.Format = "json"
	return f
}

// rows runs the command and decodes its JSON output.
func rows(t *testing.T, f flags) []row {
	t.Helper()
	var out bytes.Buffer
	if err := run(context.Background(), f, &out); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	var got []row
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

// Two runs print the same but for the times, and no method cuts more than the maximum.
func TestRun(t *testing.T) {
	got, again := rows(t, tiny()), rows(t, tiny())
	most := map[int]float64{}
	for _, n := range tiny().Test {
		graphs, err := testGraphs(n, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range graphs {
			most[n] += float64(maximum(g)) / 3
		}
	}
	for i := range got {
		r := &got[i]
		if r.Cut > most[r.Nodes]+1e-9 || r.Cut < most[r.Nodes]/2 || r.Ratio > 1+1e-9 || r.Low == nil || *r.Low > r.Cut || *r.High < r.Cut {
			t.Errorf("%+v, the maximum is %v", r, most[r.Nodes])
		}
		if r.Method == "tabu search" && r.Flips == 200 && math.Abs(r.Cut-most[r.Nodes]) > 1e-9 {
			t.Errorf("%+v: tabu search has flips enough for the maximum of %v", r, most[r.Nodes])
		}
		r.Millis, again[i].Millis = 0, 0
	}
	if len(got) != 20 || !reflect.DeepEqual(got, again) {
		t.Errorf("%+v, the second time %+v", got, again)
	}
}

func TestRunPrintsATable(t *testing.T) {
	f := tiny()
	f.Seeds, f.Steps, f.Test, f.Format = 1, 1, []int{6}, "markdown"
	var out bytes.Buffer
	if err := run(context.Background(), f, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "| tabu search ") || strings.Contains(out.String(), "NaN") {
		t.Error(out.String())
	}
}

// Trained for seconds on graphs of up to 30 nodes, the policy beats greedy flips on graphs of 60.
// For more it needs more training.
func TestLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for seconds")
	}
	f := flags{Steps: 12_000, Seeds: 1, Small: 20, Large: 30, Test: []int{60}, Graphs: 20}
	f.Format = "json"
	cut := map[string]float64{}
	for _, r := range rows(t, f) {
		if r.Flips <= flipsPerNode {
			cut[r.Method] = r.Cut
		}
	}
	if cut["policy"] < cut["greedy flips"]+1 {
		t.Errorf("mean cuts %v", cut)
	}
}

// Numbering the nodes in another order leaves the value of a state as it is, and the policy flips
// the same node.
func TestPermutation(t *testing.T) {
	policy, err := train(context.Background(), newEnv, 1, 1, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20
	g, err := randomGraphs(n, n)(rl.NewRand(7, 0))
	if err != nil {
		t.Fatal(err)
	}
	rand := rl.NewRand(8, 0)
	order := rand.Perm(n)
	edges := gnn.EdgeIndex{Src: slices.Clone(g.Edges().Src), Dst: slices.Clone(g.Edges().Dst)}
	for e := range edges.Src {
		edges.Src[e], edges.Dst[e] = int32(order[edges.Src[e]]), int32(order[edges.Dst[e]])
	}
	h, err := gnn.NewGraph(n, edges)
	if err != nil {
		t.Fatal(err)
	}
	envs, obs := make([]*maxCut, 2), make([]hetero.Graph, 2)
	for k, graph := range []*gnn.Graph{g, h} {
		envs[k] = &maxCut{draw: func(*rl.Rand) (*gnn.Graph, error) { return graph, nil }}
		if obs[k], err = envs[k].Reset(1); err != nil {
			t.Fatal(err)
		}
	}
	for i, side := range envs[0].now.side {
		if envs[1].now.side[order[i]] != side {
			envs[1].now.flip(order[i])
		}
	}
	envs[1].best = envs[0].best
	envs[1].observe()
	for range 30 {
		values, actions := make([]float32, 2), make([]int, 2)
		if err := policy.Policy().Values(obs, values); err != nil {
			t.Fatal(err)
		}
		if err := policy.Decide(obs, actions); err != nil {
			t.Fatal(err)
		}
		if math.Abs(float64(values[0]-values[1])) > 1e-5 || order[actions[0]] != actions[1] {
			t.Fatalf("values %v; flips node %d, which is %d in the other order, and there %d", values, actions[0], order[actions[0]], actions[1])
		}
		for k, env := range envs {
			tr, err := env.Step(actions[k])
			if err != nil {
				t.Fatal(err)
			}
			obs[k] = tr.Observation
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for want, change := range map[string]func(*flags){
		"from 1 to 1000000000 steps": func(f *flags) { f.Steps = 0 },
		"from 1 to 10000 seeds":      func(f *flags) { f.Seeds = 1 << 62 },
		"want at most 100000":        func(f *flags) { f.Large = 1 << 62 },
		"to 10000 seeds and":         func(f *flags) { f.Seeds = 0 },
		"1 to 100000 graphs":         func(f *flags) { f.Graphs = -1 },
		"graphs of 4 nodes":          func(f *flags) { f.Small = 4 },
		"7 nodes, the smallest 8":    func(f *flags) { f.Large = 7 },
		"graphs of 3 nodes":          func(f *flags) { f.Test = []int{20, 3} },
		`unknown table format "xml"`: func(f *flags) { f.Format, f.Steps, f.Seeds = "xml", 1, 1 },
	} {
		f := tiny()
		change(&f)
		if err := run(context.Background(), f, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", f, err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx, tiny(), io.Discard); err == nil {
		t.Error("cancelled: no error")
	}
}
