package mecoffload_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/graphrl/graphrl/rl/droo"
	"github.com/graphrl/graphrl/tasks/mecoffload"
)

// world is a small built-in world: 3 devices, 2 servers, nothing uncertain.
func world() (mecoffload.Scenario, mecoffload.Profile) {
	scenario, err := mecoffload.LoadScenario("static")
	if err != nil {
		log.Fatal(err)
	}
	scenario.Devices = 3
	profile, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	if err != nil {
		log.Fatal(err)
	}
	return scenario, profile
}

// slot is a hand-made observation for world: three tasks due after 12 ms, 20 Mbit/s to every
// server. Server 1 is half free, and busy for another 4 ms.
func slot() mecoffload.Observation {
	return mecoffload.Observation{
		Devices: 3, Servers: 2, Exits: 5,
		Bits:     []float64{80_000, 100_000, 120_000},
		Deadline: []float64{0.012, 0.012, 0.012},
		Rate:     []float64{20e6, 20e6, 20e6, 20e6, 20e6, 20e6},
		Capacity: []float64{1, 0.5},
		Backlog:  []float64{0, 0.004},
		ID:       []int{0, 1, 2},
	}
}

// A profile says how accurate each exit is and how long it takes. Servers repeat the profile's
// kinds.
func ExampleProfile() {
	_, profile := world()
	for server := range 3 {
		first, last := profile.Time(server, 0), profile.Time(server, profile.Exits()-1)
		fmt.Printf("server %d: %.2f ms for accuracy %.2f, %.2f ms for %.2f\n",
			server, 1e3*first, profile.Accuracy[0], 1e3*last, profile.Accuracy[profile.Exits()-1])
	}
	// Output:
	// server 0: 0.55 ms for accuracy 0.64, 2.60 ms for 0.93
	// server 1: 0.85 ms for accuracy 0.64, 3.90 ms for 0.93
	// server 2: 0.55 ms for accuracy 0.64, 2.60 ms for 0.93
}

// Without early exits there is one option per server.
func ExampleProfile_LastExit() {
	_, profile := world()
	last := profile.LastExit()
	fmt.Println(last.Exits(), last.Accuracy)
	// Output:
	// 1 [0.93]
}

// A built-in scenario is a starting point; fields are free to change.
func ExampleLoadScenario() {
	scenario, err := mecoffload.LoadScenario("churn")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d devices at most, %.1f tasks per slot on average\n", scenario.Devices,
		scenario.MeanTasks())
	_, err = mecoffload.LoadScenario("chrun")
	fmt.Println(err)
	// Output:
	// 14 devices at most, 10.1 tasks per slot on average
	// mecoffload: scenario "chrun" is not known: choose one of capacity, churn, csi, dynamic, jitter, static, trace, or name a .yaml file
}

// Equal seeds give equal tasks, whichever decisions came before.
func ExampleSimulator() {
	scenario, profile := world()
	simulator, err := mecoffload.NewSimulator(scenario, profile)
	if err != nil {
		log.Fatal(err)
	}
	for _, option := range []int32{0, 9} { // first exit on server 0; last exit on server 1
		obs, err := simulator.Reset(7)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.0f bit, ", obs.Bits[0])
		transition, err := simulator.Step(mecoffload.Action{option, option, option})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("reward %.3f, then %.0f bit\n", transition.Reward,
			transition.Observation.Bits[0])
	}
	// Output:
	// 359637 bit, reward 0.591, then 728557 bit
	// 359637 bit, reward 0.731, then 728557 bit
}

// An outcome records what happened to each task of the last slot.
func ExampleOutcome() {
	scenario, profile := world()
	scenario.Deadline = mecoffload.Interval[mecoffload.Seconds]{Low: 0.012, High: 0.012}
	simulator, err := mecoffload.NewSimulator(scenario, profile)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := simulator.Reset(3); err != nil {
		log.Fatal(err)
	}
	if _, err := simulator.Step(mecoffload.Action{9, 9, 9}); err != nil {
		log.Fatal(err)
	}
	outcome := simulator.Outcome()
	names := map[mecoffload.Status]string{
		mecoffload.InTime: "in time", mecoffload.Late: "late", mecoffload.Dropped: "dropped",
	}
	for i, status := range outcome.Status {
		fmt.Printf("task %d: %s after %.1f ms\n", i, names[status], 1e3*outcome.Latency[i])
	}
	// Output:
	// task 0: dropped after +Inf ms
	// task 1: in time after 10.8 ms
	// task 2: in time after 6.5 ms
}

// Option n*L + l runs a task on server n up to exit l.
func ExampleAction() {
	obs := slot()
	action := mecoffload.Action{0, 4, 7}
	for device, option := range action {
		fmt.Printf("device %d: server %d, exit %d\n", device, int(option)/obs.Exits,
			int(option)%obs.Exits+1)
	}
	// Output:
	// device 0: server 0, exit 1
	// device 1: server 0, exit 5
	// device 2: server 1, exit 3
}

