// Package experiment runs the methods of the task mecoffload: a [Config] describes a training run,
// a [Run] trains it slot by slot and saves it, a [Checkpoint] brings it back, and an [Evaluation]
// compares policies on the same tasks.
package experiment
