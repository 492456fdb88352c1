package rl_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/envs"
)

// A policy that pushes the cart to the side where the pole leans, in four environments for 100
// steps.
func ExampleVecEnv() {
	var all []rl.Env[[]float32, int]
	for range 4 {
		all = append(all, envs.NewCartPole())
	}
	env, err := rl.NewVecEnv(all, 2, nil, rl.IntCodec{})
	if err != nil {
		log.Fatal(err)
	}
	obs, err := env.Reset(1)
	if err != nil {
		log.Fatal(err)
	}
	rollout, err := rl.NewRollout(100, env.Len(), rl.VectorCodec[float32]{}, rl.IntCodec{})
	if err != nil {
		log.Fatal(err)
	}
	actions := make([]int, env.Len())
	// a network's outputs; here 0
	logProbs, values := make([]float32, env.Len()), make([]float32, env.Len())
	for range rollout.Steps {
		for i, o := range obs {
			actions[i] = 0
			if o[2] > 0 {
				actions[i] = 1
			}
		}
		if err := rollout.Act(obs, actions, logProbs, values); err != nil {
			log.Fatal(err)
		}
		steps, err := env.Step(actions)
		if err != nil {
			log.Fatal(err)
		}
		if err := rollout.Observe(steps); err != nil {
			log.Fatal(err)
		}
		for i := range obs {
			obs[i] = steps[i].Observation
		}
	}
	if err := rollout.Finish(values, 0.99, 0.95); err != nil {
		log.Fatal(err)
	}
	minibatches := rollout.Shuffled(rl.NewRand(1, 0), nil)
	fmt.Printf("%d steps, of which %d executed an action\n", len(rollout.Rewards), len(minibatches))
	// Output:
	// 400 steps, of which 392 executed an action
}

// Which of two methods is better, judged by five seeds each? Their intervals overlap, but seed by
// seed b wins.
func ExampleBootstrap() {
	a := []float64{0.61, 0.68, 0.55, 0.71, 0.64}
	b := []float64{0.65, 0.70, 0.61, 0.74, 0.66}
	bootstrap := rl.NewBootstrap(rl.NewRand(1, 0))
	for _, scores := range [][]float64{a, b} {
		s, err := bootstrap.Summarize(scores)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("interquartile mean", s.IQM)
	}
	gain, err := bootstrap.PairedDifference(b, a)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("gain of b         ", gain)
	// Output:
	// interquartile mean 0.643 [0.57, 0.7]
	// interquartile mean 0.67 [0.623, 0.713]
	// gain of b          0.034 [0.022, 0.048]
}
