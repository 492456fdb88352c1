// Command eval evaluates what a run has learned, on new tasks, next to policies that do not learn.
// For wpmec it compares methods over several seeds.
//
//	go run ./cmd/eval --run runs/grle-dynamic-m14-seed1
//	go run ./cmd/eval --run runs/grle-dynamic-m6-seed1 --devices 1000 --slots 50   # graph actors decide for any number
//	go run ./cmd/eval --run runs/grle-dynamic-m14-seed1 --scenario static --online # continue to learn
//	go run ./cmd/eval --run runs/grle-dynamic-m14-seed1 --onnx policy.onnx         # its actor for other programs; see docs/onnx.md
//	go run ./cmd/eval --suite quick                                                # train and compare all methods, briefly
//	go run ./cmd/eval --suite paper                                                # and in full; see docs/results.md
//	go run ./cmd/eval testbed --network runs/earlyexit-seed1 --images test.zip --run runs/grle-dynamic-m14-seed1  # for real
//	go run ./cmd/eval wpmec --users 10,20,30 --seeds 5
//	go run ./cmd/eval lydroo --users 10,20,30
package main

import (
	"github.com/graphrl/graphrl/cmd/internal/cli"
	"github.com/graphrl/graphrl/tasks/mecoffload/testbed"
)

// tasks are the commands, one per task; the default is mecoffload.
type tasks struct {
	Mecoffload mecoffloadCommand `cmd:"" help:"Offloading of CNN inference with early exits to edge servers (the default)."`
	Testbed    testbedCommand    `cmd:"" help:"The same on a testbed: servers are processes that run a trained network on real images, and decisions are made by the wall clock. Prints what the simulator predicts beside what happens."`
	Wpmec      wpmecCommand      `cmd:"" help:"Offloading in a wireless-powered network: methods compared over several numbers of users and seeds."`
	Lydroo     lydrooCommand     `cmd:"" help:"Offloading with long-term constraints: methods compared over several numbers of users and seeds."`
}

func command() cli.Command {
	return cli.Command{
		Name:        "eval",
		Description: "Evaluate what a run has learned next to policies that do not learn.",
		Tasks:       &tasks{},
		Default:     "mecoffload",
		Vars:        cli.QueueVars(cli.FrameVars(cli.WorldVars())),
	}
}

func main() {
	testbed.RunServer() // if this process is one of the testbed's servers
	command().Main()
}
