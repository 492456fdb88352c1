package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/gnn/datasets"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/hetero"
)

// attached is the number of edges with which each new node of a Barabasi-Albert graph is joined to
// the older ones.
const attached = 4

// flipsPerNode is the length of an episode over the number of nodes: enough to leave the first
// local optimum and some more.
const flipsPerNode = 2

// maxCut is the environment: an episode is a graph and a random partition of it, and every action
// flips one node. The reward is the improvement on the best cut so far, per node, so the return is
// the improvement of the whole episode; a step back costs nothing if it leads further in the end
// (T. Barrett et al., "Exploratory Combinatorial Optimization with Reinforcement Learning", AAAI
// 2020). The episode is over after flipsPerNode flips per node.
type maxCut struct {
	draw func(rand *rl.Rand) (*gnn.Graph, error) // the graph of an episode

	now     *partition // nil before the first episode
	best    int        // cut of this episode
	steps   int
	flipped []int // the step at which each node was flipped last, 0 if never
	obs     hetero.Graph
}

// randomGraphs draws graphs of small to large nodes.
func randomGraphs(small, large int) func(rand *rl.Rand) (*gnn.Graph, error) {
	return func(rand *rl.Rand) (*gnn.Graph, error) {
		return datasets.BarabasiAlbert(small+rand.IntN(large-small+1), attached, rand.Rand)
	}
}

// Reset implements rl.Env.
func (m *maxCut) Reset(seed uint64) (hetero.Graph, error) {
	rand := rl.NewRand(seed, 0)
	g, err := m.draw(rand)
	if err != nil {
		return hetero.Graph{}, err
	}
	n := g.NumDst()
	m.now = newPartition(g, rand)
	m.best, m.steps, m.flipped = m.now.cut, 0, make([]int, n)
	m.obs.Reset(&schema)
	m.obs.Nodes[0] = hetero.NodeSet{Count: n, Features: make([]float32, nodeFeatures*n)}
	m.obs.Edges[0] = hetero.EdgeSet{Structure: g, Features: make([]float32, g.NumEdges())}
	m.observe()
	return m.obs, nil
}

// Step implements rl.Env.
func (m *maxCut) Step(node int) (rl.Transition[hetero.Graph], error) {
	var t rl.Transition[hetero.Graph]
	if m.now == nil {
		return t, fmt.Errorf("maxcut: Step before Reset")
	}
	n := len(m.now.side)
	if m.steps == flipsPerNode*n {
		return t, fmt.Errorf("maxcut: Step after the end of the episode")
	}
	if node < 0 || node >= n {
		return t, fmt.Errorf("maxcut: node %d, want one of 0 to %d", node, n-1)
	}
	m.now.flip(node)
	m.steps++
	m.flipped[node] = m.steps
	if m.now.cut > m.best {
		t.Reward = float64(m.now.cut-m.best) / float64(n)
		m.best = m.now.cut
	}
	m.observe()
	t.Observation, t.Terminated = m.obs, m.steps == flipsPerNode*n
	return t, nil
}

// Features. Which of the two sides a node is on is none: it makes no difference if all change
// sides, and so it makes none to a policy that only sees which edges are cut.
const (
	nodeFeatures = 9
	edgeFeatures = 1
)

// schema: nodes of one kind, and undirected edges, which the graph has in both directions.
var schema = hetero.Schema{
	Nodes:  []hetero.NodeType{{Name: "node", Features: nodeFeatures}},
	Edges:  []hetero.EdgeType{{Name: "edge", From: "node", To: "node", Features: edgeFeatures, Directed: true}},
	Choose: hetero.OneNode("node"),
}

// observe computes the features, whose scale does not depend on the size of the graph.
func (m *maxCut) observe() {
	p := m.now
	n := float64(len(p.side))
	meanDegree := max(1, float64(p.graph.NumEdges())/n)
	most := slices.Max(p.gain)
	behind := float32(float64(m.best-p.cut) / meanDegree)
	left := float32(1 - float64(m.steps)/(flipsPerNode*n))
	x := m.obs.Nodes[0].Features
	for i, gain := range p.gain {
		degree := max(1, float64(p.graph.OutDegree(i)))
		x[0] = float32(float64(gain) / degree)
		x[1] = float32(float64(gain) / meanDegree)
		x[2] = float32(float64(gain-most) / meanDegree)
		x[3] = float32(math.Log(degree / meanDegree))
		x[4], x[5], x[6] = 0, 0, 0
		if m.flipped[i] > 0 { // memory of the last flip: 1 just after it, fading away
			age := float64(m.steps - m.flipped[i])
			x[4] = float32(math.Exp(-age / 3))
			x[5] = float32(math.Exp(-age / 10))
			x[6] = float32(math.Exp(-age / n * 5))
		}
		x[7], x[8] = behind, left
		x = x[nodeFeatures:]
	}
	edges, y := p.graph.Edges(), m.obs.Edges[0].Features
	for e, i := range edges.Src {
		y[e] = -1
		if p.side[i] != p.side[edges.Dst[e]] {
			y[e] = 1
		}
	}
}
