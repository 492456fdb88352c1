package wpmec

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/gnn"
	"github.com/graphrl/graphrl/nn"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"gorgonia.org/gorgonia"
)

// GraphActorConfig holds the hyper-parameters of [NewGraphActor].
type GraphActorConfig struct {
	ActorConfig
	Hidden int // width of the embeddings
	Rounds int // of messages to the access point and back
}

// DefaultGraphActorConfig returns what does well from 5 to 30 users; more units or rounds gain nothing.
func DefaultGraphActorConfig() GraphActorConfig {
	return GraphActorConfig{ActorConfig: ActorConfig{LearningRate: 0.005, Beta1: 0.9}, Hidden: 16, Rounds: 1}
}

// NewGraphActor returns an actor that sees the network as a graph: the users and the access point, joined by one edge
// each. Users are embedded, send messages to the access point, which takes their mean and knows their number, and hear
// its state; then a perceptron scores every edge. What couples the users of this problem is a handful of sums over them
// (see [Solver]), which the access point can learn to hold.
//
// It serves any number of users, on or off, with any weights, and treats them alike whatever their order. Users that are
// off are no part of the graph.
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

// Build implements droo.PolicyNetwork.
func (n graphNetwork) Build() (droo.PolicyGraph[Observation], error) {
	eg := gorgonia.NewGraph()
	g := &userGraph{}
	var err error
	if g.user, err = nn.NewInput(eg, "user", userFeatures); err != nil {
		return nil, err
	}
	if g.access, err = nn.NewInput(eg, "access", accessFeatures); err != nil {
		return nil, err
	}
	if g.up, err = gnn.NewGraphInput(eg, "up"); err != nil {
		return nil, err
	}
	if g.down, err = gnn.NewGraphInput(eg, "down"); err != nil {
		return nil, err
	}
	g.z, err = n.Forward(g.up, g.down, g.user, g.access, nil)
	return g, err
}

// userGraph maps a batch of networks, the users of all of them after each other, to logits [users x 1].
type userGraph struct {
	user, access, up, down, z *gorgonia.Node

	graph              gnn.Graph // user i of a network is its edge i
	sources, targets   []int     // users and access points of each network: the users on, and 1
	userBuf, accessBuf nn.Buffer
	places             []int32 // of all users of all samples, on or off
	first              []int   // where in places a sample starts
}

func (g *userGraph) Logits() *gorgonia.Node { return g.z }
func (g *userGraph) Rows() int              { return g.graph.NumSrc() }
func (g *userGraph) Place(b, i int) int     { return int(g.places[g.first[b]+i]) }

func (g *userGraph) Load(t *nn.Tape, batch []droo.Sample[Observation]) error {
	g.sources, g.targets, g.first, g.places = g.sources[:0], g.targets[:0], g.first[:0], g.places[:0]
	rows := int32(0)
	for b := range batch {
		obs := &batch[b].Observation
		if err := obs.Check(); err != nil {
			return err
		}
		start := rows
		g.first = append(g.first, len(g.places))
		for i := range obs.H {
			if !obs.active(i) {
				g.places = append(g.places, -1)
				continue
			}
			g.places = append(g.places, rows)
			rows++
		}
		g.sources, g.targets = append(g.sources, int(rows-start)), append(g.targets, 1)
	}
	if err := g.graph.SetCompleteBipartites(g.sources, g.targets); err != nil {
		return err
	}
	users := g.userBuf.Resize(int(rows), userFeatures)
	access := g.accessBuf.Resize(len(batch), accessFeatures)
	for b := range batch {
		obs := &batch[b].Observation
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
		access[b] = float32(math.Log(float64(g.sources[b]) + 1))
	}
	return errors.Join(
		t.Bind(g.user, g.userBuf.Value()),
		t.Bind(g.access, g.accessBuf.Value()),
		t.Bind(g.up, &g.graph),
		t.Bind(g.down, g.graph.Reverse()),
	)
}
