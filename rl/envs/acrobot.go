package envs

import (
	"errors"
	"fmt"
	"math"

	"github.com/graphrl/graphrl/rl"
)

// Acrobot is Acrobot-v1. A chain of two links hangs from a pivot and must swing its free end above
// a height of one link, by torques of -1, 0 or +1 N m (actions 0, 1, 2) on the joint between the
// links (R. Sutton, "Generalization in Reinforcement Learning: Successful Examples Using Sparse
// Coarse Coding", NIPS 1995; with the equations of motion of Sutton and Barto's book, which
// corrects the paper's).
//
// The observation is cos and sin of the angle of the first link from hanging down, cos and sin of
// the angle of the second relative to the first, and both angular velocities (rad/s). Every step
// earns -1, except the one that reaches the goal, which earns 0. An episode starts with angles and
// velocities uniform in [-0.1, 0.1), terminates at the goal and is truncated after 500 steps. The
// problem counts as solved at a mean of -100 (Gymnasium's reward threshold).
//
// The zero value is ready for Reset.
type Acrobot struct {
	state       [4]float64 // theta1, theta2, dtheta1/dt, dtheta2/dt
	steps       int
	running     bool
	observation [6]float32
}

// NewAcrobot returns the environment.
func NewAcrobot() *Acrobot { return new(Acrobot) }

// ObservationSize returns the number of features of an observation, 6.
func (*Acrobot) ObservationSize() int { return 6 }

// Actions returns the number of actions, 3.
func (*Acrobot) Actions() int { return 3 }

// Reset implements rl.Env.
func (a *Acrobot) Reset(seed uint64) ([]float32, error) {
	startUniform(a.state[:], 0.1, seed)
	a.steps, a.running = 0, true
	return a.observe(), nil
}

// Step implements rl.Env.
func (a *Acrobot) Step(action int) (rl.Transition[[]float32], error) {
	const (
		dt           = 0.2         // s between steps
		maxVelocity1 = 4 * math.Pi // rad/s
		maxVelocity2 = 9 * math.Pi // rad/s
		maxSteps     = 500
	)
	if !a.running {
		return rl.Transition[[]float32]{}, errors.New("envs: Acrobot: no episode is running: call Reset")
	}
	if action < 0 || action > 2 {
		return rl.Transition[[]float32]{}, fmt.Errorf("envs: Acrobot: action %d, want 0, 1 or 2", action)
	}
	s := rungeKutta4(a.state, float64(action-1), dt)
	a.state = [4]float64{
		wrap(s[0]),
		wrap(s[1]),
		min(max(s[2], -maxVelocity1), maxVelocity1),
		min(max(s[3], -maxVelocity2), maxVelocity2),
	}
	a.steps++
	reached := -math.Cos(a.state[0])-math.Cos(a.state[1]+a.state[0]) > 1
	t := rl.Transition[[]float32]{
		Observation: a.observe(),
		Reward:      -1,
		Terminated:  reached,
		Truncated:   a.steps >= maxSteps,
	}
	if reached {
		t.Reward = 0
	}
	a.running = !t.Done()
	return t, nil
}

func (a *Acrobot) observe() []float32 {
	sin1, cos1 := math.Sincos(a.state[0])
	sin2, cos2 := math.Sincos(a.state[1])
	a.observation = [6]float32{
		float32(cos1), float32(sin1), float32(cos2), float32(sin2), float32(a.state[2]), float32(a.state[3]),
	}
	return a.observation[:]
}

// rungeKutta4 integrates the state for time dt by one step of the classic Runge-Kutta method.
func rungeKutta4(s [4]float64, torque, dt float64) [4]float64 {
	advance := func(by float64, slope [4]float64) [4]float64 {
		var r [4]float64
		for i := range r {
			r[i] = s[i] + by*slope[i]
		}
		return r
	}
	k1 := acrobotDerivative(s, torque)
	k2 := acrobotDerivative(advance(dt/2, k1), torque)
	k3 := acrobotDerivative(advance(dt/2, k2), torque)
	k4 := acrobotDerivative(advance(dt, k3), torque)
	var mean [4]float64
	for i := range mean {
		mean[i] = k1[i] + 2*k2[i] + 2*k3[i] + k4[i]
	}
	return advance(dt/6, mean)
}

// acrobotDerivative returns the time derivative of the state under the torque on the second joint.
func acrobotDerivative(s [4]float64, torque float64) [4]float64 {
	const (
		m1, m2   = 1.0, 1.0 // kg
		l1       = 1.0      // m
		lc1, lc2 = 0.5, 0.5 // m, from the joint to the centre of mass of the link
		i1, i2   = 1.0, 1.0 // kg m^2
		g        = 9.8      // m/s^2
	)
	theta1, theta2, dtheta1, dtheta2 := s[0], s[1], s[2], s[3]
	sin2, cos2 := math.Sincos(theta2)
	d1 := m1*lc1*lc1 + m2*(l1*l1+lc2*lc2+2*l1*lc2*cos2) + i1 + i2
	d2 := m2*(lc2*lc2+l1*lc2*cos2) + i2
	phi2 := m2 * lc2 * g * math.Cos(theta1+theta2-math.Pi/2)
	phi1 := -m2*l1*lc2*dtheta2*dtheta2*sin2 - 2*m2*l1*lc2*dtheta2*dtheta1*sin2 +
		(m1*lc1+m2*l1)*g*math.Cos(theta1-math.Pi/2) + phi2
	ddtheta2 := (torque + d2/d1*phi1 - m2*l1*lc2*dtheta1*dtheta1*sin2 - phi2) / (m2*lc2*lc2 + i2 - d2*d2/d1)
	ddtheta1 := -(d2*ddtheta2 + phi1) / d1
	return [4]float64{dtheta1, dtheta2, ddtheta1, ddtheta2}
}

// wrap returns the angle in [-pi, pi] that points the same way.
func wrap(angle float64) float64 {
	for angle > math.Pi {
		angle -= 2 * math.Pi
	}
	for angle < -math.Pi {
		angle += 2 * math.Pi
	}
	return angle
}
