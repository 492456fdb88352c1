package agent

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"gorgonia.org/gorgonia"
)

// GraphActorConfig holds the hyper-parameters of the graph actor (GRL and GRLE).
type GraphActorConfig struct {
	ActorConfig
	Hidden int // width of the embeddings
	Layers int // rounds of message passing between devices and options
}

// NewGraphActor returns the actor of GRL (one exit in p) or GRLE (all exits): a graph neural
// network on the complete bipartite graph of devices and (server, exit) pairs. Each round passes
// messages from devices to options and back; a message depends on both ends and on the
// communication time of their edge. A perceptron then scores each edge. The weights do not depend
// on the numbers of devices, servers and exits.
//
// The paper describes the actor as graph convolutions over this graph. Widths, features and the
// form of the messages are ours.
func NewGraphActor(sc mecoffload.Scenario, p mecoffload.Profile, cfg GraphActorConfig, rng *rand.Rand) (*Actor, error) {
	net, err := gnn.NewBipartiteScorer("actor", gnn.BipartiteScorerConfig{
		In: deviceFeatures, InDst: optionFeatures, EdgeDim: edgeFeatures, Hidden: cfg.Hidden, Rounds: cfg.Layers,
	}, rng)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: graph actor: %w", err)
	}
	return networkActor(&graphNet{net, newFeaturizer(sc, p)}, cfg.ActorConfig)
}

// graphNet is the network on devices (sources) and options (destinations).
type graphNet struct {
	*gnn.BipartiteScorer
	features *featurizer
}

// Build implements rl.Model: a complete bipartite graph per sample, with scores [edges x 1].
func (n *graphNet) Build() (*rl.Network[mecoffload.Observation], error) {
	eg := gorgonia.NewGraph()
	in := &graphInputs{features: n.features}
	var err error
	for _, input := range []struct {
		node *(*gorgonia.Node)
		name string
		cols int
	}{{&in.device, "device", deviceFeatures}, {&in.option, "option", optionFeatures}, {&in.edge, "edge", edgeFeatures}} {
		if *input.node, err = nn.NewInput(eg, input.name, input.cols); err != nil {
			return nil, err
		}
	}
	if in.forward, err = gnn.NewGraphInput(eg, "devices_to_options"); err != nil {
		return nil, err
	}
	if in.reverse, err = gnn.NewGraphInput(eg, "options_to_devices"); err != nil {
		return nil, err
	}
	z, err := n.Forward(in.forward, in.reverse, in.device, in.option, in.edge)
	return &rl.Network[mecoffload.Observation]{Scores: z, Load: in.load}, err
}

// graphInputs are the inputs of one expression graph and their buffers.
type graphInputs struct {
	features             *featurizer
	device, option, edge *gorgonia.Node
	forward, reverse     *gorgonia.Node

	graph                         gnn.Graph
	deviceBuf, optionBuf, edgeBuf nn.Buffer
	sources, targets              []int // of each sample
}

func (in *graphInputs) load(t *nn.Tape, batch []mecoffload.Observation, choices *rl.Choices) error {
	in.sources, in.targets = in.sources[:0], in.targets[:0]
	devices, options, edges := 0, 0, 0
	for i := range batch {
		m, o := batch[i].Devices, batch[i].Options()
		in.sources, in.targets = append(in.sources, m), append(in.targets, o)
		devices, options, edges = devices+m, options+o, edges+m*o
		if err := addRows(choices, m, o); err != nil {
			return err
		}
	}
	if err := in.graph.SetCompleteBipartites(in.sources, in.targets); err != nil {
		return err
	}
	d, o := in.deviceBuf.Resize(devices, deviceFeatures), in.optionBuf.Resize(options, optionFeatures)
	e := in.edgeBuf.Resize(edges, edgeFeatures)
	for i := range batch {
		in.features.graph(&batch[i], d, o, e)
		d, o = d[in.sources[i]*deviceFeatures:], o[in.targets[i]*optionFeatures:]
		e = e[in.sources[i]*in.targets[i]*edgeFeatures:]
	}
	for _, input := range []struct {
		node  *gorgonia.Node
		value gorgonia.Value
	}{{in.device, in.deviceBuf.Value()}, {in.option, in.optionBuf.Value()}, {in.edge, in.edgeBuf.Value()}, {in.forward, &in.graph}} {
		if err := t.Bind(input.node, input.value); err != nil {
			return err
		}
	}
	if t.Needs(in.reverse) {
		return t.Bind(in.reverse, in.graph.Reverse())
	}
	return nil
}
