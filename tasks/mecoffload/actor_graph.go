package mecoffload

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// GraphActorConfig holds the hyper-parameters of the actor of GRL and GRLE.
type GraphActorConfig struct {
	ActorConfig
	Hidden int // width of the embeddings
	Layers int // rounds of message passing between devices and options
}

// NewGraphActor makes the actor of GRL (one exit in p) or GRLE (all exits): a graph neural network on the complete bipartite
// graph of devices and (server, exit) pairs. Vertices are embedded, pass messages that depend on both ends and on the
// communication time of the edge between them, to the options and back, and a perceptron scores each edge. Nothing in it
// depends on how many devices, servers or exits there are.
//
// The paper gives the actor as graph convolutions over this graph; widths, features and the form of the messages are ours.
func NewGraphActor(sc Scenario, p Profile, cfg GraphActorConfig, rng *rand.Rand) (*Actor, error) {
	if cfg.Hidden < 1 || cfg.Layers < 0 {
		return nil, fmt.Errorf("mecoffload: graph actor: want at least 1 hidden unit and 0 layers, got %d and %d", cfg.Hidden, cfg.Layers)
	}
	h := cfg.Hidden
	n := &graphNet{
		features: newFeaturizer(sc, p),
		device:   nn.NewLinear("actor.device", deviceFeatures, h, nn.ReLU, nn.HeUniform, rng),
		option:   nn.NewLinear("actor.option", optionFeatures, h, nn.ReLU, nn.HeUniform, rng),
	}
	for k := range cfg.Layers {
		name := fmt.Sprintf("actor.round%d", k)
		n.rounds = append(n.rounds, round{
			toOption: gnn.NewEdgeMessage(name+".to_option", h, h, edgeFeatures, h, gnn.Mean, nil, rng),
			option:   nn.NewLinear(name+".option", 2*h, h, nn.ReLU, nn.HeUniform, rng),
			toDevice: gnn.NewEdgeMessage(name+".to_device", h, h, edgeFeatures, h, gnn.Mean, nil, rng),
			device:   nn.NewLinear(name+".device", 2*h, h, nn.ReLU, nn.HeUniform, rng),
		})
	}
	n.scorer = gnn.NewEdgeScorer("actor.score", h, h, edgeFeatures, h, nil, rng)
	return newActor(n, sc.Servers*p.Exits(), cfg.ActorConfig)
}

type graphNet struct {
	features       *featurizer
	device, option *nn.Linear
	rounds         []round
	scorer         *gnn.EdgeScorer
}

// round is one exchange of messages: options hear from all devices, then devices from all options.
type round struct {
	toOption, toDevice *gnn.EdgeMessage
	option, device     *nn.Linear
}

func (n *graphNet) params() nn.Params {
	ps := append(n.device.Params(), n.option.Params()...)
	for _, r := range n.rounds {
		ps = append(ps, r.toOption.Params()...)
		ps = append(ps, r.option.Params()...)
		ps = append(ps, r.toDevice.Params()...)
		ps = append(ps, r.device.Params()...)
	}
	return append(ps, n.scorer.Params()...)
}

func (n *graphNet) build() (policyGraph, error) {
	eg := gorgonia.NewGraph()
	g := &graphGraph{net: n}
	var err error
	inputs := []struct {
		node *(*gorgonia.Node)
		name string
		cols int
	}{{&g.device, "device", deviceFeatures}, {&g.option, "option", optionFeatures}, {&g.edge, "edge", edgeFeatures}}
	for _, in := range inputs {
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
	g.z, err = n.forward(g.forward, g.reverse, g.device, g.option, g.edge)
	return g, err
}

// forward is the network: features and graph to the logits of the edges [edges x 1].
func (n *graphNet) forward(toOptions, toDevices, device, option, edge *gorgonia.Node) (*gorgonia.Node, error) {
	d, err := n.device.Forward(device)
	if err != nil {
		return nil, err
	}
	o, err := n.option.Forward(option)
	if err != nil {
		return nil, err
	}
	for _, r := range n.rounds {
		heard, err := r.toOption.Forward(toOptions, d, o, edge)
		if err != nil {
			return nil, err
		}
		if o, err = r.option.Forward(o, heard); err != nil {
			return nil, err
		}
		if heard, err = r.toDevice.Forward(toDevices, o, d, edge); err != nil {
			return nil, err
		}
		if d, err = r.device.Forward(d, heard); err != nil {
			return nil, err
		}
	}
	return n.scorer.Forward(toOptions, d, o, edge)
}

type graphGraph struct {
	net                  *graphNet
	device, option, edge *gorgonia.Node
	forward, reverse     *gorgonia.Node
	z                    *gorgonia.Node

	graph                         gnn.Graph
	deviceBuf, optionBuf, edgeBuf nn.Buffer
	sources, targets              []int // of each sample
	first                         []int // first device of each sample
}

func (g *graphGraph) logits() *gorgonia.Node { return g.z }

func (g *graphGraph) load(t *nn.Tape, batch []rl.Sample[Observation]) error {
	g.sources, g.targets, g.first = g.sources[:0], g.targets[:0], g.first[:0]
	devices, options, edges := 0, 0, 0
	for i := range batch {
		obs := &batch[i].Observation
		m, o := obs.Devices, obs.Options()
		g.sources, g.targets, g.first = append(g.sources, m), append(g.targets, o), append(g.first, devices)
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

func (g *graphGraph) groups() int { return g.graph.NumSrc() }

func (g *graphGraph) group(sample, device int) int { return g.first[sample] + device }
