package wpmec

import (
	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/droo"
)

// ActorConfig holds the hyper-parameters common to the actors.
type ActorConfig struct {
	LearningRate float64 // of Adam; 0: 0.001
	Beta1        float64 // of Adam; 0: 0.9
}

// Actor is a network that decides and learns by binary cross-entropy, each user's decision by
// itself, as DROO's does. The logit of a user that is off says local, with certainty.
type Actor = droo.NetworkActor[Observation]

// newActor makes an actor of a network.
func newActor(model rl.Model[Observation], cfg ActorConfig) (*Actor, error) {
	return droo.NewNetworkActor(model, droo.NetworkActorConfig{LearningRate: cfg.LearningRate, Beta1: cfg.Beta1})
}
