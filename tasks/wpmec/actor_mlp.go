package wpmec

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// MLPActorConfig holds the hyper-parameters of [NewMLPActor].
type MLPActorConfig struct {
	ActorConfig
	Hidden []int // widths of the hidden layers
}

// DefaultMLPActorConfig returns the network of the published code, N-120-80-N, with a learning rate
// of 0.005: over 10,000 frames of the published data and 20 seeds it reaches a normalized rate of
// 0.99995, with the published learning rate of 0.01 it is 0.99989, and with the published Beta1 of
// 0.09 as well, 0.99981.
func DefaultMLPActorConfig() MLPActorConfig {
	return MLPActorConfig{ActorConfig: ActorConfig{LearningRate: 0.005, Beta1: 0.9}, Hidden: []int{120, 80}}
}

// gainScale makes channel gains of a few metres' distance numbers around 1.
const gainScale = 1e6

// NewMLPActor returns DROO's actor: a multilayer perceptron from the channel gains of all users,
// times 1e6, to one logit per user. It serves one number of users and does not see weights, which
// are part of the problem it learns; a user that is off has gain 0.
//
// Initial weights are uniform in +-1/sqrt(inputs), as in PyTorch and thus in the published code.
// The first logits are a tenth of those under He's rule. This matters: a user whose logit starts
// far below the others' is never offered to offload, and so it never learns to.
func NewMLPActor(users int, cfg MLPActorConfig, rng *rl.Rand) (*Actor, error) {
	small := func(w nn.Matrix, rng *rand.Rand) { nn.Uniform(1/math.Sqrt(float64(w.Rows)))(w, rng) }
	widths := append(append([]int{users}, cfg.Hidden...), users)
	mlp, err := nn.NewMLP("actor", widths, nn.ReLU, small, rng.Rand)
	if err != nil {
		return nil, fmt.Errorf("wpmec: MLP actor: %w", err)
	}
	return newActor(&mlpNetwork{mlp, users}, cfg.ActorConfig)
}

type mlpNetwork struct {
	*nn.MLP
	users int
}

// Build implements rl.Model: gains [samples x N] to scores [samples x N].
func (n *mlpNetwork) Build() (*rl.Network[Observation], error) {
	gains, err := nn.NewInput(gorgonia.NewGraph(), "gains", n.users)
	if err != nil {
		return nil, err
	}
	z, err := n.Forward(gains)
	if err != nil {
		return nil, err
	}
	var buf nn.Buffer
	load := func(t *nn.Tape, batch []Observation, choices *rl.Choices) error {
		x := buf.Resize(len(batch), n.users)
		clear(x)
		for b := range batch {
			obs := &batch[b]
			if err := obs.Check(); err != nil {
				return err
			}
			if obs.Users() != n.users {
				return fmt.Errorf("wpmec: an MLP actor for %d users cannot decide for %d: use a graph actor", n.users, obs.Users())
			}
			choices.Next()
			for i, h := range obs.H {
				group, err := choices.Group(1, nil)
				if err != nil {
					return err
				}
				if !obs.active(i) {
					group = rl.NoScores
				} else {
					x[b*n.users+i] = float32(h * gainScale)
				}
				choices.RowOf(group)
			}
		}
		return t.Bind(gains, buf.Value())
	}
	return &rl.Network[Observation]{Scores: z, Binary: true, Load: load}, nil
}
