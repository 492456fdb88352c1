package wpmec

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"gorgonia.org/gorgonia"
)

// MLPActorConfig holds the hyper-parameters of [NewMLPActor].
type MLPActorConfig struct {
	ActorConfig
	Hidden []int // widths of the hidden layers
}

// DefaultMLPActorConfig returns the network of the published code, N-120-80-N, with a learning rate of 0.005: over 10,000
// frames of the published data and 20 seeds it reaches a normalized rate of 0.99995, with the published learning rate of
// 0.01 it is 0.99989, and with the published Beta1 of 0.09 as well, 0.99981.
func DefaultMLPActorConfig() MLPActorConfig {
	return MLPActorConfig{ActorConfig: ActorConfig{LearningRate: 0.005, Beta1: 0.9}, Hidden: []int{120, 80}}
}

// gainScale makes channel gains of a few metres' distance numbers around 1.
const gainScale = 1e6

// NewMLPActor returns DROO's actor: a multilayer perceptron from the channel gains of all users, times 1e6, to one logit
// per user. It serves one number of users and sees no weights, which are part of the problem it learns; a user that is
// off has gain 0.
//
// Weights start out uniform in +-1/sqrt(inputs), as PyTorch has them and so the published code. That is a tenth of what
// He's rule gives the logits at first. It matters: a user whose logit starts far below the others' is never offered to
// offload, and what is never offered is never learned.
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

// Build implements droo.PolicyNetwork.
func (n *mlpNetwork) Build() (droo.PolicyGraph[Observation], error) {
	gains, err := nn.NewInput(gorgonia.NewGraph(), "gains", n.users)
	if err != nil {
		return nil, err
	}
	z, err := n.Forward(gains)
	return &mlpGraph{users: n.users, gains: gains, z: z}, err
}

// mlpGraph maps gains [samples x N] to logits [samples x N].
type mlpGraph struct {
	users    int
	gains, z *gorgonia.Node
	buf      nn.Buffer
	batch    []droo.Sample[Observation]
}

func (g *mlpGraph) Logits() *gorgonia.Node { return g.z }
func (g *mlpGraph) Rows() int              { return len(g.batch) }

func (g *mlpGraph) Place(b, i int) int {
	if !g.batch[b].Observation.active(i) {
		return -1
	}
	return b*g.users + i
}

func (g *mlpGraph) Load(t *nn.Tape, batch []droo.Sample[Observation]) error {
	g.batch = batch
	x := g.buf.Resize(len(batch), g.users)
	clear(x)
	for b := range batch {
		obs := &batch[b].Observation
		if err := obs.Check(); err != nil {
			return err
		}
		if obs.Users() != g.users {
			return fmt.Errorf("wpmec: an MLP actor for %d users cannot decide for %d: use a graph actor", g.users, obs.Users())
		}
		for i, h := range obs.H {
			if obs.active(i) {
				x[b*g.users+i] = float32(h * gainScale)
			}
		}
	}
	return t.Bind(g.gains, g.buf.Value())
}
