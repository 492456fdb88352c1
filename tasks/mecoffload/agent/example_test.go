package agent_test

import (
	"errors"
	"fmt"
	"log"
	"math"

	"github.com/graphrl/graphrl/checkpoints"
	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
)

// config returns a method's configuration in a small world.
func config(method agent.Method) agent.Config {
	scenario, err := mecoffload.LoadScenario("dynamic")
	if err != nil {
		log.Fatal(err)
	}
	scenario.Devices = 6
	profile, err := mecoffload.LoadProfile(mecoffload.IllustrativeProfile)
	if err != nil {
		log.Fatal(err)
	}
	recipe, err := agent.LoadRecipe(method.DefaultRecipe())
	if err != nil {
		log.Fatal(err)
	}
	return agent.Config{Method: method, Scenario: scenario, Profile: profile, Recipe: recipe, Seed: 1}
}

// An agent decides, learns from its decision, and observes the result, slot after slot.
func Example() {
	c := config(agent.GRLE)
	simulator, err := mecoffload.NewSimulator(c.Scenario, c.Profile)
	if err != nil {
		log.Fatal(err)
	}
	learner, err := agent.New(c)
	if err != nil {
		log.Fatal(err)
	}
	defer learner.Close()
	obs, err := simulator.Reset(1)
	if err != nil {
		log.Fatal(err)
	}
	const slots = 200
	reward := 0.0
	for range slots {
		action := make(mecoffload.Action, obs.Devices)
		if err := learner.Decide(obs, action); err != nil {
			log.Fatal(err)
		}
		if err := learner.Learn(obs, action); err != nil {
			log.Fatal(err)
		}
		transition, err := simulator.Step(action)
		if err != nil {
			log.Fatal(err)
		}
		if err := learner.Observe(transition, simulator.Outcome()); err != nil {
			log.Fatal(err)
		}
		reward += transition.Reward / slots
		obs = transition.Observation
	}
	fmt.Println("learned to serve more than half of the accuracy there is:", reward > 0.4)
	// Output:
	// learned to serve more than half of the accuracy there is: true
}

// Methods differ in their actor, their exits and their critic.
func ExampleMethod() {
	for _, m := range agent.Methods() {
		fmt.Println(m, "trains by recipe", m.DefaultRecipe())
	}
	m, err := agent.ParseMethod("grle-lt")
	fmt.Println(m, err)
	// Output:
	// GRLE-LT trains by recipe tuned
	// GRLE trains by recipe paper
	// GRL trains by recipe paper
	// DROOE trains by recipe paper
	// DROO trains by recipe paper
	// DROOE-LT trains by recipe tuned
	// GRLE-LT <nil>
}

// A recipe is data: take a built-in and change what you like.
func ExampleRecipe() {
	recipe := agent.TunedRecipe()
	recipe.Name, recipe.LearningRate = "mine", 5e-4
	fmt.Println(recipe.Quantizer, recipe.Loss, recipe.Validate())
	recipe.Gamma = 1
	fmt.Println(recipe.Validate())
	// Output:
	// gumbel softmax <nil>
	// gamma: 1 is not in [0, 1)
}

// Weights fit another world if the architecture is the same. The architecture of graph actors does
// not depend on the world's sizes.
func ExampleConfig_Architecture() {
	for _, m := range []agent.Method{agent.GRLE, agent.DROOE} {
		c := config(m)
		small := c.Architecture()
		c.Scenario.Devices = 60
		fmt.Printf("%s: %s, the same for 60 devices: %v\n", m, small, c.Architecture() == small)
	}
	// Output:
	// GRLE: graph actor: features 4/4/4, hidden 32, layers 2, the same for 60 devices: true
	// DROOE: MLP actor: devices 6, servers 2, exits 5, hidden [128 64], the same for 60 devices: false
}

// A graph actor decides for a city of 100,000 devices, each of which reaches 16 of 14,000 servers, and
// learns from parts of it. What does not fit into memory is refused before anything is allocated.
func ExampleConfig_Memory() {
	c := config(agent.GRLE)
	c.Scenario.Devices, c.Scenario.Servers, c.Scenario.Reach = 100_000, 14_000, 16
	c.Recipe.Cells = 1 // cells take less, by the number of cores
	m := c.Memory()
	fmt.Printf("deciding %.1f GB, training %.1f GB, replay memory %.2f GB\n", float64(m.Decide)/1e9,
		float64(m.Train)/1e9, float64(m.Replay)/1e9)
	// Output:
	// deciding 0.8 GB, training 1.5 GB, replay memory 0.02 GB
}

// The deadline model learns how much nominal times can be trusted.
func ExampleDeadlineModel() {
	model := agent.NewDeadlineModel()
	fmt.Printf("at first %.2f\n", model.Table().At(0.95))
	planned := []float64{0.5, 0.95, 0.95} // of the deadline
	happened := []mecoffload.Status{mecoffload.InTime, mecoffload.Late, mecoffload.InTime}
	for range 500 {
		model.Observe(planned, happened)
	}
	fmt.Printf("later %.2f, and %.2f with time to spare\n", model.Table().At(0.95),
		model.Table().At(0.5))
	// Output:
	// at first 1.00
	// later 0.50, and 1.00 with time to spare
}

// An agent's objective is what its decisions maximise. A search on it shows what the agent's own
// candidates miss.
func ExampleAgent_Objective() {
	learner, err := agent.New(config(agent.GRLELT))
	if err != nil {
		log.Fatal(err)
	}
	defer learner.Close()
	o := learner.Objective()
	fmt.Println("weight", o.Weight, "discount", o.Discount)
	fmt.Println("V of empty servers at first:", math.Abs(o.Future.Value([]float64{0, 0})))
	// Output:
	// weight 0.1 discount 0.9
	// V of empty servers at first: 0
}

// A policy decides like the agent that saved it, without the parts for learning.
func ExampleLoadPolicy() {
	c := config(agent.GRLE)
	learner, err := agent.New(c)
	if err != nil {
		log.Fatal(err)
	}
	defer learner.Close()
	state := checkpoints.NewState() // train the learner, then save it; or load a checkpoint
	if err := learner.SaveState(state); err != nil {
		log.Fatal(err)
	}

	c.Scenario.Devices = 20 // graph networks fit any number
	policy, err := agent.LoadPolicy(state, c)
	if err != nil {
		log.Fatal(err)
	}
	simulator, err := mecoffload.NewSimulator(c.Scenario, c.Profile)
	if err != nil {
		log.Fatal(err)
	}
	obs, err := simulator.Reset(1)
	if err != nil {
		log.Fatal(err)
	}
	action := make(mecoffload.Action, obs.Devices)
	err = policy.Decide(obs, action)
	fmt.Println(policy.Name(), "decides for", len(action), "devices:", err == nil)

	c.Method = agent.DROOE
	_, err = agent.LoadPolicy(state, c)
	fmt.Println(errors.Is(err, checkpoints.ErrMismatch))
	// Output:
	// GRLE decides for 20 devices: true
	// true
}
