package wpmec

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"gorgonia.org/gorgonia"
)

// GraphActorConfig holds the hyper-parameters of [NewGraphActor].
type GraphActorConfig struct {
	ActorConfig
	Hidden int // width of the embeddings
	Rounds int // of messages to the access point and back
}

// DefaultGraphActorConfig returns values that do well for 5 to 30 users; more units or rounds gain
// nothing.
func DefaultGraphActorConfig() GraphActorConfig {
	return GraphActorConfig{ActorConfig: ActorConfig{LearningRate: 0.005, Beta1: 0.9}, Hidden: 16, Rounds: 1}
}

// NewGraphActor returns an actor that sees the network as a graph: the users and the access point,
// joined by one edge each. Users are embedded and send messages to the access point, which averages
// them, knows their number, and sends its state back; then a perceptron scores every edge. The
// users of this problem are coupled only by a few sums over them (see [Solver]), which the access
// point can learn to hold.
//
// The actor serves any number of users with any weights, and treats them alike in any order. Users
// that are off are not part of the graph.
func NewGraphActor(cfg GraphActorConfig, rng *rl.Rand) (*Actor, error) {
	if cfg.Hidden < 1 || cfg.Rounds < 1 {
		return nil, fmt.Errorf("wpmec: graph actor: %d hidden units and %d rounds: at least 1 of each", cfg.Hidden, cfg.Rounds)
	}
	net, err := gnn.NewBipartiteScorer("actor", gnn.BipartiteScorerConfig{
		In: userFeatures, InDst: accessFeatures, Hidden: cfg.Hidden, Rounds: cfg.Rounds,
	}, rng.Rand)
	if err != nil {
		return nil, fmt.Errorf("wpmec: graph actor: %w", err)
	}
	return newActor(graphNetwork{net}, cfg.ActorConfig)
}

const (
	userFeatures   = 3 // log gain, scaled gain, weight
	accessFeatures = 1 // log number of users
)

// graphNetwork is the network on users (sources) and access points (destinations).
type graphNetwork struct{ *gnn.BipartiteScorer }

// Build implements rl.Model: the users of a batch of networks, one after the other, to scores
// [users x 1].
func (n graphNetwork) Build() (*rl.Network[Observation], error) {
	eg := gorgonia.NewGraph()
	in := &userInputs{}
	var err error
	if in.user, err = nn.NewInput(eg, "user", userFeatures); err != nil {
		return nil, err
	}
	if in.access, err = nn.NewInput(eg, "access", accessFeatures); err != nil {
		return nil, err
	}
	if in.up, err = gnn.NewGraphInput(eg, "up"); err != nil {
		return nil, err
	}
	if in.down, err = gnn.NewGraphInput(eg, "down"); err != nil {
		return nil, err
	}
	z, err := n.Forward(in.up, in.down, in.user, in.access, nil)
	return &rl.Network[Observation]{Scores: z, Binary: true, Load: in.load}, err
}

// userInputs are the inputs of one expression graph and their buffers.
type userInputs struct {
	user, access, up, down *gorgonia.Node

	graph              gnn.Graph // user i of a network is its edge i
	sources, targets   []int     // users and access points of each network: the users on, and 1
	userBuf, accessBuf nn.Buffer
}

func (in *userInputs) load(t *nn.Tape, batch []Observation, choices *rl.Choices) error {
	in.sources, in.targets = in.sources[:0], in.targets[:0]
	total := 0
	for b := range batch {
		obs := &batch[b]
		if err := obs.Check(); err != nil {
			return err
		}
		choices.Next()
		users := 0
		for i := range obs.H {
			if !obs.active(i) {
				choices.RowOf(rl.NoScores)
				continue
			}
			if err := choices.Row(1, nil); err != nil {
				return err
			}
			users++
		}
		total += users
		in.sources, in.targets = append(in.sources, users), append(in.targets, 1)
	}
	if err := in.graph.SetCompleteBipartites(in.sources, in.targets); err != nil {
		return err
	}
	users := in.userBuf.Resize(total, userFeatures)
	access := in.accessBuf.Resize(len(batch), accessFeatures)
	for b := range batch {
		obs := &batch[b]
		for i, h := range obs.H {
			if !obs.active(i) {
				continue
			}
			x := h * gainScale
			users[0] = float32(math.Log(x + 1e-3))
			users[1] = float32(x / (1 + x/10)) // at most 10
			users[2] = float32(obs.W[i])
			users = users[userFeatures:]
		}
		access[b] = float32(math.Log(float64(in.sources[b]) + 1))
	}
	return errors.Join(
		t.Bind(in.user, in.userBuf.Value()),
		t.Bind(in.access, in.accessBuf.Value()),
		t.Bind(in.up, &in.graph),
		t.Bind(in.down, in.graph.Reverse()),
	)
}
