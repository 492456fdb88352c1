package lydroo

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"gorgonia.org/gorgonia"
)

// Actor is a network that decides and learns by binary cross-entropy, each user's decision by itself.
type Actor = droo.NetworkActor[Observation]

// NewMLPActor returns the published network for the given number of users: gains, data queues and
// energy queues through hidden layers of the given widths to a logit per user. Adam has the published
// beta1 of 0.09.
func NewMLPActor(users int, hidden []int, learningRate float64, rng *rl.Rand) (*Actor, error) {
	small := func(w nn.Matrix, rng *rand.Rand) { nn.Uniform(1/math.Sqrt(float64(w.Rows)))(w, rng) }
	widths := append(append([]int{3 * users}, hidden...), users)
	mlp, err := nn.NewMLP("actor", widths, nn.ReLU, small, rng.Rand)
	if err != nil {
		return nil, fmt.Errorf("lydroo: MLP actor: %w", err)
	}
	return droo.NewNetworkActor(&mlpNetwork{mlp, users}, droo.NetworkActorConfig{LearningRate: learningRate, Beta1: 0.09})
}

type mlpNetwork struct {
	*nn.MLP
	users int
}

// Build implements rl.Model: [samples x 3 N] to scores [samples x N].
func (n *mlpNetwork) Build() (*rl.Network[Observation], error) {
	in, err := nn.NewInput(gorgonia.NewGraph(), "state", 3*n.users)
	if err != nil {
		return nil, err
	}
	z, err := n.Forward(in)
	if err != nil {
		return nil, err
	}
	var buf nn.Buffer
	load := func(t *nn.Tape, batch []Observation, choices *rl.Choices) error {
		x := buf.Resize(len(batch), 3*n.users)
		for b := range batch {
			obs := &batch[b]
			if err := obs.Check(); err != nil {
				return err
			}
			if obs.Users() != n.users {
				return fmt.Errorf("lydroo: an MLP actor for %d users cannot decide for %d: use a graph actor", n.users, obs.Users())
			}
			choices.Next()
			for i := range n.users {
				if err := choices.Row(1, nil); err != nil {
					return err
				}
				x[i] = float32(obs.H[i] * 1e10) // the published scales
				x[n.users+i] = float32(obs.Q[i] / 10000)
				x[2*n.users+i] = float32(obs.Y[i] / 10000)
			}
			x = x[3*n.users:]
		}
		return t.Bind(in, buf.Value())
	}
	return &rl.Network[Observation]{Scores: z, Binary: true, Load: load}, nil
}

// GraphActorConfig holds the hyper-parameters of [NewGraphActor].
type GraphActorConfig struct {
	Hidden       int // width of the embeddings
	Rounds       int // of messages to the edge server and back
	LearningRate float64
}

// NewGraphActor returns an actor for decisions that the solver scores. It sees the network as a graph: the users and the edge server,
// joined by one edge each. Users send messages to the server, which averages them and sends its
// state back; then a perceptron scores every edge. It serves any number of users, and treats them
// alike in any order.
//
// The features of a user describe its options in the frame: the value of computing locally, the
// value and the time of sending all it wants to, and the slope of that, all relative to the mean
// user. So the network must learn the price of time at which the frame is full.
func NewGraphActor(solver *Solver, cfg GraphActorConfig, rng *rl.Rand) (*Actor, error) {
	if cfg.Hidden < 1 || cfg.Rounds < 1 {
		return nil, fmt.Errorf("lydroo: graph actor: %d hidden units and %d rounds: at least 1 of each", cfg.Hidden, cfg.Rounds)
	}
	net, err := gnn.NewBipartiteScorer("actor", gnn.BipartiteScorerConfig{
		In: userFeatures, InDst: serverFeatures, Hidden: cfg.Hidden, Rounds: cfg.Rounds,
	}, rng.Rand)
	if err != nil {
		return nil, fmt.Errorf("lydroo: graph actor: %w", err)
	}
	return droo.NewNetworkActor(graphNetwork{net, solver}, droo.NetworkActorConfig{LearningRate: cfg.LearningRate})
}

