package envs_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/rl/envs"
)

// A rule that needs no learning: push the cart to the side where the pole leans and falls, less so
// when it runs away.
func ExampleCartPole() {
	env := envs.NewCartPole()
	obs, err := env.Reset(1)
	if err != nil {
		log.Fatal(err)
	}
	total := 0.0
	for {
		action := 0
		if 0.05*obs[0]+0.2*obs[1]+3*obs[2]+obs[3] > 0 {
			action = 1
		}
		t, err := env.Step(action)
		if err != nil {
			log.Fatal(err)
		}
		total += t.Reward
		if t.Done() {
			fmt.Printf("return %v, terminated %v, truncated %v\n", total, t.Terminated, t.Truncated)
			return
		}
		obs = t.Observation
	}
	// Output:
	// return 500, terminated false, truncated true
}
