package agent

import (
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// ActorConfig holds the hyper-parameters common to the actors.
type ActorConfig struct {
	Loss         droo.Loss
	LearningRate float64 // learning rate of Adam
	ClipNorm     float64 // bound on the gradient's global norm; 0: none
	Workers      int     // goroutines that share a minibatch; 0: 1
}

// Actor maps observations to one logit per device and option.
type Actor = droo.NetworkActor[mecoffload.Observation]

// newActor returns the actor of a configuration for the network and servers p, as the method sees
// them.
func newActor(c Config, p mecoffload.Profile, graph bool) (*Actor, error) {
	r, weights := c.Recipe, rl.NewRand(c.Seed, streamWeights)
	cfg := ActorConfig{Loss: r.Loss, LearningRate: r.LearningRate, ClipNorm: r.ClipNorm, Workers: c.Workers}
	if graph {
		return NewGraphActor(c.Scenario, p, GraphActorConfig{cfg, r.GraphHidden, r.GraphLayers}, weights.Rand)
	}
	return NewMLPActor(c.Scenario, p, MLPActorConfig{cfg, r.Hidden}, weights.Rand)
}

// networkActor wraps a network as an actor.
func networkActor(model rl.Model[mecoffload.Observation], cfg ActorConfig) (*Actor, error) {
	return droo.NewNetworkActor(model, droo.NetworkActorConfig{
		Loss:         cfg.Loss,
		LearningRate: cfg.LearningRate,
		ClipNorm:     cfg.ClipNorm,
		Workers:      cfg.Workers,
	})
}

// addRows adds one row of choices per device of the observation, all with the same options.
func addRows(choices *rl.Choices, devices, options int) error {
	choices.Next()
	for range devices {
		if err := choices.Row(options, nil); err != nil {
			return err
		}
	}
	return nil
}
