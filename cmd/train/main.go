// Command train trains methods side by side, compares them with policies that do not learn, and
// leaves run folders that can be resumed, repeated and evaluated.
//
//	go run ./cmd/train                                        # GRLE-LT and GRLE on the scenario dynamic, 10,000 slots
//	go run ./cmd/train --method GRLE-LT --devices 6 --slot 30ms
//	go run ./cmd/train --method GRLE,DROOE --seeds 5          # means and intervals over five seeds
//	go run ./cmd/train --trace 'logs/*/B_*.csv'               # recorded 5G link rates
//	go run ./cmd/train --resume runs/grle-dynamic-m14-seed1   # continue an interrupted run
//	go run ./cmd/train --config runs/grle-dynamic-m14-seed1/config.yaml
//	go run ./cmd/train wpmec --data data_10.mat               # DROO on its published problem and data
//	go run ./cmd/train lydroo                                 # LyDROO: stable queues within a mean power limit
package main

import "github.com/graphrl/graphrl/cmd/internal/cli"

// tasks are the commands, one per task; the default is mecoffload.
type tasks struct {
	Mecoffload mecoffloadCommand `cmd:"" help:"Offloading of CNN inference with early exits to edge servers (the default)."`
	Wpmec      wpmecCommand      `cmd:"" help:"Offloading in a wireless-powered network, the problem DROO was published on."`
	Lydroo     lydrooCommand     `cmd:"" help:"Offloading with long-term constraints: stable queues and a mean power limit, the problem of LyDROO."`
}

func command() cli.Command {
	return cli.Command{
		Name:        "train",
		Description: "Train methods, compare them with policies that do not learn, and leave run folders that can be resumed, repeated and evaluated.",
		Tasks:       &tasks{},
		Default:     "mecoffload",
		Vars:        cli.QueueVars(cli.FrameVars(cli.WorldVars())),
	}
}

func main() { command().Main() }
