package experiment_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/graphrl/graphrl/tasks/mecoffload"
	"github.com/graphrl/graphrl/tasks/mecoffload/agent"
	"github.com/graphrl/graphrl/tasks/mecoffload/experiment"
)

// small returns a run that takes a second.
func small() experiment.Config {
	cfg, err := experiment.ParseConfig([]byte(`
method: DROOE
slots: 120
report_interval: 40
checkpoint_interval: 60
scenario: {name: dynamic, devices: 4}
recipe: {name: paper, hidden: [16], batch_size: 16}
profile: `+mecoffload.IllustrativeProfile), "small.yaml")
	if err != nil {
		log.Fatal(err)
	}
	return cfg
}

// A configuration determines a run. Missing keys have defaults; errors name file, line and key.
func ExampleParseConfig() {
	cfg, err := experiment.ParseConfig([]byte("method: GRLE-LT\nslots: 500\n"), "run.yaml")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.Method, cfg.Slots, cfg.Scenario.Name, cfg.Recipe.Name)
	_, err = experiment.ParseConfig([]byte("method: GRLE\nworkers: 100\n"), "run.yaml")
	fmt.Println(err)
	// Output:
	// GRLE-LT 500 dynamic tuned
	// mecoffload: configuration run.yaml:2: workers: 100 goroutines cannot share minibatches of 64 (recipe.batch_size): choose at most 64 workers
}

// A run trains its agent slot by slot.
func ExampleRun() {
	run, err := experiment.NewRun(small())
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()
	for !run.Done() {
		if err := run.Step(); err != nil {
			log.Fatal(err)
		}
		if run.ReportDue() {
			r := run.Report()
			fmt.Printf("slot %d: averages over %d slots\n", r.Slot, r.Slots)
		}
	}
	fmt.Printf("the result counts the last %d slots\n", run.Row().Slots)
	// Output:
	// slot 40: averages over 40 slots
	// slot 80: averages over 40 slots
	// slot 120: averages over 40 slots
	// the result counts the last 30 slots
}

// A run resumed from a checkpoint ends with the same figures as one that never stopped.
func ExampleCheckpoint() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	whole, err := experiment.NewRun(small())
	if err != nil {
		log.Fatal(err)
	}
	defer whole.Close()
	for !whole.Done() {
		if err := whole.Step(); err != nil {
			log.Fatal(err)
		}
		if whole.Slot() == 60 {
			if err := whole.Checkpoint(dir); err != nil {
				log.Fatal(err)
			}
		}
	}
	saved, err := experiment.OpenCheckpoint(filepath.Join(dir, experiment.LatestCheckpoint))
	if err != nil {
		log.Fatal(err)
	}
	resumed, err := saved.Resume(small())
	if err != nil {
		log.Fatal(err)
	}
	defer resumed.Close()
	for !resumed.Done() {
		if err := resumed.Step(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("resumed at slot", saved.Slot)
	fmt.Println("the same reward, bit for bit:", resumed.Row().Reward == whole.Row().Reward)
	_, err = experiment.OpenCheckpoint(filepath.Join(dir, "none"))
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// resumed at slot 60
	// the same reward, bit for bit: true
	// true
}

// Policies are compared on the same tasks.
func ExampleEvaluation() {
	cfg := small()
	policies, err := mecoffload.Baselines(cfg.Scenario, cfg.Profile, 1)
	if err != nil {
		log.Fatal(err)
	}
	e := experiment.Evaluation{Scenario: cfg.Scenario, Profile: cfg.Profile, Seed: 5, Slots: 200, From: 50}
	for _, policy := range policies[:4] {
		row, err := e.Policy(context.Background(), policy)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-18s accuracy %.2f, in time %.0f %%\n", row.Method, row.Accuracy, 100*row.SSP)
	}
	// Output:
	// random             accuracy 0.68, in time 83 %
	// round-robin        accuracy 0.55, in time 60 %
	// least-loaded       accuracy 0.78, in time 84 %
	// best-exit-in-time  accuracy 0.84, in time 92 %
}

// A trained policy decides in any world that its networks fit, straight from the checkpoint: graph
// methods fit every number of devices.
func ExampleCheckpoint_Policy() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cfg := small()
	cfg.Method = agent.GRLE
	run, err := experiment.NewRun(cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()
	for !run.Done() {
		if err := run.Step(); err != nil {
			log.Fatal(err)
		}
	}
	if err := run.Checkpoint(dir); err != nil {
		log.Fatal(err)
	}

	saved, err := experiment.OpenCheckpoint(filepath.Join(dir, experiment.LatestCheckpoint))
	if err != nil {
		log.Fatal(err)
	}
	world := saved.Config.Scenario
	world.Devices *= 3
	policy, err := saved.Policy(world, saved.Config.Profile)
	if err != nil {
		log.Fatal(err)
	}
	simulator, err := mecoffload.NewSimulator(world, saved.Config.Profile)
	if err != nil {
		log.Fatal(err)
	}
	obs, err := simulator.Reset(1)
	if err != nil {
		log.Fatal(err)
	}
	action := make(mecoffload.Action, obs.Devices)
	if err := policy.Decide(obs, action); err != nil {
		log.Fatal(err)
	}
	_, err = simulator.Step(action)
	fmt.Printf("%s, trained on %d devices, decides for %d: %v\n", policy.Name(), saved.Config.Scenario.Devices, obs.Devices, err == nil)
	// Output:
	// GRLE, trained on 4 devices, decides for 12: true
}
