package agent

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"gorgonia.org/gorgonia"
)

// GraphActorConfig holds the hyper-parameters of the actor of GRL and GRLE.
type GraphActorConfig struct {
	ActorConfig
	Hidden int // width of the embeddings
	Layers int // rounds of message passing between devices and options
}

// NewGraphActor makes the actor of GRL (one exit in p) or GRLE (all exits): a graph neural network
// on the complete bipartite graph of devices and (server, exit) pairs. Vertices are embedded, pass
// messages that depend on both ends and on the communication time of the edge between them, to the
// options and back, and a perceptron scores each edge. Nothing in it depends on how many devices,
// servers or exits there are.
//
// The paper gives the actor as graph convolutions over this graph; widths, features and the form of
// the messages are ours.
func NewGraphActor(sc mecoffload.Scenario, p mecoffload.Profile, cfg GraphActorConfig, rng *rand.Rand) (*Actor, error) {
	net, err := gnn.NewBipartiteScorer("actor", gnn.BipartiteScorerConfig{
		In: deviceFeatures, InDst: optionFeatures, EdgeDim: edgeFeatures, Hidden: cfg.Hidden, Rounds: cfg.Layers,
	}, rng)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: graph actor: %w", err)
	}
	return networkActor(&graphNet{net, newFeaturizer(sc, p)}, sc.Servers*p.Exits(), cfg.ActorConfig)
}

// graphNet is the network on devices (sources) and options (destinations).
type graphNet struct {
	*gnn.BipartiteScorer
	features *featurizer
}

// Build implements droo.PolicyNetwork.
func (n *graphNet) Build() (droo.PolicyGraph[mecoffload.Observation], error) {
	eg := gorgonia.NewGraph()
	g := &graphGraph{net: n}
	var err error
	for _, in := range []struct {
		node *(*gorgonia.Node)
		name string
		cols int
	}{{&g.device, "device", deviceFeatures}, {&g.option, "option", optionFeatures}, {&g.edge, "edge", edgeFeatures}} {
		if *in.node, err = nn.NewInput(eg, in.name, in.cols); err != nil {
			return nil, err
		}
	}
	if g.forward, err = gnn.NewGraphInput(eg, "devices_to_options"); err != nil {
		return nil, err
	}
	if g.reverse, err = gnn.NewGraphInput(eg, "options_to_devices"); err != nil {
		return nil, err
	}
	g.z, err = n.Forward(g.forward, g.reverse, g.device, g.option, g.edge)
	return g, err
}

// graphGraph maps a batch of problems, one complete bipartite graph each, to logits [edges x 1].
type graphGraph struct {
	net                  *graphNet
	device, option, edge *gorgonia.Node
	forward, reverse     *gorgonia.Node
	z                    *gorgonia.Node

	graph                         gnn.Graph
	deviceBuf, optionBuf, edgeBuf nn.Buffer
	sources, targets              []int // of each sample
	first                         []int // first edge of each sample
}

func (g *graphGraph) Logits() *gorgonia.Node       { return g.z }
func (g *graphGraph) Rows() int                    { return g.graph.NumEdges() }
func (g *graphGraph) Place(sample, device int) int { return g.first[sample] + device*g.targets[sample] }

func (g *graphGraph) Load(t *nn.Tape, batch []droo.Sample[mecoffload.Observation]) error {
	g.sources, g.targets, g.first = g.sources[:0], g.targets[:0], g.first[:0]
	devices, options, edges := 0, 0, 0
	for i := range batch {
		obs := &batch[i].Observation
		m, o := obs.Devices, obs.Options()
		g.sources, g.targets, g.first = append(g.sources, m), append(g.targets, o), append(g.first, edges)
		devices, options, edges = devices+m, options+o, edges+m*o
	}
	if err := g.graph.SetCompleteBipartites(g.sources, g.targets); err != nil {
		return err
	}
	d, o := g.deviceBuf.Resize(devices, deviceFeatures), g.optionBuf.Resize(options, optionFeatures)
	e := g.edgeBuf.Resize(edges, edgeFeatures)
	for i := range batch {
		g.net.features.graph(&batch[i].Observation, d, o, e)
		d, o = d[g.sources[i]*deviceFeatures:], o[g.targets[i]*optionFeatures:]
		e = e[g.sources[i]*g.targets[i]*edgeFeatures:]
	}
	for _, in := range []struct {
		node  *gorgonia.Node
		value gorgonia.Value
	}{{g.device, g.deviceBuf.Value()}, {g.option, g.optionBuf.Value()}, {g.edge, g.edgeBuf.Value()}, {g.forward, &g.graph}} {
		if err := t.Bind(in.node, in.value); err != nil {
			return err
		}
	}
	if t.Needs(g.reverse) {
		return t.Bind(g.reverse, g.graph.Reverse())
	}
	return nil
}
