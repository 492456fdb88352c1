package rl_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/rl"
	"github.com/graphrl/graphrl/rl/envs"
)

// A memory of three items forgets the oldest. Its codec copies, so that a caller may use its slice
// again. Draw never draws an item twice for a batch.
func ExampleReplayBuffer() {
	memory, err := rl.NewReplayBuffer(3, rl.VectorCodec[float64]{})
	if err != nil {
		log.Fatal(err)
	}
	item := make([]float64, 1)
	for i := range 5 {
		item[0] = float64(i)
		memory.Add(item)
	}
	fmt.Println("newest:", memory.At(0), "oldest:", memory.At(2))

	batch := make([][]float64, 2)
	if err := memory.Draw(rl.NewRand(1, 0), 0, batch); err != nil {
		log.Fatal(err)
	}
	fmt.Println("drawn:", batch)
	// Output:
	// newest: [4] oldest: [2]
	// drawn: [[3] [4]]
}

// Prioritised replay prefers items with large errors, and returns the weights that correct for it.
func ExamplePrioritizedReplay() {
	memory, err := rl.NewPrioritizedReplay(4, 1, rl.IntCodec{})
	if err != nil {
		log.Fatal(err)
	}
	for i := range 4 {
		if err := memory.Add(i); err != nil {
			log.Fatal(err)
		}
	}
	// Item 3 was wrong by 8, the others by 1.
	if err := memory.Update([]int{0, 1, 2, 3}, []float64{1, -1, 1, 8}); err != nil {
		log.Fatal(err)
	}
	const n = 1100
	batch, slots, weights := make([]int, n), make([]int, n), make([]float32, n)
	if err := memory.Draw(rl.NewRand(1, 0), 1, batch, slots, weights); err != nil {
		log.Fatal(err)
	}
	count := make([]int, 4)
	weight := make([]float32, 4)
	for i, item := range batch {
		count[item]++
		weight[item] = weights[i]
	}
	fmt.Println("drawn:  ", count)
	fmt.Printf("weights: %.3f\n", weight)
	// Output:
	// drawn:   [100 100 100 800]
	// weights: [1.000 1.000 1.000 0.125]
}

// Features of different scales become numbers of about 1; outliers are clipped.
func ExampleNormalizer() {
	normalizer, err := rl.NewNormalizer(2)
	if err != nil {
		log.Fatal(err)
	}
	seen := []float32{ // metres and millions
		0, 1e6,
		2, 3e6,
		4, 5e6,
	}
	if err := normalizer.Update(seen); err != nil {
		log.Fatal(err)
	}
	var out [2]float32
	for _, x := range [][]float32{{2, 3e6}, {4, 1e6}, {1e9, 3e6}} {
		if err := normalizer.Normalize(out[:], x); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f\n", out)
	}
	// Output:
	// [0.00 0.00]
	// [1.22 -1.22]
	// [10.00 0.00]
}

// A batch of two observations whose rows have different numbers of options, one of them masked. A
// network returns all scores in one list; Choices maps them to rows.
func ExampleChoices() {
	var c rl.Choices
	c.Next() // the first observation: two jobs, which fit on two machines and on one
	for _, machines := range []int{2, 1} {
		if err := c.Row(machines, nil); err != nil {
			log.Fatal(err)
		}
	}
	c.Next() // the second: one job, three machines, of which the second is down
	if err := c.Row(3, []bool{true, false, true}); err != nil {
		log.Fatal(err)
	}
	scores := []float32{0.5, 0.1, 0.9, 1, 2, 3}
	for observation := range c.Len() {
		for row, group := range c.Rows(observation) {
			own, allowed := c.OfGroup(int(group), scores)
			fmt.Printf("observation %d, job %d: %v %v\n", observation, row, own, allowed)
		}
	}
	own, allowed := c.Of(1, scores)
	fmt.Println("all of observation 1:", own, allowed)
	// Output:
	// observation 0, job 0: [0.5 0.1] [true true]
	// observation 0, job 1: [0.9] [true]
	// observation 1, job 0: [1 2 3] [true false true]
	// all of observation 1: [1 2 3] [true false true]
}

// Advantages of an episode that ends, by hand: with gamma and lambda 1 they are the rewards still to
// come, less the value of the state.
func ExampleRollout_Finish() {
	rollout, err := rl.NewRollout(3, 1, rl.IntCodec{}, rl.IntCodec{})
	if err != nil {
		log.Fatal(err)
	}
	for t, value := range []float32{2, 1, 1} {
		if err := rollout.Act([]int{t}, []int{0}, []float32{0}, []float32{value}); err != nil {
			log.Fatal(err)
		}
		step := rl.VecStep[int]{Transition: rl.Transition[int]{Reward: 1, Terminated: t == 2}}
		if err := rollout.Observe([]rl.VecStep[int]{step}); err != nil {
			log.Fatal(err)
		}
	}
	if err := rollout.Finish([]float32{7}, 1, 1); err != nil { // 7 is of the next episode: ignored
		log.Fatal(err)
	}
	fmt.Println("returns:   ", rollout.Returns)
	fmt.Println("advantages:", rollout.Advantages)
	// Output:
	// returns:    [3 2 1]
	// advantages: [1 1 0]
}

// pusher pushes the cart to where the pole leans; its rule looks at the angle, or at the angle and how
// fast it changes.
type pusher struct{ speed float32 }

// Decide implements rl.Policy.
func (p pusher) Decide(obs [][]float32, actions []int) error {
	for i, o := range obs {
		actions[i] = 0
		if o[2]+p.speed*o[3] > 0 {
			actions[i] = 1
		}
	}
	return nil
}

// Two rules on the same 50 episodes, with intervals. A policy is anything that decides.
func ExampleEvaluate() {
	newEnv := func() rl.Env[[]float32, int] { return envs.NewCartPole() }
	var all [][]float64
	for _, policy := range []pusher{{0}, {0.5}} {
		returns, err := rl.Evaluate(rl.Policy[[]float32](policy), newEnv, 50, 1)
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, returns)
	}
	bootstrap := rl.NewBootstrap(rl.NewRand(1, 0))
	for _, returns := range all {
		mean, err := bootstrap.Estimate(rl.Mean, returns)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("mean return:", mean)
	}
	better, err := bootstrap.ProbabilityOfImprovement(all[1], all[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("P(angle and speed is better):", better)
	// Output:
	// mean return: 44.7 [41.9, 47.6]
	// mean return: 500 [500, 500]
	// P(angle and speed is better): 1 [1, 1]
}
