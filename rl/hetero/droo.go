package hetero

import (
	"fmt"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// DROOConfig describes the learner of NewDROO. DefaultDROOConfig returns values that do well on
// assignment problems of ten to a hundred rows.
type DROOConfig struct {
	Network     BipartiteConfig // for a schema with two node types and a choice of edges
	General     Config          // for any other schema; Value is not used
	Actor       droo.NetworkActorConfig
	Temperature float64 // of the Gumbel candidates
	Learner     droo.Config
}

// DefaultDROOConfig returns a network of 16 hidden units and one round of messages (32 units for
// General), 64 candidates drawn at temperature 1, softmax cross-entropy (binary where nodes are
// decided yes or no), and a training every second slot on 64 samples by Adam at 0.003. Some thousand
// slots are a good first try. The seed is Learner.Seed and determines all randomness.
func DefaultDROOConfig(seed uint64) DROOConfig {
	c := DROOConfig{
		Network:     DefaultBipartiteConfig(),
		General:     DefaultConfig(),
		Actor:       droo.NetworkActorConfig{LearningRate: 3e-3},
		Temperature: 1,
		Learner:     droo.DefaultConfig(),
	}
	c.General.Hidden, c.General.ScoreGain, c.General.Value = 32, 1, false
	l := &c.Learner
	l.Candidates, l.AdaptInterval, l.BatchSize, l.TrainInterval, l.Seed = 64, 0, 64, 2, seed
	return c
}

// Streams of a learner's seed.
const (
	streamWeights = 1 << 20
	streamDraws   = streamWeights + 1
)

// NewDROO returns a DROO learner for the graphs of a schema: network, actor, Gumbel candidates and
// memory. The critic scores candidate decisions. To use other parts, call droo.New yourself, as
// NewDROO does.
func NewDROO(s Schema, critic droo.Critic[Graph], cfg DROOConfig) (*droo.Learner[Graph], error) {
	model, err := cfg.model(s)
	if err != nil {
		return nil, err
	}
	if cfg.Actor.Loss == "" && s.Choose.kind != eachNode {
		cfg.Actor.Loss = droo.SoftmaxCrossEntropy
	}
	actor, err := droo.NewNetworkActor(model, cfg.Actor)
	if err != nil {
		return nil, fmt.Errorf("hetero: %w", err)
	}
	quantizer, err := cfg.quantizer()
	if err != nil {
		return nil, err
	}
	return droo.New(actor, quantizer, critic, s.Codec(), cfg.Learner)
}

// LoadDROO returns the policy that a learner of NewDROO has saved in state, see droo.LoadPolicy. Of
// cfg it uses the network, the temperature and, for the draws of candidates, the seed.
func LoadDROO(state *checkpoints.State, s Schema, critic droo.Critic[Graph], cfg DROOConfig) (*droo.Policy[Graph], error) {
	model, err := cfg.model(s)
	if err != nil {
		return nil, err
	}
	quantizer, err := cfg.quantizer()
	if err != nil {
		return nil, err
	}
	return droo.LoadPolicy(state, model, quantizer, critic)
}

func (c DROOConfig) quantizer() (droo.Quantizer, error) {
	q, err := droo.NewGumbel(c.Temperature, rl.NewRand(c.Learner.Seed, streamDraws))
	if err != nil {
		return nil, fmt.Errorf("hetero: %w", err)
	}
	return q, nil
}

// model returns the bipartite network if the schema allows it, else the general one.
func (c DROOConfig) model(s Schema) (rl.Model[Graph], error) {
	rand := rl.NewRand(c.Learner.Seed, streamWeights)
	edges := s.Choose.kind == oneEdge || s.Choose.kind == edgePerSource
	if len(s.Nodes) == 2 && len(s.Edges) == 1 && s.Edges[0].From != s.Edges[0].To && edges {
		return NewBipartiteModel(s, c.Network, rand)
	}
	general := c.General
	general.Value = false
	return NewModel(s, general, rand)
}
