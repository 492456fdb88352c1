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

// actor returns the configuration of an agent's actor.
func (r Recipe) actor(workers int) ActorConfig {
	return ActorConfig{Loss: r.Loss, LearningRate: r.LearningRate, ClipNorm: r.ClipNorm, Workers: workers}
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
