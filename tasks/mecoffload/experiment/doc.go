// Package experiment trains, saves and evaluates the methods of the task mecoffload.
//
// A [Config] fully determines a training run. A [Run] trains it slot by slot:
//
//	config, err := experiment.LoadConfig("run.yaml")
//	run, err := experiment.NewRun(config)
//	defer run.Close()
//	for !run.Done() {
//		err = run.Step()
//	}
//	row := run.Row() // averages over the last quarter of the slots
//
// [Run.Checkpoint] saves a run and [OpenCheckpoint] reads it back, to resume it or to take its
// agent elsewhere. An [Evaluation] compares policies on the same tasks.
package experiment
