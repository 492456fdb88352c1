// Command independentset is the smallest complete task that is learned from rewards: environment,
// features and learner in one short file. The task is to choose as many nodes of a graph as
// possible, no two of them neighbours.
//
//	go run ./examples/independentset
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/alecthomas/kong"
	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// independentSet is the environment. An episode is a random graph; every action chooses a node,
// earns 1, and forbids the node and its neighbours. The episode is over when no node is left.
type independentSet struct {
	graph *gnn.Graph
	obs   hetero.Graph
}

// nodeFeatures: whether a node can still be chosen, and how many of its neighbours can.
const nodeFeatures = 2

// schema: nodes of one kind, and undirected edges, which the graph has in both directions.
var schema = hetero.Schema{
	Nodes:  []hetero.NodeType{{Name: "node", Features: nodeFeatures}},
	Edges:  []hetero.EdgeType{{Name: "edge", From: "node", To: "node", Directed: true}},
	Choose: hetero.OneNode("node"),
}

func newEnv() rl.Env[hetero.Graph, int] { return new(independentSet) }

// Reset implements rl.Env. All that is random follows from seed.
func (e *independentSet) Reset(seed uint64) (hetero.Graph, error) {
	rand := rl.NewRand(seed, 0)
	n := 20 + rand.IntN(21)
	g, err := datasets.ErdosRenyi(n, 0.15, rand.Rand)
	if err != nil {
		return hetero.Graph{}, err
	}
	e.graph = g
	e.obs.Reset(&schema)
	e.obs.Nodes[0] = hetero.NodeSet{Count: n, Features: make([]float32, n*nodeFeatures)}
	e.obs.Edges[0].Structure = g // the same in all observations of the episode
	e.obs.Allowed = slices.Repeat([]bool{true}, n)
	return e.observe(), nil
}

// Step implements rl.Env.
func (e *independentSet) Step(node int) (rl.Transition[hetero.Graph], error) {
	if node < 0 || node >= len(e.obs.Allowed) || !e.obs.Allowed[node] {
		return rl.Transition[hetero.Graph]{}, fmt.Errorf("independentset: node %d cannot be chosen", node)
	}
	e.obs.Allowed[node] = false
	for _, neighbour := range e.graph.OutNeighbors(node) {
		e.obs.Allowed[neighbour] = false
	}
	over := !slices.Contains(e.obs.Allowed, true)
	return rl.Transition[hetero.Graph]{Observation: e.observe(), Reward: 1, Terminated: over}, nil
}

// observe computes the features.
func (e *independentSet) observe() hetero.Graph {
	x := e.obs.Nodes[0].Features
	clear(x)
	for node, open := range e.obs.Allowed {
		if !open {
			continue
		}
		x[node*nodeFeatures] = 1
		for _, neighbour := range e.graph.OutNeighbors(node) {
			x[int(neighbour)*nodeFeatures+1] += 0.25 // features do best between about -1 and 1
		}
	}
	return e.obs
}

// rule is a policy that does not learn: it chooses the node of the lowest score.
type rule func(obs hetero.Graph, node int) float32

// Decide implements rl.Policy.
func (r rule) Decide(obs []hetero.Graph, actions []int) error {
	for i, o := range obs {
		actions[i] = -1
		for node, open := range o.Allowed {
			if open && (actions[i] < 0 || r(o, node) < r(o, actions[i])) {
				actions[i] = node
			}
		}
	}
	return nil
}

type flags struct {
	Steps  int    `help:"Steps to train for." default:"50000"`
	Seed   uint64 `help:"Of the training." default:"1"`
	Format string `help:"How to print: ascii, markdown or json, which has every digit." enum:"ascii,markdown,json" default:"ascii"`
}

type row struct {
	Policy string  `json:"policy"`
	Size   float64 `json:"set_size"` // mean over the test
}

// The test is the same for every training.
const (
	testGraphs = 200
	testSeed   = 1000
)

func main() {
	var f flags
	line := kong.Parse(&f, kong.Name("independentset"), kong.Description("Learn to find large independent sets."))
	line.FatalIfErrorf(run(f, os.Stdout, os.Stderr))
}

func run(f flags, out, messages io.Writer) error {
	if f.Steps < 1 {
		return fmt.Errorf("%d steps of training, want at least 1", f.Steps)
	}
	network := hetero.DefaultConfig()
	network.Layers = 3
	cfg := rl.DefaultPPOConfig()
	cfg.Steps, cfg.Seed, cfg.LearningRate = f.Steps, f.Seed, 1e-3
	ppo, err := rl.NewPPO(hetero.Problem(schema, newEnv, network), cfg)
	if err != nil {
		return err
	}
	err = ppo.Train(context.Background(), func(p rl.Progress) error {
		_, err := fmt.Fprintf(messages, "\rstep %d of %d: mean size %.2f", min(p.Steps, f.Steps), f.Steps, p.Return)
		return err
	})
	fmt.Fprintln(messages)
	if err != nil {
		return err
	}

	var rows []row
	for _, p := range []struct {
		name   string
		policy rl.Policy[hetero.Graph]
	}{
		{"learned", ppo},
		{"fewest open neighbours", rule(func(o hetero.Graph, node int) float32 { return o.Nodes[0].Features[node*nodeFeatures+1] })},
		{"first open node", rule(func(hetero.Graph, int) float32 { return 0 })},
	} {
		sizes, err := rl.Evaluate(p.policy, newEnv, testGraphs, testSeed)
		if err != nil {
			return err
		}
		rows = append(rows, row{p.name, rl.Mean(sizes)})
	}
	return printRows(out, f.Format, rows)
}

// printRows prints JSON with every digit, or a table.
func printRows(out io.Writer, format string, rows []row) error {
	if format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	fmt.Fprintf(out, "Independent sets of %d random graphs of 20 to 40 nodes.\n\n", testGraphs)
	options := []tablewriter.Option{
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithAlignment(tw.Alignment{tw.AlignLeft, tw.AlignRight}),
		tablewriter.WithSymbols(tw.NewSymbols(tw.StyleASCII)),
	}
	if format == "markdown" {
		options = append(options, tablewriter.WithRenderer(renderer.NewMarkdown()))
	}
	table := tablewriter.NewTable(out, options...)
	table.Header("policy", "mean size")
	for _, r := range rows {
		if err := table.Append(r.Policy, fmt.Sprintf("%.2f", r.Size)); err != nil {
			return err
		}
	}
	return table.Render()
}
