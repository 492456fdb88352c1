package agent

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/internal/reuse"
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
// network on the bipartite graph of devices and the (server, exit) pairs in reach. Each round passes
// messages from devices to options and back; a message depends on both ends and on the
// communication time of their edge. A perceptron then scores each edge. The weights do not depend
// on the numbers of devices, servers and exits.
//
// The paper describes the actor as graph convolutions over this graph. Widths, features and the
// form of the messages are ours.
func NewGraphActor(sc mecoffload.Scenario, p mecoffload.Profile, cfg GraphActorConfig, rng *rand.Rand) (*Actor, error) {
	net, err := newGraphNet(sc, p, cfg.Hidden, cfg.Layers, rng)
	if err != nil {
		return nil, err
	}
	return networkActor(net, cfg.ActorConfig)
}

// graphNet is the network on devices (sources) and options (destinations).
type graphNet struct {
	*gnn.BipartiteScorer
	features *featurizer
}

func newGraphNet(sc mecoffload.Scenario, p mecoffload.Profile, hidden, layers int, rng *rand.Rand) (*graphNet, error) {
	net, err := gnn.NewBipartiteScorer("actor", gnn.BipartiteScorerConfig{
		In: deviceFeatures, InDst: optionFeatures, EdgeDim: edgeFeatures, Hidden: hidden, Rounds: layers,
	}, rng)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: graph actor: %w", err)
	}
	return &graphNet{net, newFeaturizer(sc, p)}, nil
}

// Build implements rl.Model: a bipartite graph per sample, with scores [edges x 1].
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
	work                 featureTask
	device, option, edge *gorgonia.Node
	forward, reverse     *gorgonia.Node

	graph                         gnn.Graph
	deviceBuf, optionBuf, edgeBuf nn.Buffer
	sources, targets              []int         // of each sample
	edges                         gnn.EdgeIndex // of observations with links
}

func (in *graphInputs) load(t *nn.Tape, batch []mecoffload.Observation, choices *rl.Choices) error {
	devices, options, edges, complete := 0, 0, 0, true
	for i := range batch {
		obs := &batch[i]
		devices, options = devices+obs.Devices, options+obs.Servers*obs.Exits
		edges += obs.Devices * obs.Options()
		complete = complete && obs.Links == 0
		choices.Next()
		if err := choices.AddRows(obs.Devices, obs.Options()); err != nil {
			return err
		}
	}
	var err error
	if complete {
		err = in.joinAll(batch)
	} else {
		err = in.joinLinks(batch, devices, options, edges)
	}
	if err != nil {
		return err
	}
	d, o := in.deviceBuf.Resize(devices, deviceFeatures), in.optionBuf.Resize(options, optionFeatures)
	e := in.edgeBuf.Resize(edges, edgeFeatures)
	for i := range batch {
		obs := &batch[i]
		in.work.run(in.features, obs, d, o, e)
		d, o = d[obs.Devices*deviceFeatures:], o[obs.Servers*obs.Exits*optionFeatures:]
		e = e[obs.Devices*obs.Options()*edgeFeatures:]
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

// joinAll builds the graph of observations whose devices reach all servers.
func (in *graphInputs) joinAll(batch []mecoffload.Observation) error {
	in.sources, in.targets = in.sources[:0], in.targets[:0]
	for i := range batch {
		in.sources, in.targets = append(in.sources, batch[i].Devices), append(in.targets, batch[i].Options())
	}
	return in.graph.SetCompleteBipartites(in.sources, in.targets)
}

// joinLinks builds the graph of observations whose devices reach some servers, with an edge for
// each device, link and exit.
func (in *graphInputs) joinLinks(batch []mecoffload.Observation, devices, options, edges int) error {
	src, dst := reuse.Slice(in.edges.Src, edges), reuse.Slice(in.edges.Dst, edges)
	in.edges = gnn.EdgeIndex{Src: src, Dst: dst}
	device, option, e := 0, 0, 0
	for i := range batch {
		obs := &batch[i]
		for m := range obs.Devices {
			for j := range obs.Degree() {
				first := option + obs.ServerOf(m, j)*obs.Exits
				for x := range obs.Exits {
					src[e], dst[e] = int32(device+m), int32(first+x)
					e++
				}
			}
		}
		device, option = device+obs.Devices, option+obs.Servers*obs.Exits
	}
	return in.graph.SetBipartite(devices, options, in.edges)
}
