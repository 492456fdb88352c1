package rl_test

import (
	"context"
	"testing"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/envs"
)

// BenchmarkTrain reports the steps of CartPole-v1 that each learner learns from in a second, with two hidden layers of 64.
func BenchmarkTrain(b *testing.B) {
	problem := func(value rl.ValueHead) rl.Problem[[]float32] {
		network := rl.DefaultMLPConfig(0, 0)
		network.Value = value
		return rl.VectorProblem(func() rl.DiscreteEnv { return envs.NewCartPole() }, network)
	}
	const steps = 1 << 40
	run := func(name string, l learner[[]float32], err error) {
		if err != nil {
			b.Fatal(err)
		}
		stop := []rl.Callback{func(rl.Progress) error { return rl.ErrStop }}
		b.Run(name, func(b *testing.B) {
			before := l.Progress().Steps
			for b.Loop() {
				if err := l.Train(context.Background(), stop...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(l.Progress().Steps-before)/b.Elapsed().Seconds(), "steps/s")
		})
	}
	// As examples/cartpole has it: every step is learned from 20 times.
	ppo := rl.DefaultPPOConfig()
	ppo.Steps, ppo.RolloutSteps, ppo.Epochs = steps, 32, 20
	p, err := rl.NewPPO(problem(rl.SeparateValue), ppo)
	run("PPO", p, err)
	a2c := rl.DefaultA2CConfig()
	a2c.Steps = steps
	a, err := rl.NewA2C(problem(rl.SeparateValue), a2c)
	run("A2C", a, err)
	dqn := rl.DefaultDQNConfig()
	dqn.Steps, dqn.TrainInterval, dqn.NStep, dqn.TargetInterval, dqn.Tau = steps, 2, 8, 1, 0.005
	d, err := rl.NewDQN(problem(rl.NoValue), dqn)
	run("DQN", d, err)
}
