package agent

import (
	"fmt"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Config determines an agent: equal configurations give equal agents, bit for bit.
type Config struct {
	Method   Method
	Scenario mecoffload.Scenario
	Profile  mecoffload.Profile
	Recipe   Recipe
	// Seed determines the initial weights and the draws of candidates and minibatches.
	Seed uint64
	// Workers is the number of goroutines that share a training step of the actor; 0: 1.
	Workers int
}

// Architecture describes the parts of the method's networks that determine the shapes of weights.
func (c Config) Architecture() string {
	t, err := c.Method.traits()
	if err != nil {
		return "none"
	}
	if t.graph {
		return fmt.Sprintf("graph actor: features %d/%d/%d, hidden %d, layers %d",
			deviceFeatures, optionFeatures, edgeFeatures, c.Recipe.GraphHidden, c.Recipe.GraphLayers)
	}
	return fmt.Sprintf("MLP actor: devices %d, servers %d, exits %d, hidden %v",
		c.Scenario.Devices, c.Scenario.Servers, newView(c.Profile, t, c.Recipe).profile.Exits(), c.Recipe.Hidden)
}

// validate reports the first invalid value.
func (c Config) validate() error {
	for _, part := range []struct {
		name string
		err  error
	}{
		{"scenario", c.Scenario.Validate()},
		{"profile", c.Profile.Validate()},
		{"recipe", c.Recipe.Validate()},
	} {
		if part.err != nil {
			return fmt.Errorf("%s: %w", part.name, part.err)
		}
	}
	if c.Workers < 0 || c.Workers > c.Recipe.BatchSize {
		return fmt.Errorf("%d workers cannot share minibatches of %d: choose 0 to %d", c.Workers,
			c.Recipe.BatchSize, c.Recipe.BatchSize)
	}
	return nil
}
