package agent

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"gorgonia.org/gorgonia"
)

// MLPActorConfig holds the hyper-parameters of the actor of DROO and DROOE.
type MLPActorConfig struct {
	ActorConfig
	Hidden []int // widths of the hidden layers
}

// NewMLPActor makes the actor of DROO (one exit in p) or DROOE (all exits): a multilayer perceptron
// from the flattened state of all devices to the logits of all (device, option) pairs. Its size is
// fixed by the largest number of devices; absent devices are padded with zeros.
func NewMLPActor(sc mecoffload.Scenario, p mecoffload.Profile, cfg MLPActorConfig, rng *rand.Rand) (*Actor, error) {
	options := sc.Servers * p.Exits()
	widths := append(append([]int{flatWidth(sc.Devices, sc.Servers)}, cfg.Hidden...), sc.Devices*options)
	mlp, err := nn.NewMLP("actor", widths, nn.ReLU, nil, rng)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: MLP actor: %w", err)
	}
	net := &mlpNet{MLP: mlp, features: newFeaturizer(sc, p), devices: sc.Devices, servers: sc.Servers, options: options}
	return networkActor(net, options, cfg.ActorConfig)
}

// mlpNet is the network over all places of devices.
type mlpNet struct {
	*nn.MLP
	features                  *featurizer
	devices, servers, options int
}

// Build implements droo.PolicyNetwork.
func (n *mlpNet) Build() (droo.PolicyGraph[mecoffload.Observation], error) {
	state, err := nn.NewInput(gorgonia.NewGraph(), "state", flatWidth(n.devices, n.servers))
	if err != nil {
		return nil, err
	}
	z, err := n.Forward(state)
	return &mlpGraph{net: n, state: state, z: z}, err
}

// mlpGraph maps flat states [samples x width] to logits [samples x devices*options].
type mlpGraph struct {
	net      *mlpNet
	state, z *gorgonia.Node
	buf      nn.Buffer
	batch    []droo.Sample[mecoffload.Observation]
}

func (g *mlpGraph) Logits() *gorgonia.Node { return g.z }
func (g *mlpGraph) Rows() int              { return len(g.batch) }

func (g *mlpGraph) Place(sample, device int) int {
	return (sample*g.net.devices + g.batch[sample].Observation.ID[device]) * g.net.options
}

func (g *mlpGraph) Load(t *nn.Tape, batch []droo.Sample[mecoffload.Observation]) error {
	g.batch = batch
	width := flatWidth(g.net.devices, g.net.servers)
	data := g.buf.Resize(len(batch), width)
	for b := range batch {
		obs := &batch[b].Observation
		if obs.Servers != g.net.servers {
			return fmt.Errorf("mecoffload: an MLP actor for %d servers cannot decide for %d: use "+
				"a graph actor", g.net.servers, obs.Servers)
		}
		for _, id := range obs.ID {
			if id < 0 || id >= g.net.devices {
				return fmt.Errorf("mecoffload: an MLP actor for %d devices cannot decide for "+
					"device %d: use a graph actor", g.net.devices, id)
			}
		}
		g.net.features.flat(obs, g.net.devices, data[b*width:(b+1)*width])
	}
	return t.Bind(g.state, g.buf.Value())
}