const (
	userFeatures   = 5 // value of computing locally and of offloading, slope, time, and their balance
	serverFeatures = 1 // log number of users
)

// graphNetwork is the network on users (sources) and edge servers (destinations).
type graphNetwork struct {
	*gnn.BipartiteScorer
	solver *Solver
}

// Build implements rl.Model: the users of a batch of networks, one after the other, to scores
// [users x 1].
func (n graphNetwork) Build() (*rl.Network[Observation], error) {
	eg := gorgonia.NewGraph()
	in := &userInputs{solver: n.solver}
	var errs [4]error
	in.user, errs[0] = nn.NewInput(eg, "user", userFeatures)
	in.server, errs[1] = nn.NewInput(eg, "server", serverFeatures)
	in.up, errs[2] = gnn.NewGraphInput(eg, "up")
	in.down, errs[3] = gnn.NewGraphInput(eg, "down")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	z, err := n.Forward(in.up, in.down, in.user, in.server, nil)
	return &rl.Network[Observation]{Scores: z, Binary: true, Load: in.load}, err
}

// userInputs are the inputs of one expression graph, with their buffers.
type userInputs struct {
	solver                 *Solver
	user, server, up, down *gorgonia.Node

	graph              gnn.Graph // user i of a network is its edge i
	sources, targets   []int     // users and servers of each network
	userBuf, serverBuf nn.Buffer
}

func (in *userInputs) load(t *nn.Tape, batch []Observation, choices *rl.Choices) error {
	in.sources, in.targets = in.sources[:0], in.targets[:0]
	total := 0
	for b := range batch {
		if err := batch[b].Check(); err != nil {
			return err
		}
		choices.Next()
		for range batch[b].H {
			if err := choices.Row(1, nil); err != nil {
				return err
			}
		}
		total += batch[b].Users()
		in.sources, in.targets = append(in.sources, batch[b].Users()), append(in.targets, 1)
	}
	if err := in.graph.SetCompleteBipartites(in.sources, in.targets); err != nil {
		return err
	}
	users, server := in.userBuf.Resize(total, userFeatures), in.serverBuf.Resize(len(batch), serverFeatures)
	for b := range batch {
		n := batch[b].Users()
		in.features(batch[b], users[:n*userFeatures])
		users = users[n*userFeatures:]
		server[b] = float32(math.Log(float64(n) + 1))
	}
	return errors.Join(
		t.Bind(in.user, in.userBuf.Value()),
		t.Bind(in.server, in.serverBuf.Value()),
		t.Bind(in.up, &in.graph),
		t.Bind(in.down, in.graph.Reverse()),
	)
}

// features writes those of the users of one network.
func (in *userInputs) features(obs Observation, dst []float32) {
	s := in.solver
	sum := 0.0
	for i := range obs.H {
		f := dst[i*userFeatures:][:userFeatures]
		worth, price := s.weights(obs, i)
		rate, energy := s.local(obs.Q[i], worth, price)
		local := worth*rate - price*energy
		offload, slope, turn := 0.0, 0.0, 0.0
		if u := s.offloader(i, obs.H[i], obs.Q[i], worth, price); u.slope > 0 {
			turn = min(u.turn, 1)
			slope, offload = u.slope, u.slope*turn
		}
		sum += local + offload
		f[0], f[1], f[2], f[3] = float32(local), float32(offload), float32(slope), float32(turn)
	}
	scale := float32(float64(len(obs.H)) / max(sum, 1e-9))
	for i := range obs.H {
		f := dst[i*userFeatures:][:userFeatures]
		for k := range f[:3] {
			f[k] = min(f[k]*scale, 10)
		}
		f[4] = (f[1] - f[0]) / (f[0] + f[1] + 1e-6)
		f[2] /= 10
	}
}
