package wpmec_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/tasks/wpmec"
)

// Four users, two of which have a good channel.
func Example() {
	obs := wpmec.Observation{
		H: []float64{6e-6, 1e-6, 2e-7, 5e-6},
		W: wpmec.AlternatingWeights(4, false),
	}
	solver, err := wpmec.NewSolver(wpmec.PaperParams())
	if err != nil {
		log.Fatal(err)
	}
	x := make([]int32, 4)
	if _, err := solver.Exhaustive(obs, x); err != nil {
		log.Fatal(err)
	}
	var best wpmec.Allocation
	if err := solver.Allocate(obs, x, &best); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("decision %v: %.3f Mbit/s\n", x, best.Rate/1e6)
	fmt.Printf("harvest %.3f of the frame, offload in %.3f\n", best.Harvest, best.Offload)
	local, err := solver.AllLocal(obs, x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("everyone local: %.3f Mbit/s\n", local/1e6)
	// Output:
	// decision [1 0 0 1]: 1.472 Mbit/s
	// harvest 0.617 of the frame, offload in [0.188 0.000 0.000 0.194]
	// everyone local: 0.384 Mbit/s
}
