package mecoffload_test

import (
	"fmt"
	"log"

	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// Run a policy without learning for a hundred slots of the default scenario and compare it with the
// upper bound of any method.
func Example() {
	scenario, err := mecoffload.LoadScenario(mecoffload.DefaultScenario)
	if err != nil {
		log.Fatal(err)
	}
	scenario.Devices = 6
	profile, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	if err != nil {
		log.Fatal(err)
	}
	simulator, err := mecoffload.NewSimulator(scenario, profile)
	if err != nil {
		log.Fatal(err)
	}
	policy, err := mecoffload.NewBestExitInTime(profile)
	if err != nil {
		log.Fatal(err)
	}

	metrics, err := mecoffload.NewMetrics(scenario, profile)
	if err != nil {
		log.Fatal(err)
	}
	obs, err := simulator.Reset(1)
	if err != nil {
		log.Fatal(err)
	}
	for range 100 {
		action := make(mecoffload.Action, obs.Devices)
		if err := policy.Decide(obs, action); err != nil {
			log.Fatal(err)
		}
		transition, err := simulator.Step(action)
		if err != nil {
			log.Fatal(err)
		}
		metrics.Add(simulator.Outcome(), 0)
		obs = transition.Observation
	}

	row := metrics.Row(policy.Name(), 1)
	bound, err := mecoffload.UpperBound(scenario, profile, false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d tasks, %.0f %% in time\n", metrics.Tasks, 100*row.SSP)
	fmt.Printf("average accuracy %.2f, no method can exceed %.2f\n", row.Accuracy, bound.Accuracy)
	// Output:
	// 600 tasks, 69 % in time
	// average accuracy 0.62, no method can exceed 0.89
}

// A custom profile or scenario is a few lines of YAML. Errors name the file and the line.
func ExampleParseScenario() {
	_, err := mecoffload.ParseScenario([]byte("name: mine\nslot: 20ms\ndeadlines: [30ms, 50ms]\n"), "mine.yaml")
	fmt.Println(err)
	// Output:
	// mecoffload: scenario mine.yaml:3: deadlines: unknown key: did you mean deadline?
}
