package agent

import (
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// ActorConfig holds the hyper-parameters common to the actors.
type ActorConfig struct {
	Loss         rl.Loss
	LearningRate float64 // of Adam
	ClipNorm     float64 // bound of the gradient's global norm; 0: none
	Workers      int     // goroutines that share a minibatch; 0: 1
}

// Actor maps observations to one logit per device and option.
type Actor = rl.NetworkActor[mecoffload.Observation]

// newActor makes an actor of a network.
func newActor(net rl.PolicyNetwork[mecoffload.Observation], options int, cfg ActorConfig) (*Actor, error) {
	return rl.NewNetworkActor(net, func(o *mecoffload.Observation) int { return o.Devices }, rl.NetworkActorConfig{
		Options:      options,
		Loss:         cfg.Loss,
		LearningRate: cfg.LearningRate,
		ClipNorm:     cfg.ClipNorm,
		Workers:      cfg.Workers,
	})
}
