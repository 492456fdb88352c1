package envs

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/rl"
)

// CartPole is CartPole-v1: a cart on a track is pushed left (action 0) or right (1) to keep the
// pole on it upright (A. Barto, R. Sutton, C. Anderson, "Neuronlike adaptive elements that can
// solve difficult learning control problems", IEEE SMC 13(5), 1983; equations of motion: R.
// Florian, "Correct equations for the dynamics of the cart-pole system", 2007, without friction).
//
// The observation is the cart's position (m) and velocity (m/s) and the pole's angle from the
// vertical (rad) and angular velocity (rad/s). Every step earns 1. An episode starts with all four
// uniform in [-0.05, 0.05), terminates when the cart leaves +-2.4 m or the pole +-12 degrees, and
// is truncated after 500 steps. The problem counts as solved at a mean of 475 (Gymnasium's reward
// threshold).
//
// The zero value is ready for Reset.
type CartPole struct {
	state       [4]float64 // x, dx/dt, theta, dtheta/dt
	steps       int
	running     bool
	observation [4]float32
}

// NewCartPole returns the environment.
func NewCartPole() *CartPole { return new(CartPole) }

// ObservationSize returns the number of features of an observation, 4.
func (*CartPole) ObservationSize() int { return 4 }

// Actions returns the number of actions, 2.
func (*CartPole) Actions() int { return 2 }

// Reset implements rl.Env.
func (c *CartPole) Reset(seed uint64) ([]float32, error) {
	startUniform(c.state[:], 0.05, seed)
	c.steps, c.running = 0, true
	return c.observe(), nil
}

// Step implements rl.Env.
func (c *CartPole) Step(action int) (rl.Transition[[]float32], error) {
	const (
		gravity    = 9.8 // m/s^2
		cartMass   = 1.0 // kg
		poleMass   = 0.1 // kg
		totalMass  = cartMass + poleMass
		halfLength = 0.5  // m, of the pole
		force      = 10.0 // N
		tau        = 0.02 // s between steps
		maxX       = 2.4  // m
		maxTheta   = 12 * 2 * math.Pi / 360
		maxSteps   = 500
	)
	if !c.running {
		return rl.Transition[[]float32]{}, errors.New("envs: CartPole: no episode is running: call Reset")
	}
	push := force
	switch action {
	case 0:
		push = -force
	case 1:
	default:
		return rl.Transition[[]float32]{}, fmt.Errorf("envs: CartPole: action %d, want 0 or 1", action)
	}
	x, dx, theta, dtheta := c.state[0], c.state[1], c.state[2], c.state[3]
	sin, cos := math.Sincos(theta)
	temp := (push + poleMass*halfLength*dtheta*dtheta*sin) / totalMass
	ddtheta := (gravity*sin - cos*temp) / (halfLength * (4.0/3.0 - poleMass*cos*cos/totalMass))
	ddx := temp - poleMass*halfLength*ddtheta*cos/totalMass

	// Explicit Euler: positions move with the velocities from before the step.
	c.state = [4]float64{x + tau*dx, dx + tau*ddx, theta + tau*dtheta, dtheta + tau*ddtheta}
	c.steps++
	t := rl.Transition[[]float32]{
		Observation: c.observe(),
		Reward:      1,
		Terminated:  math.Abs(c.state[0]) > maxX || math.Abs(c.state[2]) > maxTheta,
		Truncated:   c.steps >= maxSteps,
	}
	c.running = !t.Done()
	return t, nil
}

func (c *CartPole) observe() []float32 {
	for i, v := range c.state {
		c.observation[i] = float32(v)
	}
	return c.observation[:]
}

// startUniform fills state with draws from [-bound, bound).
func startUniform(state []float64, bound float64, seed uint64) {
	rng := rl.NewRand(seed, 0)
	for i := range state {
		state[i] = bound * (2*rng.Float64() - 1)
	}
}
