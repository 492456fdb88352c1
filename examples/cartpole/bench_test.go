package main

import (
	"context"
	"testing"

	"github.com/graphrl/graphrl/rl"
)

// BenchmarkTrain trains on CartPole-v1 by the recipes, including learning. One operation is a step
// of one environment; bench/peers compares it with other libraries. The learning rate stays
// constant.
func BenchmarkTrain(b *testing.B) {
	const unlimited = 1 << 40
	for _, algo := range []string{"ppo", "a2c", "dqn", "reinforce"} {
		_, l, err := tasks["cartpole"].learner(algo, 1, unlimited)
		if err != nil {
			b.Fatal(err)
		}
		trainFor := func(steps int) {
			last := l.Progress().Steps + steps
			until := func(p rl.Progress) error {
				if p.Steps >= last {
					return rl.ErrStop
				}
				return nil
			}
			if err := l.Train(context.Background(), until); err != nil {
				b.Fatal(err)
			}
		}
		trainFor(3000) // buffers are warm, and DQN has begun to learn
		b.Run(algo, func(b *testing.B) { trainFor(b.N) })
	}
}
