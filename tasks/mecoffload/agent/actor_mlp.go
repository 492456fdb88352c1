package agent

import (
	"fmt"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"gorgonia.org/gorgonia"
)

// mlpNet is the network, with a fixed place for each device.
type mlpNet struct {
	*nn.MLP
	features                  *featurizer
	devices, servers, options int
}

func newMLPNet(sc mecoffload.Scenario, p mecoffload.Profile, hidden []int, rng *rand.Rand) (*mlpNet, error) {
	options := sc.Servers * p.Exits()
	widths := append(append([]int{flatWidth(sc.Devices, sc.Servers)}, hidden...), sc.Devices*options)
	mlp, err := nn.NewMLP("actor", widths, nn.ReLU, nil, rng)
	if err != nil {
		return nil, fmt.Errorf("mecoffload: MLP actor: %w", err)
	}
	return &mlpNet{MLP: mlp, features: newFeaturizer(sc, p), devices: sc.Devices, servers: sc.Servers, options: options}, nil
}

// Build implements rl.Model: flat states [samples x width] to scores [samples x devices*options].
func (n *mlpNet) Build() (*rl.Network[mecoffload.Observation], error) {
	width := flatWidth(n.devices, n.servers)
	state, err := nn.NewInput(gorgonia.NewGraph(), "state", width)
	if err != nil {
		return nil, err
	}
	z, err := n.Forward(state)
	if err != nil {
		return nil, err
	}
	var buf nn.Buffer
	load := func(t *nn.Tape, batch []mecoffload.Observation, choices *rl.Choices) error {
		data := buf.Resize(len(batch), width)
		for b := range batch {
			if err := n.addChoices(&batch[b], choices); err != nil {
				return err
			}
			n.features.flat(&batch[b], n.devices, data[b*width:(b+1)*width])
		}
		return t.Bind(state, buf.Value())
	}
	return &rl.Network[mecoffload.Observation]{Scores: z, Load: load}, nil
}

// addChoices adds a group of scores for every place, and a row for each present device.
func (n *mlpNet) addChoices(obs *mecoffload.Observation, choices *rl.Choices) error {
	if obs.Servers != n.servers {
		return fmt.Errorf("mecoffload: an MLP actor for %d servers cannot decide for %d: use a graph actor", n.servers, obs.Servers)
	}
	if obs.Links > 0 {
		return fmt.Errorf("mecoffload: an MLP actor cannot decide where devices reach %d of %d servers: use a graph actor", obs.Links, obs.Servers)
	}
	choices.Next()
	first := choices.Groups()
	for range n.devices {
		if _, err := choices.Group(n.options, nil); err != nil {
			return err
		}
	}
	for _, id := range obs.ID {
		if id < 0 || id >= n.devices {
			return fmt.Errorf("mecoffload: an MLP actor for %d devices cannot decide for device %d: use a graph actor", n.devices, id)
		}
		choices.RowOf(first + id)
	}
	return nil
}