// An observation with impossible values is rejected before anyone decides on it.
func ExampleObservation_Validate() {
	obs := slot()
	fmt.Println(obs.Validate())
	obs.Rate[3] = 0
	fmt.Println(obs.Validate())
	// Output:
	// <nil>
	// mecoffload: observation: rate 3 is 0, want a number above 0
}

// The slot model values a decision and recomputes only the servers that a change touches.
func ExampleSlotModel() {
	scenario, profile := world()
	model, err := mecoffload.NewSlotModel(scenario, profile, mecoffload.Objective{})
	if err != nil {
		log.Fatal(err)
	}
	obs := slot()
	if err := model.Begin(&obs); err != nil {
		log.Fatal(err)
	}
	if err := model.Choose([]int32{4, 4, 4}); err != nil { // the last exit on server 0, for all
		log.Fatal(err)
	}
	fmt.Printf("accuracy %.3f\n", model.Value())
	fmt.Printf("with the last device on server 1: %.3f\n", model.TryMove(2, 9))
	fmt.Printf("unchanged: %.3f\n", model.Value())
	// Output:
	// accuracy 0.930
	// with the last device on server 1: 0.620
	// unchanged: 0.930
}

// idle is a value function that likes idle servers.
type idle struct{}

func (idle) Value(backlog []float64) float64 { return -100 * (backlog[0] + backlog[1]) }

// An objective weighs a slot's accuracy, latency, prices of server time, and the later cost of the
// backlog.
func ExampleObjective() {
	scenario, profile := world()
	scenario.Slot = 0.01
	action := mecoffload.Action{4, 4, 9}
	for _, objective := range []mecoffload.Objective{
		{},                              // accuracy
		{Weight: 0.5},                   // early results are better
		{Prices: []float64{20, 20}},     // in accuracy per second
		{Future: idle{}, Discount: 0.9}, // backlogs cost later slots
		scenario.RewardObjective(),      // the simulator's reward
	} {
		model, err := mecoffload.NewSlotModel(scenario, profile, objective)
		if err != nil {
			log.Fatal(err)
		}
		obs := slot()
		if err := model.Begin(&obs); err != nil {
			log.Fatal(err)
		}
		if err := model.Choose(action); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.3f\n", model.Value())
	}
	// Output:
	// 0.620
	// 0.416
	// 0.533
	// 0.278
	// 0.416
}

// The table of probabilities discounts tasks that are planned to finish close to their deadline.
func ExampleOnTimeTable() {
	table := mecoffload.NominalOnTime()
	fmt.Println(table.At(0.99), table.At(1.01))
	table[mecoffload.OnTimeBin(0.99)] = 0.5 // half of these tasks turned out late
	fmt.Println(table.At(0.99), table.At(0.5))
	// Output:
	// 1 0
	// 0.5 1
}

// The critic scores all candidates of a slot in one call.
func ExampleCritic() {
	scenario, profile := world()
	critic, err := mecoffload.NewCritic(scenario, profile, scenario.RewardObjective())
	if err != nil {
		log.Fatal(err)
	}
	candidates := droo.Decisions{Rows: 3}
	candidates.Append([]int32{0, 0, 0})
	candidates.Append([]int32{4, 4, 9})
	values := make([]float64, candidates.K)
	if err := critic.Score(slot(), &candidates, values); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", values)
	// Output:
	// [0.492 0.416]
}

// All policies share one interface.
func ExampleBaselines() {
	scenario, profile := world()
	policies, err := mecoffload.Baselines(scenario, profile, 1)
	if err != nil {
		log.Fatal(err)
	}
	obs := slot()
	action := make(mecoffload.Action, obs.Devices)
	for _, policy := range policies[1:] { // all but random
		if err := policy.Decide(obs, action); err != nil {
			log.Fatal(err)
		}
		fmt.Println(policy.Name(), action)
	}
	// Output:
	// round-robin [4 9 4]
	// least-loaded [4 4 4]
	// best-exit-in-time [4 4 4]
	// search [2 2 4]
	// shadow-price [4 4 4]
}

// For tiny instances an exhaustive search finds the best decision.
func ExampleExhaustive() {
	scenario, profile := world()
	model, err := mecoffload.NewSlotModel(scenario, profile, scenario.RewardObjective())
	if err != nil {
		log.Fatal(err)
	}
	best := make(mecoffload.Action, 3)
	value, err := mecoffload.Exhaustive(model, slot(), best)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v of %d decisions: %.4f\n", best, 10*10*10, value)
	// Output:
	// [2 2 4] of 1000 decisions: 0.5990
}

// Recorded link rates come as CSV files with a column DL_bitrate in kbit/s. Short gaps hold the
// last value.
func ExampleReadTrace() {
	rates, err := mecoffload.ReadTrace(strings.NewReader("Timestamp,DL_bitrate\n0,12000\n1,-\n2,8000\n"), "phone.csv")
	fmt.Println(rates, err)
	_, err = mecoffload.ReadTrace(strings.NewReader("Timestamp,DL_bitrate\n0,fast\n"), "phone.csv")
	fmt.Println(err)
	// Output:
	// [1.2e+07 1.2e+07 8e+06] <nil>
	// mecoffload: trace phone.csv:2: DL_bitrate is "fast", want a rate in kbit/s or "-"
}
